"""A user's own rule for what LR images are called: ``{name}x4m``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from degrade.errors import InvalidValueError, printable
from degrade.field_names import composed
from degrade.geometry import Scale, as_scale

__all__ = ["LrName"]

_FIELD = re.compile(r"\{([^{}]*)\}")
_SCALES: tuple[Scale, ...] = (
    *range(2, 17),
    *(as_scale(Fraction(tenths, 10)) for tenths in range(15, 40) if tenths % 10),
)
"""What ``{scale}`` may be where none is stated."""


@dataclass(frozen=True, slots=True)
class LrName:
    """The name of an LR image as its HR image's name and a scale give it.

    Attributes
    ----------
    template : str
        With ``{name}``, the HR image's name without file type, and maybe ``{scale}``. With a ``/``
        it is the whole path below the LR folder.
    setting : str
        What a user gave it by.
    example : str
    against : str
        Whose name ``{name}`` stands for.

    Raises
    ------
    InvalidValueError
        ``{name}`` is missing, or there are other words in braces.
    """

    template: str
    setting: str = "lr_name"
    example: str = "{name}x4"
    against: str = "HR"

    def __post_init__(self) -> None:
        fields = _FIELD.findall(self.template)
        if "name" not in fields:
            raise InvalidValueError(
                f"{self.setting} must have {{name}} where the {self.against} image's name stands, "
                f"such as {self.example}, got {printable(self.template)!r}"
            )
        if others := sorted(set(fields) - {"name", "scale"}):
            raise InvalidValueError(
                f"{self.setting} must have {{name}} and {{scale}} as its only fields, got "
                f"{printable(f'{{{others[0]}}}')}"
            )

    @property
    def is_path(self) -> bool:
        """Whether it says in which folder LR images lie."""
        return "/" in self.template

    def names(self, hr_name: str, scale: Scale | None) -> dict[str, Scale | None]:
        """Return what the LR image of an HR image may be called, each with the scale it is for.

        Parameters
        ----------
        hr_name : str
            Without file type.
        scale : Scale or None
            None: any, where the template has ``{scale}``.
        """
        plain = composed(self.template).replace("{name}", composed(hr_name))
        if "{scale}" not in self.template:
            return {plain.casefold(): None}
        scales = _SCALES if scale is None else (scale,)
        return {
            plain.replace("{scale}", text).casefold(): own for own in scales for text in _texts(own)
        }


def _texts(scale: Scale) -> Iterator[str]:
    """Yield how names write a scale: 2.5 and 2.50."""
    yield str(scale)
    if Fraction(two_digits := f"{float(scale):.2f}") == scale and not isinstance(scale, int):
        yield two_digits

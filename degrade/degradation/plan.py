"""Plan, then apply: every random choice of a pair is drawn first, into a plan that can be kept.

``plan_degradation`` draws; ``apply_degradation`` draws nothing, so one plan gives the same bytes
on every machine, in any order of work, and again when a pair is replayed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from degrade.arrays import Box
from degrade.degradation.config import DegradationConfig
from degrade.degradation.index import PoolIndex
from degrade.degradation.plan_json import VERSION, read_plan
from degrade.degradation.recipe import draw_steps
from degrade.degradation.steps import Blur, Chance, PoolParts, Rounding, Step, Window
from degrade.errors import CorruptDataError, InvalidValueError
from degrade.geometry import Scale, fits, fitting_side, lr_side, side_wanted
from degrade.geometry import hr_box as hr_box_of

__all__ = ["DegradationPlan", "hr_boxes", "plan_degradation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DegradationPlan:
    """Everything that :func:`apply_degradation` needs to know to make one pair.

    Attributes
    ----------
    key : str
        The pair's name: ASCII letters, digits, ``_`` and ``-``.
    source_sha256 : str
        The HR photo's file.
    clean_up : int
        As in :class:`DegradationConfig`.
    hr_box : (top, left, height, width)
        The HR patch within the (cleaned-up) photo; sides are as
        :func:`degrade.geometry.fits` says.
    scale : Scale
    steps : tuple of Step
        What is done to HR, in order. The first one, and no other, takes HR; one makes the size of
        LR: a :class:`Blur` is both.

    Raises
    ------
    InvalidValueError
        The steps are not so.
    """

    key: str
    source_sha256: str
    clean_up: int
    hr_box: Box
    scale: Scale
    steps: tuple[Step, ...]

    def __post_init__(self) -> None:
        reading = [number for number, step in enumerate(self.steps) if step.reads_hr]
        making = [step for step in self.steps if step.makes_lr]
        if reading != [0] or len(making) != 1:
            kinds = ", ".join(step.kind for step in self.steps) or "no steps"
            raise InvalidValueError(
                "a plan begins with its only step that takes HR, and makes the size of LR once, "
                f"got {kinds}"
            )

    @property
    def kernel_id(self) -> str | None:
        """The kernel of the pool that LR is made with; None: it is made otherwise."""
        first = self.steps[0]
        return first.kernel_id if isinstance(first, Blur) else None

    def reach(self, pool: PoolParts) -> int:
        """Return how many pixels around a pixel of HR its first step reads."""
        return self.steps[0].reach(pool, self.scale)

    @property
    def shown_box(self) -> Box:
        """(top, left, height, width) of the HR that the pair shows: less where LR is a window."""
        top, left, height, width = self.hr_box
        lr_box: Box = (0, 0, lr_side(height, self.scale), lr_side(width, self.scale))
        for step in self.steps:
            if isinstance(step, Window):
                lr_box = step.within(lr_box)
        box = hr_box_of(lr_box, self.scale)
        return top + box[0], left + box[1], box[2], box[3]

    def completed(self, lr_box: Box, steps: Iterable[Step]) -> DegradationPlan:
        """Return the plan of a window of the stored LR, to which training has added ``steps``."""
        # In between, LR was stored.
        return replace(self, steps=(*self.steps, Rounding(), Window(lr_box), *steps))

    def lines(self) -> list[str]:
        """Return the plan for people: what it is of, then each step in a line."""
        top, left, height, width = self.hr_box
        halved = ", halved first" if self.clean_up == 2 else ""
        return [
            f"{self.key}: ×{self.scale}, HR {width}×{height} from row {top}, column {left} on",
            f"photo {self.source_sha256}{halved}",
            *(step.words() for step in self.steps),
        ]

    def to_json(self) -> dict[str, Any]:
        """Return the plan as plain Python values."""
        return {
            "version": VERSION,
            "key": self.key,
            "source_sha256": self.source_sha256,
            "clean_up": self.clean_up,
            "hr_box": list(self.hr_box),
            "scale": [self.scale.numerator, self.scale.denominator],
            "steps": [step.to_json() for step in self.steps],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> DegradationPlan:
        """Rebuild a plan, checking every field; version 1 gives the same plan as steps.

        Raises
        ------
        CorruptDataError
            As :func:`degrade.degradation.plan_json.read_plan`, or the steps make no plan.
        """
        fields = read_plan(data)
        try:
            return cls(**fields._asdict())
        except InvalidValueError as error:
            raise CorruptDataError(f"not a degradation plan: {error}") from None


def plan_degradation(
    key: str,
    source_sha256: str,
    hr_box: Box,
    pool: PoolIndex,
    config: DegradationConfig,
    *,
    rng: Chance,
) -> DegradationPlan:
    """Draw the steps of one HR patch.

    Parameters
    ----------
    key, source_sha256, hr_box
        See :class:`DegradationPlan`.
    pool : PoolIndex
        What may be drawn.
    config : DegradationConfig
        Its ``entries`` are drawn, in their order.
    rng : numpy.random.Generator
        Use ``rng_for(seed, "pairs", key)``.

    Raises
    ------
    InvalidValueError
        The pool lacks what a step draws from, or the box does not fit the scale.
    """
    if not (fits(hr_box[2], config.scale) and fits(hr_box[3], config.scale)):
        raise InvalidValueError(f"each side of {hr_box} must be {side_wanted(config.scale)}")
    lr_shape = (lr_side(hr_box[2], config.scale), lr_side(hr_box[3], config.scale))
    return DegradationPlan(
        key=key,
        source_sha256=source_sha256,
        clean_up=config.clean_up,
        hr_box=hr_box,
        scale=config.scale,
        steps=draw_steps(config.entries, pool, lr_shape, rng),
    )


def hr_boxes(shape: Sequence[int], size: int | None, scale: Scale) -> list[Box]:
    """Return the HR patches of an image: a grid that covers it, the last row and column included.

    Parameters
    ----------
    shape : (height, width, ...)
        Of the clean HR image.
    size : int or None
        Side of a patch; None: the whole image, cropped at the bottom and right to sides that
        fit the scale.
    scale : Scale

    Returns
    -------
    list of (top, left, height, width)
        Empty when the image is smaller than the patch (or than one LR pixel).

    Notes
    -----
    Where the side does not divide by ``size``, patches are spread evenly and overlap a little.
    """
    height, width = (int(side) for side in shape[:2])
    if size is None:
        box = (0, 0, fitting_side(height, scale), fitting_side(width, scale))
        return [box] if min(box[2:]) > 0 else []
    if not fits(size, scale):
        raise InvalidValueError(f"the HR patch size must be {side_wanted(scale)}, got {size}")
    if min(height, width) < size:
        return []
    return [
        (top, left, size, size) for top in _starts(height, size) for left in _starts(width, size)
    ]


def _starts(length: int, size: int) -> list[int]:
    count = -(-length // size)
    return [round(i * (length - size) / max(count - 1, 1)) for i in range(count)]

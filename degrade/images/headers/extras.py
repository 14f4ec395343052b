"""Formats whose decoder is an extra: named with it when it is not there."""

from __future__ import annotations

from degrade.errors import InvalidValueError

__all__ = ["NeedsExtraError"]


class NeedsExtraError(InvalidValueError):
    """A file holds a format that is read when an extra is installed.

    Parameters
    ----------
    format : str
        For people.
    extra : str
        As pip has it.
    """

    def __init__(self, format: str, extra: str) -> None:
        super().__init__(f"{format} inside, whose decoder is not installed")
        self.remedy = f"pip install 'degrade[{extra}]'"

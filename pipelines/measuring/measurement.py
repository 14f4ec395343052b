"""What a measurement is. The first three: a kernel by either method, and noise patches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from degrade.errors import InvalidValueError
from degrade.pool import Findings
from pipelines.shared.photo_scan import OpenPhoto

__all__ = ["Measurement", "check_confidence"]


def check_confidence(min_confidence: float) -> None:
    """Refuse a least confidence that is none.

    Raises
    ------
    InvalidValueError
        It is not in 0…1.
    """
    if not 0 <= min_confidence <= 1:
        raise InvalidValueError(f"min_confidence must be between 0 and 1, got {min_confidence}")


class Measurement(Protocol):
    """Finds something in one photo; workers get a pickled copy, so it is small."""

    @property
    def kind(self) -> str:
        """What the pool calls it, such as ``noise``."""
        ...

    @property
    def settings(self) -> Mapping[str, Any]:
        """Everything, besides the photo, that decides what is found; JSON can hold it."""
        ...

    def seconds_for(self, pixels: int) -> float:
        """Return about how long a photo of so many pixels takes, decoding it included."""
        ...

    def check_device(self) -> None:
        """Make sure of what the measurement computes on, before anything is written.

        Raises
        ------
        DegradeError
            It is not here.
        """
        return  # any processor will do

    def measure(self, photo: OpenPhoto) -> Findings:
        """Measure a photo. Whoever needs no pixels leaves ``photo.photo`` alone.

        Raises
        ------
        InputError, UnsuitablePhotoError
            Nothing can be found in this photo; the other measurements go on.
        """
        ...

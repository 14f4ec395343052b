"""What a measurement is. The first three: a kernel by either method, and noise patches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from degrade.pool import Findings
from pipelines.shared.photo_scan import OpenPhoto

__all__ = ["Measurement"]


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

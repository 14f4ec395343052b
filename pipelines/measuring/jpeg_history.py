"""The measurement of compression: what a JPEG file's own header says of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from degrade.jpeg.tables import jpeg_settings, quality_of
from degrade.pool import Findings
from pipelines.measuring.measurement import Measurement
from pipelines.shared.photo_scan import OpenPhoto

__all__ = ["JpegHistory"]

_VERSION = 1
"""Of what is recorded; raised when more is."""


@dataclass(frozen=True, slots=True)
class JpegHistory(Measurement):
    """Tables, subsampling, and the quality of libjpeg where one has exactly those tables."""

    @property
    def kind(self) -> str:
        """What the pool calls it."""
        return "jpeg"

    @property
    def settings(self) -> dict[str, Any]:
        """What decides on the values."""
        return {"version": _VERSION}

    def seconds_for(self, pixels: int) -> float:
        """Return about how long a photo takes; its pixels are not decoded."""
        return 0.001

    def measure(self, photo: OpenPhoto) -> Findings:
        """Read the header; a photo in another format is a finding too."""
        found = jpeg_settings(photo.data)
        values: dict[str, Any] = {"format": photo.header.format}
        if found is not None:
            values |= {"quality": quality_of(found), "subsampling": found.subsampling}
            values |= msgspec.to_builtins(found)
        return Findings(kind=self.kind, settings=self.settings, values=values)

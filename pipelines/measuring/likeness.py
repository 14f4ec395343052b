"""The measurement by which photos that show the same are found."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from degrade.history.likeness import THUMBNAIL_SIDE, make_thumbnail
from degrade.pool import Findings
from pipelines.measuring.measurement import Measurement
from pipelines.shared.photo_scan import OpenPhoto

__all__ = ["Likeness", "thumbnail_in"]


@dataclass(frozen=True, slots=True)
class Likeness(Measurement):
    """A hash of the pixels, and a thumbnail."""

    @property
    def kind(self) -> str:
        """What the pool calls it."""
        return "likeness"

    @property
    def settings(self) -> Mapping[str, Any]:
        """What decides on the values."""
        return {"version": 1}

    def seconds_for(self, pixels: int) -> float:
        """Return the time of hashing, and of decoding if nobody else has done it."""
        return 2e-8 * pixels

    def measure(self, photo: OpenPhoto) -> Findings:
        """Hash the pixels and make the thumbnail."""
        decoded = photo.photo
        pixels = np.ascontiguousarray(decoded.pixels)
        hashed = hashlib.sha256(repr((pixels.shape, pixels.dtype.str)).encode())
        hashed.update(pixels.data)
        thumbnail = make_thumbnail(photo.pixels_u8)
        values = {
            "pixels": hashed.hexdigest(),
            "thumbnail": base64.b64encode(thumbnail.tobytes()).decode("ascii"),
        }
        return Findings(kind=self.kind, settings=self.settings, values=values)


def thumbnail_in(values: Mapping[str, Any]) -> npt.NDArray[np.uint8]:
    """Return the thumbnail that values hold, (40, 40) uint8; black when they hold none."""
    side = THUMBNAIL_SIDE
    try:
        raw = base64.b64decode(str(values.get("thumbnail", "")), validate=True)
    except ValueError:
        raw = b""
    if len(raw) != side * side:
        return np.zeros((side, side), np.uint8)
    return np.frombuffer(raw, np.uint8).reshape(side, side)

"""Camera raw files for tests, as small as they can be."""

from __future__ import annotations

import io

import numpy as np
import tifffile

__all__ = ["dng"]


def dng(gray: int = 3000) -> bytes:
    """Return a small raw file: a flat sensor of 12 bits, as bright everywhere."""
    sensor = np.full((64, 96), gray, np.uint16)
    buffer = io.BytesIO()
    one = (1, 1)
    tags = [
        (33421, 3, 2, (2, 2), True),  # CFARepeatPatternDim
        (33422, 1, 4, bytes((0, 1, 1, 2)), True),  # CFAPattern RGGB
        (50706, 1, 4, bytes((1, 4, 0, 0)), True),  # DNGVersion
        (50708, 2, 5, "degr", True),  # UniqueCameraModel
        (50714, 3, 1, 0, True),  # BlackLevel
        (50717, 4, 1, 4095, True),  # WhiteLevel
        (50721, 10, 9, (1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1), True),
        (50728, 5, 3, one * 3, True),  # AsShotNeutral
        (50778, 3, 1, 21, True),
    ]
    tifffile.imwrite(buffer, sensor, photometric=32803, extratags=tags, metadata=None)
    return buffer.getvalue()

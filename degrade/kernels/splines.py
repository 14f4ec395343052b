"""Reading a blurred image between its pixels, on the grid of a smaller one."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import cv2
import numpy as np
import numpy.typing as npt
import scipy

from degrade.arrays import FloatArray
from degrade.geometry import Scale

__all__ = ["BORDER", "BlurredImage", "SamplingGrid"]

BORDER = 16
"""LR pixels left out on each side: what lies outside a photo is not known."""

_MARGIN = 16  # a cubic spline forgets what is this far away (0.27 a pixel)


@dataclass(frozen=True, slots=True)
class SamplingGrid:
    """LR pixels away from the borders, and where they lie on HR."""

    scale: Scale
    top: int
    left: int
    height: int
    width: int

    @classmethod
    def inside(
        cls, lr_shape: tuple[int, ...], scale: Scale, largest: int | None = None
    ) -> SamplingGrid:
        """Return the grid of the centre of LR, even sides of at most ``largest``."""
        height, width = (min(largest or n, n - 2 * BORDER) // 2 * 2 for n in lr_shape[:2])
        return cls(scale, (lr_shape[0] - height) // 2, (lr_shape[1] - width) // 2, height, width)

    def cut(self, lr: FloatArray) -> npt.NDArray[np.float64]:
        """Return these pixels of LR, channels first."""
        rows = slice(self.top, self.top + self.height)
        columns = slice(self.left, self.left + self.width)
        return np.atleast_3d(lr)[rows, columns].astype(np.float64).transpose(2, 0, 1)

    def blur(self, hr: FloatArray, weights: FloatArray) -> BlurredImage:
        """Correlate HR around these pixels with a kernel of odd size."""
        margin = weights.shape[0] // 2 + _MARGIN
        origins, parts = [], []
        for first, count, side in zip(
            (self.top, self.left), (self.height, self.width), hr.shape, strict=False
        ):
            place, end = float(self.scale * first), float(self.scale * (first + count))
            start = max(int(place) - margin, 0)
            parts.append(slice(start, min(ceil(end) + margin, side)))
            origins.append(place - start)
        window = np.ascontiguousarray(hr[parts[0], parts[1]])
        blurred = cv2.filter2D(window, cv2.CV_32F, weights, borderType=cv2.BORDER_REFLECT)
        channels = np.atleast_3d(blurred).transpose(2, 0, 1)
        splines = tuple(scipy.ndimage.spline_filter(channel, 3, np.float32) for channel in channels)
        return BlurredImage(splines, np.array(origins), self)


@dataclass(frozen=True, slots=True, eq=False)
class BlurredImage:
    """A blurred HR, by channel, as cubic splines."""

    splines: tuple[FloatArray, ...]
    origin: npt.NDArray[np.float64]
    grid: SamplingGrid

    def grey(self) -> BlurredImage:
        """Return the mean of the channels."""
        mean: FloatArray = np.stack(self.splines).mean(axis=0)
        return BlurredImage((mean,), self.origin, self.grid)

    def sample(self, shift: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return its values at the places of the grid's pixels moved by ``shift`` HR pixels."""
        steps = np.full(2, float(self.grid.scale))
        shape = (self.grid.height, self.grid.width)
        return np.stack(
            [
                scipy.ndimage.affine_transform(
                    spline, steps, self.origin + shift, shape, np.float64, 3, prefilter=False
                )
                for spline in self.splines
            ]
        )

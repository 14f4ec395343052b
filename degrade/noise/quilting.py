"""Noise of any size from small patches: pieces of them, each drawn anew, sewn together.

A patch that is mirrored on shows the same grain again and again, and networks learn the pattern.
Here no two pieces are alike: each is cut from a patch at a random place, and may be turned by 180
degrees and negated, which changes neither variance, spectrum nor the correlation of channels.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from degrade.arrays import FloatArray
from degrade.errors import InvalidValueError

__all__ = ["quilt_noise"]


def quilt_noise(patches: Sequence[FloatArray], height: int, width: int, seed: int) -> FloatArray:
    """Sew noise of any size from patches without mean.

    Neighbouring pieces overlap by a quarter, weighted so that their squared weights sum to one:
    the variance is that of the patches everywhere.

    Parameters
    ----------
    patches : sequence of (P, P, C) float32 arrays
        At least one, all of one size of at least 8.
    height, width : int
    seed : int
        At least 0; the same one gives the same bits on every machine.

    Returns
    -------
    (height, width, C) float32 array

    Raises
    ------
    InvalidValueError
        There is no patch, or they differ in size.
    """
    shapes = {patch.shape for patch in patches}
    if len(shapes) != 1 or min(min(shapes)[:2]) < 8:
        raise InvalidValueError(f"patches must be of one size of at least 8, got {sorted(shapes)}")
    cutter = _Cutter(np.stack(patches), np.random.PCG64(seed))
    rows, columns = (-(-side // cutter.step) + 1 for side in (height, width))
    sewn = np.empty((rows * cutter.step, columns * cutter.step, patches[0].shape[2]), np.float32)
    hem: FloatArray | None = None
    for row in range(rows):
        strip = cutter.strip(columns)
        if hem is not None:
            strip[: cutter.overlap] += hem
        hem = strip[cutter.step :]
        sewn[row * cutter.step : (row + 1) * cutter.step] = strip[: cutter.step]
    start = cutter.overlap  # what lies before has no neighbour above and to the left
    return np.ascontiguousarray(sewn[start : start + height, start : start + width])


class _Cutter:
    """Cuts rows of pieces out of patches."""

    def __init__(self, patches: FloatArray, stream: np.random.PCG64) -> None:
        self._patches = patches
        self._stream = stream
        self._side = patches.shape[1] // 2
        self.overlap = self._side // 4
        self.step = self._side - self.overlap
        rising = np.sqrt((np.arange(self.overlap) + 0.5) / self.overlap)
        weights = np.ones(self._side)
        weights[: self.overlap] = rising
        weights[self.step :] *= rising[::-1]
        self._weights = np.outer(weights, weights).astype(np.float32)[..., None]

    def strip(self, columns: int) -> FloatArray:
        """Return a row of pieces, (side, columns · step, C), sewn from left to right."""
        count, size = self._patches.shape[:2]
        # The raw stream is the same with every version of NumPy; what is made of it is not.
        raw = (self._stream.random_raw(5 * columns) >> np.uint64(32)).astype(np.int64)
        bounds = np.array([count, size - self._side + 1, size - self._side + 1, 2, 2])
        which, tops, lefts, turns, signs = raw.reshape(5, columns) % bounds[:, None]
        within = np.arange(self._side)
        places = np.where(turns[:, None] == 1, within[::-1], within)
        rows, cols = tops[:, None] + places, lefts[:, None] + places
        pieces = self._patches[which[:, None, None], rows[:, :, None], cols[:, None, :]]
        pieces *= (
            self._weights * np.where(signs == 1, np.float32(1), np.float32(-1))[:, None, None, None]
        )
        sewn = pieces[:, :, : self.step].copy()
        sewn[1:, :, : self.overlap] += pieces[:-1, :, self.step :]
        joined: FloatArray = np.moveaxis(sewn, 0, 1).reshape(self._side, columns * self.step, -1)
        return joined

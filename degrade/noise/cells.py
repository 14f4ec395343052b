"""Cells of flat patches, small enough for one level each, without planes and texture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from degrade.arrays import AnyArray, U8Array

__all__ = ["CELL", "Cells", "cut_cells", "measure_cells", "roughest", "without_plane"]

CELL = 16
"""Side of a cell in pixels."""

_MOST_CLIPPED = 0.005
_GREEN = 1

_Floats = npt.NDArray[np.float64]
_Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """N cells.

    Attributes
    ----------
    residuals : (N, 16, 16, 3) float64 array
        Grey levels without their best plane.
    means, variances : (N, 3) float64 arrays
    roughness : (N,) float64 array
        Of green: half the mean squared difference of neighbours, over the variance. Of the three
        channels a sensor samples green most finely.
    photo, patch : (N,) int64 arrays
        Numbers of the photo and, among all, of the patch.
    """

    residuals: _Floats
    means: _Floats
    variances: _Floats
    roughness: _Floats
    photo: _Integers
    patch: _Integers


def measure_cells(photos: Sequence[Sequence[U8Array]]) -> Cells:
    """Cut the (P, P, 3) patches of each photo; cells that are clipped or constant are left out."""
    blocks = [np.empty((0, CELL, CELL, 3), np.uint8)]
    numbers = [np.empty((0, 2), np.int64)]
    for number, patches in enumerate(photos):
        for patch in patches:
            blocks.append(cut_cells(patch))
            numbers.append(np.full((len(blocks[-1]), 2), (number, len(blocks))))
    pixels, source = np.concatenate(blocks), np.concatenate(numbers)
    usable = ((pixels == 0) | (pixels == 255)).mean(axis=(1, 2, 3)) <= _MOST_CLIPPED
    usable &= (pixels.min(axis=(1, 2)) < pixels.max(axis=(1, 2))).all(axis=1)
    return describe_cells(pixels[usable].astype(np.float64), source[usable])


def describe_cells(pixels: _Floats, source: _Integers) -> Cells:
    """Measure (N, 16, 16, 3) cells that vary, of (N, 2) photos and patches."""
    residuals = without_plane(pixels)
    variances = residuals.var(axis=(1, 2))
    steps = [np.diff(residuals[..., _GREEN], axis=axis) for axis in (1, 2)]
    squares = np.sum([(step**2).mean(axis=(1, 2)) for step in steps], axis=0)
    roughness = squares / (4 * variances[:, _GREEN])
    return Cells(residuals, pixels.mean(axis=(1, 2)), variances, roughness, *source.T)


def cut_cells(image: AnyArray) -> AnyArray:
    """Return the whole cells of an (H, W, 3) image, (N, 16, 16, 3)."""
    rows, columns = (side // CELL for side in image.shape[:2])
    cut = image[: rows * CELL, : columns * CELL].reshape(rows, CELL, columns, CELL, 3)
    return cut.swapaxes(1, 2).reshape(-1, CELL, CELL, 3)


def without_plane(windows: _Floats) -> _Floats:
    """Return (N, S, S, 3) windows without their best planes: gradients are no noise."""
    side = windows.shape[1]
    ramp = np.arange(side) - (side - 1) / 2
    norm = side * float(ramp @ ramp)
    flat: _Floats = windows - windows.mean(axis=(1, 2), keepdims=True)
    down = np.einsum("y,nyxc->nc", ramp, flat) / norm
    right = np.einsum("x,nyxc->nc", ramp, flat) / norm
    flat -= ramp[:, None, None] * down[:, None, None, :]
    flat -= ramp[None, :, None] * right[:, None, None, :]
    return flat


def roughest(cells: Cells, least: float) -> Cells:
    """Return the cells that are rougher than ``least``."""
    kept = cells.roughness > least
    return Cells(*(getattr(cells, field.name)[kept] for field in fields(cells)))

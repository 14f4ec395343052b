"""Blur kernels of many shapes. Lengths are in LR pixels, so that a shape fits every scale."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import ndimage, special

from degrade.geometry import Scale
from degrade.kernels import BlurKernel, centre_of_mass, phase_centre, repair_kernel
from degrade.kernels.files import read_kernel_file
from degrade.resample import cubic

Grid: TypeAlias = npt.NDArray[np.float64]
Density: TypeAlias = Callable[[Grid, Grid], Grid]
"""Light at (row, column), LR pixels from the kernel's centre; up to a factor."""

REACH = 4


def render(density: Density, scale: Scale, *, oversample: int = 8) -> BlurKernel:
    """Integrate a density over the pixels of HR and put its centre of mass where it belongs."""
    size = 2 * ceil(REACH * scale) + 1
    fine = (np.arange(size * oversample) + 0.5) / oversample - 0.5 - phase_centre(size, scale)
    rows, columns = np.meshgrid(*(fine / float(scale),) * 2, indexing="ij")
    values = density(rows, columns).reshape(size, oversample, size, oversample).mean(axis=(1, 3))
    return repair_kernel(values / values.sum(), scale)[0]


def div2krk(rng: np.random.Generator, scale: Scale) -> BlurKernel:
    """Draw a kernel of the family of DIV2KRK (Bell-Kligler et al., NeurIPS 2019, §5).

    A rotated Gaussian of variances U(0.175·s, 2.5·s) on 5·s + 1 taps (an odd number), each tap
    multiplied by U(0.75, 1.25).
    """
    size = int((5 * scale + 1) // 2 * 2 + 1)
    variances = rng.uniform(0.175 * float(scale), 2.5 * float(scale), 2)
    angle = rng.uniform(0, np.pi)
    rows, columns = np.mgrid[:size, :size] - phase_centre(size, scale)
    along, across = _rotate(rows, columns, angle)
    values = np.exp(-0.5 * (along**2 / variances[0] + across**2 / variances[1]))
    values *= rng.uniform(0.75, 1.25, values.shape)
    return repair_kernel(values / values.sum(), scale)[0]


def measured(path: Path, tap: float) -> Density:
    """Return the kernel of a file, each of its taps ``tap`` LR pixels wide."""
    weights = np.pad(read_kernel_file(path)[0].weights, 2)
    middle = centre_of_mass(weights)

    def density(rows: Grid, columns: Grid) -> Grid:
        places = [x / tap + place for x, place in zip((rows, columns), middle, strict=True)]
        return np.asarray(ndimage.map_coordinates(weights, places, order=1))

    return density


def disk(radius: float) -> Density:
    """Return defocus by a round aperture."""
    return lambda rows, columns: np.asarray(np.hypot(rows, columns) <= radius, dtype=np.float64)


def polygon(radius: float, sides: int, degrees: float) -> Density:
    """Return defocus by an aperture of straight blades."""

    def density(rows: Grid, columns: Grid) -> Grid:
        step = 2 * np.pi / sides
        angle = np.mod(np.arctan2(rows, columns) - np.deg2rad(degrees), step) - step / 2
        edge = radius * np.cos(step / 2)
        return np.asarray(np.hypot(rows, columns) * np.cos(angle) <= edge, dtype=np.float64)

    return density


def ring(inner: float, outer: float) -> Density:
    """Return defocus by an aperture with an obstacle in its middle."""
    return lambda rows, columns: disk(outer)(rows, columns) - disk(inner)(rows, columns)


def box(height: float, width: float) -> Density:
    """Return the mean over a rectangle."""
    return lambda rows, columns: np.asarray(
        (np.abs(rows) <= height / 2) & (np.abs(columns) <= width / 2), dtype=np.float64
    )


def motion(length: float, degrees: float, *, sweep: float = 0.0, width: float = 0.25) -> Density:
    """Return the track of a camera that moves evenly, on an arc of ``sweep`` degrees."""

    def density(rows: Grid, columns: Grid) -> Grid:
        heading = np.deg2rad(degrees + np.linspace(-0.5, 0.5, 65) * sweep)
        track = np.cumsum(np.stack([np.sin(heading), np.cos(heading)]), axis=1) * length / 64
        track -= track.mean(axis=1, keepdims=True)
        total = np.zeros_like(rows)
        for row, column in track.T:
            total += np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / (2 * width**2))
        return total

    return density


def gaussian(along: float, across: float | None = None, degrees: float = 0.0) -> Density:
    """Return a Gaussian of integral 1."""

    def density(rows: Grid, columns: Grid) -> Grid:
        a, b = along, across or along
        u, v = _rotate(rows, columns, np.deg2rad(degrees))
        return np.asarray(np.exp(-0.5 * ((u / a) ** 2 + (v / b) ** 2)) / (2 * np.pi * a * b))

    return density


def mix(*parts: tuple[float, Density]) -> Density:
    """Return a weighted sum: halos (weights above 0) and sharpening (one below)."""
    return lambda rows, columns: np.asarray(
        sum(weight * part(rows, columns) for weight, part in parts)
    )


def moffat(radius: float, power: float) -> Density:
    """Return (1 + r²/radius²)^-power, the usual form of a lens with stray light."""
    return lambda rows, columns: np.asarray((1 + (rows**2 + columns**2) / radius**2) ** -power)


def exponential(along: float, across: float, degrees: float) -> Density:
    """Return exp(-r) with axes of different length."""
    return lambda rows, columns: np.exp(
        -np.hypot(
            *(
                x / a
                for x, a in zip(
                    _rotate(rows, columns, np.deg2rad(degrees)), (along, across), strict=True
                )
            )
        )
    )


def skewed(sigma: float, degrees: float, skew: float) -> Density:
    """Return a Gaussian with a longer tail on one side (skew-normal along one direction)."""

    def density(rows: Grid, columns: Grid) -> Grid:
        u, v = _rotate(rows, columns, np.deg2rad(degrees))
        lean = special.ndtr(skew * u / sigma)
        return np.asarray(np.exp(-0.5 * (u / sigma) ** 2 - 2 * (v / sigma) ** 2) * lean)

    return density


def separable(profile: Callable[[Grid], Grid]) -> Density:
    """Return what a resampling filter does along both axes."""
    return lambda rows, columns: profile(rows) * profile(columns)


def bicubic(x: Grid) -> Grid:
    """Return Keys' cubic, a = -0.5."""
    return np.asarray(cubic(x))


def lanczos3(x: Grid) -> Grid:
    """Return the sinc of three lobes under a sinc window."""
    return np.asarray(np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0.0))


def bilinear(x: Grid) -> Grid:
    """Return the triangle."""
    return np.asarray(np.maximum(1 - np.abs(x), 0.0))


def _rotate(rows: Grid, columns: Grid, angle: float) -> tuple[Grid, Grid]:
    """Return distances along ``angle`` (from the column axis towards the rows) and across it."""
    return (
        np.cos(angle) * columns + np.sin(angle) * rows,
        np.cos(angle) * rows - np.sin(angle) * columns,
    )

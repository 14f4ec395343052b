"""Random blur kernels of many families, for teaching and testing estimators.

Every family is drawn in units of the LR pixel, so that one description serves all scales, and
obeys the phase rule of :mod:`degrade.kernels.kernel` on (8·scale + 1) taps a side.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import scipy

from degrade.kernels.kernel import centre_of_mass, phase_centre, shift_to_phase
from degrade.resample import cubic

__all__ = ["FAMILIES", "DrawnKernel", "draw_kernel", "kernel_side"]

Weights = npt.NDArray[np.float64]
Family = Callable[[np.random.Generator, int], Weights]

_TAP_NOISE = 0.25


@dataclass(frozen=True, slots=True, eq=False)
class DrawnKernel:
    """A random kernel.

    Attributes
    ----------
    family : str
    smooth : (K, K) float64 array
        Without the noise on its taps: the most that anyone could estimate.
    weights : (K, K) float64 array
        What blurs the image; sums to 1.
    """

    family: str
    smooth: Weights
    weights: Weights


def kernel_side(scale: int) -> int:
    """Return the number of taps a side: four LR pixels to each side."""
    return 8 * scale + 1


def draw_kernel(
    rng: np.random.Generator,
    scale: int,
    *,
    shares: Mapping[str, float],
    measured: Sequence[Weights] = (),
) -> DrawnKernel:
    """Draw a kernel of a random family.

    Parameters
    ----------
    rng : Generator
    scale : int
    shares : mapping of str to float
        How often each of :data:`FAMILIES` comes, relative to the others. ``measured`` is
        another, which takes one of the given kernels, turned and resized.
    measured : sequence of (h, w) float64 arrays
    """
    names = list(shares)
    chances = np.array([shares[name] for name in names])
    family = names[rng.choice(len(names), p=chances / chances.sum())]
    if family == "measured":
        smooth = _resized(rng, scale, measured[int(rng.integers(len(measured)))])
    else:
        smooth = FAMILIES[family](rng, scale)
    if family not in ("div2krk", "sharp", "camera", "measured", "motion") and rng.random() < 0.1:
        smooth = _sharpened(rng, scale, smooth)
    # At even scales one more tap lies on one side of the centre than on the other.
    extra = round(2 * phase_centre(kernel_side(scale), scale)) - (kernel_side(scale) - 1)
    smooth[:extra] = smooth[:, :extra] = 0
    smooth = _normalised(smooth)
    if family == "div2krk":
        return DrawnKernel(family, smooth, _roughened(rng, scale, smooth))
    rough = rng.random() < (0.5 if family == "sharp" else 0.2)
    return DrawnKernel(family, smooth, _roughened(rng, scale, smooth) if rough else smooth)


def _roughened(rng: np.random.Generator, scale: int, weights: Weights) -> Weights:
    """Multiply each tap by 1 ± 25 % and put the centre of mass back."""
    noise = rng.uniform(-_TAP_NOISE, _TAP_NOISE, weights.shape)
    return shift_to_phase(weights * (1 + noise), scale, rounds=3)


def _axes(scale: int, finer: int = 1) -> tuple[Weights, Weights]:
    """Return row and column distances from the phase centre, in LR pixels."""
    side = kernel_side(scale)
    taps = (np.arange(side * finer) + 0.5) / finer - 0.5 - phase_centre(side, scale)
    return taps[:, None] / scale, taps[None, :] / scale


def _turned(rng: np.random.Generator, rows: Weights, columns: Weights) -> tuple[Weights, Weights]:
    angle = rng.uniform(0, np.pi)
    along = np.cos(angle) * columns + np.sin(angle) * rows
    return along, np.cos(angle) * rows - np.sin(angle) * columns


def _averaged(weights: Weights, finer: int) -> Weights:
    side = weights.shape[0] // finer
    return _normalised(weights.reshape(side, finer, side, finer).mean(axis=(1, 3)))


def _normalised(weights: Weights) -> Weights:
    total: Weights = weights / weights.sum()
    return total


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _div2krk(rng: np.random.Generator, scale: int) -> Weights:
    """Anisotropic Gaussians as in DIV2KRK (Bell-Kligler et al., NeurIPS 2019).

    Variances of 0.175·s to 2.5·s HR px², on 11 taps at ×2 and 2.5 LR pixels to each side otherwise.
    """
    first, second = np.sqrt(rng.uniform(0.175, 2.5, 2) / scale)
    rows, columns = _axes(scale)
    along, across = _turned(rng, rows, columns)
    weights = np.exp(-0.5 * ((along / first) ** 2 + (across / second) ** 2))
    margin = (kernel_side(scale) - (5 * scale + 1) // 2 * 2) // 2
    weights[:margin] = weights[:, :margin] = weights[-margin:] = weights[:, -margin:] = 0
    return _normalised(weights)


def _sharp(rng: np.random.Generator, scale: int) -> Weights:
    """Gaussians of the sharp end of DIV2KRK's range, where a small error costs most."""
    first, second = np.sqrt([rng.uniform(0.1, 0.6) / scale, rng.uniform(0.1, 1.2) / scale])
    along, across = _turned(rng, *_axes(scale))
    return _normalised(np.exp(-0.5 * ((along / first) ** 2 + (across / second) ** 2)))


def _isotropic(rng: np.random.Generator, scale: int) -> Weights:
    rows, columns = _axes(scale)
    return _normalised(np.exp(-0.5 * (rows**2 + columns**2) / rng.uniform(0.2, 1.15) ** 2))


def _generalised(rng: np.random.Generator, scale: int) -> Weights:
    """exp(-(r²/2)^β): peaked below β = 1, flat-topped above."""
    power = _log_uniform(rng, 0.6, 6)
    first, second = np.sqrt(rng.uniform(0.25, 2.5, 2) / scale)
    along, across = _turned(rng, *_axes(scale, 3))
    radius = 0.5 * ((along / first) ** 2 + (across / second) ** 2)
    return _averaged(np.exp(-(radius**power)), 3)


def _plateau(rng: np.random.Generator, scale: int) -> Weights:
    """Moffat-like: 1 / (1 + r²)^β, with long tails."""
    power = rng.uniform(1.6, 3.3)
    first, second = np.sqrt(rng.uniform(0.2, 2, 2) / scale)
    along, across = _turned(rng, *_axes(scale, 2))
    return _averaged((1 + (along / first) ** 2 + (across / second) ** 2) ** -power, 2)


def _disk(rng: np.random.Generator, scale: int) -> Weights:
    """Defocus: a disk or an ellipse, often a little soft."""
    radius = rng.uniform(0.4, 1.9)
    flat = rng.uniform(0.7, 1) if rng.random() < 0.3 else 1.0
    along, across = _turned(rng, *_axes(scale, 5))
    weights = _averaged((along**2 + (across / flat) ** 2 <= radius**2).astype(float), 5)
    return _softened(rng, scale, weights, 0.6, 0.4)


def _box(rng: np.random.Generator, scale: int) -> Weights:
    rows, columns = _axes(scale, 5)
    if rng.random() < 0.4:
        columns, rows = _turned(rng, rows, columns)
    width, height = rng.uniform(0.6, 2.6, 2)
    if rng.random() < 0.4:
        width = height
    inside = (abs(columns) <= width / 2) & (abs(rows) <= height / 2)
    return _softened(rng, scale, _averaged(inside.astype(float), 5), 0.5, 0.5)


def _softened(
    rng: np.random.Generator, scale: int, weights: Weights, chance: float, widest: float
) -> Weights:
    if rng.random() < chance:
        weights = scipy.ndimage.gaussian_filter(weights, rng.uniform(0.1, widest) * scale)
    return _normalised(weights)


def _motion(rng: np.random.Generator, scale: int) -> Weights:
    """Return a straight or bent path, passed at an even or a changing speed."""
    finer, count = 5, 400
    length, angle = rng.uniform(0.8, 5) * scale, rng.uniform(0, 2 * np.pi)
    bend = rng.normal(0, 0.5) if rng.random() < 0.5 else 0.0
    time = np.linspace(-0.5, 0.5, count)
    directions = angle + 2 * bend * time
    dwell = np.ones(count) if rng.random() < 0.6 else np.exp(4 * rng.normal(0, 0.5) * time)
    side = kernel_side(scale)
    weights = np.zeros((side * finer, side * finer))
    places = []
    for steps in (np.sin(directions), np.cos(directions)):
        path = np.cumsum(steps) * length / count
        path -= np.average(path, weights=dwell)
        places.append(np.round((path + phase_centre(side, scale) + 0.5) * finer - 0.5).astype(int))
    inside = np.all([(place >= 0) & (place < side * finer) for place in places], axis=0)
    np.add.at(weights, (places[0][inside], places[1][inside]), dwell[inside])
    width = max(_log_uniform(rng, 0.12, 0.6) * scale, 0.25)
    return _averaged(scipy.ndimage.gaussian_filter(weights, width * finer), finer)


def _resizer(rng: np.random.Generator, scale: int) -> Weights:
    """Return what image programs downscale with: cubic, Lanczos and linear, antialiased."""
    _, columns = _axes(scale)
    places = columns[0] / (rng.uniform(0.7, 1.5) if rng.random() < 1 / 3 else 1.0)
    kind = rng.choice(
        ["cubic", "bicubic", "lanczos2", "lanczos3", "linear"], p=[0.22, 0.22, 0.2, 0.21, 0.15]
    )
    if kind == "cubic":
        taps = cubic(places, a=rng.uniform(-1, -0.2))
    elif kind == "bicubic":
        taps = cubic(places)
    elif kind == "linear":
        taps = np.maximum(1 - abs(places), 0)
    else:
        lobes = int(kind[-1])
        taps = np.where(abs(places) < lobes, np.sinc(places) * np.sinc(places / lobes), 0)
    return _softened(rng, scale, _normalised(np.outer(taps, taps)), 0.3, 0.5)


def _double(rng: np.random.Generator, scale: int) -> Weights:
    """Return a Gaussian core in a wider one: glare, or focus that differs between colours."""
    core = rng.uniform(0.2, 0.8)
    halo, share = core * rng.uniform(1.5, 3.5), rng.uniform(0.1, 0.6)
    rows, columns = _axes(scale)
    along, across = _turned(rng, rows, columns)
    stretched = along**2 + across**2 * rng.uniform(0.6, 1.6)
    narrow = _normalised(np.exp(-0.5 * stretched / core**2))
    return (1 - share) * narrow + share * _normalised(
        np.exp(-0.5 * (rows**2 + columns**2) / halo**2)
    )


def _camera(rng: np.random.Generator, scale: int) -> Weights:
    """Optics and pixel aperture, sampled, then sharpened on the LR grid as cameras do."""
    rows, columns = _axes(scale, 3)
    if rng.random() < 0.6:
        along, across = _turned(rng, rows, columns)
        width = _log_uniform(rng, 0.15, 0.9)
        weights = np.exp(
            -0.5 * ((along / width) ** 2 + (across / width / rng.uniform(0.8, 1.25)) ** 2)
        )
    else:
        disk = (rows**2 + columns**2 <= rng.uniform(0.3, 1.2) ** 2).astype(float)
        weights = scipy.ndimage.gaussian_filter(disk, rng.uniform(0.1, 0.4) * scale * 3)
    # An odd width keeps the aperture centred.
    aperture = 2 * round((rng.uniform(0.6, 1.0) * scale * 3 - 1) / 2) + 1
    weights = _averaged(scipy.ndimage.uniform_filter(weights, aperture), 3)
    return _sharpened_lr(rng, scale, weights)


def _sharpened_lr(rng: np.random.Generator, scale: int, weights: Weights) -> Weights:
    """Follow with an unsharp mask on the LR grid, whose taps lie ``scale`` HR pixels apart."""
    # The negative taps of cameras sum to 0.1 to 0.4: half of these do.
    amount, radius = _log_uniform(rng, 0.1, 1.5), _log_uniform(rng, 0.4, 3)
    taps = np.exp(-0.5 * (np.arange(-4, 5) / radius) ** 2)
    mask = -amount * _normalised(np.outer(taps, taps))
    mask[4, 4] += 1 + amount
    spread = np.zeros((8 * scale + 1,) * 2)
    spread[::scale, ::scale] = mask
    # The mask is even, so correlating is convolving.
    sharp = cv2.filter2D(weights, cv2.CV_64F, spread, borderType=cv2.BORDER_CONSTANT)
    return _normalised(np.asarray(sharp, np.float64))


def _sharpened(rng: np.random.Generator, scale: int, weights: Weights) -> Weights:
    """Sharpen on the LR or on the HR grid."""
    if rng.random() < 0.5:
        return _sharpened_lr(rng, scale, weights)
    amount, radius = rng.uniform(0.1, 1.0), rng.uniform(0.3, 1.0) * scale
    return _normalised(
        weights + amount * (weights - scipy.ndimage.gaussian_filter(weights, radius))
    )


def _resized(rng: np.random.Generator, scale: int, weights: Weights) -> Weights:
    """Turn and resize a measured kernel by 0.25 to 0.9 times half the scale."""
    padded = np.pad(_normalised(weights), 2)
    factor = rng.uniform(0.25, 0.9) * scale / 2
    rows, columns = (axis * scale for axis in _axes(scale, 3))
    along, across = _turned(rng, rows, columns)
    centre = centre_of_mass(padded)
    smooth = scipy.ndimage.gaussian_filter(padded, max(0.35 / factor, 0.3))
    places = [across / factor + centre[0], along / factor + centre[1]]
    moved = np.maximum(scipy.ndimage.map_coordinates(smooth, places, order=1), 0)
    return shift_to_phase(_averaged(moved, 3), scale, rounds=3)


FAMILIES: dict[str, Family] = {
    "div2krk": _div2krk,
    "sharp": _sharp,
    "isotropic": _isotropic,
    "generalised": _generalised,
    "plateau": _plateau,
    "disk": _disk,
    "motion": _motion,
    "box": _box,
    "resizer": _resizer,
    "double": _double,
    "camera": _camera,
}
"""What can be drawn, by name."""

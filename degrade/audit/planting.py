"""Degradations planted on clean photos, and what the product's own measurements make of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from scipy import ndimage

from degrade.arrays import FloatArray, U8Array, round_to_u8
from degrade.errors import InvalidValueError
from degrade.history.levels import is_drawn
from degrade.history.periods import measure_periods
from degrade.history.resampling import judge_resampling
from degrade.history.spectrum import fall_of_power
from degrade.history.windows import spread_windows
from degrade.jpeg.compression import recompressed
from degrade.jpeg.pixel_history import history_of_pixels
from degrade.jpeg.tables import JpegSettings, standard_tables
from degrade.kernels import (
    BlurKernel,
    bicubic_kernel,
    downsample,
    gaussian_kernel,
    repair_kernel,
)
from degrade.kernels.estimates import UnsuitablePhotoError, good_kpsnr
from degrade.kernels.metrics import kernel_psnr
from degrade.noise.model import fit_noise
from degrade.noise.statistics import measure_noise
from degrade.noise.strength import LEVELS
from degrade.resample import imresize
from degrade.spectral import SMALLEST_SIDE, estimate_kernel

__all__ = ["CLEAN", "KINDS", "Kind", "Outcome", "Trial", "planted_kernels", "run_trials"]

Kind: TypeAlias = Literal["kernel", "noise", "JPEG", "enlargement"]
Outcome: TypeAlias = Literal["right", "wrong", "not told"]

KINDS: tuple[Kind, ...] = ("kernel", "noise", "JPEG", "enlargement")

CLEAN = "nothing"
"""The plant that is none: nothing must be told of it."""

_NOISE = {"σ 2": 2.0, "σ 6": 6.0}
_QUALITIES = (75, 90, 95)
_FACTORS = (1.5, 2.0, 3.0)
_NEAR_NOISE, _NEAR_FACTOR = 0.2, 0.05
_CUT = (3, 5)
"""Rows and columns that are cut off after JPEG: its grid does not begin with the photo."""

_LEAST_SIDE = 192
_FLAT = 1.0


@dataclass(frozen=True, slots=True)
class Trial:
    """One thing planted on one photo, and what was measured.

    Attributes
    ----------
    kind : str
        One of :data:`KINDS`.
    plant : str
        What was planted.
    outcome : {"right", "wrong", "not told"}
        Kernels: right where they are as near as a confidence means. Noise: within 20 %. JPEG: the
        grid, and no wrong quality.
        Enlargements: the factor within 5 %.
    error : float or None
        Of a kernel its width, of noise its strength, as a share of the truth.
    decibels : float or None
        Of a kernel: its PSNR.
    confidence : float or None
        What the measurement says of itself, 0 … 1: the chance that it is right.
    """

    kind: Kind
    plant: str
    outcome: Outcome
    error: float | None = None
    decibels: float | None = None
    confidence: float | None = None


def run_trials(photo_u8: U8Array, scale: int, rng: np.random.Generator) -> Iterator[Trial]:
    """Plant kernels, noise, JPEG and enlargements on a clean photo, and measure each.

    Parameters
    ----------
    photo_u8 : (H, W, 3) uint8 array
        At least 96 · scale and 192 pixels a side.
    scale : int
        Of the kernels: 2, 3 or 4.
    rng : numpy.random.Generator

    Raises
    ------
    InvalidValueError
        The photo is smaller.
    """
    least = max(SMALLEST_SIDE * scale, _LEAST_SIDE)
    if min(photo_u8.shape[:2]) < least:
        height, width = photo_u8.shape[:2]
        raise InvalidValueError(f"{width}×{height} pixels are less than the {least} a side needed")
    height, width = (side // scale * scale for side in photo_u8.shape[:2])
    levels = photo_u8[:height, :width].astype(np.float32)
    for name, kernel in planted_kernels(scale).items():
        lr = downsample(levels, kernel)
        yield _kernel_trial(name, kernel, lr)
        if name == "Gaussian σ 0.6":
            noisy = lr + rng.normal(0, 4, lr.shape).astype(np.float32)
            yield _kernel_trial(f"{name}, noise σ 4", kernel, noisy)
            lossy = recompressed(round_to_u8(lr), _jpeg(85)).astype(np.float32)
            yield _kernel_trial(f"{name}, JPEG 85", kernel, lossy)
    # Made smaller a photo has less noise of its own.
    small = imresize(photo_u8.astype(np.float32), 0.5)
    for name, sigma in _NOISE.items():
        yield _noise_trial(name, small, sigma, rng)
    yield from _jpeg_trials(photo_u8)
    yield from _enlargement_trials(photo_u8)


def planted_kernels(scale: int) -> Mapping[str, BlurKernel]:
    """Return the kernels that are planted, by name; widths are in LR pixels."""
    side = 8 * scale + 1

    def gaussian(first: float, second: float, angle: float = 0.0) -> BlurKernel:
        return gaussian_kernel(side, scale, (first * scale, second * scale), angle)

    soft = gaussian(0.5, 0.5).weights.astype(np.float64)
    # As cameras do: the kernel plus 0.6 of what an unsharp mask of one LR pixel takes.
    sharpened = soft + 0.6 * (soft - ndimage.gaussian_filter(soft, scale, mode="constant"))
    return {
        "Gaussian σ 0.35": gaussian(0.35, 0.35),
        "Gaussian σ 0.6": gaussian(0.6, 0.6),
        "Gaussian σ 0.9": gaussian(0.9, 0.9),
        "slanted σ 0.9 by 0.4": gaussian(0.9, 0.4, np.pi / 6),
        "bicubic, with lobes": bicubic_kernel(scale),
        "sharpened, with lobes": repair_kernel(sharpened / sharpened.sum(), scale)[0],
    }


def _kernel_trial(name: str, truth: BlurKernel, lr: FloatArray) -> Trial:
    try:
        found = estimate_kernel(round_to_u8(lr), truth.scale)
    except UnsuitablePhotoError:
        return Trial("kernel", name, "not told")
    quality = kernel_psnr(found.kernel.weights, truth.weights)
    return Trial(
        "kernel",
        name,
        "right" if quality >= good_kpsnr(truth.weights) else "wrong",
        error=_width(found.kernel) / _width(truth) - 1,
        decibels=quality,
        confidence=found.confidence,
    )


def _width(kernel: BlurKernel) -> float:
    """Return the σ of the Gaussian whose taps have the same sum of squares; also of lobes."""
    return float(1 / np.sqrt(4 * np.pi * np.square(kernel.weights.astype(np.float64)).sum()))


def _noise_trial(name: str, levels: FloatArray, sigma: float, rng: np.random.Generator) -> Trial:
    """Plant noise that is as strong as ``sigma`` at middle grey and half so at both ends."""
    grain = rng.normal(0, 1, levels.shape).astype(np.float32)
    noisy = round_to_u8(levels + _sigma_at(levels, sigma).astype(np.float32) * grain)
    try:
        fitted = fit_noise([measure_noise(noisy)])
    except InvalidValueError:
        return Trial("noise", name, "not told")
    green = fitted.strengths[1]
    low, high = green.seen
    at = np.array([int(np.abs(LEVELS - level).argmin()) for level in (low, (low + high) / 2, high)])
    truth = _sigma_at(LEVELS[at], sigma)
    error = float(np.mean(green.sigma[at] / truth)) - 1
    return Trial("noise", name, "right" if abs(error) <= _NEAR_NOISE else "wrong", error=error)


def _sigma_at(levels: FloatArray, sigma: float) -> FloatArray:
    arch = np.sin(np.pi * np.clip(levels, 0, 255) / 255)
    return np.asarray(sigma * (1 + arch) / 2)


def _jpeg(quality: int) -> JpegSettings:
    return JpegSettings(*standard_tables(quality), "4:2:0")


def _jpeg_trials(photo_u8: U8Array) -> Iterator[Trial]:
    top, left = _CUT
    for quality in _QUALITIES:
        found = history_of_pixels(recompressed(photo_u8, _jpeg(quality))[top:, left:])
        outcome: Outcome = "not told"
        if found.grid is not None:
            right = found.grid == ((-top) % 8, (-left) % 8) and found.quality in (None, quality)
            outcome = "right" if right else "wrong"
        yield Trial("JPEG", f"quality {quality}", outcome)
    is_told = history_of_pixels(photo_u8).grid is not None
    yield Trial("JPEG", CLEAN, "wrong" if is_told else "right")


def _enlargement_trials(photo_u8: U8Array) -> Iterator[Trial]:
    for factor in (*_FACTORS, None):
        image = photo_u8
        if factor is not None:
            sides = [max(int(side / factor), 64) for side in photo_u8.shape[:2]]
            part = photo_u8[: sides[0], : sides[1]].astype(np.float32)
            image = round_to_u8(imresize(part, factor))
        name = CLEAN if factor is None else f"×{factor:g}"
        yield _enlargement_trial(name, image, factor)


def _enlargement_trial(name: str, image: U8Array, factor: float | None) -> Trial:
    windows = spread_windows(image)
    if float(windows.std(axis=(1, 2)).max()) < _FLAT or is_drawn(windows):
        return Trial("enlargement", name, "not told" if factor else "right")
    found = judge_resampling(measure_periods(image), fall_of_power(windows))
    if factor is None:
        return Trial("enlargement", name, "wrong" if found.is_told else "right")
    if not found.is_told or found.factor is None:
        return Trial("enlargement", name, "not told")
    near = abs(found.factor / factor - 1) <= _NEAR_FACTOR
    sure = found.probability * found.factor_probability
    return Trial("enlargement", name, "right" if near else "wrong", confidence=sure)

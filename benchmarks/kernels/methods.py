"""What is compared: floors that look at no photo, estimators, and walls that look at the truth."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import optimize

from degrade.arrays import U8Array
from degrade.geometry import Scale, border_of, centre_offset, whole_scale
from degrade.kernels import (
    BlurKernel,
    bicubic_kernel,
    compose_kernels,
    crop_or_pad_kernel,
    gaussian_kernel,
)

SEED = 0
CONSTANT_SIGMA = 0.8
"""Of the constant floor, in LR pixels: 1.6 HR pixels at ×2."""


@dataclass(frozen=True, slots=True, eq=False)
class Photo:
    """What an estimator is given.

    Attributes
    ----------
    name : str
        A key for random numbers.
    pixels_u8 : (H, W, 3) uint8 array
    scale : Scale
    iterations : int
        For methods that iterate.
    """

    name: str
    pixels_u8: U8Array
    scale: Scale
    iterations: int


@dataclass(frozen=True, slots=True, eq=False)
class Estimate:
    """What an estimator answers; the last two when it says how sure it is."""

    kernel: BlurKernel
    confidence: float | None = None
    expected_kpsnr: float | None = None


@dataclass(frozen=True, slots=True)
class Method:
    """An entry of :data:`METHODS`.

    Attributes
    ----------
    estimate : callable
    scales : tuple of int or None
        Where it is defined; None: everywhere.
    slow : bool
        Run only when named.
    needs : str or None
        ``module:name`` without which it is left out.
    """

    estimate: Callable[[Photo], Estimate]
    scales: tuple[int, ...] | None = None
    slow: bool = False
    needs: str | None = None

    def is_for(self, scale: Scale) -> bool:
        """Tell whether it is defined at a scale."""
        return self.scales is None or scale in self.scales

    def is_here(self) -> bool:
        """Tell whether what it needs can be imported."""
        if self.needs is None:
            return True
        module, name = self.needs.split(":")
        try:
            return hasattr(importlib.import_module(module), name)
        except ImportError:
            return False


def bicubic(photo: Photo) -> Estimate:
    """Answer the bicubic downscale's kernel."""
    return Estimate(bicubic_kernel(photo.scale))


def constant(photo: Photo) -> Estimate:
    """Answer one Gaussian, as wide as the middle of the field's kernels."""
    return Estimate(isotropic_gaussian(CONSTANT_SIGMA * float(photo.scale), photo.scale))


def spectral(photo: Photo) -> Estimate:
    """Ask the amortised estimator at the photo's own scale."""
    return _spectral(photo.pixels_u8, photo.scale)


def spectral_composed(photo: Photo) -> Estimate:
    """Ask the amortised estimator at ×2 and compose its kernel with itself."""
    half = _spectral(photo.pixels_u8, 2)
    return Estimate(compose_kernels(half.kernel, half.kernel), half.confidence)


def kernelgan(photo: Photo) -> Estimate:
    """Train KernelGAN on the photo (×4 by composition)."""
    from kernelgan import KernelGANConfig, estimate_kernels

    scale = whole_scale(photo.scale, "KernelGAN is for 2, 3 and 4")
    config = KernelGANConfig(scale=scale, iterations=photo.iterations)
    image = photo.pixels_u8.astype(np.float32) / np.float32(255)
    (answer,) = estimate_kernels([image], config, keys=[photo.name], seed=SEED)
    return Estimate(answer.kernel, answer.confidence, answer.expected_kpsnr)


METHODS: dict[str, Method] = {
    "bicubic": Method(bicubic),
    "constant": Method(constant),
    "spectral": Method(spectral, needs="degrade.spectral:estimate_kernel"),
    "spectral x2 composed": Method(
        spectral_composed, scales=(4,), needs="degrade.spectral:estimate_kernel"
    ),
    "kernelgan": Method(kernelgan, scales=(2, 3, 4), slow=True, needs="kernelgan:estimate_kernels"),
}
FLOORS = ("bicubic", "constant")
"""The methods that every table begins with."""


def isotropic_gaussian(sigma: float, scale: Scale) -> BlurKernel:
    """Return a Gaussian of ``sigma`` HR pixels on as many taps as it needs."""
    return gaussian_kernel(_gaussian_size(sigma, scale), scale, (sigma, sigma))


def gaussian_of(parameters: npt.NDArray[np.float64], scale: Scale) -> BlurKernel:
    """Return the Gaussian whose covariance has this matrix logarithm, halved: [[a + b, c], …].

    Any three numbers give a Gaussian, and near ones near Gaussians, round ones too.
    """
    mean, difference, mixed = parameters
    spread = np.hypot(difference, mixed)
    # Narrower than a quarter of a pixel is a single tap, wider than 3 LR pixels no blur but a loss.
    sigmas = np.exp(np.clip([mean + spread, mean - spread], np.log(0.25), np.log(3 * float(scale))))
    angle = 0.5 * np.arctan2(mixed, difference)
    size = _gaussian_size(float(sigmas[0]), scale)
    return gaussian_kernel(size, scale, (float(sigmas[0]), float(sigmas[1])), float(angle))


def best_gaussian(truth: BlurKernel) -> BlurKernel:
    """Return the Gaussian nearest to the truth: a wall for estimators that answer Gaussians."""
    size = truth.size + 2 * border_of(truth.scale)
    target = crop_or_pad_kernel(truth.weights, size)

    def errors(parameters: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        fitted = gaussian_of(parameters, truth.scale).weights
        return np.asarray((crop_or_pad_kernel(fitted, size) - target).ravel(), dtype=np.float64)

    starts = [np.array([np.log(f * float(truth.scale)), 0.05, 0.05]) for f in (0.35, 0.8)]
    fits = [optimize.least_squares(errors, start, diff_step=1e-3) for start in starts]
    return gaussian_of(min(fits, key=lambda fit: fit.cost).x, truth.scale)


def _gaussian_size(sigma: float, scale: Scale) -> int:
    return 2 * int(np.ceil(3.5 * sigma + centre_offset(scale))) + 1


def _spectral(pixels_u8: U8Array, scale: Scale) -> Estimate:
    module: Any = importlib.import_module("degrade.spectral")
    answer = module.estimate_kernel(pixels_u8, scale)
    return Estimate(answer.kernel, answer.confidence, answer.expected_kpsnr)

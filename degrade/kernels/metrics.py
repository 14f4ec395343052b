"""How good an estimated blur kernel is: against the true one, and by degrading a photo again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import scipy

from degrade.arrays import AnyArray, FloatArray
from degrade.errors import InvalidValueError
from degrade.geometry import Scale, lr_side
from degrade.kernels.estimates import KPSNR_TAPS, kpsnr_of
from degrade.kernels.kernel import BlurKernel, centre_of_mass
from degrade.kernels.registration import measure_shift
from degrade.kernels.splines import BORDER, BlurredImage, SamplingGrid
from degrade.luma import luma
from degrade.metrics import psnr_of_error
from degrade.resample import imresize

__all__ = [
    "RedegradationFit",
    "align_kernels",
    "fit_redegradation",
    "kernel_psnr",
    "redegradation_psnr",
    "register_pair",
]

_Float64: TypeAlias = npt.NDArray[np.float64]

_SMALLEST_GRID = 31
_LARGEST_CROP = 256
_NO_ERROR = 1e-30
_GREATEST_SHIFT = 6.0


def align_kernels(estimate: AnyArray, truth: AnyArray) -> tuple[_Float64, _Float64]:
    """Put two kernels on one grid, the estimate's centre of mass on the truth's.

    Parameters
    ----------
    estimate, truth : (K, L) arrays
        Correlation kernels of any size and any sum above 0.

    Returns
    -------
    estimate, truth : (G, G) float64 arrays
        Of sum 1 but for what a spline leaves outside; G odd and at least 31. The truth's middle
        tap K//2 lies at G//2; the estimate is moved by a cubic spline.

    Raises
    ------
    InvalidValueError
        One of them is not as described.
    """
    candidate, reference = _normalise(estimate), _normalise(truth)
    size = max(_SMALLEST_GRID, 2 * max(*reference.shape, *candidate.shape) + 1)
    candidate, reference = _embed(candidate, size), _embed(reference, size)
    offset = centre_of_mass(reference) - centre_of_mass(candidate)
    return scipy.ndimage.shift(candidate, offset, order=3), reference


def kernel_psnr(estimate: AnyArray, truth: AnyArray) -> float:
    """Return kPSNR in dB: -10·log10(Σ(k - k*)² / 121) of aligned kernels.

    Parameters
    ----------
    estimate, truth : (K, L) arrays
        Any size and any sum above 0; normalised and aligned by :func:`align_kernels`.

    Raises
    ------
    InvalidValueError
        One of them is not as described.

    Notes
    -----
    121 is :data:`~degrade.kernels.estimates.KPSNR_TAPS` at every scale and size, so that the figure
    means the sum of squared differences and nothing else. Kernels of ×3 and ×4 are wider and
    flatter; the same relative error gives them a higher figure.

    References
    ----------
    The kernel PSNR (peak 1) of Liang et al., "Flow-based Kernel Prior with Application to Blind
    Super-Resolution", CVPR 2021; aligned here by centres of mass first.
    """
    moved, reference = align_kernels(estimate, truth)
    total = float(((moved - reference) ** 2).sum())
    return kpsnr_of(total + KPSNR_TAPS * _NO_ERROR)


def redegradation_psnr(hr: FloatArray, lr: FloatArray, weights: AnyArray, scale: Scale) -> float:
    """Return rePSNR in dB: HR degraded by ``weights``, unrounded, against LR, best shift taken.

    Parameters
    ----------
    hr : (H, W, 3) float32 array
        RGB on [0, 1].
    lr : (H // scale, W // scale, 3) float32 array
        RGB on [0, 1].
    weights : (G, G) array
        G odd, sum 1; correlated with tap G//2 on HR pixel scale·p. Its centre of mass is already
        where it belongs, as in the first result of :func:`align_kernels`.
    scale : Scale

    Raises
    ------
    InvalidValueError
        The sizes do not fit, or LR has a side below 64.

    Notes
    -----
    16 LR pixels are cut on each side and at most the central 256×256 used. The kernel is moved
    over ±1 HR pixel, in steps of 1/2, then of 1/4 around the best. Moving a kernel by a spline and
    sampling the blurred photo between pixels by the same spline is one and the same.
    """
    _check_pair(hr, lr, scale)
    grid = SamplingGrid.inside(lr.shape, scale, largest=_LARGEST_CROP)
    target = grid.cut(lr)
    blurred = grid.blur(hr, np.asarray(weights, dtype=np.float32))
    grey = blurred.grey()
    grey_target = target.mean(axis=0, keepdims=True)
    shift = _climb(
        lambda at: _psnr(grey.sample(at) - grey_target), steps=(0.5, 0.25, 0.25), limit=1.0
    )
    return _psnr(blurred.sample(shift) - target)


@dataclass(frozen=True, slots=True)
class RedegradationFit:
    """How close a degraded HR comes to a real LR.

    Attributes
    ----------
    psnr : float
        In dB, peak 1, of the luma, 16 LR pixels cut on each side.
    shift : (float, float)
        Rows and columns, in HR pixels, from where the phase rule samples to where LR agrees best.
    gain, offset : float
        LR ≈ gain · degraded HR + offset.
    """

    psnr: float
    shift: tuple[float, float]
    gain: float
    offset: float


def register_pair(hr: FloatArray, lr: FloatArray, scale: Scale) -> tuple[float, float]:
    """Return roughly where LR lies on HR's grid: rows and columns, in HR pixels.

    A start for :func:`fit_redegradation`, the same for all kernels; arguments as there.
    """
    _check_pair(hr, lr, scale)
    step = float(scale)
    height, width = int(step * lr.shape[0]), int(step * lr.shape[1])
    shift = measure_shift(lr, imresize(np.ascontiguousarray(hr[:height, :width]), 1 / step))
    return -step * shift[0], -step * shift[1]


def fit_redegradation(
    hr: FloatArray,
    lr: FloatArray,
    kernel: BlurKernel,
    *,
    start: tuple[float, float] | None = None,
) -> RedegradationFit:
    """Degrade HR with ``kernel`` and fit it to a real LR by shift, gain and offset.

    Parameters
    ----------
    hr : (H, W, 3) or (H, W) float32 array
        RGB or luma on [0, 1].
    lr : (H // scale, W // scale[, 3]) float32 array
        The same of LR.
    kernel : BlurKernel
    start : (float, float) or None
        From :func:`register_pair`; measured when None.

    Raises
    ------
    InvalidValueError
        The sizes do not fit, or LR has a side below 64.

    Notes
    -----
    On the luma (0.299 R + 0.587 G + 0.114 B of the stored values), with one gain and one offset: a
    second exposure differs in brightness, and colour noise would only cover what the kernels do.
    HR is blurred once; the shift, up to ±6 HR pixels, is found by Gauss-Newton steps on where the
    blurred image is sampled, with gain and offset left free.
    """
    _check_pair(hr, lr, kernel.scale)
    grid = SamplingGrid.inside(lr.shape, kernel.scale)
    target = grid.cut(_luma(lr))
    blurred = grid.blur(_luma(hr), kernel.weights)
    first = start if start is not None else register_pair(hr, lr, kernel.scale)
    shift = _find_shift(blurred, target, np.array(first))
    degraded = blurred.sample(shift)
    gain, offset = _fit_line(degraded, target)
    psnr = _psnr(gain * degraded + offset - target)
    return RedegradationFit(psnr, (float(shift[0]), float(shift[1])), gain, offset)


def _climb(
    value: Callable[[_Float64], float], *, steps: tuple[float, ...], limit: float
) -> _Float64:
    """Return the place of the best value, looked for around the best with each step in turn."""
    best, place = value(np.zeros(2)), np.zeros(2)
    for step in steps:
        around = [place + step * np.array(d) for d in product((-1, 0, 1), repeat=2) if any(d)]
        for shift in around:
            if np.abs(shift).max() <= limit and (found := value(shift)) > best:
                best, place = found, shift
    return place


def _find_shift(blurred: BlurredImage, target: _Float64, start: _Float64) -> _Float64:
    """Return the shift whose sample is, but for gain and offset, nearest to the target."""
    shift = np.clip(start, -_GREATEST_SHIFT, _GREATEST_SHIFT)
    halves = 0.5 * np.eye(2)
    for _ in range(12):
        here = blurred.sample(shift)
        slopes = [blurred.sample(shift + half) - blurred.sample(shift - half) for half in halves]
        terms = (*slopes, here, np.ones_like(here))
        design = np.stack([term.ravel() for term in terms], axis=1)
        factors = np.linalg.lstsq(design, target.ravel(), rcond=None)[0]
        # target ≈ gain · (here + step · slopes): the factors of the slopes are gain · step.
        step = np.clip(factors[:2] / max(float(factors[2]), 0.1), -1.0, 1.0)
        shift = np.clip(shift + step, -_GREATEST_SHIFT, _GREATEST_SHIFT)
        if np.abs(step).max() < 1e-3:
            break
    return shift


def _fit_line(values: _Float64, target: _Float64) -> tuple[float, float]:
    centred = values - values.mean()
    variance = float((centred**2).mean())
    gain = float((centred * target).mean()) / variance if variance > 0 else 0.0
    return gain, float(target.mean() - gain * values.mean())


def _luma(image: FloatArray) -> FloatArray:
    return image if image.ndim == 2 else luma(image)


def _psnr(error: _Float64) -> float:
    return psnr_of_error(float((error**2).mean()) + _NO_ERROR, peak=1)


def _normalise(weights: AnyArray) -> _Float64:
    values = np.asarray(weights, dtype=np.float64)
    total = float(values.sum())
    if values.ndim != 2 or not (np.isfinite(total) and total > 0):
        raise InvalidValueError(
            f"a kernel must be (K, L), finite, its sum above 0; got {values.shape}, sum {total:.4g}"
        )
    return values / total


def _embed(weights: _Float64, size: int) -> _Float64:
    grid = np.zeros((size, size))
    top, left = (size // 2 - side // 2 for side in weights.shape)
    grid[top : top + weights.shape[0], left : left + weights.shape[1]] = weights
    return grid


def _check_pair(hr: FloatArray, lr: FloatArray, scale: Scale) -> None:
    wanted = (lr_side(hr.shape[0], scale), lr_side(hr.shape[1], scale), *hr.shape[2:])
    if lr.shape != wanted or min(lr.shape[:2]) < 2 * BORDER + 32:
        raise InvalidValueError(
            f"LR must be HR divided by {scale} and at least 64×64, got HR {hr.shape}, LR {lr.shape}"
        )

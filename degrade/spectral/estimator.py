"""Estimating the kernel of a photo from the statistics of its windows, in milliseconds."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from math import log10

import numpy as np
from threadpoolctl import ThreadpoolController

from degrade.arrays import FloatArray, U8Array
from degrade.geometry import Scale, as_scale
from degrade.kernels import BlurKernel, crop_or_pad_kernel, repair_kernel
from degrade.kernels.estimates import (
    SPECTRAL,
    KernelEstimate,
    confidence_of,
    error_energy,
    kpsnr_of,
    least_kpsnr,
)
from degrade.kernels.rescaling import rescale_kernel
from degrade.spectral.crops import SMALLEST_SIDE, Crop, Look, look_at
from degrade.spectral.lobes import bound_lobes
from degrade.spectral.measurement import measure_crop
from degrade.spectral.network import NetworkEnsemble, Prediction, embed
from degrade.spectral.usual import load_usual
from degrade.spectral.verdicts import PhotoCondition, familiarity, judge
from degrade.spectral.weights import network_for

__all__ = ["SMALLEST_SIDE", "assess_kernel", "estimate_crops", "estimate_kernel"]

_NEGLIGIBLE = 2e-3


def estimate_kernel(
    photo_u8: U8Array, scale: Scale, *, source: str = "", network: NetworkEnsemble | None = None
) -> KernelEstimate:
    """Estimate the kernel that makes photos like this from sharp ones ``scale`` times as large.

    Large photos are looked at in up to nine crops, whose kernels are averaged by how far each is
    to be trusted; how they differ counts as doubt. Lobes are made shallower by
    :func:`degrade.spectral.lobes.bound_lobes`.

    Parameters
    ----------
    photo_u8 : (H, W, 3) uint8 array
        RGB, both sides at least 96 pixels.
    scale : Scale
        Any: where there is no network for it, that of the nearest scale reads the photo, and its
        kernel is taken over (:func:`degrade.kernels.rescaling.rescale_kernel`).
    source : str
        For :attr:`BlurKernel.source` and for errors.
    network : NetworkEnsemble or None
        Others than those that come with the package.

    Raises
    ------
    UnsuitablePhotoError
        The photo is too small, or it has no edges at all.
    InvalidValueError
        The photo has another shape or dtype, or the scale is none.
    CorruptDataError
        The package's weights are missing or damaged.

    References
    ----------
    Our own: docs/decisions/0007-spectral-estimator.md. That a photo's spectrum betrays its blur is
    old; that a network can read it off, see for instance Liang et al., "Mutual Affine Network for
    Spatially Variant Kernel Estimation in Blind Image Super-Resolution", ICCV 2021.
    """
    start = time.perf_counter()
    scale = as_scale(scale)
    network = network or network_for(scale)
    look = look_at(photo_u8, source)
    estimate = estimate_crops(look, tuple(look.crops()), look.condition(), scale, network)
    return replace(estimate, seconds=time.perf_counter() - start)


def estimate_crops(
    look: Look,
    crops: Sequence[Crop],
    condition: PhotoCondition,
    scale: Scale,
    network: NetworkEnsemble,
) -> KernelEstimate:
    """Estimate the one kernel of some crops of a photo.

    Raises
    ------
    InvalidValueError
        What comes of them is no kernel.
    """
    # One thread: the matrices are too small to share, and sums then come out the same in a worker.
    with _blas().limit(limits=1, user_api="blas"):
        measured = [
            measure_crop(crop.luma, crop.cells, look.blocks, per_direction=crop.per_direction)
            for crop in crops
        ]
        predictions = [network.predict(features) for features in measured]
        strangeness = load_usual().strangeness(measured)
        combined = _combine(predictions)
        kernel = _as_kernel(bound_lobes(combined.kernel), network.scale, look.source)
    kernel = rescale_kernel(kernel, scale)
    known = familiarity(condition.noise_sigma, condition.contrast, strangeness)
    # Of a wider kernel the taps are smaller, and so are their errors.
    expected = combined.expected_kpsnr + 20 * log10(scale / network.scale)
    return KernelEstimate(
        kernel=kernel,
        method=SPECTRAL,
        expected_kpsnr=expected,
        confidence=known * confidence_of(expected, kernel.weights, network.calibration.spread),
        seconds=0.0,
        verdicts=judge(condition, strangeness),
        statistics={
            **condition.as_statistics(),
            "crops": float(len(predictions)),
            "disagreement": combined.disagreement,
            "strangeness": strangeness,
            "least_kpsnr": least_kpsnr(expected),
        },
    )


@cache
def _blas() -> ThreadpoolController:
    return ThreadpoolController()


def assess_kernel(photo_u8: U8Array, kernel: BlurKernel) -> KernelEstimate:
    """Say how far to trust a kernel that another method found in a photo.

    This estimator's own kernel is about the mean of what the truth can be, given the photo. The
    squared error to expect of another kernel is then its squared distance from this one, plus this
    one's own.

    Parameters
    ----------
    photo_u8 : (H, W, 3) uint8 array
    kernel : BlurKernel

    Returns
    -------
    KernelEstimate
        With ``kernel`` as it was given.

    Raises
    ------
    UnsuitablePhotoError, InvalidValueError, CorruptDataError
        As :func:`estimate_kernel`.
    """
    own = estimate_kernel(photo_u8, kernel.scale)
    side = max(own.kernel.size, kernel.size)
    difference = crop_or_pad_kernel(own.kernel.weights, side) - crop_or_pad_kernel(
        kernel.weights, side
    )
    energy = error_energy(own.expected_kpsnr) + float(np.square(difference).sum())
    expected = kpsnr_of(energy)
    network = network_for(kernel.scale)
    known = familiarity(
        *(own.statistics[name] for name in ("noise_sigma", "contrast", "strangeness"))
    )
    return replace(
        own,
        kernel=kernel,
        method="other",
        expected_kpsnr=expected,
        confidence=known * confidence_of(expected, kernel.weights, network.calibration.spread),
        statistics={**own.statistics, "least_kpsnr": least_kpsnr(expected)},
    )


def _combine(predictions: Sequence[Prediction]) -> Prediction:
    """Average the crops' kernels, each with the weight of its expected precision.

    The crops share the photo's sharpness, so their errors do not average out: the error to expect
    is the mean of theirs. ``disagreement`` is the largest of what symmetries and crops say.
    """
    energies = np.array([error_energy(prediction.expected_kpsnr) for prediction in predictions])
    weights = (1 / energies) / (1 / energies).sum()
    kernels = np.array([prediction.kernel for prediction in predictions])
    kernel = np.tensordot(weights, kernels, axes=1).astype(np.float32)
    distances = np.square(kernels - kernel).sum(axis=(1, 2))
    between = float(np.sqrt((weights * distances).sum() / np.square(kernel).sum()))
    within = float((weights * [prediction.disagreement for prediction in predictions]).sum())
    return Prediction(
        kernel=kernel,
        expected_kpsnr=kpsnr_of(float((weights * energies).sum())),
        disagreement=max(between, within),
    )


def _as_kernel(part: FloatArray, scale: int, source: str) -> BlurKernel:
    """Cut margins that hold next to nothing, and make sure of the phase."""
    weights = embed(part, scale)
    while weights.shape[0] > 2 * scale + 3:
        inner = weights[1:-1, 1:-1]
        if np.abs(weights).sum() - np.abs(inner).sum() > _NEGLIGIBLE:
            break
        weights = inner
    return repair_kernel(weights, scale, source)[0]

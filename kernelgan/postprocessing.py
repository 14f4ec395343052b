"""From the trained kernel to the one that is handed out."""

from __future__ import annotations

import numpy as np

from degrade.arrays import AnyArray
from degrade.errors import DegradeError
from degrade.kernels import BlurKernel, compose_kernels, crop_or_pad_kernel, repair_kernel
from kernelgan.config import KernelGANConfig

__all__ = ["finish_kernel"]

_RANK = 41 / 13**2
_CUT = 0.75
_NEGLIGIBLE = 1e-3


def finish_kernel(weights: AnyArray, config: KernelGANConfig, source: str) -> BlurKernel:
    """Cut what is noise, normalise, centre, and compose ×4.

    Taps below 0.75 × the 41st largest of 13² (the same share of other sizes) are set to 0, as in
    the published settings. Where this deviates: the kernel keeps its size and gets no negative
    taps from the centring, and its centre obeys the project's phase rule.

    Parameters
    ----------
    weights : (K, K) array
        The composed kernel after the last iteration.
    config : KernelGANConfig
    source : str
        For :attr:`BlurKernel.source`.

    Raises
    ------
    DegradeError
        Nothing positive is left.
    """
    values = np.array(weights, dtype=np.float64)
    rank = round(_RANK * values.size)
    cut = _CUT * max(np.sort(values, axis=None)[-rank], 0.0)
    values[(values < cut) | (values <= 0)] = 0
    if not values.sum() > 0:
        raise DegradeError(
            f"{source}: the estimate has no positive tap; use more `iterations` or another `seed`"
        )
    kernel = _centred(values, config.base_scale, source)
    if config.scale == 4:
        kernel = _trimmed(compose_kernels(kernel, kernel), source)
    return kernel


def _centred(values: AnyArray, scale: int, source: str) -> BlurKernel:
    """Move the centre of mass to its place on the same taps, without negative ones.

    Each shift by splines makes small negative taps, and cutting those off moves the centre again:
    so it is done until nothing changes.
    """
    size = values.shape[0]
    for _ in range(10):
        kernel, notes = repair_kernel(values / values.sum(), scale, source)
        values = np.maximum(crop_or_pad_kernel(kernel.weights, size), 0).astype(np.float64)
        if not notes and kernel.size == size:
            break
    return kernel


def _trimmed(kernel: BlurKernel, source: str) -> BlurKernel:
    """Cut equal margins while next to nothing is lost with them."""
    weights: AnyArray = kernel.weights
    while weights.shape[0] > 3:
        inner = weights[1:-1, 1:-1]
        if abs(1 - inner.sum()) > _NEGLIGIBLE:
            break
        weights = inner
    return repair_kernel(weights, kernel.scale, source)[0]

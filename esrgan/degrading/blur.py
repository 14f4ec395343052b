"""The blur that makes LR of HR, in a batch, exact as :mod:`degrade.degradation.downsampling` is.

Pixels and taps are integers there, so small that float32 holds every sum. So the order of the
additions does not matter, and convolutions on any device give the same: one with the coarse taps,
one with the fine ones.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from degrade.degradation.downsampling import MIDDLE, taps_of
from degrade.degradation.steps import Blur
from degrade.errors import InvalidValueError
from degrade.kernels import BlurKernel
from esrgan.degrading.inputs import BatchInputs

__all__ = ["blur"]

_AT_ONCE = 16
"""Samples that a CPU works on together: so many fit into its cache."""


def blur(levels_BHWC: Tensor, steps: Sequence[Blur], given: BatchInputs) -> Tensor:
    """Blur each window with the kernel of its :class:`~degrade.degradation.steps.Blur`."""
    if levels_BHWC.numel():
        raise InvalidValueError("a blur makes LR of HR: it is applied first")
    kernels = [step.read_kernel(given.pool) for step in steps]
    for kernel in kernels:
        if kernel.scale != given.scale or kernel.size // 2 > given.margin:
            raise InvalidValueError(
                f"the batch is for ×{given.scale} and kernels of {2 * given.margin + 1} taps, "
                f"got ×{kernel.scale} and {kernel.size}"
            )
    taps_PBKK, units_PB = _taps_of(kernels, [step.coarse for step in steps])
    cut = given.margin - taps_PBKK.shape[-1] // 2
    height, width = (side - cut for side in given.windows_BHWC.shape[1:3])
    seen = given.windows_BHWC[:, cut:height, cut:width].permute(3, 0, 1, 2)
    pixels_CBHW = seen.to(torch.float32, memory_format=torch.contiguous_format).sub_(MIDDLE)
    coarse_CBHW, fine_CBHW = (
        _correlate(pixels_CBHW, taps_BKK.to(given.device), given.scale).to(torch.float64)
        for taps_BKK in taps_PBKK
    )
    units_PB11 = units_PB.to(given.device)[..., None, None]
    fine_CBHW.mul_(units_PB11[1]).add_(coarse_CBHW.mul_(units_PB11[0])).add_(MIDDLE)
    return fine_CBHW.to(torch.float32).permute(1, 2, 3, 0)


def _correlate(pixels_CBHW: Tensor, taps_BKK: Tensor, step: int) -> Tensor:
    """Correlate each sample with its own taps, at every ``step``-th pixel."""
    if len(taps_BKK) == 1:  # one group is no depthwise convolution: a GPU would round what goes in
        pixels_CBHW, taps_BKK = pixels_CBHW.repeat(1, 2, 1, 1), taps_BKK.repeat(2, 1, 1)
        return _correlate(pixels_CBHW, taps_BKK, step)[:, :1]
    at_once = len(taps_BKK) if taps_BKK.is_cuda else _AT_ONCE
    parts = [
        functional.conv2d(pixels, taps[:, None], stride=step, groups=len(taps))
        for pixels, taps in zip(
            torch.split(pixels_CBHW, at_once, 1), torch.split(taps_BKK, at_once), strict=True
        )
    ]
    return torch.cat(parts, 1)


def _taps_of(kernels: Sequence[BlurKernel], coarse: Sequence[bool]) -> tuple[Tensor, Tensor]:
    """Return coarse and fine taps, smaller kernels framed by zeros, and the units of their sums."""
    side = max(kernel.size for kernel in kernels)
    taps_PBKK = np.zeros((2, len(kernels), side, side), np.float32)
    units_PB = np.empty((2, len(kernels)))
    for number, (kernel, alone) in enumerate(zip(kernels, coarse, strict=True)):
        first = (side - kernel.size) // 2
        inner = slice(first, first + kernel.size)
        own = taps_of(kernel, finely=not alone)
        taps_PBKK[0, number, inner, inner] = own.coarse[0, 0]
        taps_PBKK[1, number, inner, inner] = own.fine[0, 0]
        units_PB[:, number] = own.units[0, 0]
    return torch.from_numpy(taps_PBKK), torch.from_numpy(units_PB)

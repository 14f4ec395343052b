"""What the networks are fed with: crops and noise of many photos, cut in blocks ahead of time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from degrade.arrays import FloatArray
from kernelgan.config import KernelGANConfig
from kernelgan.crops import CropPlan

__all__ = ["CropBatch", "CropFeed"]

_BLOCK = 16
"""Iterations; a multiple of 16 draws the same noise as any other."""


class CropBatch(NamedTuple):
    """One iteration's inputs for b photos; images on [-1, 1].

    Attributes
    ----------
    phases : (b, s, s, 3, 32, 32) tensor
        The generator's crops: [:, p, q] holds the pixels [p::s, q::s].
    real : (b, 3, 26, 26) tensor
        The discriminator's real crops.
    noise : (b, 3, 3, 26, 26) tensor
        For the generator's turn, for the real and for the fake crop.
    """

    phases: Tensor
    real: Tensor
    noise: Tensor


class CropFeed:
    """Yields each iteration's inputs.

    Parameters
    ----------
    images : sequence of (H, W, 3) float32 arrays
        RGB on [0, 1], of any sizes; never written to, and not copied as a whole.
    plans : sequence of CropPlan
        Where each photo's crops lie.
    config : KernelGANConfig
    rngs : sequence of torch.Generator
        One CPU generator a photo, also when the networks run elsewhere, so that all devices see
        the same noise.
    like : Tensor
        For dtype and device.
    """

    def __init__(
        self,
        images: Sequence[FloatArray],
        plans: Sequence[CropPlan],
        config: KernelGANConfig,
        *,
        rngs: Sequence[torch.Generator],
        like: Tensor,
    ) -> None:
        self._photos = list(zip(images, plans, rngs, strict=True))
        self._config = config
        count, scale, side = len(images), config.base_scale, config.lr_crop
        cut = config.hr_crop // scale
        self._host = (
            torch.empty(_BLOCK, count, scale, scale, 3, cut, cut, dtype=like.dtype),
            torch.empty(_BLOCK, count, 3, side, side, dtype=like.dtype),
            torch.empty(_BLOCK, count, 3, 3, side, side, dtype=like.dtype),
        )
        self._device = like.device
        self._start = -_BLOCK
        self._block: list[CropBatch] = []

    def take(self, index: int) -> CropBatch:
        """Return the inputs of iteration ``index``, this one or the one after the last.

        They are valid until the next ones are taken.
        """
        if index == self._start + _BLOCK:
            self._start = index
            self._cut_block()
        return self._block[index - self._start]

    def _cut_block(self) -> None:
        """Cut the next crops: one transfer for all photos and several iterations."""
        config, rows = self._config, slice(self._start, self._start + _BLOCK)
        scale, side = config.base_scale, config.lr_crop
        phases, real, noise = self._host
        for index, (image, plan, rng) in enumerate(self._photos):
            # The HR corners lie on multiples of the scale.
            crops = _cut(image, plan.hr[rows], config.hr_crop // scale, scale)
            phases[: len(crops), index] = crops
            real[: len(crops), index] = _cut(image, plan.lr[rows], side, 1)[:, 0, 0]
            drawn = torch.randn(_BLOCK, 3, 3, side, side, generator=rng, dtype=torch.float32)
            noise[:, index] = drawn.mul_(config.noise_level)
        parts = (tensor.to(self._device) for tensor in self._host)
        self._block = [CropBatch(*tensors) for tensors in zip(*parts, strict=True)]


def _cut(image: FloatArray, corners: npt.NDArray[np.int64], side: int, scale: int) -> Tensor:
    """Return (t, s, s, 3, side, side) crops of the image's phases, on [-1, 1]."""
    height, width = (size - size % scale for size in image.shape[:2])
    phases = image[:height, :width].reshape(height // scale, scale, width // scale, scale, 3)
    windows = np.lib.stride_tricks.sliding_window_view(phases, (side, side), axis=(0, 2))
    top, left = (corners // scale).T
    crops = windows[top, :, left]
    return torch.from_numpy(crops * np.float32(2) - np.float32(1))

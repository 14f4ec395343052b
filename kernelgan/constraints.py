"""What the generator's loss asks of the kernel, and when."""

from __future__ import annotations

import torch
from torch import Tensor

from degrade.kernels import bicubic_kernel, crop_or_pad_kernel, phase_centre
from kernelgan.config import KernelGANConfig

__all__ = ["KernelConstraints"]

_SMALL_TERM = 0.4
_TIMES_IN_A_ROW = 3
_FADE = 100.0
_FAINTEST = 5e-6
_SPARSE_BELOW = 5e-3
_SPARSE_POWER = 0.2
_SMALLEST_TAP = 1e-6
_FREE_RADIUS = 4.5


class KernelConstraints:
    """The terms of the generator's loss beside the adversarial one, with their schedule.

    KernelGAN (paper, §3.2, and its published settings): the data term (mean squared difference to
    the ideal bicubic downscale), sum, and boundary from the start. Once the weighted data term has
    been below 0.4 three times in a row, its weight is divided by 100 at every ``bicubic_every``-th
    iteration; once it is below 5e-3, the centre and the sparsity terms join.

    RealSR (Ji et al., CVPRW 2020, eq. 3): L1 data term, sum, boundary, all of weight 1 throughout.

    Boundary and sparsity are means over the taps, so that weights keep their meaning when K
    changes; RealSR's boundary is the absolute sum that its equation states.

    Parameters
    ----------
    config : KernelGANConfig
    device : torch.device
    """

    def __init__(self, config: KernelGANConfig, device: torch.device) -> None:
        size, scale = config.kernel_size, config.base_scale
        self._config = config
        self._bicubic_weight = config.bicubic_weight
        self._times_small = 0
        self._taps = torch.arange(size, dtype=torch.float32, device=device)
        self._centre = phase_centre(size, scale)
        self._mask = _boundary_mask(self._taps, self._centre, scale)
        bicubic = crop_or_pad_kernel(bicubic_kernel(scale).weights, size)
        self._bicubic = torch.from_numpy(bicubic.flatten()).to(device)

    @property
    def bicubic_weight(self) -> float:
        """The data term's weight now."""
        return self._bicubic_weight

    @property
    def complete(self) -> bool:
        """Whether every term that the set has is at work."""
        return self._config.constraints == "realsr" or self._bicubic_weight < _SPARSE_BELOW

    def data_difference(self, windows: Tensor, fake: Tensor) -> Tensor:
        """Return the flat ``fake`` minus the bicubic downscale of the same windows."""
        return fake - windows @ self._bicubic

    def penalty(self, kernel: Tensor, difference: Tensor) -> Tensor:
        """Return the weighted sum of the terms; ``difference`` is the data difference."""
        config = self._config
        total = kernel.sum()
        if config.constraints == "realsr":
            return difference.abs().mean() + (1 - total).abs() + (kernel * self._mask).sum().abs()
        data = self._bicubic_weight * difference.square().mean()
        self._watch(data)
        magnitude = kernel.abs()
        loss = data + config.sum_weight * (1 - total).abs()
        loss = loss + config.boundary_weight * (magnitude * self._mask).mean()
        if self.complete:
            # Below _SMALLEST_TAP the slope is set to 0: at 0 it is infinite, and 0·∞ is NaN.
            roots = magnitude.clamp(min=_SMALLEST_TAP) ** _SPARSE_POWER
            loss = loss + config.sparsity_weight * roots.mean()
            loss = loss + config.centre_weight * self._off_centre(kernel, total)
        return loss

    def advance(self, done: int) -> None:
        """Fade the data term when ``done`` iterations call for it."""
        if self._times_small >= _TIMES_IN_A_ROW and done % self._config.bicubic_every == 0:
            self._bicubic_weight = max(self._bicubic_weight / _FADE, _FAINTEST)

    def _watch(self, data: Tensor) -> None:
        if self._times_small < _TIMES_IN_A_ROW:
            self._times_small = self._times_small + 1 if data.item() < _SMALL_TERM else 0

    def _off_centre(self, kernel: Tensor, total: Tensor) -> Tensor:
        """Return the mean squared distance of the centre of mass from its place, per axis."""
        rows = kernel.sum(dim=1) @ self._taps / total - self._centre
        columns = kernel.sum(dim=0) @ self._taps / total - self._centre
        return (rows.square() + columns.square()) / 2


def _boundary_mask(taps: Tensor, centre: float, scale: int) -> Tensor:
    """Return weights that grow exponentially with the distance from the centre (paper, §3.2).

    1 at 4.5 HR pixels at ×2 (2σ of the widest kernels of the field's tests), in proportion to the
    scale otherwise.
    """
    distance = torch.hypot(taps[:, None] - centre, taps[None, :] - centre)
    return torch.exp(distance * 2 / scale - _FREE_RADIUS)

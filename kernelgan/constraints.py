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
    """Gradients of the loss's terms beside the adversarial one, and their schedule, for b photos.

    KernelGAN (paper, §3.2, and its published settings), for a kernel k of n taps with sum S::

        w₁ mean(d²)                 d: the output less the ideal bicubic downscale
        + w₂ |1 - S|
        + w₃ mean(|k| · mask)       mask: grows exponentially towards the boundary
        + w₄ mean(|k|^0.2)          late
        + w₅ |m|² / 2               late; m: the centre of mass less its place, 2 coordinates

    Once the weighted data term has been below 0.4 three times in a row, its weight is divided by
    100 at every ``bicubic_every``-th iteration; once it is below 5e-3, the late terms join.

    RealSR (Ji et al., CVPRW 2020, eq. 3): ``mean|d| + |1 - S| + |Σ k · mask|`` throughout.

    Boundary and sparsity are means over the taps, so that weights keep their meaning when K
    changes; RealSR's boundary is the absolute sum that its equation states.

    Parameters
    ----------
    config : KernelGANConfig
    photos : int
        b.
    like : Tensor
        For dtype and device.

    Attributes
    ----------
    bicubic : (K, K) tensor
        The bicubic downscale's kernel.
    bicubic_weight : (b,) tensor
        w₁ now.
    data_term : (b,) tensor
        mean(d²) at the last step.
    """

    def __init__(self, config: KernelGANConfig, photos: int, like: Tensor) -> None:
        size, scale = config.kernel_size, config.base_scale
        self._config = config
        self.bicubic_weight = like.new_full((photos,), config.bicubic_weight)
        self.data_term = like.new_full((photos,), torch.nan)
        self._times_small = like.new_zeros(photos)
        self._watching = config.constraints == "kernelgan"
        self._complete = like.new_full((photos, 1), config.constraints == "realsr")
        self._late = False
        axis = torch.arange(size, dtype=like.dtype, device=like.device) - phase_centre(size, scale)
        self._places = torch.cartesian_prod(axis, axis)
        self._mask = _boundary_mask(self._places, scale)
        bicubic = crop_or_pad_kernel(bicubic_kernel(scale).weights, size)
        self.bicubic = torch.from_numpy(bicubic).to(like)

    def complete(self) -> list[bool]:
        """Return for each photo whether every term that the set has is at work."""
        return [value > 0 for value in self._complete.flatten().tolist()]

    def data_gradient(self, difference: Tensor) -> Tensor:
        """Return the data term's derivatives by d, (b, …), and watch how small it is."""
        values = difference.flatten(1)
        count = values.shape[1]
        torch.mean(values * values, 1, out=self.data_term)
        if self._config.constraints == "realsr":
            return difference.sign().div_(count)
        if self._watching:
            small = self.bicubic_weight * self.data_term < _SMALL_TERM
            enough = self._times_small >= _TIMES_IN_A_ROW
            self._times_small.add_(1).mul_(small | enough)
        return difference * (2 / count * self.bicubic_weight.view(-1, 1, 1, 1))

    def kernel_gradient(self, kernel: Tensor) -> Tensor:
        """Return the other terms' derivatives by (b, K, K) kernels."""
        config = self._config
        taps = kernel.reshape(len(kernel), -1)
        count = taps.shape[1]
        total = taps.sum(1, keepdim=True)
        towards_one = (total - 1).sign_()
        if config.constraints == "realsr":
            outside = (taps * self._mask).sum(1, keepdim=True).sign_()
            return torch.addcmul(towards_one, outside, self._mask).view_as(kernel)
        slope = self._mask * (config.boundary_weight / count)
        if self._late:
            slope = torch.addcmul(slope, self._sparsity_slope(taps), self._complete)
        gradient = torch.addcmul(towards_one * config.sum_weight, taps.sign(), slope)
        if self._late:
            gradient.addcmul_(self._centre_gradient(taps, total), self._complete)
        return gradient.view_as(kernel)

    def advance(self, done: int) -> None:
        """Fade the data term of the photos that call for it after ``done`` iterations."""
        if done % self._config.bicubic_every or self._config.constraints == "realsr":
            return
        enough = self._times_small >= _TIMES_IN_A_ROW
        self._watching = not bool(enough.all())
        faded = (self.bicubic_weight / _FADE).clamp_min_(_FAINTEST)
        torch.where(enough, faded, self.bicubic_weight, out=self.bicubic_weight)
        torch.lt(self.bicubic_weight[:, None], _SPARSE_BELOW, out=self._complete)
        self._late = any(self.complete())

    def _sparsity_slope(self, taps: Tensor) -> Tensor:
        """Return the derivatives of the sparsity term by |k|.

        Below _SMALLEST_TAP they are set to 0: at 0 they are infinite, and 0·∞ is NaN.
        """
        size = taps.abs()
        factor = self._config.sparsity_weight * _SPARSE_POWER / taps.shape[1]
        slope = size.clamp_min(_SMALLEST_TAP).pow_(_SPARSE_POWER - 1).mul_(factor)
        return slope.mul_(size >= _SMALLEST_TAP)

    def _centre_gradient(self, taps: Tensor, total: Tensor) -> Tensor:
        """Return the derivatives of the centre term.

        m = Σ k p / S for the places p, so d(|m|²/2)/dk = m · (p - m) / S.
        """
        moment = taps @ self._places / total
        along = moment @ self._places.T - moment.square().sum(1, keepdim=True)
        return along * (self._config.centre_weight / total)


def _boundary_mask(places: Tensor, scale: int) -> Tensor:
    """Return weights that grow exponentially with the distance from the centre (paper, §3.2).

    1 at 4.5 HR pixels at ×2 (2σ of the widest kernels of the field's tests), in proportion to the
    scale otherwise.
    """
    distance = torch.linalg.vector_norm(places, dim=1)
    return torch.exp(distance * (2 / scale) - _FREE_RADIUS)

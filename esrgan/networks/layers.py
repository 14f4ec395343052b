"""What the networks share: convolutions, checks of sizes, the device."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from degrade.errors import InvalidValueError

__all__ = [
    "SLOPE",
    "SpectralConv2d",
    "check_sizes",
    "conv3",
    "draw_small_weights",
    "enlarge",
]

SLOPE = 0.2
"""Of the leaky ReLU, in every network but MSRResNet."""

_EPSILON = 1e-12
_FIRST_STEPS = 15


def check_sizes(**sizes: int) -> None:
    """Raise InvalidValueError unless every size is at least 1."""
    for name, value in sizes.items():
        if value < 1:
            raise InvalidValueError(f"{name} must be at least 1, got {value}")


def conv3(in_channels: int, out_channels: int, *, bias: bool = True) -> nn.Conv2d:
    """Return a 3×3 convolution that keeps the size."""
    return nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1, bias=bias)


def draw_small_weights(conv: nn.Conv2d) -> None:
    """Draw He's initial weights and divide them by ten; no bias."""
    nn.init.zeros_(conv.bias)  # type: ignore[arg-type]
    # Without memory there is nothing to draw, and torch would load a compiler for it: 2 s.
    if not conv.weight.is_meta:
        nn.init.kaiming_normal_(conv.weight)
        with torch.no_grad():
            conv.weight.mul_(0.1)


def enlarge(x_BCHW: Tensor, conv: nn.Conv2d, factor: int) -> Tensor:
    """Enlarge by nearest neighbour, then convolve and activate."""
    larger = functional.interpolate(x_BCHW, scale_factor=factor, mode="nearest")
    return functional.leaky_relu(conv(larger), SLOPE, inplace=True)


class SpectralConv2d(nn.Module):
    """A convolution with its weight divided by the weight's largest singular value.

    The weight counts as a matrix of (out_channels, in_channels·kernel_size²). One step of the
    power method a forward pass, in training only, keeps the estimate of the singular value; a few
    when it is made bring it near from the beginning.

    Parameters
    ----------
    in_channels, out_channels, kernel_size, stride, padding : int
    bias : bool

    References
    ----------
    Miyato et al., "Spectral Normalization for Generative Adversarial Networks", ICLR 2018, §2.1
    and algorithm 1. The tensors have the names (``weight_orig``, ``weight_u``, ``weight_v``) and
    the arithmetic of ``torch.nn.utils.spectral_norm``, so that published discriminators load; the
    singular value is computed in full precision under autocast, too.
    """

    weight_u: Tensor
    weight_v: Tensor

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        stride: int = 1,
        padding: int = 0,
        bias: bool = True,
    ) -> None:
        super().__init__()
        plain = nn.Conv2d(in_channels, out_channels, kernel_size, bias=bias)
        self.stride = stride
        self.padding = padding
        self.bias = plain.bias
        self.weight_orig = plain.weight
        rows, columns = self.weight_orig.flatten(1).shape
        self.register_buffer("weight_u", functional.normalize(torch.randn(rows), dim=0))
        self.register_buffer("weight_v", functional.normalize(torch.randn(columns), dim=0))
        for _ in range(_FIRST_STEPS):
            self._iterate(self.weight_orig.flatten(1))

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Return the convolution with the normalised weight."""
        weight = self.normalised_weight()
        return functional.conv2d(x_BCHW, weight, self.bias, self.stride, self.padding)

    def normalised_weight(self) -> Tensor:
        """Return the weight that is convolved with; in training this moves the estimate on."""
        with torch.autocast(self.weight_orig.device.type, enabled=False):
            matrix = self.weight_orig.flatten(1)
            if self.training:
                self._iterate(matrix)
            # Clones: the next forward pass changes the buffers before this one's backward pass.
            u, v = self.weight_u.clone(), self.weight_v.clone()
            return self.weight_orig / torch.dot(u, torch.mv(matrix, v))

    @torch.no_grad()
    def _iterate(self, matrix: Tensor) -> None:
        v = functional.normalize(torch.mv(matrix.t(), self.weight_u), dim=0, eps=_EPSILON)
        self.weight_v.copy_(v)
        u = functional.normalize(torch.mv(matrix, v), dim=0, eps=_EPSILON)
        self.weight_u.copy_(u)

"""Pixel losses: how far SR is from HR, pixel by pixel.

All take RGB of one shape, meant for [0, 1], and return the mean over batch, channels and pixels
(the 1/hwc of the survey: Wang, Chen and Hoi, "Deep Learning for Image Super-resolution: A
Survey", TPAMI 2020, arXiv 1902.06068, §3.4, "Pixel Loss").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Literal, TypeAlias

from torch import Tensor
from torch.nn import functional

from esrgan.losses.tensors import require_same_shape, widened

__all__ = ["PIXEL_LOSSES", "PixelKind", "charbonnier_loss", "l1_loss", "l2_loss"]

PixelKind: TypeAlias = Literal["l1", "l2", "charbonnier"]


def l1_loss(sr_BCHW: Tensor, hr_BCHW: Tensor) -> Tensor:
    """Return the mean absolute difference, mean |sr − hr|.

    References
    ----------
    Zhao et al., "Loss Functions for Image Restoration with Neural Networks", TCI 2017.
    """
    require_same_shape(sr_BCHW, hr_BCHW)
    return functional.l1_loss(widened(sr_BCHW), widened(hr_BCHW))


def l2_loss(sr_BCHW: Tensor, hr_BCHW: Tensor) -> Tensor:
    """Return the mean squared difference, mean (sr − hr)².

    References
    ----------
    Ledig et al., "Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial
    Network" (SRGAN), CVPR 2017, eq. 4. Its images are on [−1, 1], where the value is four times
    that on [0, 1].
    """
    require_same_shape(sr_BCHW, hr_BCHW)
    return functional.mse_loss(widened(sr_BCHW), widened(hr_BCHW))


def charbonnier_loss(sr_BCHW: Tensor, hr_BCHW: Tensor, *, epsilon: float = 1e-3) -> Tensor:
    """Return the mean of √((sr − hr)² + ε²), L1 made smooth around 0.

    Its smallest value is ε, not 0. ε is squared: BasicSR's ``eps`` of 1e-12 is an ε of 1e-6.

    References
    ----------
    Lai et al., "Deep Laplacian Pyramid Networks for Fast and Accurate Super-Resolution", CVPR 2017,
    eq. 2, with their ε of 1e-3; the sum over pixels there is a mean here.
    """
    require_same_shape(sr_BCHW, hr_BCHW)
    difference_BCHW = widened(sr_BCHW) - widened(hr_BCHW)
    return (difference_BCHW.square() + epsilon**2).sqrt().mean()


PIXEL_LOSSES: Final[Mapping[str, Callable[[Tensor, Tensor], Tensor]]] = {
    "l1": l1_loss,
    "l2": l2_loss,
    "charbonnier": charbonnier_loss,
}
"""The pixel losses by name."""

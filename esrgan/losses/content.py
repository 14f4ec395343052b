"""Content loss: how far SR is from HR in the features of a network that knows images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Literal, TypeAlias

from torch import Tensor
from torch.nn import functional

from degrade.errors import InvalidValueError
from esrgan.losses.tensors import require_same_shape, widened

__all__ = [
    "ESRGAN_LAYERS",
    "Distance",
    "content_loss",
]

Distance: TypeAlias = Literal["l1", "l2"]

_DISTANCES: Final[Mapping[str, Callable[[Tensor, Tensor], Tensor]]] = {
    "l1": functional.l1_loss,
    "l2": functional.mse_loss,
}

ESRGAN_LAYERS: Final[Mapping[str, float]] = {"conv5_4": 1.0}
"""ESRGAN's and RealSR's layer: the fourth convolution of the fifth stage, before its activation."""


def content_loss(
    sr_features: Mapping[str, Tensor],
    hr_features: Mapping[str, Tensor],
    layers: Mapping[str, float],
    *,
    distance: Distance = "l1",
    scale: float = 1.0,
) -> Tensor:
    """Return Σ over layers of weight · mean |scale·(φ(sr) − φ(hr))|ᵖ, p = 1 or 2.

    Parameters
    ----------
    sr_features, hr_features : mapping of str to (B, C, H, W) Tensor
        Of :func:`~esrgan.losses.features.pair_features`.
    layers : mapping of str to float
        Layer to weight.
    distance : {"l1", "l2"}
        L1 is ESRGAN's and RealSR's, L2 is SRGAN's. The mean is over batch, channels and positions.
    scale : float
        Of the features; with L2 it counts twice.

    Raises
    ------
    InvalidValueError
        A layer is missing or its shapes differ.

    References
    ----------
    Ledig et al. (SRGAN), CVPR 2017, eq. 5: L2, after the activation. There 1/(WH) stands before
    the sum over positions; that over channels is a mean here as well, as in published trainers,
    which is what brings the loss near MSE with the paper's scale. Wang et al., "ESRGAN", ECCVW
    2018, §3.3: before the activation. Survey (arXiv 1902.06068) §3.4, "Content Loss": a root of
    the sum of squares, which no recipe here uses.
    """
    total: Tensor | float = 0.0
    for name, weight in layers.items():
        if name not in sr_features or name not in hr_features:
            raise InvalidValueError(f"layer {name} is not among the features {sorted(sr_features)}")
        sr_BCHW, hr_BCHW = widened(sr_features[name]), widened(hr_features[name])
        require_same_shape(sr_BCHW, hr_BCHW)
        total = total + weight * _DISTANCES[distance](scale * sr_BCHW, scale * hr_BCHW)
    if not isinstance(total, Tensor):
        raise InvalidValueError("layers must name at least one layer, got none")
    return total

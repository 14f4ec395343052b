"""What content and texture losses compare: layers of a frozen network, each computed once."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

import torch
from torch import Tensor

__all__ = ["FeatureNetwork", "pair_features"]


class FeatureNetwork(Protocol):
    """A frozen network that gives some of its layers by name.

    :class:`~esrgan.losses.vgg19.VGG19Features` and :class:`~esrgan.losses.gabor.GaborFeatures` are
    two. One that knows more about what is seen can stand in their place: with the heat maps of a
    face alignment network the content loss (L2) is the prior of Super-FAN (Bulat and
    Tzimiropoulos, CVPR 2018).
    """

    @property
    def layer_names(self) -> tuple[str, ...]:
        """All layers that it has."""

    def __call__(self, image_BCHW: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """Return the named layers of RGB on [0, 1], computing nothing behind the deepest."""


def pair_features(
    network: FeatureNetwork, sr_BCHW: Tensor, hr_BCHW: Tensor, layers: Collection[str]
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return the layers of SR, with gradient, and of HR, without.

    One pass each, for all losses together: name every layer that any of them needs.

    Parameters
    ----------
    network : FeatureNetwork
    sr_BCHW, hr_BCHW : Tensor
        RGB on [0, 1].
    layers : collection of str

    Returns
    -------
    sr_features, hr_features : dict of str to (B, C, H, W) Tensor
    """
    with torch.no_grad():
        hr_features = network(hr_BCHW, layers)
    return network(sr_BCHW, layers), hr_features

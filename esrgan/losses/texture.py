"""Texture loss: which features occur together, wherever they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor

from degrade.errors import InvalidValueError
from esrgan.losses.tensors import require_same_shape, widened, without_autocast

__all__ = ["TEXTURE_LAYERS", "gram_matrix", "texture_loss"]

TEXTURE_LAYERS: Final[Mapping[str, float]] = {"relu1_1": 1.0, "relu2_1": 1.0, "relu3_1": 1.0}
"""The first layers of the first three stages: textures of up to some 16 pixels."""


def gram_matrix(features_BCHW: Tensor) -> Tensor:
    """Return (B, C, C): G_ij = Σ_p φ_i(p)·φ_j(p) / (C·H·W).

    Computed in float32 or better, in regions of automatic mixed precision, too.

    References
    ----------
    Gatys, Ecker and Bethge, "Image Style Transfer Using Convolutional Neural Networks", CVPR 2016,
    eq. 3 (without the division); Johnson, Alahi and Fei-Fei, "Perceptual Losses for Real-Time
    Style Transfer and Super-Resolution", ECCV 2016, eq. 3 (with it).
    """
    flat_BCP = widened(features_BCHW).flatten(2)
    with without_autocast(flat_BCP):
        return torch.bmm(flat_BCP, flat_BCP.transpose(1, 2)) / flat_BCP[0].numel()


def texture_loss(
    sr_features: Mapping[str, Tensor],
    hr_features: Mapping[str, Tensor],
    layers: Mapping[str, float],
) -> Tensor:
    """Return Σ over layers of weight · ‖G(sr) − G(hr)‖², the mean over the batch.

    Parameters
    ----------
    sr_features, hr_features : mapping of str to (B, C, H, W) Tensor
        Of :func:`~esrgan.losses.features.pair_features`, shared with the content loss.
    layers : mapping of str to float
        Layer to weight.

    Raises
    ------
    InvalidValueError
        A layer is missing or its shapes differ.

    References
    ----------
    Johnson et al., ECCV 2016, eq. 4: the squared Frobenius norm, summed over the C² entries.
    Survey (arXiv 1902.06068) §3.4, "Texture Loss", has its root over C² of matrices that are not
    normalised, whose gradient has no bound where SR equals HR. Sajjadi et al., "EnhanceNet", ICCV
    2017, take matrices of patches of 16 pixels; here a matrix is of the whole training patch.
    """
    total: Tensor | float = 0.0
    for name, weight in layers.items():
        if name not in sr_features or name not in hr_features:
            raise InvalidValueError(f"layer {name} is not among the features {sorted(sr_features)}")
        require_same_shape(sr_features[name], hr_features[name])
        difference_BCC = gram_matrix(sr_features[name]) - gram_matrix(hr_features[name])
        total = total + weight * difference_BCC.square().sum((1, 2)).mean()
    if not isinstance(total, Tensor):
        raise InvalidValueError("layers must name at least one layer, got none")
    return total

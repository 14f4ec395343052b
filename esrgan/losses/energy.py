"""Energy loss: how much fine texture there is, wherever it lies and whatever it shows."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from degrade.errors import InvalidValueError
from degrade.luma import LUMA_WEIGHTS
from esrgan.losses.tensors import require_same_shape, widened, without_autocast

__all__ = ["SMALLEST_FOR_ENERGY", "energy_loss", "texture_energy"]

_SIGMA, _REACH = 1.5, 6
"""Pixels: what a blur takes away is texture, as where tuned networks are judged."""

SMALLEST_FOR_ENERGY = 2 * _REACH + 1
"""Pixels a side of an image of which one pixel has all its surroundings."""

_BELL = [math.exp(-(n**2) / (2 * _SIGMA**2)) for n in range(-_REACH, _REACH + 1)]
_TAPS = [value / sum(_BELL) for value in _BELL]


def texture_energy(image_BCHW: Tensor) -> Tensor:
    """Return the mean square of each image's luma less its blur of sigma 1.5, (B,).

    The outer 6 pixels, whose surroundings are not there, are left out.

    Parameters
    ----------
    image_BCHW : Tensor
        RGB on [0, 1], of more than 12 pixels a side.

    Raises
    ------
    InvalidValueError
        The images are smaller.
    """
    return _squares(image_BCHW).mean((1, 2, 3))


def _squares(image_BCHW: Tensor) -> Tensor:
    """Return what :func:`texture_energy` is the mean of, (B, 1, H - 12, W - 12).

    Raises
    ------
    InvalidValueError
        The images are smaller.
    """
    if min(image_BCHW.shape[2:]) < SMALLEST_FOR_ENERGY:
        raise InvalidValueError(
            f"the energy loss needs images of at least {SMALLEST_FOR_ENERGY} pixels a side, got "
            f"{tuple(image_BCHW.shape[2:])}; use a larger `hr_patch`"
        )
    with without_autocast(image_BCHW):
        x_BCHW = widened(image_BCHW)
        weights = torch.tensor(LUMA_WEIGHTS, dtype=x_BCHW.dtype, device=x_BCHW.device)
        luma_B1HW = (x_BCHW * weights[:, None, None]).sum(1, keepdim=True)
        taps = torch.tensor(_TAPS, dtype=x_BCHW.dtype, device=x_BCHW.device)
        rows_B1HW = functional.conv2d(luma_B1HW, taps.view(1, 1, -1, 1))
        blurred_B1HW = functional.conv2d(rows_B1HW, taps.view(1, 1, 1, -1))
        inner = slice(_REACH, -_REACH)
        fine_B1HW = luma_B1HW[:, :, inner, inner] - blurred_B1HW
        return fine_B1HW.square()


def energy_loss(
    sr_BCHW: Tensor, hr_BCHW: Tensor, near_flagged_B1HW: Tensor | None = None
) -> Tensor:
    """Return the mean over the images of how far SR's energy of texture is from HR's.

    A pixel loss makes texture weaker wherever a network is unsure of it; this one asks for as much
    as there was. It does not say where: a crop may lose texture here and gain some there.

    Parameters
    ----------
    sr_BCHW, hr_BCHW : Tensor
        RGB on [0, 1], of more than 12 pixels a side.
    near_flagged_B1HW : Tensor or None
        1 where HR was flagged and repaired, and near it, which does not count, 0 elsewhere; what
        counts, counts as a share of the whole image. None: all of it counts.

    Raises
    ------
    InvalidValueError
        The shapes differ, or the images are smaller.
    """
    require_same_shape(sr_BCHW, hr_BCHW)
    if near_flagged_B1HW is None:
        return functional.l1_loss(texture_energy(sr_BCHW), texture_energy(hr_BCHW))
    if near_flagged_B1HW.shape != hr_BCHW[:, :1].shape:
        raise InvalidValueError(
            f"a mask of {tuple(near_flagged_B1HW.shape)} does not fit images of "
            f"{tuple(hr_BCHW.shape)}"
        )
    excess_B1HW = _squares(sr_BCHW) - _squares(hr_BCHW)
    seen = slice(_REACH, -_REACH)
    elsewhere_B1HW = 1 - near_flagged_B1HW[:, :, seen, seen].to(excess_B1HW.dtype)
    return (excess_B1HW * elsewhere_B1HW).mean((1, 2, 3)).abs().mean()

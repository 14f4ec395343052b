"""What a JPEG file keeps of 8×8 blocks: libjpeg's exact transform, its rounding, and the way back.

libjpeg's default transform ("islow", after Loeffler, Ligtenberg and Moschytz, ICASSP 1989) computes
in integers. Within one pass it only adds and multiplies, so a pass is a product with a matrix of
integers, rounded once. float64 holds all of that exactly, on every device.
"""

from __future__ import annotations

import functools

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["SIDE", "through_blocks"]

SIDE = 8
"""Of a block, in samples."""

_HALF_ROWS = (
    (8192, 8192, 8192, 8192),
    (11363, 9633, 6437, 2260),
    (10703, 4433, -4433, -10703),
    (9633, -2259, -11362, -6436),
    (8192, -8192, -8192, 8192),
    (6437, -11362, 2261, 9633),
    (4433, -10704, 10704, -4433),
    (2260, -6436, 9633, -11363),
)
"""Left halves of the transform's rows: 2¹³ · √2 · cos((2n + 1) k π / 16), for k = 0 without √2, as
libjpeg's constants of 13 bits add up. The right halves mirror them; odd rows change the sign."""

_FINER = 2**2
"""By so much is finer what is kept between two passes."""

_UNIT = 2**13
_GAIN = SIDE
"""Two passes multiply by this; libjpeg divides by it as it quantises, and after the way back."""

_MIDDLE = 128


def through_blocks(plane_BHW: Tensor, steps_B88: Tensor) -> Tensor:
    """Transform the blocks of planes, quantise them, and transform them back.

    Parameters
    ----------
    plane_BHW : (B, H, W) tensor
        Whole levels, 0…255, of luma or of a colour difference; edges are repeated to whole blocks.
    steps_B88 : (B, 8, 8) float64 tensor
        Each plane's quantisation steps, row by row of its table.

    Returns
    -------
    (B, H, W) int32 tensor
        What libjpeg decodes from what it has encoded, 0…255.
    """
    count, height, width = plane_BHW.shape
    down, across = -(-height // SIDE), -(-width // SIDE)
    levels = plane_BHW.to(torch.float64) - _MIDDLE
    framed = replicate(levels, bottom=down * SIDE - height, right=across * SIDE - width)
    blocks = framed.reshape(count, down, SIDE, across, SIDE).transpose(2, 3)
    # By column frequency, then by row frequency: the last axis is always the one that is summed.
    rows = _pass(blocks, _forward(levels.device), _UNIT // _FINER)
    found = _pass(rows.transpose(3, 4), _forward(levels.device), _UNIT * _FINER)
    steps = steps_B88.transpose(1, 2)[:, None, None]
    kept = _quantise(found, steps * _GAIN) * steps
    columns = _pass(kept, _forward(levels.device).T, _UNIT // _FINER)
    decoded = _pass(columns.transpose(3, 4), _forward(levels.device).T, _UNIT * _FINER * _GAIN)
    whole = decoded.transpose(2, 3).reshape(framed.shape)[:, :height, :width]
    return (whole + _MIDDLE).clamp_(0, 255).to(torch.int32)


def replicate(
    plane_BHW: Tensor, *, top: int = 0, bottom: int = 0, left: int = 0, right: int = 0
) -> Tensor:
    """Repeat the edges of planes so many times."""
    if not (top or bottom or left or right):
        return plane_BHW
    return functional.pad(plane_BHW[:, None], (left, right, top, bottom), mode="replicate")[:, 0]


def _pass(blocks: Tensor, matrix: Tensor, divisor: int) -> Tensor:
    """Multiply along the last axis, and round, halves up."""
    summed = blocks.reshape(-1, SIDE) @ matrix
    return summed.mul_(1 / divisor).add_(0.5).floor_().reshape(blocks.shape)


def _quantise(found: Tensor, steps: Tensor) -> Tensor:
    """Divide and round to whole numbers, halves away from zero."""
    size = found.abs().add_(steps // 2).div_(steps).floor_()
    return size.copysign_(found)


@functools.cache
def _forward(device: torch.device) -> Tensor:
    """Return the matrix that a row of samples is multiplied with."""
    left = torch.tensor(_HALF_ROWS, dtype=torch.float64)
    right = left.flip(1)
    right[1::2] *= -1
    return torch.cat([left, right], 1).T.contiguous().to(device)

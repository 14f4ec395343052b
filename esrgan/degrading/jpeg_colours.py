"""The colours of a JPEG file as libjpeg computes them: luma, differences, fewer samples, and back.

All in 32-bit integers, as there: factors have 16 bits behind the point.
"""

from __future__ import annotations

import torch
from torch import Tensor

from esrgan.degrading.jpeg_blocks import SIDE, replicate

__all__ = ["SPANS", "fewer_samples", "more_samples", "to_luma", "to_rgb"]

SPANS = {"4:4:4": (1, 1), "4:2:2": (1, 2), "4:2:0": (2, 2)}
"""How many rows and columns of pixels a sample of a colour difference stands for."""

_BITS = 16
_HALF = 1 << (_BITS - 1)
_CENTRE = 128


def to_luma(rgb_BHWC: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return luma and the two colour differences of (B, H, W, 3) int32 RGB, each (B, H, W)."""
    red, green, blue = rgb_BHWC.unbind(-1)
    luma = (19595 * red + 38470 * green + 7471 * blue + _HALF) >> _BITS
    # Their half is one less, so that 255.5 does not become 256.
    offset = (_CENTRE << _BITS) + _HALF - 1
    bluish = (32768 * blue - 11059 * red - 21709 * green + offset) >> _BITS
    reddish = (32768 * red - 27439 * green - 5329 * blue + offset) >> _BITS
    return luma, bluish, reddish


def to_rgb(luma: Tensor, bluish: Tensor, reddish: Tensor) -> Tensor:
    """Return (B, H, W, 3) int32 RGB of luma and colour differences, each (B, H, W) int32."""
    bluish, reddish = bluish - _CENTRE, reddish - _CENTRE
    red = luma + ((91881 * reddish + _HALF) >> _BITS)
    green = luma + ((-22554 * bluish - 46802 * reddish + _HALF) >> _BITS)
    blue = luma + ((116130 * bluish + _HALF) >> _BITS)
    return torch.stack([red, green, blue], -1).clamp_(0, 255)


def fewer_samples(plane_BHW: Tensor, span: tuple[int, int]) -> Tensor:
    """Return the means of ``span`` pixels each, as libjpeg encodes them.

    A mean that lies in the middle is rounded down and up in turns along a row.

    Parameters
    ----------
    plane_BHW : (B, H, W) int32 tensor
    span : (rows, columns)
        A value of :data:`SPANS`.

    Returns
    -------
    (B, ⌈H / rows⌉, w) int32 tensor
        Of whole blocks' width: what lies beyond the image is as libjpeg has it there.
    """
    if span == (1, 1):
        return plane_BHW
    down, across = span
    height, width = plane_BHW.shape[1:]
    whole = -(-width // (across * SIDE)) * across * SIDE
    framed = replicate(plane_BHW, bottom=-height % down, right=whole - width)
    columns = framed[..., 0::2] + framed[..., 1::2]
    if down == 1:
        columns[..., 1::2] += 1
        return columns >> 1
    sums = columns[:, 0::2] + columns[:, 1::2]
    sums[..., 0::2] += 1
    sums[..., 1::2] += 2
    return sums >> 2


def more_samples(plane_BHW: Tensor, span: tuple[int, int], shape: tuple[int, int]) -> Tensor:
    """Return a colour difference for each pixel, as libjpeg's "fancy" upsampling gives it.

    A pixel takes 3/4 of the nearest sample and 1/4 of the next one, along each axis. Of two samples
    or less in a row libjpeg repeats each.

    Parameters
    ----------
    plane_BHW : (B, h, w) int32 tensor
        Decoded samples; those beyond the image are not read.
    span : (rows, columns)
    shape : (height, width)
        Of the image.

    Returns
    -------
    (B, height, width) int32 tensor
    """
    if span == (1, 1):
        return plane_BHW
    down, across = span
    height, width = shape
    samples = plane_BHW[:, : -(-height // down), : -(-width // across)]
    if samples.shape[2] <= 2:
        repeated = samples.repeat_interleave(down, 1).repeat_interleave(across, 2)
        return repeated[:, :height, :width]
    rows = samples if down == 1 else _between(samples.transpose(1, 2)).transpose(1, 2)
    both = _between(rows)
    first, second, shift = (1, 2, 2) if down == 1 else (8, 7, 4)
    both[..., 0::2] += first
    both[..., 1::2] += second
    return (both >> shift)[:, :height, :width]


def _between(samples_BHW: Tensor) -> Tensor:
    """Return two sums for each sample along the last axis: 3 · itself + the one before or after."""
    framed = replicate(samples_BHW, left=1, right=1)
    own = 3 * samples_BHW
    return torch.stack([own + framed[..., :-2], own + framed[..., 2:]], -1).flatten(-2)

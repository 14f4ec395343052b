"""Enlarging whole images with a generator, tile by tile, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from degrade.arrays import AnyArray, FloatArray
from degrade.errors import InvalidValueError
from degrade.noise import Box
from esrgan.networks import Generator

__all__ = ["DEFAULT_OVERLAP", "DEFAULT_TILE", "upscale", "upscale_pixels"]

DEFAULT_TILE = 192
"""Side of a tile in LR pixels, without its overlap."""

DEFAULT_OVERLAP = 24
"""LR pixels around a tile that are computed and thrown away."""


def upscale(
    image: FloatArray,
    generator: Generator,
    *,
    tile: int = DEFAULT_TILE,
    overlap: int = DEFAULT_OVERLAP,
    device: str = "cpu",
) -> FloatArray:
    """Enlarge an image by the generator's scale.

    Parameters
    ----------
    image : (H, W, 3) float32 array
        RGB on [0, 1].
    generator : Generator
        Moved to ``device``.
    tile : int
        Side of the tiles in LR pixels. Only one is in work at a time.
    overlap : int
        LR pixels of its surroundings with which a tile is computed; they are then cut off.
    device : str

    Returns
    -------
    (scale·H, scale·W, 3) float32 array on [0, 1]

    Raises
    ------
    InvalidValueError
        The image has another shape or type, or a size is out of range.
    """
    if image.dtype != np.float32:
        raise InvalidValueError(f"image must be float32, got {image.dtype}")
    sr = np.empty(_enlarged_shape(image, generator), dtype=np.float32)
    for box, pixels in _upscale_tiles(image, 1, generator, (tile, overlap), device):
        _paste(sr, box, pixels)
    return sr


def upscale_pixels(
    pixels: AnyArray,
    generator: Generator,
    *,
    tile: int = DEFAULT_TILE,
    overlap: int = DEFAULT_OVERLAP,
    device: str = "cpu",
) -> AnyArray:
    """Enlarge an image of 8 or 16 bits; it never exists as a whole in floating point.

    Parameters
    ----------
    pixels : (H, W, 3) uint8 or uint16 array
        RGB on the full range of its type.
    generator, tile, overlap, device
        As for :func:`upscale`.

    Returns
    -------
    (scale·H, scale·W, 3) array of the same type

    Raises
    ------
    InvalidValueError
        As for :func:`upscale`.
    """
    if pixels.dtype not in (np.uint8, np.uint16):
        raise InvalidValueError(f"pixels must be uint8 or uint16, got {pixels.dtype}")
    peak = int(np.iinfo(pixels.dtype).max)
    sr = np.empty(_enlarged_shape(pixels, generator), dtype=pixels.dtype)
    for box, tile_sr in _upscale_tiles(pixels, peak, generator, (tile, overlap), device):
        _paste(sr, box, np.rint(tile_sr * peak))
    return sr


def _enlarged_shape(image: AnyArray, generator: Generator) -> tuple[int, int, int]:
    if image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise InvalidValueError(f"an image must be (H, W, 3), got {image.shape}")
    height, width, channels = image.shape
    return generator.scale * height, generator.scale * width, channels


def _paste(image: AnyArray, box: Box, pixels: AnyArray) -> None:
    top, left, height, width = box
    image[top : top + height, left : left + width] = pixels


def _upscale_tiles(
    image: AnyArray, peak: int, generator: Generator, sizes: tuple[int, int], device: str
) -> Iterator[tuple[Box, FloatArray]]:
    """Yield boxes in SR pixels, which cover the result once, and their RGB on [0, 1]."""
    tile, overlap = sizes
    if tile < 1 or overlap < 0:
        raise InvalidValueError(f"tile must be positive, overlap not negative, got {sizes}")
    # Pixel-unshuffle works on blocks of pixels: tiles must not start in the middle of one.
    tile, overlap = (size + -size % generator.lr_multiple for size in (tile, overlap))
    generator = generator.to(device).eval()
    scale = generator.scale
    height, width = image.shape[:2]
    for top in range(0, height, tile):
        for left in range(0, width, tile):
            bottom, right = min(top + tile, height), min(left + tile, width)
            above, before = min(top, overlap), min(left, overlap)
            window = image[top - above : bottom + overlap, left - before : right + overlap]
            sr = _run(window.astype(np.float32) / np.float32(peak), generator, device)
            box = (scale * top, scale * left, scale * (bottom - top), scale * (right - left))
            first_row, first_column = scale * above, scale * before
            yield box, sr[first_row : first_row + box[2], first_column : first_column + box[3]]


def _run(image: FloatArray, generator: Generator, device: str) -> FloatArray:
    with torch.inference_mode():
        lr_BCHW = torch.from_numpy(image.transpose(2, 0, 1).copy())[None].to(device)
        sr_BCHW = generator(lr_BCHW).clamp_(0, 1)
        sr: FloatArray = sr_BCHW[0].permute(1, 2, 0).cpu().numpy()
        return sr

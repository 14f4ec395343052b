"""Enlarging whole images with a generator, tile by tile, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from degrade.arrays import FloatArray
from degrade.errors import InvalidValueError
from degrade.noise import Box
from esrgan.networks import RRDBNet

__all__ = ["DEFAULT_OVERLAP", "DEFAULT_TILE", "upscale", "upscale_tiles"]

DEFAULT_TILE = 192
"""Side of a tile in LR pixels, without its overlap."""

DEFAULT_OVERLAP = 24
"""LR pixels around a tile that are computed and thrown away."""


def upscale(
    image: FloatArray,
    generator: RRDBNet,
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
    generator : RRDBNet
        Moved to ``device``.
    tile, overlap : int
        In LR pixels; see :func:`upscale_tiles`.
    device : str

    Returns
    -------
    (scale·H, scale·W, 3) float32 array on [0, 1]

    Raises
    ------
    InvalidValueError
        The image has another shape, or a size is out of range.
    """
    height, width = image.shape[:2]
    scale = generator.scale
    sr = np.empty((scale * height, scale * width, 3), dtype=np.float32)
    for box, pixels in upscale_tiles(image, generator, tile=tile, overlap=overlap, device=device):
        top, left, rows, columns = box
        sr[top : top + rows, left : left + columns] = pixels
    return sr


def upscale_tiles(
    image: FloatArray,
    generator: RRDBNet,
    *,
    tile: int = DEFAULT_TILE,
    overlap: int = DEFAULT_OVERLAP,
    device: str = "cpu",
) -> Iterator[tuple[Box, FloatArray]]:
    """Enlarge an image and yield the result in pieces that cover it once.

    Each tile is computed with ``overlap`` LR pixels of its surroundings, which are then cut off.
    Only one tile is in work at a time, so memory does not grow with the image. Parameters and
    errors as for :func:`upscale`.

    Yields
    ------
    (box, pixels)
        The (top, left, height, width) in SR pixels, and its float32 RGB on [0, 1].
    """
    if image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise InvalidValueError(f"image must be (H, W, 3), got {image.shape}")
    if tile < 1 or overlap < 0:
        raise InvalidValueError(
            f"tile must be above 0 and overlap not below, got {tile}, {overlap}"
        )
    # Pixel-unshuffle works on pairs of pixels: tiles must not start in the middle of one.
    tile, overlap = tile + tile % 2, overlap + overlap % 2
    generator = generator.to(device).eval()
    height, width = image.shape[:2]
    for top in range(0, height, tile):
        for left in range(0, width, tile):
            bottom, right = min(top + tile, height), min(left + tile, width)
            first_row, first_column = max(top - overlap, 0), max(left - overlap, 0)
            window = image[first_row : bottom + overlap, first_column : right + overlap]
            box = tuple(generator.scale * n for n in (top, left, bottom - top, right - left))
            sr = _run(window, generator, device)
            inner_top = generator.scale * (top - first_row)
            inner_left = generator.scale * (left - first_column)
            yield box, sr[inner_top : inner_top + box[2], inner_left : inner_left + box[3]]


def _run(image: FloatArray, generator: RRDBNet, device: str) -> FloatArray:
    with torch.inference_mode():
        lr_BCHW = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))[None].to(device)
        sr_BCHW = generator(lr_BCHW).clamp_(0, 1)
        return np.ascontiguousarray(sr_BCHW[0].permute(1, 2, 0).cpu().numpy())

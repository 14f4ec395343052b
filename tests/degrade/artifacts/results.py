"""Results of two networks for one scene, made from the scene itself."""

from __future__ import annotations

import cv2
import numpy as np

from degrade.arrays import U8Array
from tests.degrade.audit.scenes import make_photo

__all__ = ["make_results", "plant_grid"]


def make_results(name: str, side: int = 160) -> tuple[U8Array, U8Array]:
    """Return a soft MSE result, and a GAN's result with the texture that is really there."""
    gan = make_photo(name, side)
    return cv2.GaussianBlur(gan, (0, 0), 0.8), gan


def plant_grid(
    gan: U8Array, top: int, left: int, side: int, strength: int = 60
) -> tuple[U8Array, np.ndarray]:
    """Return the result with a checkerboard in a square, and the mask of it."""
    mask = np.zeros(gan.shape[:2], bool)
    mask[top : top + side, left : left + side] = True
    rows, columns = np.indices(gan.shape[:2])
    board = np.where((rows // 2 + columns // 2) % 2, strength, -strength)[..., None]
    planted = np.clip(gan.astype(int) + board * mask[..., None], 0, 255)
    return planted.astype(np.uint8), mask

"""Pictures in rows and columns on a white sheet."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from degrade.arrays import U8Array

__all__ = ["on_a_sheet"]

_GAP = 8


def on_a_sheet(tiles: Sequence[U8Array], *, columns: int) -> U8Array:
    """Return pictures of any sizes side by side.

    Parameters
    ----------
    tiles : sequence of (h, w, 3) uint8 arrays
        At least one.
    columns : int

    Returns
    -------
    (H, W, 3) uint8 array
    """
    height = max(tile.shape[0] for tile in tiles) + _GAP
    width = max(tile.shape[1] for tile in tiles) + _GAP
    rows = -(-len(tiles) // columns)
    sheet = np.full((rows * height + _GAP, columns * width + _GAP, 3), 255, np.uint8)
    for number, tile in enumerate(tiles):
        row, column = divmod(number, columns)
        top, left = _GAP + row * height, _GAP + column * width
        sheet[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    return sheet

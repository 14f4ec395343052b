"""Pixels turned upright, and back as they are stored (EXIF 2.32, table 'Orientation')."""

from __future__ import annotations

from degrade.arrays import AnyArray

__all__ = ["stored", "upright"]


def upright(pixels: AnyArray, orientation: int) -> AnyArray:
    """Return a view of stored (H, W, …) pixels as they are to be seen."""
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    # 5…8 are a transposition followed by no mirror, columns, both, rows.
    mirror_columns = orientation in (2, 3, 6, 7)
    mirror_rows = orientation in (3, 4, 7, 8)
    return pixels[:: -1 if mirror_rows else 1, :: -1 if mirror_columns else 1]


def stored(pixels: AnyArray, orientation: int) -> AnyArray:
    """Return a view of upright (H, W, …) pixels as a file of that orientation stores them."""
    # Quarter turns undo each other; all others undo themselves.
    return upright(pixels, {6: 8, 8: 6}.get(orientation, orientation))

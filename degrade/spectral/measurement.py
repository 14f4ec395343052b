"""From a crop to features: which windows are looked at, and what is kept of them."""

from __future__ import annotations

from dataclasses import dataclass

from degrade.arrays import FloatArray, U8Array
from degrade.jpeg.blocks import block_bends
from degrade.spectral.features import measure_photo, measure_windows
from degrade.spectral.windows import Cells, choose_windows, cut_windows

__all__ = ["CropFeatures", "measure_crop", "measure_middle_blocks"]

_FLAT_WINDOWS = 24
_BLOCK_SIDE = 512


@dataclass(frozen=True, slots=True, eq=False)
class CropFeatures:
    """What the network sees of a crop.

    Attributes
    ----------
    windows : (N, WINDOW_FEATURES) float32 array
    photo : (PHOTO_FEATURES,) float32 array
    """

    windows: FloatArray
    photo: FloatArray


def measure_middle_blocks(luma_u8: U8Array) -> FloatArray:
    """Return :func:`block_bends` of the middle of a photo, of at most 512² pixels."""
    top, left = (max(side - _BLOCK_SIDE, 0) // 2 for side in luma_u8.shape)
    return block_bends(luma_u8[top : top + _BLOCK_SIDE, left : left + _BLOCK_SIDE])


def measure_crop(
    luma_u8: U8Array, cells: Cells, blocks: FloatArray, *, per_direction: int
) -> CropFeatures:
    """Measure the crop's most telling windows.

    Parameters
    ----------
    luma_u8 : (H, W) uint8 array
    cells : Cells
        Of this crop.
    blocks : (6,) float32 array
        From :func:`measure_middle_blocks`, of the whole photo.
    per_direction : int
        As for :func:`degrade.spectral.windows.choose_windows`.
    """
    strong, flattest = choose_windows(cells, per_direction=per_direction, flat=_FLAT_WINDOWS)
    height, width = (min(side, _BLOCK_SIDE) for side in luma_u8.shape)
    return CropFeatures(
        windows=measure_windows(cut_windows(luma_u8, strong)),
        photo=measure_photo(
            cut_windows(luma_u8, flattest), blocks, strong_count=len(strong), area=height * width
        ),
    )

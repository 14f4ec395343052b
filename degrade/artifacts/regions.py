"""Flagged areas, the most visible first."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from degrade.arrays import FloatArray, U8Array
from degrade.artifacts.detection import Detection
from degrade.artifacts.similarity import WINDOW
from degrade.luma import luma_fast

__all__ = ["Region", "local_ssim", "rank_regions"]

_SIGMA = 1.5
_CONSTANTS = ((0.01 * 255) ** 2, (0.03 * 255) ** 2)


@dataclass(frozen=True, slots=True)
class Region:
    """One flagged area.

    Attributes
    ----------
    number : int
        In the labels of the detection.
    left, top, width, height : int
        The box around it.
    area : int
        Pixels.
    similarity : float
        Mean of the map that was thresholded.
    visibility : float
        1 - mean local SSIM of both results: 0 where nobody sees a difference, towards 1 where
        nothing is alike.
    """

    number: int
    left: int
    top: int
    width: int
    height: int
    area: int
    similarity: float
    visibility: float


def rank_regions(found: Detection, mse_u8: U8Array, gan_u8: U8Array) -> list[Region]:
    """Return the areas of a detection, the most visible first.

    About half of the areas that the method flags go unnoticed by most viewers (Molodetskikh et al.,
    arXiv 2510.16752), so the order tells which to look at.

    Parameters
    ----------
    found : Detection
    mse_u8, gan_u8 : (H, W, 3) uint8 arrays
        What was compared.
    """
    regions = []
    for number, box in enumerate(found.boxes, 1):
        inside = found.labels[box] == number
        alike = local_ssim(mse_u8, gan_u8, box)
        rows, columns = box
        regions.append(
            Region(
                number=number,
                left=columns.start,
                top=rows.start,
                width=columns.stop - columns.start,
                height=rows.stop - rows.start,
                area=int(inside.sum()),
                similarity=float(found.weighted[box][inside].mean()),
                visibility=float(np.clip(1 - alike[inside].mean(), 0, 1)),
            )
        )
    return sorted(regions, key=lambda region: (-region.visibility, region.number))


def local_ssim(
    first_u8: U8Array, second_u8: U8Array, box: tuple[slice, slice] | None = None
) -> FloatArray:
    """Return SSIM of luma in each pixel's window.

    Parameters
    ----------
    first_u8, second_u8 : (H, W, 3) uint8 arrays
    box : two slices or None
        What is wanted; what lies around it counts too. None: all.

    Returns
    -------
    (h, w) float32 array
    """
    half = WINDOW // 2
    box = box or (slice(0, first_u8.shape[0]), slice(0, first_u8.shape[1]))
    rows, columns = (slice(max(side.start - half, 0), side.stop + half) for side in box)
    x, y = (
        luma_fast(np.ascontiguousarray(image[rows, columns])).astype(np.float32) - 128
        for image in (first_u8, second_u8)
    )

    def mean(values: FloatArray) -> FloatArray:
        border = cv2.BORDER_REFLECT_101
        blurred = np.asarray(cv2.GaussianBlur(values, (WINDOW, WINDOW), _SIGMA, borderType=border))
        top, left = box[0].start - rows.start, box[1].start - columns.start
        height, width = box[0].stop - box[0].start, box[1].stop - box[1].start
        return np.asarray(blurred[top : top + height, left : left + width], np.float32)

    mean_x, mean_y = mean(x), mean(y)
    var_x = np.maximum(mean(x * x) - mean_x**2, 0)
    var_y = np.maximum(mean(y * y) - mean_y**2, 0)
    both = mean(x * y) - mean_x * mean_y
    # SSIM compares brightness too, which is counted from black.
    mean_x, mean_y = mean_x + 128, mean_y + 128
    bright, textured = _CONSTANTS
    alike = (2 * mean_x * mean_y + bright) / (mean_x**2 + mean_y**2 + bright)
    alike *= (2 * both + textured) / (var_x + var_y + textured)
    return np.asarray(alike, np.float32)

"""What can be measured of an image, as a table, and all of it that needs two images alone."""

from __future__ import annotations

from dataclasses import dataclass

from degrade.arrays import U8Array
from degrade.metrics.alignment import align
from degrade.metrics.fidelity import psnr, psnr_rgb
from degrade.metrics.gradients import GMSD_SIDE, gmsd
from degrade.metrics.structure import MS_SSIM_SIDE, SSIM_SIDE, ms_ssim, ssim, ssim_rgb

__all__ = ["LEAST_SIDE", "MEASURES", "Measure", "measure_pair"]

LEAST_SIDE = SSIM_SIDE
"""Pixels a side, inside the border, without which two images are not compared."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure of an image.

    Attributes
    ----------
    name : str
        In tables for programs.
    label : str
        For people.
    unit : str
        Empty where it has none.
    digits : int
        Behind the point, for people.
    higher_is_better : bool
    of_reference : bool
        Whether it compares with a reference.
    """

    name: str
    label: str
    unit: str = ""
    digits: int = 4
    higher_is_better: bool = True
    of_reference: bool = True


MEASURES = {
    measure.name: measure
    for measure in (
        Measure("psnr", "PSNR, Y", "dB", 2),
        Measure("psnr_rgb", "PSNR, RGB", "dB", 2),
        Measure("aligned", "PSNR, Y, aligned", "dB", 2),
        Measure("calibrated", "PSNR, Y, calibrated", "dB", 2),
        Measure("ssim", "SSIM, Y"),
        Measure("ssim_rgb", "SSIM, RGB"),
        Measure("ms_ssim", "MS-SSIM, Y"),
        Measure("gmsd", "GMSD, Y", higher_is_better=False),
        Measure("lpips", "LPIPS", higher_is_better=False),
        Measure("dists", "DISTS", higher_is_better=False),
        Measure("niqe", "NIQE", "", 3, higher_is_better=False, of_reference=False),
    )
}
"""By name, in the order of tables."""


def measure_pair(image_u8: U8Array, reference_u8: U8Array, *, border: int) -> dict[str, float]:
    """Return all that two images alone tell, by name; what small ones cannot tell is not there.

    Parameters
    ----------
    image_u8, reference_u8 : (H, W, 3) uint8 arrays
    border : int
        Pixels that are left out along each edge.

    Returns
    -------
    dict of str to float
        Of ``psnr``, ``psnr_rgb``, ``aligned`` and ``calibrated`` infinity where the images are
        equal; and the shift by which the image has to be moved, ``shift_rows`` and
        ``shift_columns``.

    Raises
    ------
    InvalidValueError
        The shapes differ, or less than 11 × 11 pixels are left inside the border.
    """
    images = image_u8, reference_u8
    found = {
        "psnr": psnr(*images, border=border),
        "psnr_rgb": psnr_rgb(*images, border=border),
        "ssim": ssim(*images, border=border),
        "ssim_rgb": ssim_rgb(*images, border=border),
    }
    smallest = min(image_u8.shape[:2]) - 2 * border
    if smallest >= MS_SSIM_SIDE:
        found["ms_ssim"] = ms_ssim(*images, border=border)
    if smallest >= GMSD_SIDE:
        found["gmsd"] = gmsd(*images, border=border)
    lies = align(*images, border=border)
    found |= {"aligned": lies.aligned, "calibrated": lies.calibrated}
    return found | {"shift_rows": lies.shift[0], "shift_columns": lies.shift[1]}

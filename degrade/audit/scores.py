"""How near an enlarged photo is to HR, also where HR lies off or has another brightness."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from degrade.errors import InvalidValueError
from degrade.metrics import psnr_of_error, ssim_of_planes
from degrade.metrics.gradients import gmsd_of_planes

__all__ = ["SCORE_NAMES", "Scores", "score_planes"]

Plane: TypeAlias = npt.NDArray[np.floating]
Errors: TypeAlias = npt.NDArray[np.float64]

SCORE_NAMES = ("psnr", "shifted", "calibrated", "ssim", "gmsd")

_PEAK = 255.0


@dataclass(frozen=True, slots=True)
class Scores:
    """Figures of one image, on Y.

    Attributes
    ----------
    psnr : float
        dB.
    shifted : float
        The same after the best shift, to first order: real pairs lie off by some tenths of a pixel.
    calibrated : float
        The same after the best shift, gain and offset.
    ssim : float
    gmsd : float
        Gradient magnitude similarity deviation: less is better.
    """

    psnr: float
    shifted: float
    calibrated: float
    ssim: float
    gmsd: float

    def values(self) -> tuple[float, ...]:
        """Return the figures in the order of :data:`SCORE_NAMES`."""
        return astuple(self)


def score_planes(sr: Plane, hr: Plane, *, border: int) -> Scores:
    """Compare an enlarged photo with HR.

    Parameters
    ----------
    sr, hr : (H, W) float arrays
        Y in grey levels, as :func:`degrade.luma.luma_studio` gives it; neither clipped nor rounded
        here.
    border : int
        Pixels that are left out along each edge.

    Raises
    ------
    InvalidValueError
        The shapes differ, or less than 16 × 16 pixels are left.
    """
    if sr.shape != hr.shape or border < 1 or min(sr.shape) - 2 * border < 16:
        raise InvalidValueError(
            f"two planes of one shape, more than 16 pixels inside a border of {border}, are "
            f"needed, got {sr.shape} and {hr.shape}"
        )
    inner = (slice(border, -border),) * 2
    whole = sr.astype(np.float64)
    down, right = (np.gradient(whole, axis=axis)[inner].ravel() for axis in (0, 1))
    first: Errors = sr[inner].astype(np.float64)
    second: Errors = hr[inner].astype(np.float64)
    error = (second - first).ravel()
    ones = np.ones_like(error)
    return Scores(
        psnr=_psnr(error),
        shifted=_psnr_of_rest(error, (down, right)),
        calibrated=_psnr_of_rest(error, (down, right, (first - first.mean()).ravel(), ones)),
        ssim=ssim_of_planes(first, second),
        gmsd=gmsd_of_planes(first, second),
    )


def _psnr(error: Errors) -> float:
    return psnr_of_error(float(np.mean(np.square(error))), peak=_PEAK)


def _psnr_of_rest(error: Errors, terms: tuple[Errors, ...]) -> float:
    """Return the PSNR of what no sum of the terms explains."""
    design = np.stack([term / max(float(np.linalg.norm(term)), 1e-9) for term in terms])
    gram = design @ design.T
    gram[np.diag_indices_from(gram)] += 1e-9
    return _psnr(error - np.linalg.solve(gram, design @ error) @ design)

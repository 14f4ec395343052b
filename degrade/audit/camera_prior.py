"""What cameras usually keep of a scene's detail: knowledge beside what spectra of scenes tell.

Spectra tell what a kernel keeps by comparing photos with LR of other scenes, and scenes differ: of
eight cameras what they told was wrong by a fifth in the middle bands, and up to a half. There
cameras differ less from each other than that, so what is told to be far from all of them is likely
to be so by its scenes (docs/decisions/0039-usual-cameras.md).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from degrade.audit.closed_loop import FIXED_BANDS, MOST_GAIN, NO_GAIN, Gain
from degrade.audit.spectra import BAND_FREQUENCIES

__all__ = [
    "CAMERAS",
    "CAMERA_FREQUENCIES",
    "LEAST_AMPLITUDE",
    "MOST_SHARE",
    "CameraMove",
    "camera_spread",
    "towards_cameras",
    "usual_response",
]

CAMERA_FREQUENCIES = np.arange(0.025, 0.5, 0.05)
"""Cycles per LR pixel."""

CAMERAS: dict[str, tuple[float, ...]] = {
    "RealSR, Canon": (1.01, 1.06, 1.10, 1.01, 0.85, 0.65, 0.47, 0.33, 0.24, 0.20),
    "RealSR, Nikon": (1.02, 1.08, 1.12, 1.10, 0.97, 0.80, 0.60, 0.45, 0.31, 0.28),
    "DRealSR, DSC": (1.05, 1.03, 0.99, 0.89, 0.68, 0.43, 0.26, 0.17, 0.15, 0.14),
    "DRealSR, P": (1.01, 1.16, 1.27, 1.13, 0.84, 0.58, 0.35, 0.24, 0.20, 0.19),
    "DRealSR, Panasonic": (1.00, 1.03, 1.09, 1.07, 0.89, 0.58, 0.32, 0.18, 0.12, 0.10),
    "DRealSR, Sony": (1.03, 1.05, 1.02, 0.98, 0.87, 0.77, 0.59, 0.41, 0.26, 0.20),
    "City100, Nikon D5500": (0.98, 0.98, 1.01, 1.02, 0.98, 0.88, 0.74, 0.59, 0.45, 0.36),
    "City100, iPhone X": (1.02, 1.12, 1.22, 1.23, 1.17, 1.03, 0.84, 0.68, 0.58, 0.54),
}
"""Amplitude of LR over that of HR at the same frequencies of the scene: medians over 14 to 100 real
pairs, as ``python -m benchmarks.camera_responses`` measures them. LR is four times smaller than HR
in RealSR (Cai et al., 2019) and DRealSR (Wei et al., 2020; cameras by the names of files), 2.9 and
2.5 times in City100 (Chen et al., 2019)."""

MOST_SHARE = 1 / 3
"""Of the way to the mean of cameras that softer kernels go. Sharper ones stay: too soft ones cost
training far more than too sharp ones."""

_SOFT = 0.0, 1.0, 3.0, 6.0
"""Standard deviations of cameras below their mean: kernels that are softer by so much begin to be
moved, go the whole share, begin to be moved less, and are left. There is no end to how soft photos
are, such as scans and enlarged ones; the softest of the cameras was told to be 2.9 below."""

_SEEN = (BAND_FREQUENCIES > 0.1) & (BAND_FREQUENCIES < 0.35)
"""Where kernels differ, and noise is not all there is."""

LEAST_AMPLITUDE = 1e-3
"""What kernels are taken to keep, at least, for nothing has no logarithm."""


class CameraMove(NamedTuple):
    """How kernels are moved towards what cameras keep.

    Attributes
    ----------
    gain : (24,) float64 array
    share : float
        Of the way to the mean of cameras, 0 to a third.
    apart : float
        How much softer the kernels are than cameras, in their standard deviations; negative:
        sharper.
    """

    gain: Gain
    share: float
    apart: float


def usual_response() -> Gain:
    """Return the mean of cameras: natural logarithms of the amplitude kept, band by band."""
    return np.asarray(_logarithms().mean(axis=0))


def camera_spread() -> Gain:
    """Return the standard deviation of cameras about :func:`usual_response`, band by band."""
    return np.asarray(_logarithms().std(axis=0, ddof=1))


def towards_cameras(response: Gain) -> CameraMove:
    """Return the gain that moves kernels softer than cameras' towards what these usually keep.

    Parameters
    ----------
    response : (24,) float64 array
        The share of the amplitude that the kernels keep in the mean, as of
        :func:`degrade.audit.closed_loop.kernel_response`: of one camera, 0 or more.
    """
    way = usual_response() - np.log(np.maximum(response, LEAST_AMPLITUDE))
    apart = float(np.mean((way / camera_spread())[_SEEN]))
    share = float(np.interp(apart, _SOFT, (0, MOST_SHARE, MOST_SHARE, 0)))
    if not share:
        return CameraMove(NO_GAIN, 0.0, apart)
    gain = np.clip(share * way, -MOST_GAIN, MOST_GAIN)
    gain[:FIXED_BANDS] = 0
    return CameraMove(gain, share, apart)


def _logarithms() -> Gain:
    """Return (cameras, 24): their responses at the bands."""
    curves = [
        np.interp(BAND_FREQUENCIES, CAMERA_FREQUENCIES, np.log(curve)) for curve in CAMERAS.values()
    ]
    return np.array(curves)

"""What is wrong with a photo, as far as its blur goes."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import cv2
import numpy as np
import numpy.typing as npt

from degrade.arrays import FloatArray, U8Array
from degrade.jpeg.line_steps import mean_steps
from degrade.kernels.estimates import Verdict
from degrade.spectral.windows import Cells, cut_windows, flattest_windows

__all__ = ["PhotoCondition", "familiarity", "judge", "measure_condition", "periodicity"]

_SHARE = 20  # a twentieth of all windows is called the strongest
_FLAT_WINDOWS = 24
_NORMAL_MEDIAN = 0.6745  # of |x|, x standard normal
_BEND_NORM = 6.0  # root of the sum of squares of (1, -2, 1) by (1, -2, 1)
_SMOOTH_CONTRAST = 4.0
_NOISY_SHARE = 0.25
_CLIPPED_SHARE = 0.25
_TRAINED_NOISE = 8.0
_STRANGE_POWER = 4
_PERIODIC = 60.0

_PERIODICITY_SIDE = 640
_SLOWEST = 0.2  # cycles per pixel; factors up to 5
_LARGEST_STEP = 20
_FREQUENCIES = np.linspace(0, 0.5, 241)
_BLOCK_LINES = np.abs(_FREQUENCIES[:, None] - np.arange(5) / 8) < 0.006


@dataclass(frozen=True, slots=True)
class PhotoCondition:
    """Measurements of a photo that tell how well its blur shows.

    Attributes
    ----------
    contrast : float
        Root mean squared difference of neighbours in the strongest twentieth of the windows, grey
        levels.
    noise_sigma : float
        Standard deviation of white noise in the flattest windows, grey levels; blurred or
        compressed noise counts for less than it is.
    clipped : float
        Share of black and white pixels.
    periodicity : float
        See :func:`periodicity`.
    """

    contrast: float
    noise_sigma: float
    clipped: float
    periodicity: float

    def as_statistics(self) -> dict[str, float]:
        """Return the measurements by name."""
        return asdict(self)


def measure_condition(luma_u8: U8Array, cells: Cells, periodic: float) -> PhotoCondition:
    """Measure the condition of a (H, W) uint8 photo, or of a part of one.

    Its ``cells`` are measured already, and so is the :func:`periodicity` of the whole photo.
    """
    energy = np.sort(cells.energy.mean(axis=0), axis=None)
    few = max(energy.size // _SHARE, 1)
    return PhotoCondition(
        contrast=float(np.sqrt(energy[-few:].mean())),
        noise_sigma=_noise_sigma(luma_u8, cells),
        clipped=float(cells.clipped.mean()),
        periodicity=periodic,
    )


def _noise_sigma(luma_u8: U8Array, cells: Cells) -> float:
    """Return the standard deviation of the noise, which bends the image in both directions at once.

    Straight edges and slopes do not (Immerkær, "Fast Noise Variance Estimation", CVIU 1996); here
    the median stands for the mean, because the flattest windows of a textured photo are not flat.
    """
    windows = cut_windows(luma_u8, flattest_windows(cells, _FLAT_WINDOWS)).astype(np.float32)
    bends = np.diff(np.diff(windows, n=2, axis=1), n=2, axis=2)
    return float(np.median(np.abs(bends)) / (_NORMAL_MEDIAN * _BEND_NORM))


def judge(condition: PhotoCondition, strangeness: float) -> tuple[Verdict, ...]:
    """Return what speaks against the photo; parameters as for :func:`familiarity`."""
    found: dict[Verdict, bool] = {
        "too smooth": condition.contrast < _SMOOTH_CONTRAST,
        "too noisy": condition.noise_sigma > _NOISY_SHARE * condition.contrast,
        "clipped": condition.clipped > _CLIPPED_SHARE,
        "already upscaled": condition.periodicity > _PERIODIC,
        "of an unknown kind": strangeness > 1,
    }
    return tuple(verdict for verdict, holds in found.items() if holds)


def familiarity(noise_sigma: float, contrast: float, strangeness: float) -> float:
    """Return how far a photo is of a kind that the networks were trained on, in [0, 1].

    They have seen noise up to 8 grey levels of the luma, and edges. Beyond, noise looks like a
    sharp photo to them, and what they expect of their error means little: a confidence is less by
    this factor. So it is where features are far from those of training.

    Parameters
    ----------
    noise_sigma, contrast : float
        As in :class:`PhotoCondition`.
    strangeness : float
        As :meth:`degrade.spectral.usual.UsualFeatures.strangeness` gives it.
    """
    strange = max(1.0, strangeness) ** _STRANGE_POWER
    known = min(1.0, _TRAINED_NOISE / max(noise_sigma, 1e-6)) * min(
        1.0, contrast / _SMOOTH_CONTRAST
    )
    return known**2 / strange


def periodicity(luma_u8: U8Array) -> float:
    """Return how clearly an interpolation shows in a (H, W) uint8 photo.

    Interpolated pixels lie closer to their neighbours than the original ones between them, so
    differences vary periodically along rows and columns. The figure is the highest peak in the
    power spectra of their logarithms, relative to the median, common to both axes. Uncompressed
    photos stay below 20 and most JPEGs below 60; enlarged ones reach hundreds, unless the factor
    is 2, Lanczos' filter or JPEG hides it.
    Cameras that interpolate their colour mosaic simply show it too.

    References
    ----------
    Gallagher, "Detection of Linear and Cubic Interpolation in JPEG Compressed Images", CRV 2005.
    Here also on first differences, which show a doubling that second ones do not, and with the
    lines of JPEG's own blocks judged against each other.
    """
    top, left = (max(side - _PERIODICITY_SIDE, 0) // 2 for side in luma_u8.shape)
    middle = luma_u8[top : top + _PERIODICITY_SIDE, left : left + _PERIODICITY_SIDE]
    highest = 0.0
    for order in (1, 2):
        along, down = mean_steps(middle, order=order, most=_LARGEST_STEP)
        both = np.sqrt(_spectrum(along) * _spectrum(down))
        blocks = np.median([both[_BLOCK_LINES[:, line]].max() for line in (1, 3)])
        both[_BLOCK_LINES.any(axis=1)] /= max(blocks / 2, 1)
        highest = max(highest, float(both[_FREQUENCIES >= _SLOWEST].max()))
    return highest


def _spectrum(steps: FloatArray) -> npt.NDArray[np.float64]:
    """Return the power of mean differences at ``_FREQUENCIES``."""
    profile = np.log(steps + 0.05)
    around = cv2.blur(profile[None], (9, 1), borderType=cv2.BORDER_REFLECT)[0]
    power = np.abs(np.fft.rfft((profile - around) * np.hanning(len(profile)))) ** 2
    power /= np.median(power[len(power) // 4 :]) + 1e-12
    places = np.arange(len(power)) / len(profile)
    level: npt.NDArray[np.float64] = np.interp(_FREQUENCIES, places, power)
    return np.maximum(level, 1e-3)

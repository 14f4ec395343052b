"""What a pair must hold to: LR lies where HR lies, and has its brightness and colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import bdtrc

from degrade.arrays import FloatArray, U8Array
from degrade.degradation.steps.linear_light import MOST_GAIN, variance_around
from degrade.errors import InvalidValueError
from degrade.kernels.registration import measure_shift_and_error
from degrade.luma import luma
from degrade.resample import imresize

__all__ = ["MOST_SHIFT", "Agreement", "PairAgreement", "measure_agreement", "summarise_agreement"]

MOST_SHIFT = 0.05
"""LR pixels: a shift that training notices."""

_SURE = 7.0
"""Standard errors beyond that: one pair of a set is off by so many only where it was moved."""

_LIKELY, _MOST_LIKELY = 2.0, 0.1
"""Standard errors, and the share of sound pairs that are off by so many: one in twenty-five or less
was found."""

_BY_CHANCE = 0.002
"""A set fails where so many pairs, with that share of them off, would be met less often."""

_OF_MEDIAN = 1.25
"""By so much the median errs more than the mean."""

_LEAST_ERROR = 1e-3
"""LR pixels: no shift is known better."""

_AROUND = np.linspace(0, 2 * np.pi, 32, endpoint=False)
_MOST_BIAS = 1.0
_MOST_CLIPPED = 0.01
_SMALLEST = 32
_WINDOW = 192
"""LR pixels: of larger images the middle is looked at."""

_SMOOTHING = 1.5
_ENDS = (0, 255)
_NEAR_END = 4
"""Grey levels: so near to an end noise clips of itself."""


@dataclass(frozen=True, slots=True)
class PairAgreement:
    """How LR of one pair lies to HR made smaller by bicubic interpolation.

    Attributes
    ----------
    shift : (float, float)
        Rows and columns, LR pixels; NaN where there is too little to hold on to.
    bias : (float, float, float)
        Mean of LR less that of HR in grey levels: red, green, blue.
    clipped : float
        Share of LR's values at 0 or 255 where HR made smaller is not near them.
    error : (float, float)
        Of the shift: standard errors of rows and columns.
    beyond : float
        Standard errors by which the shift is more than 0.05 LR pixels; 0 where it is not.
    """

    shift: tuple[float, float]
    bias: tuple[float, float, float]
    clipped: float
    error: tuple[float, float] = (0.0, 0.0)
    beyond: float = 0.0

    @property
    def surely_off(self) -> bool:
        """Whether LR lies off by more than 0.05 LR pixels for sure."""
        return self.beyond > _SURE


@dataclass(frozen=True, slots=True)
class Agreement:
    """The same of a set of pairs.

    Attributes
    ----------
    pairs : int
    known : int
        Those that have enough in them to be registered.
    shift : (float, float)
        Of these the median of rows and of columns; NaN where there are none.
    shifted : float
        Share of these that are measured to lie off by more than 0.05 LR pixels; NaN where there are
        none.
    bias : (float, float, float)
        Median.
    clipped : float
        Mean.
    error : float
        How much the median errs, in rows or columns, whichever errs more: two standard errors.
    likely_off, surely_off : int
        Pairs whose shift is more than 0.05 LR pixels by more than 2, and by more than 7, of its
        standard errors.
    """

    pairs: int
    known: int
    shift: tuple[float, float]
    shifted: float
    bias: tuple[float, float, float]
    clipped: float
    error: float
    likely_off: int
    surely_off: int

    @property
    def lies_off(self) -> bool:
        """Whether the set fails: by a pair for sure, as a whole, or by too many pairs."""
        if self.known == 0:
            return False
        by_chance = 1.0
        if self.likely_off:
            by_chance = float(bdtrc(self.likely_off - 1, self.known, _MOST_LIKELY))
        return (
            self.surely_off > 0
            or max(map(abs, self.shift)) > MOST_SHIFT + self.error
            or by_chance < _BY_CHANCE
        )

    @property
    def is_biased(self) -> bool:
        """Whether brightness or a colour is off by more than a grey level."""
        return max(map(abs, self.bias)) > _MOST_BIAS

    @property
    def is_clipped(self) -> bool:
        """Whether LR is clipped where HR is not, in more than one value of a hundred."""
        return self.clipped > _MOST_CLIPPED


def measure_agreement(lr_u8: U8Array, hr_u8: U8Array) -> PairAgreement:
    """Compare LR with HR made smaller.

    Parameters
    ----------
    lr_u8, hr_u8 : (h, w, 3) and (h·scale, w·scale, 3) uint8 arrays
        Of larger pairs the middle 192 LR pixels are looked at, for the mean all.

    Raises
    ------
    InvalidValueError
        HR is no multiple of LR.
    """
    height, width = lr_u8.shape[:2]
    scale = hr_u8.shape[0] / height
    if scale < 1 or hr_u8.shape[:2] != (round(height * scale), round(width * scale)):
        raise InvalidValueError(f"HR of {hr_u8.shape} is no multiple of LR of {lr_u8.shape}")
    # Of the whole: steps that keep the mean keep that of all LR.
    bias = lr_u8.mean(axis=(0, 1)) - hr_u8.mean(axis=(0, 1))
    if scale == int(scale):
        lr_u8, hr_u8 = _middle(lr_u8, 1), _middle(hr_u8, int(scale))
    lr = lr_u8.astype(np.float32)
    # Taken as it is: what bicubic overshoots is clipped in no camera.
    smaller = imresize(hr_u8.astype(np.float32), 1 / scale)[: lr.shape[0], : lr.shape[1]]
    variance = variance_around(smaller)
    ends = np.isin(lr_u8, _ENDS) & (smaller > _NEAR_END) & (smaller < 255 - _NEAR_END)
    shift, error, beyond = _shift(luma(lr), luma(_as_light_adds(lr, smaller, variance)))
    return PairAgreement(
        shift=shift,
        bias=(float(bias[0]), float(bias[1]), float(bias[2])),
        clipped=float(ends.mean()),
        error=error,
        beyond=beyond,
    )


def summarise_agreement(found: Sequence[PairAgreement]) -> Agreement:
    """Return what a set of pairs has in common.

    Raises
    ------
    InvalidValueError
        There are none.
    """
    if not found:
        raise InvalidValueError("at least one pair is needed")
    shifts = np.array([each.shift for each in found])
    known = shifts[np.isfinite(shifts).all(axis=1)]
    rows, columns = np.median(known, axis=0) if len(known) else (np.nan, np.nan)
    off = np.hypot(*known.T) > MOST_SHIFT
    errors = np.array([each.error for each in found])[np.isfinite(shifts).all(axis=1)]
    of_median = _OF_MEDIAN * np.median(errors, axis=0).max() / len(known) ** 0.5 if off.size else 0
    red, green, blue = np.median([each.bias for each in found], axis=0)
    return Agreement(
        pairs=len(found),
        known=len(known),
        shift=(float(rows), float(columns)),
        shifted=float(off.mean()) if len(known) else float("nan"),
        bias=(float(red), float(green), float(blue)),
        clipped=float(np.mean([each.clipped for each in found])),
        error=float(2 * of_median),
        likely_off=sum(each.beyond > _LIKELY for each in found),
        surely_off=sum(each.surely_off for each in found),
    )


def _middle(image: U8Array, scale: int) -> U8Array:
    sides = [min(length, _WINDOW * scale) for length in image.shape[:2]]
    top, left = (
        (length - side) // 2 // scale * scale
        for length, side in zip(image.shape[:2], sides, strict=True)
    )
    return image[top : top + sides[0], left : left + sides[1]]


def _as_light_adds(lr: FloatArray, smaller: FloatArray, variance: FloatArray) -> FloatArray:
    """Return smaller HR, brighter at edges by as much as LR is: that would look like a shift."""
    varied, brighter = (luma(each).ravel().astype(np.float64) for each in (variance, lr - smaller))
    varied -= varied.mean()
    gain = float(np.clip(varied @ brighter / max(float(varied @ varied), 1e-9), 0, MOST_GAIN / 100))
    return np.asarray(smaller + np.float32(gain) * variance)


def _shift(
    lr: FloatArray, smaller: FloatArray
) -> tuple[tuple[float, float], tuple[float, float], float]:
    """Return the shift, its errors, and by how many of them it is more than 0.05."""
    if min(lr.shape) < _SMALLEST or min(lr.std(), smaller.std()) < 1:
        unknown = float("nan"), float("nan")
        return unknown, unknown, 0.0
    shift, covariance = measure_shift_and_error(lr, smaller, smoothing=_SMOOTHING)
    # Along an edge a shift is hardly known, across it all the better.
    ways = np.stack([np.sin(_AROUND), np.cos(_AROUND)], axis=1)
    errors = np.sqrt(np.maximum(((ways @ covariance) * ways).sum(axis=1), _LEAST_ERROR**2))
    beyond = float(((ways @ shift - MOST_SHIFT) / errors).max())
    rows, columns = np.sqrt(np.maximum(np.diag(covariance), 0))
    return shift, (float(rows), float(columns)), max(beyond, 0.0)

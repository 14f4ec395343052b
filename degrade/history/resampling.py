"""Was a photo enlarged before? By the periods that interpolation leaves, and by what is missing.

A period of 3 pixels comes of an enlargement by 3, of one by 1.5, and of some reductions: they look
alike. What an enlargement by f cannot make is detail beyond 0.5 / f cycles per pixel. So each of
these stories is judged by how the power of detail falls in the photo.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from degrade.history.periods import FREQUENCIES, PeriodLines
from degrade.history.spectrum import BANDS

__all__ = ["OTHER_TOLD", "TOLD", "Resampling", "judge_resampling"]

_Floats = npt.NDArray[np.float64]

TOLD = 0.75
"""From this probability on it is said that a photo was enlarged. Calibrated on half of 270 photos:
of the other half, unchanged or saved as JPEG of quality 75 to 95, below 1 % come that far."""

OTHER_TOLD = 0.8
"""Where a factor is less likely than this, the other one of its period is told beside it."""

_FREE, _BLOCKS = 12.0, 5.0
"""Weaker lines are chance: away from JPEG's own, and beside these."""

_SLOWEST, _FASTEST = 0.14, 0.46
"""Cycles per pixel of the lines that are looked at. Lower ones are the scene's; higher ones are
those of a colour mosaic, which a lens correction has stretched a little."""

_OF_BLOCKS, _OF_COLOUR = 0.007, 0.004
"""So near to multiples of 1/8 lines are JPEG's, and to other ones of 1/16 its colours'."""

_SURE_FACTOR = 0.92
"""The highest share of right factors there was, however sure the spectrum looked."""

_TRUST = 0.4
"""Of a log likelihood: the bands are less independent than their covariance says."""

_LINE_FOR, _MOST_FOR, _LINE_AGAINST_BLUR = 0.5, 2.0, 1.5
"""How much a strong line speaks for an enlargement, at most, and against mere blur."""

_SOFT_BEFORE = 1.35
"""How much speaks against a photo having been so soft before that it falls as one enlarged twice as
much: one in four is."""

_LEAST_QUARTER, _LEAST_FOURTH = 3.0, 10.0
"""Of the line of a period of 4: weaker than both, over JPEG's own and as it is, an enlargement by 4
leaves none. Photos enlarged by 2 stayed below, but for a few after JPEG."""

_FACTORS = np.array([1.2, 1.25, 4 / 3, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0])
_LARGEST_FACTOR = 6.0

_NOT_ENLARGED = (
    "-0.16 0.16 0.34 0.47 0.55 0.59 0.59 0.56 0.52 0.44 0.30 0.14 -0.02 -0.14 -0.16",
    "-0.05 0.05 -0.12 -0.40 -0.76 -1.25 -1.86 -2.56 -3.31 -4.09 -4.88 -5.47 -5.79 -5.85 -5.81",
    "0.21 -0.21 -1.04 -2.10 -3.36 -4.62 -5.43 -5.58 -5.43 -5.29 -5.22 -5.10 -4.89 -4.77 -4.76",
    "-0.02 0.02 -0.06 -0.25 -0.60 -0.98 -1.37 -1.82 -2.21 -2.54 -2.78 -2.91 -2.93 -2.88 -2.82",
)
"""Log power in ``BANDS``, as measured: of photos as they are, reduced or saved as JPEG; blurred by
σ 1 and by σ 1.8; and of a soft lens."""

_ENLARGED = (
    "-0.09 0.09 0.14 0.18 0.14 0.04 -0.11 -0.26 -0.54 -0.87 -1.24 -1.50 -1.60 -1.59 -1.53",
    "-0.11 0.11 0.20 0.18 0.14 0.01 -0.18 -0.44 -0.82 -1.24 -1.63 -1.89 -1.93 -1.88 -1.83",
    "-0.08 0.08 0.14 0.15 0.05 -0.10 -0.30 -0.62 -1.01 -1.48 -1.81 -1.92 -1.86 -1.79 -1.74",
    "-0.08 0.08 0.10 0.01 -0.17 -0.41 -0.82 -1.33 -1.86 -2.23 -2.34 -2.41 -2.53 -2.67 -2.72",
    "-0.06 0.06 0.04 -0.07 -0.29 -0.70 -1.26 -1.83 -2.12 -2.24 -2.47 -2.83 -3.16 -3.15 -3.10",
    "-0.03 0.03 -0.08 -0.35 -0.84 -1.58 -2.30 -2.62 -2.72 -3.05 -3.57 -3.73 -3.67 -3.64 -3.73",
    "0.00 -0.00 -0.25 -0.76 -1.61 -2.24 -2.44 -2.91 -3.50 -3.80 -4.03 -4.13 -4.02 -3.86 -3.72",
    "0.08 -0.08 -0.63 -1.68 -2.38 -2.55 -3.27 -3.80 -4.24 -4.59 -4.32 -4.18 -4.05 -3.96 -3.94",
    "0.29 -0.29 -1.51 -2.29 -3.20 -3.83 -4.32 -4.16 -4.05 -4.11 -4.20 -4.06 -3.92 -3.86 -3.87",
)
"""The same by ``_FACTORS``: mean of four interpolations, without JPEG and at quality 75 to 95."""

_TILT, _WAVES, _REACH, _OWN = 0.228, 0.304, 10.5, 0.01
"""Around these means photos vary: in their slope, in waves of so many bands, and in each band."""


@dataclass(frozen=True, slots=True)
class Resampling:
    """What speaks for an earlier enlargement.

    Attributes
    ----------
    probability : float
        That the photo was enlarged, where as many were as were not and a period is seen; 0 when
        none is. Never read 0 as "was not enlarged".
    factor : float or None
        The likelier one, by how much.
    factor_probability : float
        That it is that one (to 2 %), given that the photo was enlarged.
    other_factor : float or None
        What the same period may come of.
    period : float or None
        Pixels.
    strength : float
        Of the period's line over its surroundings.
    """

    probability: float
    factor: float | None = None
    factor_probability: float = 0.0
    other_factor: float | None = None
    period: float | None = None
    strength: float = 0.0

    @property
    def is_told(self) -> bool:
        """Whether it is to be said that the photo was enlarged."""
        return self.probability >= TOLD


@dataclass(frozen=True, slots=True)
class _Line:
    frequency: float
    strength: float
    least: float
    factors: tuple[float, ...]


def judge_resampling(lines: PeriodLines, fall: _Floats) -> Resampling:
    """Tell whether a photo was enlarged before, and by how much.

    Parameters
    ----------
    lines : PeriodLines
        From :func:`~degrade.history.periods.measure_periods`.
    fall : (15,) float64 array
        From :func:`~degrade.history.spectrum.fall_of_power`.

    References
    ----------
    Gallagher, "Detection of Linear and Cubic Interpolation in JPEG Compressed Images", CRV 2005;
    Popescu and Farid, "Exposing Digital Forgeries by Detecting Traces of Resampling", 2005. Here
    the factor is chosen among those of one line by the spectrum.
    """
    seen = [_free_line(lines), *_block_lines(lines)]
    judged = [_judge(line, fall) for line in seen if line.strength >= line.least]
    return max(judged, key=lambda found: found.probability, default=Resampling(0.0))


def _free_line(lines: PeriodLines) -> _Line:
    """Return the strongest line that can be none of JPEG's."""
    eighths = np.abs(FREQUENCIES - np.round(FREQUENCIES * 8) / 8)
    sixteenths = np.abs(FREQUENCIES - np.round(FREQUENCIES * 16) / 16)
    wanted = (eighths >= _OF_BLOCKS) & (sixteenths >= _OF_COLOUR)
    wanted &= (FREQUENCIES >= _SLOWEST) & (FREQUENCIES <= _FASTEST)
    both = np.maximum(lines.first, lines.second)
    places = np.flatnonzero(wanted)  # without those that have no factor, even where all are 0
    best = int(places[both[places].argmax()])
    frequency = float(FREQUENCIES[best])
    factors = [1 / (1 - frequency), 1 / frequency]
    kept = tuple(factor for factor in factors if factor <= _LARGEST_FACTOR)
    return _Line(frequency, float(both[best]), _FREE, kept)


def _block_lines(lines: PeriodLines) -> list[_Line]:
    """Return the lines of factors 2, 4/3 and 4, over the lines that JPEG's blocks would have."""
    over: list[tuple[float, float]] = []
    for levels in (lines.first, lines.second):
        eighth, quarter, three, half = (_at(levels, number / 8) for number in (1, 2, 3, 4))
        blocks = max(eighth, three, 1.0)
        over.append((quarter / blocks, half / blocks))
    quarter = max(over[0][0], over[1][0])
    has_fourth = quarter >= _LEAST_QUARTER or _at(lines.first, 0.25) >= _LEAST_FOURTH
    # Doubling leaves second differences alike, and JPEG leaves them a line.
    return [
        _Line(0.5, over[0][1], _BLOCKS, (2.0, 4.0) if has_fourth else (2.0,)),
        _Line(0.25, quarter, _BLOCKS, (4 / 3, 4.0)),
    ]


def _at(levels: _Floats, frequency: float) -> float:
    return float(levels[np.abs(FREQUENCIES - frequency) < 0.003].max())


def _judge(line: _Line, fall: _Floats) -> Resampling:
    """Weigh the stories of one line against each other."""
    clear = float(np.log(line.strength / line.least))
    plain, *blurred = (_TRUST * _likelihood(fall, mean) for mean in _table(_NOT_ENLARGED))
    not_enlarged = max(plain, max(blurred) - _LINE_AGAINST_BLUR * clear)
    speaks = min(_LINE_FOR * clear, _MOST_FOR)
    stories = [_enlarged_by(factor, fall) + speaks for factor in line.factors]
    logs = np.array([not_enlarged, *stories])
    shares = np.exp(logs - logs.max())
    shares /= shares.sum()
    order = np.argsort(-shares[1:], kind="stable")
    enlarged = float(1 - shares[0])
    others = [line.factors[number] for number in order[1:]]
    return Resampling(
        probability=enlarged,
        factor=line.factors[order[0]],
        factor_probability=min(float(shares[1 + order[0]]) / max(enlarged, 1e-9), _SURE_FACTOR),
        other_factor=others[0] if others else None,
        period=1 / line.frequency,
        strength=line.strength,
    )


def _enlarged_by(factor: float, fall: _Floats) -> float:
    """Return the log likelihood of a factor, of a photo that was sharp before, or soft."""
    means = _table(_ENLARGED)
    return max(
        _TRUST * _likelihood(fall, _between(means, each))
        - _SOFT_BEFORE * float(np.log2(each / factor))
        for each in (factor, *map(float, _FACTORS[factor < _FACTORS]))
    )


def _table(rows: tuple[str, ...]) -> _Floats:
    return np.array([[float(number) for number in row.split()] for row in rows])


def _between(means: _Floats, factor: float) -> _Floats:
    place = float(np.log(np.clip(factor, _FACTORS[0], _FACTORS[-1])))
    return np.array([np.interp(place, np.log(_FACTORS), band) for band in means.T])


def _likelihood(fall: _Floats, mean: _Floats) -> float:
    """Return the log likelihood of a spectrum around a mean, up to a constant."""
    slope = np.log(BANDS / BANDS[0])
    grows = np.sqrt(np.maximum(0.15 + slope - slope[:2].mean(), 0.05))
    apart = np.abs(np.subtract.outer(np.arange(len(BANDS)), np.arange(len(BANDS))))
    tilt = slope - slope[:2].mean()
    covariance = _TILT * np.outer(tilt, tilt) + _OWN * np.eye(len(BANDS))
    covariance += _WAVES * np.exp(-apart / _REACH) * np.outer(grows, grows)
    rest = fall - mean
    return float(-0.5 * rest @ np.linalg.solve(covariance, rest))

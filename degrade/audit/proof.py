"""Will training on pairs help? Filters learned from them, judged beside those of bicubic pairs."""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from degrade.arrays import FloatArray
from degrade.audit.filter_bank import FilterBank, FilterSums, fit_filters
from degrade.audit.scores import SCORE_NAMES, score_planes
from degrade.errors import InvalidValueError

__all__ = [
    "LEAST_JUDGES",
    "Gain",
    "Proof",
    "Table",
    "helps_for_sure",
    "learn",
    "prove",
    "prove_gains",
    "score_bank",
    "share_of_gap",
]

Table: TypeAlias = npt.NDArray[np.float64]

LEAST_JUDGES = 8
"""Photos; fewer give an interval that says nothing."""

_RESAMPLES = 2000
_STUDIO = (16, 235)
_LEAST_GAP = 0.02
"""dB: with less between floor and ceiling there is no share of it."""


@dataclass(frozen=True, slots=True)
class Gain:
    """By how much one set of filters is better than another, in one score.

    Attributes
    ----------
    name : str
        One of :data:`degrade.audit.scores.SCORE_NAMES`.
    mean : float
        Over the photos that judge.
    interval : (float, float)
        95 %, by photos drawn again; photos are paired.
    """

    name: str
    mean: float
    interval: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Proof:
    """What learning from pairs brings.

    Attributes
    ----------
    photos : int
        Those that judged.
    floor : tuple of float
        Mean scores of filters that were learned from bicubic pairs.
    gains : tuple of Gain
        Of the pairs over bicubic ones.
    possible : tuple of Gain
        Of pairs that are known to be right, over bicubic ones: the ceiling.
    share : (float, float, float) or None
        Of the way from floor to ceiling in calibrated PSNR, with its interval; None where the
        ceiling is hardly above the floor.
    """

    photos: int
    floor: tuple[float, ...]
    gains: tuple[Gain, ...]
    possible: tuple[Gain, ...]
    share: tuple[float, float, float] | None

    @property
    def helps(self) -> bool | None:
        """As :func:`helps_for_sure`."""
        return helps_for_sure(self.gains)


def helps_for_sure(gains: Iterable[Gain]) -> bool | None:
    """Tell whether calibrated PSNR rises for sure; False: falls for sure; None: not known."""
    low, high = next(gain.interval for gain in gains if gain.name == "calibrated")
    return True if low > 0 else False if high < 0 else None


def learn(sums: Iterable[FilterSums]) -> FilterBank:
    """Return the filters of all these pairs together."""
    return fit_filters(functools.reduce(operator.add, sums))


def score_bank(bank: FilterBank, lr: FloatArray, hr: FloatArray) -> tuple[float, ...]:
    """Return the scores of one photo enlarged, in the order of ``SCORE_NAMES``.

    Parameters
    ----------
    bank : FilterBank
    lr, hr : (h, w) and (h·scale, w·scale) float32 arrays
        Y, 16 … 235.
    """
    enlarged = np.clip(bank.enlarge(lr), *_STUDIO)
    return score_planes(enlarged, hr, border=bank.scale).values()


def share_of_gap(
    floor: Table, found: Table, ceiling: Table, rng: np.random.Generator
) -> tuple[float, float, float] | None:
    """Return which share of the way from floor to ceiling is gone, with its interval (95 %).

    None where the ceiling is hardly above the floor.

    Parameters
    ----------
    floor, found, ceiling : (N,) float64 arrays
        A score of the same photos.
    rng : numpy.random.Generator
    """
    gained, possible = found - floor, ceiling - floor
    if possible.mean() <= _LEAST_GAP:
        return None
    rows = rng.integers(0, len(floor), (_RESAMPLES, len(floor)))
    shares = gained[rows].mean(axis=1) / possible[rows].mean(axis=1)
    low, high = np.quantile(shares, (0.025, 0.975))
    return float(gained.mean() / possible.mean()), float(low), float(high)


def prove(floor: Table, found: Table, ceiling: Table, rng: np.random.Generator) -> Proof:
    """Compare the scores of three sets of filters on the same photos.

    Parameters
    ----------
    floor, found, ceiling : (N, 5) float64 arrays
        A row for each photo: of filters from bicubic pairs, from the pairs in question, and from
        pairs that are known to be right.
    rng : numpy.random.Generator

    Raises
    ------
    InvalidValueError
        The tables differ in shape, or are of fewer than eight photos.
    """
    if not floor.shape == found.shape == ceiling.shape or len(floor) < LEAST_JUDGES:
        raise InvalidValueError(
            f"three tables of one shape and at least {LEAST_JUDGES} photos are needed, got "
            f"{floor.shape}, {found.shape} and {ceiling.shape}"
        )
    column = SCORE_NAMES.index("calibrated")
    return Proof(
        photos=len(floor),
        floor=tuple(floor.mean(axis=0).tolist()),
        gains=prove_gains(floor, found, rng),
        possible=prove_gains(floor, ceiling, rng),
        share=share_of_gap(floor[:, column], found[:, column], ceiling[:, column], rng),
    )


def prove_gains(floor: Table, found: Table, rng: np.random.Generator) -> tuple[Gain, ...]:
    """Return by how much one set of scores is better than another, with intervals.

    Parameters
    ----------
    floor, found : (N, 5) float64 arrays
        A row for each photo.
    rng : numpy.random.Generator
    """
    differences = found - floor
    count = len(differences)
    means = differences[rng.integers(0, count, (_RESAMPLES, count))].mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975), axis=0)
    columns = zip(SCORE_NAMES, differences.mean(axis=0), low, high, strict=True)
    return tuple(Gain(name, float(mean), (float(a), float(b))) for name, mean, a, b in columns)

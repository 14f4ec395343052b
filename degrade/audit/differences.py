"""Differences of two sets of photos by name, each with its size."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["DIFFERENCES", "DifferenceKind", "NamedDifference", "holm", "name_differences"]

_LEVEL = 0.05
_FLIPS = 2000
_TIES = 1e-12
_ROUNDING = 0.1
"""Grey levels: of what rounding hides no ratio is made."""

Figures: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class DifferenceKind:
    """A kind of difference.

    Attributes
    ----------
    name : str
        A key of :attr:`degrade.audit.features.PhotoFeatures.measures`.
    unit : str
    more, less : str
        What the second set is, when its figure is larger, and when it is smaller.
    negligible : float
        In the unit: smaller differences have no name, however sure they are.
    is_ratio : bool
        Compared by logarithms: sizes and intervals are ratios of the second set's figure to the
        first's, and so is ``negligible``.
    """

    name: str
    unit: str
    more: str
    less: str
    negligible: float
    is_ratio: bool = False

    @property
    def neutral(self) -> float:
        """The size of no difference."""
        return 1.0 if self.is_ratio else 0.0

    def extent(self, size: float) -> float:
        """Return a size, whichever its sign, in units of what is negligible."""
        if self.is_ratio:
            return abs(math.log(size)) / math.log(self.negligible)
        return abs(size) / self.negligible


DIFFERENCES = (
    DifferenceKind("softness", "dB", "softer", "sharper", 0.5),
    DifferenceKind("overshoot", "% of the step", "more overshoot", "less overshoot", 1.5),
    DifferenceKind("noise", "grey levels", "more noise", "less noise", 1.25, is_ratio=True),
    DifferenceKind("grain", "correlation", "coarser grain", "finer grain", 0.06),
    DifferenceKind(
        "colour noise", "grey levels", "more colour noise", "less colour noise", 1.25, is_ratio=True
    ),
    DifferenceKind("blocks", "% more at 8×8 borders", "more JPEG blocks", "fewer JPEG blocks", 2.0),
    DifferenceKind("colour softness", "dB", "softer colours", "sharper colours", 1.0),
    DifferenceKind("direction", "dB", "softer along rows", "softer along columns", 0.5),
)
"""All kinds, in the order in which they are told."""


@dataclass(frozen=True, slots=True)
class NamedDifference:
    """One kind of difference between two sets.

    Attributes
    ----------
    kind : DifferenceKind
    size : float
        Mean over matched photos of the second set's figure less the first's, or their ratio.
    interval : (float, float)
        95 % for all kinds together.
    levels : (float, float)
        The medians of both sets.
    p_value : float
        Corrected for the number of kinds.
    photos : int
        Matched pairs that tell.
    """

    kind: DifferenceKind
    size: float
    interval: tuple[float, float]
    levels: tuple[float, float]
    p_value: float
    photos: int

    @property
    def is_there(self) -> bool:
        """Whether the difference is both sure and large enough to matter."""
        return self.p_value <= _LEVEL and self.kind.extent(self.size) >= 1

    @property
    def ruled_out(self) -> bool:
        """Whether the whole interval lies within what is negligible."""
        return max(map(self.kind.extent, self.interval)) < 1

    @property
    def name(self) -> str:
        """What the second set is, compared with the first."""
        return self.kind.more if self.size > self.kind.neutral else self.kind.less


def name_differences(
    first: Sequence[Mapping[str, float]],
    second: Sequence[Mapping[str, float]],
    rng: np.random.Generator,
    *,
    resamples: int = 1000,
) -> list[NamedDifference]:
    """Compare the figures of matched photos, kind by kind.

    By signs flipped at random: were the sets of one kind, either photo of a pair could be of
    either set. Holm's correction keeps the chance of any false name at one in twenty.

    Parameters
    ----------
    first, second : sequences of mappings
        Element i of the one is matched with element i of the other.
    rng : numpy.random.Generator
    resamples : int
        Of the intervals.

    Returns
    -------
    list of NamedDifference
        One for each of :data:`DIFFERENCES` of which at least two pairs tell.
    """
    found, values = [], []
    for kind in DIFFERENCES:
        a, b = (np.array([measures[kind.name] for measures in each]) for each in (first, second))
        known = np.isfinite(a) & np.isfinite(b)
        if known.sum() >= 2:
            found.append(kind)
            values.append((a[known], b[known]))
    steps = [_steps(kind, *both) for kind, both in zip(found, values, strict=True)]
    corrected = holm([_sign_flip(step, rng) for step in steps])
    share = _LEVEL / max(len(found), 1)
    named = []
    for kind, (a, b), step, p_value in zip(found, values, steps, corrected, strict=True):
        sizes = step.mean(), *_interval(step, rng, resamples, share)
        size, low, high = (float(np.exp(x) if kind.is_ratio else x) for x in sizes)
        levels = float(np.median(a)), float(np.median(b))
        named.append(NamedDifference(kind, size, (low, high), levels, p_value, len(a)))
    return named


def _steps(kind: DifferenceKind, first: Figures, second: Figures) -> Figures:
    if kind.is_ratio:
        return np.asarray(np.log((second + _ROUNDING) / (first + _ROUNDING)))
    return second - first


def _sign_flip(differences: Figures, rng: np.random.Generator) -> float:
    signs = np.where(rng.random((_FLIPS, len(differences))) < 0.5, -1.0, 1.0)
    flipped = np.abs(signs @ differences)
    as_large = flipped >= abs(differences.sum()) * (1 - _TIES) - _TIES
    return float((1 + as_large.sum()) / (1 + _FLIPS))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return probabilities corrected for their number, by Holm's steps, in the same order."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    corrected, highest = [0.0] * len(p_values), 0.0
    for place, i in enumerate(order):
        highest = max(highest, min((len(p_values) - place) * p_values[i], 1.0))
        corrected[i] = highest
    return corrected


def _interval(
    differences: Figures, rng: np.random.Generator, resamples: int, share: float
) -> tuple[float, float]:
    """Return the interval of the mean by photos drawn again, widened for their small number."""
    count = len(differences)
    means = differences[rng.integers(0, count, (resamples, count))].mean(axis=1)
    low, high = np.quantile(means, (share / 2, 1 - share / 2))
    mean, wider = differences.mean(), np.sqrt(count / (count - 1))
    return float(mean + wider * (low - mean)), float(mean + wider * (high - mean))

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
_DIRECTIONS = 16
_NEAR_AXIS = 11.25
"""Degrees: what is so near to rows or columns is called by their name."""

_FEWEST = 10
"""Photos of each set: of fewer nothing is ruled out."""

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
    slanted : str or None
        Of a difference that has a direction the figure at 45° to ``name``'s; ``more`` is then what
        stands before the direction. Sizes are those along it, and never less than 0.
    """

    name: str
    unit: str
    more: str
    less: str
    negligible: float
    is_ratio: bool = False
    slanted: str | None = None

    @property
    def figures(self) -> tuple[str, ...]:
        """What is compared: keys of a photo's measures."""
        return (self.name,) if self.slanted is None else (self.name, self.slanted)

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
    DifferenceKind("blocks", "% at 8×8 borders", "more JPEG blocks", "fewer JPEG blocks", 2.0),
    DifferenceKind("colour softness", "dB", "softer colours", "sharper colours", 1.0),
    DifferenceKind("direction", "dB", "softer along", "", 1.0, slanted="slanted direction"),
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
        95 % for all kinds together. Of one with a direction the lower end is along it, the upper
        the largest along any.
    levels : (float, float)
        The medians of both sets.
    p_value : float
        Corrected for the number of kinds.
    photos : int
        Matched pairs that tell.
    angle : float or None
        Degrees, 0 … 180, from the rows on, rising to the right; None: it has no direction.
    """

    kind: DifferenceKind
    size: float
    interval: tuple[float, float]
    levels: tuple[float, float]
    p_value: float
    photos: int
    angle: float | None = None

    @property
    def is_there(self) -> bool:
        """Whether the difference is both sure and large enough to matter."""
        return self.p_value <= _LEVEL and self.kind.extent(self.size) >= 1

    @property
    def is_of_few(self) -> bool:
        """Whether photos are so few that the interval says nothing of others."""
        return self.photos < _FEWEST

    @property
    def ruled_out(self) -> bool:
        """Whether the whole interval lies within what is negligible, by photos enough."""
        return not self.is_of_few and max(map(self.kind.extent, self.interval)) < 1

    @property
    def name(self) -> str:
        """What the second set is, compared with the first."""
        if self.angle is not None:
            return f"{self.kind.more} {_direction_words(self.angle)}"
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
        a, b = (
            np.array([[measures[name] for name in kind.figures] for measures in each]).reshape(
                -1, len(kind.figures)
            )
            for each in (first, second)
        )
        known = np.isfinite(a).all(axis=1) & np.isfinite(b).all(axis=1)
        if known.sum() >= 2:
            found.append(kind)
            values.append((a[known], b[known]))
    steps = [_steps(kind, *both) for kind, both in zip(found, values, strict=True)]
    corrected = holm([_sign_flip(step, rng) for step in steps])
    share = _LEVEL / max(len(found), 1)
    named = []
    for kind, (a, b), step, p_value in zip(found, values, steps, corrected, strict=True):
        along = _unit(step.mean(axis=0))
        sizes = step.mean(axis=0) @ along, *_interval(step, along, rng, resamples, share)
        size, low, high = (float(np.exp(x) if kind.is_ratio else x) for x in sizes)
        levels = float(np.median(a @ along)), float(np.median(b @ along))
        angle = None if len(along) == 1 else _angle(along)
        named.append(NamedDifference(kind, size, (low, high), levels, p_value, len(a), angle))
    return named


def _steps(kind: DifferenceKind, first: Figures, second: Figures) -> Figures:
    if kind.is_ratio:
        return np.asarray(np.log((second + _ROUNDING) / (first + _ROUNDING)))
    return second - first


def _unit(mean: Figures) -> Figures:
    """Return where a mean points; of a single figure its sign is kept, and it is 1."""
    length = float(np.hypot(*mean)) if len(mean) > 1 else 0.0
    return mean / length if length > _TIES else np.eye(len(mean))[0]


def _angle(along: Figures) -> float:
    """Return a direction in degrees: opposite ones are one, so it turns half as fast."""
    return float(np.degrees(np.arctan2(along[1], along[0])) / 2 % 180)


def _direction_words(angle: float) -> str:
    """Return a direction by name or in steps of 5°, which is about how well it is known."""
    steep = min(angle, 180 - angle)
    if steep <= _NEAR_AXIS:
        return "rows"
    if steep >= 90 - _NEAR_AXIS:
        return "columns"
    return f"{5 * round(steep / 5)}° ({'rising' if angle < 90 else 'falling'})"


def _sign_flip(differences: Figures, rng: np.random.Generator) -> float:
    """Return how often flipped signs make as large a mean, told by its spread in all directions."""
    signs = np.where(rng.random((_FLIPS, len(differences))) < 0.5, -1.0, 1.0)
    if differences.shape[1] > 1:
        # Squares do not change with signs: what is made of them orders the flips as Hotelling's T².
        spread, axes = np.linalg.eigh(differences.T @ differences)
        differences = differences @ axes / np.sqrt(np.maximum(spread, _TIES))
    flipped = np.square(signs @ differences).sum(axis=1)
    whole = np.square(differences.sum(axis=0)).sum()
    as_large = flipped >= whole * (1 - _TIES) - _TIES
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
    differences: Figures, along: Figures, rng: np.random.Generator, resamples: int, share: float
) -> tuple[float, float]:
    """Return the interval of the mean by photos drawn again, widened for their small number."""
    count = len(differences)
    means = differences[rng.integers(0, count, (resamples, count))].mean(axis=1)
    mean, wider = differences.mean(axis=0), np.sqrt(count / (count - 1))
    widened = mean + wider * (means - mean)
    low, high = np.quantile(widened @ along, (share / 2, 1 - share / 2))
    if len(along) > 1:
        around = np.linspace(0, 2 * np.pi, _DIRECTIONS, endpoint=False)
        all_ways = widened @ np.stack([np.cos(around), np.sin(around)])
        high = max(high, np.quantile(all_ways, 1 - share / 2, axis=0).max())
    return float(low), float(high)

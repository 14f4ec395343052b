"""Two sets of photos compared: matched by what they show, told apart or not, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from degrade.audit.differences import NamedDifference, name_differences
from degrade.audit.features import PhotoFeatures
from degrade.audit.matching import match_content
from degrade.audit.two_sample import (
    LEAST_PAIRS,
    TwoSampleResult,
    compare_two_samples,
    photos_needed,
)
from degrade.errors import InvalidValueError

__all__ = ["ENOUGH", "Comparison", "compare_sets"]

ENOUGH = 0.1
"""What chance may do to the AUC of a set that is said to match."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two sets of photos differ in.

    Attributes
    ----------
    photos : (int, int)
        How many each set has.
    matched : int
        How many of each show so much alike that they were compared.
    result : TwoSampleResult or None
        None with fewer than ten matched photos.
    differences : tuple of NamedDifference
        Of every kind, also what is not there.
    """

    photos: tuple[int, int]
    matched: int
    result: TwoSampleResult | None
    differences: tuple[NamedDifference, ...]

    @property
    def named(self) -> tuple[NamedDifference, ...]:
        """The differences that are there, the largest first."""
        there = [each for each in self.differences if each.is_there]
        return tuple(sorted(there, key=lambda each: -each.kind.extent(each.size)))

    @property
    def verdict(self) -> str:
        """One sentence, with the AUC and what it is worth."""
        needed = photos_needed(ENOUGH)
        if self.result is None:
            return (
                f"too few photos for a verdict: {self.matched} of each set show much the same; at "
                f"least {LEAST_PAIRS} are needed, and {needed} for an AUC that chance moves by no "
                f"more than ±{ENOUGH:.2f}"
            )
        found = self.result
        auc, high = found.area_words, found.interval[1]
        count = f"{found.pairs} photos of each"
        if found.told_apart:
            return f"told apart: {auc}, by {count}"
        if found.half_width > ENOUGH:
            return (
                f"too few photos for a verdict: {auc}, and with {count} chance alone moves it by "
                f"±{found.half_width:.2f}; ±{ENOUGH:.2f} takes {needed}"
            )
        possible = f"; up to {high:.2f} is possible" if high > 0.5 else ""
        return f"not told apart: {auc}, by {count}{possible}"


def compare_sets(
    first: Sequence[PhotoFeatures],
    second: Sequence[PhotoFeatures],
    rng: np.random.Generator,
    *,
    first_keys: Sequence[str] | None = None,
    second_keys: Sequence[str] | None = None,
) -> Comparison:
    """Compare two sets of photos by what their cameras, or a degradation, have left in them.

    Parameters
    ----------
    first, second : sequences of PhotoFeatures
        At least two each, measured in windows of one size.
    rng : numpy.random.Generator
    first_keys, second_keys : sequence of str or None
        As for :func:`degrade.audit.matching.match_content`.

    Raises
    ------
    InvalidValueError
        A set has fewer than two photos.
    """
    if min(len(first), len(second)) < 2:
        raise InvalidValueError(
            f"two photos of each set are needed at least, got {len(first)} and {len(second)}"
        )
    matches = match_content(
        np.array([each.content for each in first]),
        np.array([each.content for each in second]),
        first_keys=first_keys,
        second_keys=second_keys,
    )
    ours, theirs = [first[i] for i in matches[:, 0]], [second[j] for j in matches[:, 1]]
    result = None
    if len(matches) >= LEAST_PAIRS:
        result = compare_two_samples(
            np.array([each.values for each in ours]),
            np.array([each.values for each in theirs]),
            rng,
        )
    differences = name_differences(
        [each.measures for each in ours], [each.measures for each in theirs], rng
    )
    return Comparison((len(first), len(second)), len(matches), result, tuple(differences))

"""Whether a rater looks: what they say of what is obvious, and of what they have seen before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from degrade.opinions.orders import DECOY, Kind, Trial

__all__ = ["Attention", "check_attention"]

_LIKED = 3
"""A score from which on a decoy was not looked at."""

_APART = 2
"""Scores of one thing that differ by so much."""

_SHARE = 1 / 3


@dataclass(frozen=True, slots=True)
class Attention:
    """How many checks a rater answered, and how many of these wrongly."""

    obvious: int
    obvious_failed: int
    repeats: int
    repeats_failed: int

    @property
    def failed(self) -> int:
        """Checks answered wrongly."""
        return self.obvious_failed + self.repeats_failed

    @property
    def has_failed(self) -> bool:
        """Whether more than a third of the checks, and at least two, were answered wrongly."""
        return self.failed >= 2 and self.failed > _SHARE * (self.obvious + self.repeats)


def check_attention(
    kind: Kind, trials: Sequence[Trial], answers: Sequence[Sequence[int] | None]
) -> Attention:
    """Count the checks of one rater.

    A decoy fails with a score from 3 on, and where it was preferred or found equal, by any
    question. A repetition fails with a score that is 2 or more away, and where any preference was
    turned round; equal once and preferred once is no failure.

    Parameters
    ----------
    kind : str
    trials : sequence of Trial
    answers : sequence of (sequence of int or None)
        Of each trial an answer to each question: a score; or 1, the first, 2, the second, 0,
        neither. None: not answered.
    """
    obvious, obvious_failed, repeats, repeats_failed = 0, 0, 0, 0
    for trial, found in zip(trials, answers, strict=True):
        if trial.role == "vote" or found is None:
            continue
        if trial.role == "obvious":
            obvious += 1
            right = 2 if trial.first == DECOY else 1
            wrong = [a >= _LIKED if kind == "mos" else a != right for a in found]
            obvious_failed += any(wrong)
            continue
        before = answers[trial.of - 1]
        if before is None:
            continue
        repeats += 1
        if kind == "mos":
            wrong = [abs(a - b) >= _APART for a, b in zip(found, before, strict=True)]
        else:  # sides are the other way round, so the same answer is the other method
            wrong = [a == b != 0 for a, b in zip(found, before, strict=True)]
        repeats_failed += any(wrong)
    return Attention(obvious, obvious_failed, repeats, repeats_failed)

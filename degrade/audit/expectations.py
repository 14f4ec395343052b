"""What trials on a set of photos come to: how far to trust each measurement on such photos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from degrade.audit.planting import CLEAN, KINDS, Kind, Trial

__all__ = ["Expectation", "Trust", "expect", "judge"]

Trust: TypeAlias = Literal["good", "expect", "seldom", "do not trust"]

_GOOD_ERROR, _USABLE_ERROR = 0.10, 0.40
_MOSTLY, _HALF = 0.8, 0.5
_FEW_WRONG, _SOME_WRONG = 0.05, 0.15


@dataclass(frozen=True, slots=True)
class Expectation:
    """One plant on all photos.

    Attributes
    ----------
    kind : str
    plant : str
    photos : int
    right, wrong, untold : float
        Shares of the photos.
    typical : float or None
        Median of the error, signed, as a share of the truth.
    worst : float or None
        What nine of ten errors stay below, as they are without their signs.
    decibels : float or None
        Median kernel PSNR.
    confidence : float or None
        Mean of what the measurement says of itself.
    trust : {"good", "expect", "seldom", "do not trust"}
    """

    kind: Kind
    plant: str
    photos: int
    right: float
    wrong: float
    untold: float
    typical: float | None
    worst: float | None
    decibels: float | None
    confidence: float | None
    trust: Trust

    def advice(self) -> str:
        """Return one sentence for people."""
        if self.plant == CLEAN and self.wrong:
            return f"told of {self.wrong:.0%} as they are: wrong, or these are not clean"
        if self.trust == "good":
            return "good" if self.worst is None else f"good, ±{100 * self.worst:.0f} %"
        if self.trust == "expect" and self.worst is not None:
            return f"expect ±{100 * self.worst:.0f} %"
        if self.trust == "expect":
            return f"right in {self.right:.0%}, wrong in {self.wrong:.0%}"
        if self.trust == "seldom" and self.untold == 1:
            return "such photos do not tell"
        if self.trust == "seldom" and not self.wrong:
            return "such photos seldom tell; what they tell is right"
        if self.trust == "seldom":
            return f"such photos seldom tell; right in {self.right:.0%}, wrong in {self.wrong:.0%}"
        return "do not trust it on these photos"


def expect(trials: Sequence[Trial]) -> list[Expectation]:
    """Return what each plant came to, in the order in which plants first appear."""
    groups: dict[tuple[Kind, str], list[Trial]] = {}
    for trial in trials:
        groups.setdefault((trial.kind, trial.plant), []).append(trial)
    return [_expectation(kind, plant, group) for (kind, plant), group in groups.items()]


def judge(found: Sequence[Expectation]) -> dict[Kind, str]:
    """Return a sentence for each kind: how many of its plants may be trusted, and which not."""
    sentences: dict[Kind, str] = {}
    for kind in KINDS:
        rows = [row for row in found if row.kind == kind]
        if not rows:
            continue
        planted = [row for row in rows if row.plant != CLEAN]
        bad = [row.plant for row in planted if row.trust == "do not trust"]
        seldom = [row.plant for row in planted if row.trust == "seldom"]
        if planted and len(bad) == len(planted):
            sentences[kind] = "do not trust it on photos like these"
        elif planted and len(bad) + len(seldom) == len(planted):
            sentences[kind] = "of little use on photos like these, which seldom tell"
        else:
            sentences[kind] = f"can be used on photos like these{_besides(rows, bad, seldom)}"
    return sentences


def _besides(rows: Sequence[Expectation], bad: Sequence[str], seldom: Sequence[str]) -> str:
    """Return what is to be known of a measurement that can be used."""
    words = f", but not for: {', '.join(bad)}" if bad else ""
    words += f"; seldom told: {', '.join(seldom)}" if seldom else ""
    trusted = [row.worst for row in rows if row.trust in ("good", "expect")]
    errors = [worst for worst in trusted if worst is not None]
    if errors:
        words += f"; {'otherwise ' * bool(bad)}expect errors up to {100 * max(errors):.0f} %"
    return words


def _expectation(kind: Kind, plant: str, trials: Sequence[Trial]) -> Expectation:
    count = len(trials)
    right, wrong, untold = (
        sum(trial.outcome == outcome for trial in trials) / count
        for outcome in ("right", "wrong", "not told")
    )
    errors = np.array([trial.error for trial in trials if trial.error is not None])
    decibels = [trial.decibels for trial in trials if trial.decibels is not None]
    sure = [trial.confidence for trial in trials if trial.confidence is not None]
    worst = float(np.quantile(np.abs(errors), 0.9)) if len(errors) else None
    return Expectation(
        kind=kind,
        plant=plant,
        photos=count,
        right=right,
        wrong=wrong,
        untold=untold,
        typical=float(np.median(errors)) if len(errors) else None,
        worst=worst,
        decibels=float(np.median(decibels)) if decibels else None,
        confidence=float(np.mean(sure)) if sure else None,
        trust=_trust(worst, right, wrong, untold),
    )


def _trust(worst: float | None, right: float, wrong: float, untold: float) -> Trust:
    if worst is not None:
        if worst > _USABLE_ERROR or wrong > _HALF:
            return "do not trust"
        if untold > _HALF:
            return "seldom"
        return "good" if worst <= _GOOD_ERROR else "expect"
    if wrong > _SOME_WRONG:
        return "do not trust"
    if right >= _MOSTLY and wrong <= _FEW_WRONG:
        return "good"
    return "expect" if right >= _HALF else "seldom"

"""Studies with planted truth, without a server."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from degrade.opinions import DECOY, TRUE, Kind, Trial, plan_trials
from degrade.studies import PAIR_QUESTIONS, Rater, StudyDefinition, StudyImage, Vote


def define(kind: Kind, methods: Sequence[str], images: int, **settings: Any) -> StudyDefinition:
    """Return a study whose pictures are nowhere."""

    def hashed(*parts: object) -> str:
        return hashlib.sha256(repr(parts).encode()).hexdigest()

    known = [
        StudyImage(
            name=f"image {n}",
            width=8,
            height=8,
            results=tuple(hashed(n, method) for method in methods),
            decoy=hashed(n),
        )
        for n in range(images)
    ]
    values = {"shows_reference": False, "seed": 0, "per_rater": None, "check_every": 15, **settings}
    return StudyDefinition(
        kind=kind,
        methods=tuple(methods),
        questions=PAIR_QUESTIONS if kind == "pairs" else ("How good?",),
        images=tuple(known),
        settings_sha256=hashed(),
        **values,
    )


def simulate(
    definition: StudyDefinition,
    raters: int,
    quality: Sequence[float],
    rng: np.random.Generator,
    *,
    blind: Sequence[int] = (),
) -> tuple[list[Rater], list[Vote]]:
    """Let raters vote by qualities of methods; those of ``blind`` vote at random."""
    votes = []
    people = []
    bias = rng.normal(0, 0.4, raters)
    for rater in range(raters):
        trials = plan_trials(definition.design, rater)
        people.append(Rater(rater, len(trials), len(trials)))
        for number, trial in enumerate(trials, 1):
            for question in range(len(definition.questions)):
                if rater in blind:
                    answer = int(
                        rng.integers(3) if definition.kind == "pairs" else rng.integers(1, 6)
                    )
                elif definition.kind == "mos":
                    value = _worth(trial.first, quality) + bias[rater] + rng.normal(0, 0.6)
                    answer = int(np.clip(np.rint(value), 1, 5))
                else:
                    answer = _preferred(trial, quality, rng)
                votes.append(Vote(rater, number, question, trial, answer, 1e9, 2.0, 0))
    return people, votes


def _worth(method: int, quality: Sequence[float]) -> float:
    return {DECOY: -6.0, TRUE: quality[0]}.get(method) or quality[method]


def _preferred(trial: Trial, quality: Sequence[float], rng: np.random.Generator) -> int:
    a, b = (np.exp(_worth(method, quality)) for method in (trial.first, trial.second))
    equal = 0.5 * np.sqrt(a * b)
    drawn = rng.random() * (a + b + equal)
    return 1 if drawn < a else 2 if drawn < a + b else 0

"""Who looks, and who does not."""

from __future__ import annotations

import numpy as np
import pytest

from degrade.opinions import DECOY, TRUE, Attention, Design, Trial, check_attention, plan_trials


@pytest.mark.parametrize(("score", "fails"), [(1, False), (2, False), (3, True), (5, True)])
def test_check_attention_fails_a_decoy_that_is_liked(score: int, fails: bool) -> None:
    found = check_attention("mos", [Trial(0, DECOY, role="obvious")], [[score]])
    assert found == Attention(1, int(fails), 0, 0)


@pytest.mark.parametrize(("again", "fails"), [(2, False), (3, False), (4, False), (5, True)])
def test_check_attention_fails_scores_that_are_far_from_the_first(again: int, fails: bool) -> None:
    trials = [Trial(0, 1), Trial(0, 1, role="repeat", of=1)]
    assert check_attention("mos", trials, [[3], [again]]) == Attention(0, 0, 1, int(fails))


@pytest.mark.parametrize(
    ("answers", "fails"), [([2, 2], False), ([2, 1], True), ([2, 0], True), ([1, 1], True)]
)
def test_check_attention_fails_a_decoy_that_is_preferred(answers: list[int], fails: bool) -> None:
    trials = [Trial(0, DECOY, TRUE, role="obvious")]
    assert check_attention("pairs", trials, [answers]).obvious_failed == fails


@pytest.mark.parametrize(
    ("before", "again", "fails"),
    [
        ([1, 1], [2, 2], False),
        ([1, 1], [1, 2], True),
        ([1, 0], [2, 0], False),
        ([1, 0], [0, 1], False),
    ],
)
def test_check_attention_knows_that_sides_are_turned(
    before: list[int], again: list[int], fails: bool
) -> None:
    trials = [Trial(0, 0, 1), Trial(0, 1, 0, role="repeat", of=1)]
    assert check_attention("pairs", trials, [before, again]).repeats_failed == fails


def test_check_attention_counts_only_what_was_answered() -> None:
    trials = [Trial(0, 1), Trial(0, DECOY, role="obvious"), Trial(0, 1, role="repeat", of=1)]
    assert check_attention("mos", trials, [[3], None, None]) == Attention(0, 0, 0, 0)


def test_has_failed_wants_two_failures_and_a_third() -> None:
    assert not Attention(1, 1, 0, 0).has_failed
    assert Attention(1, 1, 1, 1).has_failed
    assert not Attention(4, 1, 4, 1).has_failed


@pytest.mark.parametrize("kind", ["mos", "pairs"])
def test_check_attention_tells_who_clicks_blindly_from_who_looks(
    kind: str, rng: np.random.Generator
) -> None:
    design = Design(kind=kind, images=40, methods=3, decoys=tuple(range(40)))  # type: ignore[arg-type]
    caught, wronged = 0, 0
    for rater in range(40):
        trials = plan_trials(design, rater)
        if kind == "mos":
            blind = [[int(rng.integers(1, 6))] for _ in trials]
            quality = {m: 2.5 + m for m in range(3)} | {DECOY: 1.0}
            looked = [
                [int(np.clip(np.rint(quality[t.first] + rng.normal(0, 0.6)), 1, 5))] for t in trials
            ]
        else:
            blind = [[int(rng.integers(3)), int(rng.integers(3))] for _ in trials]
            worth = {0: 0.0, 1: 1.0, 2: 2.0, DECOY: -9.0, TRUE: 1.0}
            looked = []
            for t in trials:
                odds = worth[t.first] - worth[t.second] + rng.normal(0, 0.7, 2)
                looked.append([1 if o > 0.3 else 2 if o < -0.3 else 0 for o in odds])
        caught += check_attention(kind, trials, blind).has_failed  # type: ignore[arg-type]
        wronged += check_attention(kind, trials, looked).has_failed  # type: ignore[arg-type]
    assert caught >= 34 and wronged <= 2

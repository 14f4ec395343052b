"""Who sees what, in which order."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from degrade.errors import InvalidValueError
from degrade.opinions import DECOY, NOTHING, TRUE, Design, Trial, plan_trials


def votes(trials: list[Trial]) -> list[Trial]:
    return [trial for trial in trials if trial.role == "vote"]


def unordered(trial: Trial) -> tuple[int, frozenset[int]]:
    return trial.image, frozenset((trial.first, trial.second))


designs = st.builds(
    Design,
    kind=st.sampled_from(["mos", "pairs"]),
    images=st.integers(1, 9),
    methods=st.integers(2, 5),
    seed=st.integers(0, 5),
    per_rater=st.none() | st.integers(1, 30),
    check_every=st.integers(0, 6),
    decoys=st.just((0,)),
)


@given(design=designs, rater=st.integers(0, 40))
def test_plan_trials_asks_nothing_twice_but_for_checks(design: Design, rater: int) -> None:
    trials = plan_trials(design, rater)
    asked = votes(trials)
    assert len(asked) == design.votes == len(set(map(unordered, asked)))
    assert all(0 <= trial.image < design.images for trial in trials)
    assert plan_trials(design, rater) == trials
    if design.per_rater is None:
        assert len(asked) == design.images * len(design.conditions)


@given(design=designs, rater=st.integers(0, 40))
def test_plan_trials_repeats_what_was_there_with_sides_turned(design: Design, rater: int) -> None:
    trials = plan_trials(design, rater)
    for place, trial in enumerate(trials, 1):
        if trial.role == "repeat":
            before = trials[trial.of - 1]
            assert before.role == "vote" and trial.of < place and trial.image == before.image
            sides = (trial.first, trial.second)
            if design.kind == "pairs":
                assert sides == (before.second, before.first)
            else:
                assert sides == (before.first, before.second)
        elif trial.role == "obvious":
            expected = {DECOY, NOTHING} if design.kind == "mos" else {DECOY, TRUE}
            assert {trial.first, trial.second} == expected
        else:
            assert trial.of == 0


@pytest.mark.parametrize("methods", [2, 3, 4, 5])
def test_plan_trials_lets_each_method_follow_each_other_equally_often(methods: int) -> None:
    design = Design(kind="mos", images=3, methods=methods, check_every=0)
    rows = methods if methods % 2 == 0 else 2 * methods
    follows: Counter[tuple[int, int]] = Counter()
    for rater in range(rows):
        for image in range(3):
            seen = [t.first for t in plan_trials(design, rater) if t.image == image]
            follows.update(itertools.pairwise(seen))
    assert len(follows) == methods * (methods - 1)
    assert len(set(follows.values())) == 1


def test_plan_trials_balances_sides_within_a_rater_and_from_one_to_the_next() -> None:
    design = Design(kind="pairs", images=10, methods=4, check_every=0)
    one, other = (votes(plan_trials(design, rater)) for rater in (6, 7))
    assert sum(trial.first < trial.second for trial in one) == len(one) / 2
    sides = {unordered(trial): trial.first for trial in one}
    assert all(sides[unordered(trial)] == trial.second for trial in other)


def test_plan_trials_of_parts_covers_all_images_equally() -> None:
    design = Design(kind="mos", images=12, methods=3, per_rater=12, check_every=0)
    seen = Counter(
        (trial.image, trial.first) for rater in range(6) for trial in plan_trials(design, rater)
    )
    assert len(seen) == 36 and set(seen.values()) == {2}


@given(
    design=st.builds(
        Design,
        kind=st.sampled_from(["mos", "pairs"]),
        images=st.integers(1, 17),
        methods=st.integers(2, 8),
        seed=st.integers(0, 5),
        per_rater=st.integers(1, 40),
        check_every=st.just(0),
    ),
    raters=st.integers(1, 60),
)
@example(design=Design(kind="mos", images=4, methods=2, per_rater=1, check_every=0), raters=48)
@example(design=Design(kind="mos", images=16, methods=8, per_rater=4, check_every=0), raters=32)
def test_plan_trials_of_parts_are_balanced_after_any_number_of_raters(
    design: Design, raters: int
) -> None:
    seen = Counter(
        unordered(trial) for rater in range(raters) for trial in plan_trials(design, rater)
    )
    cells = design.images * len(design.conditions)
    assert seen.total() == raters * design.votes
    assert len(seen) == min(cells, seen.total())
    assert max(seen.values()) == -(-seen.total() // cells)
    assert len(seen) < cells or min(seen.values()) == seen.total() // cells


def test_plan_trials_of_parts_bring_all_methods_together() -> None:
    """A rater's bias is known only by methods that the same rater has judged."""
    design = Design(kind="mos", images=16, methods=8, per_rater=4, check_every=0)
    together = {
        frozenset(pair)
        for rater in range(64)
        for pair in itertools.combinations([t.first for t in plan_trials(design, rater)], 2)
    }
    assert len(together) == 8 * 7 / 2


def test_plan_trials_never_shows_an_image_twice_in_a_row() -> None:
    for kind, rater in itertools.product(("mos", "pairs"), range(20)):
        trials = plan_trials(Design(kind=kind, images=4, methods=3, check_every=0), rater)
        assert all(a.image != b.image for a, b in itertools.pairwise(trials))


def test_plan_trials_differs_from_rater_to_rater() -> None:
    design = Design(kind="mos", images=20, methods=2)
    assert plan_trials(design, 0) != plan_trials(design, 1)


def test_plan_trials_has_an_obvious_check_and_a_repetition_even_in_short_studies() -> None:
    design = Design(kind="pairs", images=6, methods=2, decoys=(1,))
    roles = Counter(trial.role for trial in plan_trials(design, 0))
    assert roles == {"vote": 6, "obvious": 1, "repeat": 1}


def test_design_refuses_pairs_of_one_method() -> None:
    with pytest.raises(InvalidValueError, match="needs 2 methods"):
        Design(kind="pairs", images=3, methods=1)

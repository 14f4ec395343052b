"""Photos are matched by what they show; twins always."""

from __future__ import annotations

import numpy as np

from degrade.audit.matching import match_content


def test_what_shows_the_same_is_matched(rng: np.random.Generator) -> None:
    first = rng.normal(0, 1, (30, 5))
    order = rng.permutation(30)
    second = first[order] + rng.normal(0, 0.01, (30, 5))
    found = match_content(first, second)
    assert len(found) == 30 and (order[found[:, 1]] == found[:, 0]).all()


def test_each_photo_is_matched_once_and_none_beyond_the_caliper(rng: np.random.Generator) -> None:
    first, second = rng.normal(0, 1, (40, 5)), rng.normal(0.5, 1, (25, 5))
    second[:5] += 100
    found = match_content(first, second)
    assert len(set(found[:, 0])) == len(set(found[:, 1])) == len(found) <= 20
    assert not set(found[:, 1]) & set(range(5))


def test_twins_go_together_however_they_look(rng: np.random.Generator) -> None:
    first, second = rng.normal(0, 1, (6, 5)), rng.normal(0, 1, (6, 5)) + 50
    keys = list("abcdef")
    found = match_content(first, second, first_keys=keys, second_keys=keys[::-1])
    assert found.tolist() == [[i, 5 - i] for i in range(6)]


def test_no_photo_is_matched_with_the_twin_of_another() -> None:
    content = np.zeros((3, 5))
    found = match_content(content, content, first_keys=list("abc"), second_keys=list("abx"))
    assert found.tolist() == [[0, 0], [1, 1], [2, 2]]


def test_sets_that_show_other_things_have_no_matches() -> None:
    first, second = np.arange(20.0).reshape(4, 5), np.arange(20.0).reshape(4, 5) + 1000
    assert match_content(first, second).shape == (0, 2)

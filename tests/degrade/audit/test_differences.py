"""What was planted is named, and nothing is named where nothing differs."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from degrade.audit.differences import DIFFERENCES, name_differences
from degrade.audit.features import PhotoFeatures, measure_features
from degrade.rng import rng_for
from tests.degrade.audit.scenes import make_photo, move, plant

FIGURES = tuple(name for kind in DIFFERENCES for name in kind.figures)
_NAMES = tuple(f"scene {i}" for i in range(20))


@functools.cache
def photos() -> list[PhotoFeatures]:
    return [measure_features(make_photo(name)) for name in _NAMES]


@pytest.mark.parametrize(
    "kind",
    [
        "softer",
        "more overshoot",
        "more noise",
        "coarser grain",
        "more colour noise",
        "more JPEG blocks",
        "softer colours",
        "softer along rows",
        "softer along columns",
        "softer along 45° (rising)",
        "softer along 45° (falling)",
    ],
)
def test_planted_differences_are_named_and_the_largest(kind: str) -> None:
    planted = [measure_features(plant(make_photo(name), kind, name)) for name in _NAMES]
    found = name_differences(
        [each.measures for each in photos()], [each.measures for each in planted], rng_for(0)
    )
    named = [each for each in found if each.is_there]
    assert kind in [each.name for each in named]
    if "along" in kind:
        return  # What is softer one way is softer, with its grain and colours.
    # Coarse noise is noise too, and blocks take colours along.
    assert max(named, key=lambda each: each.kind.extent(each.size)).name == kind


def test_the_other_way_round_the_names_are_the_opposites() -> None:
    planted = [measure_features(plant(make_photo(name), "softer", name)) for name in _NAMES]
    found = name_differences(
        [each.measures for each in planted], [each.measures for each in photos()], rng_for(0)
    )
    assert "sharper" in [each.name for each in found if each.is_there]


@pytest.mark.parametrize("length", [3, 5, 6])
@pytest.mark.parametrize(
    ("degrees", "name"),
    [(0, "along rows"), (90, "along columns"), (30, "° (rising)"), (150, "° (falling)")],
)
def test_motion_is_named_by_its_direction_whatever_its_length(
    length: int, degrees: int, name: str
) -> None:
    """Beyond the first zero of its response, too, where more is left than before."""
    moved = [measure_features(move(make_photo(scene), length, degrees)) for scene in _NAMES]
    found = name_differences(
        [each.measures for each in photos()], [each.measures for each in moved], rng_for(0)
    )
    (direction,) = [each for each in found if each.angle is not None]
    assert direction.is_there and direction.name.endswith(name)
    assert direction.angle is not None
    assert abs((direction.angle - degrees + 90) % 180 - 90) < 10
    assert direction.interval[0] > 1


def test_equal_sets_differ_in_nothing_and_it_is_ruled_out() -> None:
    measures = [each.measures for each in photos()]
    found = name_differences(measures, measures, rng_for(0))
    assert len(found) == len(DIFFERENCES)
    assert all(each.ruled_out and not each.is_there for each in found)
    assert all(each.size == each.kind.neutral for each in found)


def test_a_direction_is_not_ruled_out_where_it_is_open_across_what_was_found() -> None:
    known = dict.fromkeys(FIGURES, 1.0)
    turned = [
        {**known, "direction": 1.0 + (-1) ** number * 3.0, "slanted direction": 1.3}
        for number in range(16)
    ]
    found = name_differences([known] * 16, turned, rng_for(0))
    (direction,) = [each for each in found if each.angle is not None]
    assert direction.angle == pytest.approx(45) and direction.size == pytest.approx(0.3)
    assert direction.interval[0] == pytest.approx(0.3) and direction.interval[1] > 1
    assert not direction.is_there and not direction.ruled_out


def test_false_names_are_as_rare_as_stated() -> None:
    rng, runs, wrong = rng_for(0, "false names"), 200, 0
    for _ in range(runs):
        first, second = (
            [{name: float(np.exp(rng.normal())) for name in FIGURES} for _ in range(15)]
            for _ in range(2)
        )
        found = name_differences(first, second, rng, resamples=10)
        wrong += any(each.p_value <= 0.05 for each in found)
    # One in twenty: 200 runs give 10, and more than 20 one time in a thousand.
    assert wrong <= 20


def test_what_few_photos_tell_is_left_out() -> None:
    unknown = {name: float("nan") for name in FIGURES}
    known = {**unknown, "noise": 1.0}
    found = name_differences([known, known, unknown], [known] * 3, rng_for(0))
    assert [(each.kind.name, each.photos) for each in found] == [("noise", 2)]


@pytest.mark.parametrize("count", [0, 1, 9, 10])
def test_a_few_photos_rule_nothing_out(count: int) -> None:
    measures = [each.measures for each in photos()[:count]]
    assert len(measures) == count
    found = name_differences(measures, measures, rng_for(0))
    assert len(found) == (len(DIFFERENCES) if count > 1 else 0)
    assert all(each.ruled_out is (count == 10) for each in found)

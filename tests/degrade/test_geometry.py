from __future__ import annotations

import copy
import json
import math
import pickle
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from degrade.errors import InvalidValueError
from degrade.geometry import (
    Ratio,
    Scale,
    as_scale,
    border_of,
    centre_offset,
    common_sides,
    first_pixel,
    fits,
    fitting_side,
    hr_box,
    hr_side,
    hr_unit,
    is_rounded,
    lr_side,
    lr_unit,
    nearest_scale,
    rounded_scale,
    scale_from_json,
    scale_number,
    scale_of_sizes,
    scale_to_json,
    side_wanted,
    whole_scale,
)

ratios = st.fractions(Fraction(3, 2), 16, max_denominator=20)
scales = ratios.map(as_scale)
sides = st.integers(0, 10_000)


@given(ratios)
def test_as_scale_takes_every_form_of_a_number(exact: Fraction) -> None:
    scale = as_scale(exact)
    assert scale == exact
    assert isinstance(scale, int) == (exact.denominator == 1)
    forms: list[Any] = [scale, float(exact), str(scale), f"{scale}", f"×{scale}", f"x{scale}"]
    forms.append(f"{exact.numerator}/{exact.denominator}")
    for form in forms:
        assert as_scale(form) == exact, form
        assert type(as_scale(form)) is type(scale)


@pytest.mark.parametrize(
    ("value", "text"), [("2.50", "2.5"), ("14/4", "3.5"), ("7/3", "7/3"), (2.25, "2.25")]
)
def test_ratio_is_written_as_people_write_it(value: object, text: str) -> None:
    scale = as_scale(value)
    assert isinstance(scale, Ratio)
    assert str(scale) == f"{scale}" == text
    assert f"{scale:.1f}" == f"{float(scale):.1f}"


@pytest.mark.parametrize("value", [4, 4.0, "4", "4.0", " 4 ", "8/2", Fraction(4), np.int64(4)])
def test_as_scale_makes_integers_of_whole_scales(value: object) -> None:
    assert type(as_scale(value)) is int
    assert as_scale(value) == 4


@pytest.mark.parametrize(
    "value",
    [
        1,
        0,
        -2,
        "1.49",
        1.05,
        "",
        "four",
        "2,5",
        "5/0",
        "nan",
        float("inf"),
        True,
        None,
        [2],
        "1e99",
        65,
        "129/2",
        1000,
    ],
)
def test_as_scale_refuses_what_is_no_scale(value: object) -> None:
    with pytest.raises(InvalidValueError, match=r"^scale must be a number from 1\.5 to 64, such"):
        as_scale(value)


@pytest.mark.parametrize(
    ("value", "near"), [("2.37", "45/19"), (3.14159, "22/7"), ("2.333", "7/3")]
)
def test_as_scale_names_the_nearest_ratio_of_small_numbers(value: object, near: str) -> None:
    with pytest.raises(InvalidValueError, match=f"the nearest is {near}$"):
        as_scale(value)
    assert str(as_scale(near)) == near


@given(scales)
def test_scale_survives_json_and_processes(scale: Scale) -> None:
    again = scale_from_json(json.loads(json.dumps(scale_to_json(scale))))
    for other in (again, pickle.loads(pickle.dumps(scale)), copy.deepcopy(scale)):
        assert other == scale
        assert type(other) is type(scale)
    assert scale_number(scale) == float(scale)


@pytest.mark.parametrize("value", [[10, 4], [5, -2], [5], "5/2", 2.5, [True, 1], [5, 4], None])
def test_scale_from_json_refuses_what_no_file_holds(value: object) -> None:
    with pytest.raises(InvalidValueError, match="scale must"):
        scale_from_json(value)


@given(scales, sides)
def test_fitting_side_is_the_largest_that_fits(scale: Scale, side: int) -> None:
    fitting = fitting_side(side, scale)
    assert fitting <= side < fitting + hr_unit(scale)
    assert fits(fitting, scale) == (fitting > 0)
    assert all(not fits(between, scale) for between in range(fitting + 1, side + 1))


@given(scales, sides)
def test_hr_and_lr_sides_are_each_others_reverse(scale: Scale, side: int) -> None:
    fitting = fitting_side(side, scale)
    small = lr_side(fitting, scale)
    assert small * scale == fitting
    assert small % lr_unit(scale) == 0
    assert hr_side(small, scale) == fitting
    assert lr_side(side, scale) == int(side / Fraction(scale))


@given(scales, st.tuples(*[st.integers(0, 500)] * 4))
def test_hr_box_shows_what_the_lr_box_does(scale: Scale, units: tuple[int, ...]) -> None:
    top, left, height, width = (unit * lr_unit(scale) for unit in units)
    box = hr_box((top, left, height, width), scale)
    assert box == (top * scale, left * scale, height * scale, width * scale)
    assert all(type(side) is int for side in box)


@given(scales, st.integers(1, 10_000))
def test_hr_side_refuses_parts_of_pixels(scale: Scale, side: int) -> None:
    assume(side % lr_unit(scale))
    with pytest.raises(InvalidValueError, match=f"a multiple of {lr_unit(scale)}, got {side}"):
        hr_side(side, scale)


@given(scales, st.integers(0, 1000))
def test_centres_of_lr_pixels_lie_in_the_middle_of_what_they_cover(scale: Scale, i: int) -> None:
    # Pixel i of LR covers [i·s, (i + 1)·s) of HR, whose pixel j covers [j, j + 1).
    middle = Fraction(2 * i + 1, 2) * scale - Fraction(1, 2)
    part = (i * scale) - first_pixel(i, scale)
    assert 0 <= part < 1
    assert first_pixel(i, scale) + float(part) + centre_offset(scale) == pytest.approx(
        float(middle)
    )


@given(scales, st.integers(1, 400), st.integers(1, 400))
def test_scale_of_sizes_finds_simple_ratios(scale: Scale, height: int, width: int) -> None:
    lr = height * lr_unit(scale), width * lr_unit(scale)
    found = scale_of_sizes([int(side * scale) for side in lr], lr)
    assert found == (scale if lr_unit(scale) <= 4 else None)


@pytest.mark.parametrize(
    ("hr", "lr"), [((1000, 1000), (301, 301)), ((6, 9), (4, 4)), ((4, 4), (4, 4)), ((3, 3), (0, 0))]
)
def test_scale_of_sizes_takes_no_chance_for_a_scale(
    hr: tuple[int, int], lr: tuple[int, int]
) -> None:
    assert scale_of_sizes(hr, lr) is None


@given(ratios, st.integers(40, 300), st.integers(40, 300))
def test_rounded_sizes_are_known_and_cut_to_what_fits(
    exact: Fraction, height: int, width: int
) -> None:
    scale, hr = as_scale(exact), (height, width)
    for rounding in (math.floor, round, math.ceil):
        lr = (rounding(height / exact), rounding(width / exact))
        assert is_rounded(hr, lr, scale)
        high, low = common_sides(hr, lr, scale)
        assert all(side == scale * other for side, other in zip(high, low, strict=True))
        assert all(0 <= b - a < 2 * hr_unit(scale) for a, b in zip(high, hr, strict=True))
        simplest = rounded_scale(hr, lr)
        assert simplest is not None
        assert is_rounded(hr, lr, simplest)
    assert not is_rounded(hr, (lr[0], lr[1] + 2), scale)


def test_scale_of_sizes_takes_any_ratio_that_is_expected() -> None:
    assert scale_of_sizes((54, 81), (20, 30)) is None
    assert scale_of_sizes((54, 81), (20, 30), expected=(None, as_scale("2.7"))) == as_scale("2.7")
    assert scale_of_sizes((54, 81), (20, 30), expected=(as_scale("2.6"),)) is None


@pytest.mark.parametrize(
    ("scale", "nearest"), [(1.5, 2), (2.4, 2), (2.5, 3), (3, 3), (3.5, 4), (8, 4), ("7/3", 2)]
)
def test_nearest_scale_is_nearest_by_ratio(scale: object, nearest: int) -> None:
    assert nearest_scale(as_scale(scale), (2, 3, 4)) == nearest


def test_whole_scale_says_what_needs_it() -> None:
    assert whole_scale(4, "networks do") == 4
    with pytest.raises(InvalidValueError, match=r"^×2\.5 is no whole scale: networks do$"):
        whole_scale(as_scale(2.5), "networks do")


def test_words_and_borders_of_scales() -> None:
    assert side_wanted(4) == "a multiple of 4"
    assert side_wanted(as_scale(2.5)) == "a multiple of 5 (×2.5 is 5/2)"
    assert [border_of(scale) for scale in (4, as_scale(2.5), as_scale("7/3"))] == [4, 3, 3]

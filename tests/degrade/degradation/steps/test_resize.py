from __future__ import annotations

from typing import Any

import pytest

from degrade.degradation.steps import Resize, ResizeSettings, read_step
from degrade.errors import InvalidValueError
from tests.degrade.degradation.steps.chains import GIVEN, draw_many, make_levels


def test_resize_is_of_the_image_or_of_lr() -> None:
    levels = make_levels(30, 40)
    assert Resize(0.5, "area").apply(levels, GIVEN).shape == (15, 20, 3)
    assert Resize(1.3, "bicubic").apply(levels, GIVEN).shape == (39, 52, 3)
    assert Resize(0.5, "bilinear", (100, 80)).apply(levels, GIVEN).shape == (50, 40, 3)
    assert Resize(0.05, "area").apply(make_levels(3, 3), GIVEN).shape == (1, 1, 3)


def test_resize_refuses_images_that_no_memory_holds() -> None:
    with pytest.raises(InvalidValueError, match="resizing would make"):
        Resize(4.0, "area", (2**24, 2**24)).apply(make_levels(3, 3), GIVEN)


def test_draw_stays_within_the_settings() -> None:
    drawn: Any = draw_many(ResizeSettings((0.3, 1.2), "lr", ("area", "bicubic")))
    assert {step.interpolation for step in drawn} == {"area", "bicubic"}
    assert all(0.3 <= step.factor <= 1.2 for step in drawn)
    # LR is 16×20, with 12 pixels around it.
    assert {step.of for step in drawn} == {(40, 44)}
    of_image: Any = draw_many(ResizeSettings())
    assert {step.of for step in of_image} == {None}
    for step in (*drawn, *of_image):
        assert read_step(step.to_json()) == step


def test_settings_must_be_a_range_and_some_interpolation() -> None:
    for wrong in ((1.0, 0.5), (0.0, 1.0), (1.0, 9.0), (float("nan"), 1.0)):
        with pytest.raises(InvalidValueError, match="factor"):
            ResizeSettings(wrong)

from __future__ import annotations

from typing import Any

import pytest

from degrade.degradation import MEASURED, DegradationConfig, Entry, Recipe
from degrade.degradation.recipes import of_photos, with_model_error, with_step, without_noise
from degrade.degradation.steps import Blur, ErrorSize, Residual
from degrade.errors import InvalidValueError

PLAIN = Recipe("plain", (Entry(Blur.kind), Entry(Residual.kind)))


@pytest.mark.parametrize("changes", [{"scale": 1}, {"clean_up": 3}], ids=str)
def test_config_refuses_bad_settings(changes: Any) -> None:
    with pytest.raises(InvalidValueError):
        DegradationConfig(**changes)


def kinds_of(config: DegradationConfig) -> tuple[tuple[str, ...], tuple[str, ...]]:
    now, later = config.entries, config.deferred_entries
    return tuple(entry.kind for entry in now), tuple(entry.kind for entry in later)


@pytest.mark.parametrize(
    ("recipe", "defers", "now", "later"),
    [
        (PLAIN, False, ("blur", "residual"), ()),
        (PLAIN, True, ("blur",), ("residual",)),
        (without_noise(PLAIN), False, ("blur",), ()),
        (MEASURED, False, ("blur", "linear-light", "response", "model-error", "residual"), ()),
        (MEASURED, True, ("blur", "linear-light", "response"), ("model-error", "residual")),
        (
            with_step(MEASURED, "jpeg"),
            False,
            ("blur", "linear-light", "response", "model-error", "residual", "jpeg"),
            (),
        ),
        # What a camera does after the noise must wait for it.
        (
            with_step(MEASURED, "jpeg"),
            True,
            ("blur", "linear-light", "response"),
            ("model-error", "residual", "jpeg"),
        ),
        (
            without_noise(with_step(MEASURED, "jpeg")),
            False,
            ("blur", "linear-light", "response", "jpeg"),
            (),
        ),
    ],
)
def test_noise_and_all_that_follows_may_be_left_to_training(
    recipe: Recipe, defers: bool, now: tuple[str, ...], later: tuple[str, ...]
) -> None:
    config = DegradationConfig(recipe=recipe, defers_noise=defers)
    assert kinds_of(config) == (now, later)


def test_a_recipe_without_noise_has_nothing_to_leave_to_training() -> None:
    with pytest.raises(InvalidValueError, match="it has no noise"):
        DegradationConfig(recipe=without_noise(MEASURED), defers_noise=True)


def test_no_choice_is_made_twice_at_building_and_at_training() -> None:
    either = Entry("rounding", probability=0.5, one_of="end")
    both_sides = Recipe("r", (Entry("blur"), either, Entry("residual"), either))
    assert kinds_of(DegradationConfig(recipe=both_sides))[1] == ()
    with pytest.raises(InvalidValueError, match="one_of 'end'"):
        DegradationConfig(recipe=both_sides, defers_noise=True)


def test_steps_are_added_where_a_camera_has_them() -> None:
    recipe = with_model_error(with_step(PLAIN, "rounding"), ErrorSize(2.0))
    assert [e.kind for e in recipe.entries] == ["blur", "model-error", "residual", "rounding"]
    assert with_step(recipe, "rounding") == recipe
    (error,) = (e.settings for e in recipe.entries if e.kind == "model-error")
    (bigger,) = (
        e.settings
        for e in with_model_error(recipe, ErrorSize(3.0, 0.1)).entries
        if e.kind == "model-error"
    )
    assert error is not None and bigger is not None
    assert "σ = 2 grey" in error.words() and "σ = 3 + 0.1 · gradient" in bigger.words()


def test_measured_kinds_are_those_that_plans_may_draw_from() -> None:
    assert DegradationConfig().measured_kinds == ("by-camera", "spectral-kernel")
    of_any = MEASURED.having(Entry("response"))
    assert DegradationConfig(recipe=of_any).measured_kinds == ("by-camera",)
    of_pool = of_photos(MEASURED, "pool")
    assert DegradationConfig(recipe=of_pool).measured_kinds == ("spectral-kernel",)
    assert DegradationConfig(recipe=with_step(of_pool, "jpeg")).measured_kinds == (
        "jpeg",
        "spectral-kernel",
    )
    of_camera = DegradationConfig(recipe=with_step(MEASURED, "jpeg"))
    assert of_camera.measured_kinds == ("by-camera", "jpeg", "spectral-kernel")

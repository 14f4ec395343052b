from __future__ import annotations

from typing import Any

import pytest

from degrade.degradation import DegradationConfig
from degrade.degradation.steps import ErrorSize
from degrade.errors import InvalidValueError


@pytest.mark.parametrize(
    "changes",
    [
        {"scale": 1},
        {"noise": "some"},
        {"clean_up": 3},
        {"further": ("blur",)},
        {"further": ("residual",)},
        {"further": ("model-error",)},
        {"model_error": ErrorSize(0.0)},
        {"model_error": ErrorSize(-1.0)},
        {"model_error": ErrorSize(65.0)},
        {"model_error": ErrorSize(float("nan"))},
        {"model_error": ErrorSize(1.0, 5.0)},
    ],
    ids=str,
)
def test_config_refuses_bad_settings(changes: Any) -> None:
    with pytest.raises(InvalidValueError):
        DegradationConfig(**changes)


def test_config_names_the_steps_that_there_are() -> None:
    with pytest.raises(InvalidValueError, match="no step 'haze', only blur, model-error, "):
        DegradationConfig(further=("haze",))


@pytest.mark.parametrize(
    ("noise", "further", "now", "later"),
    [
        ("bake", (), ("blur", "residual"), ()),
        ("defer", (), ("blur",), ("residual",)),
        ("none", (), ("blur",), ()),
        ("bake", ("rounding",), ("blur", "residual", "rounding"), ()),
        ("none", ("rounding",), ("blur", "rounding"), ()),
        # What a camera does after the noise must wait for it.
        ("defer", ("rounding",), ("blur",), ("residual", "rounding")),
    ],
)
def test_kinds_are_in_the_order_of_a_camera(
    noise: Any, further: Any, now: tuple[str, ...], later: tuple[str, ...]
) -> None:
    config = DegradationConfig(noise=noise, further=further)
    assert (config.kinds, config.deferred_kinds) == (now, later)


@pytest.mark.parametrize(
    ("noise", "now", "later"),
    [
        ("bake", ("blur", "model-error", "residual", "rounding"), ()),
        ("defer", ("blur",), ("model-error", "residual", "rounding")),
        ("none", ("blur", "model-error", "rounding"), ()),
    ],
)
def test_model_error_comes_before_the_noise_and_is_deferred_with_it(
    noise: Any, now: tuple[str, ...], later: tuple[str, ...]
) -> None:
    size = ErrorSize(1.5, 0.2)
    config = DegradationConfig(noise=noise, model_error=size, further=("rounding",))
    assert (config.kinds, config.deferred_kinds) == (now, later)
    assert config.settings == {"model-error": size} and DegradationConfig().settings == {}


def test_further_steps_stand_in_order_and_once() -> None:
    config = DegradationConfig(further=("rounding", "rounding"))
    assert config == DegradationConfig(further=("rounding",))

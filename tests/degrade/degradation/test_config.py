from __future__ import annotations

from typing import Any

import pytest

from degrade.degradation import DegradationConfig
from degrade.errors import InvalidValueError


@pytest.mark.parametrize(
    "changes",
    [
        {"scale": 1},
        {"noise": "some"},
        {"clean_up": 3},
        {"further": ("blur",)},
        {"further": ("residual",)},
    ],
    ids=str,
)
def test_config_refuses_bad_settings(changes: Any) -> None:
    with pytest.raises(InvalidValueError):
        DegradationConfig(**changes)


def test_config_names_the_steps_that_there_are() -> None:
    with pytest.raises(InvalidValueError, match="no step 'haze', only blur, residual, "):
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


def test_further_steps_stand_in_order_and_once() -> None:
    config = DegradationConfig(further=("rounding", "rounding"))
    assert config == DegradationConfig(further=("rounding",))

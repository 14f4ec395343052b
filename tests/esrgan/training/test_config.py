from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from degrade.errors import InvalidValueError
from esrgan.losses import LOSSES
from esrgan.training.config import TrainingConfig
from tests.esrgan.training_runs import SMALL


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_size": 0}, "batch_size must be at least 1, got 0"),
        ({"batch_size": 3, "accumulation": 2}, "multiple of accumulation 2, got 3"),
        ({"learning_rate": 0.0}, "learning_rate must be above 0"),
        ({"learning_rate": math.inf}, "learning_rate must be above 0 and finite, got inf"),
        ({"pixel_weight": -1.0}, "pixel_weight must be at least 0"),
        ({"pixel_weight": math.nan}, "pixel_weight must be at least 0 and finite, got nan"),
        ({"pixel_weight": 0.0, "adversarial_weight": 0.0}, "at least one loss"),
        ({"steps": -1}, "steps must be at least 0"),
        ({"ema_decay": 1.0}, "ema_decay must be at least 0 and below 1"),
        ({"betas": (0.9, 1.0)}, "betas must be"),
        ({"milestones": (5, 5)}, "milestones must ascend"),
        ({"milestones": (0, 5)}, "milestones must be above 0"),
        ({"generator": "edsr"}, "generator must be one of rrdbnet, srresnet, msrresnet"),
        ({"content_layers": {"conv9_9": 1.0}}, "got 'conv9_9'"),
        ({"content_layers": {"conv1_1": 0.0}}, "a layer with a weight above 0"),
        (
            {"energy_weight": 1.0, "hr_patch": 12},
            "hr_patch must be at least 13 for the energy loss",
        ),
        (
            {"energy_weight": 1.0, "hr_patch": 14, "loss_margin": 1},
            "hr_patch must be at least 15 for the energy loss, got 14",
        ),
        ({"artifact_weight": 1.0, "hr_patch": 3}, "at least 4 for the artifact loss"),
        ({"generator": "srresnet", "start_as_interpolation": True}, "RRDBNet's alone"),
    ],
)
def test_training_config_refuses_values_that_make_no_run(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidValueError, match=message):
        SMALL.with_settings(**changes)


def test_loss_weights_are_0_where_they_are_not_given() -> None:
    config = TrainingConfig(loss_weights={"content": 0.5})
    assert config.loss_weights == dict.fromkeys(LOSSES, 0.0) | {"content": 0.5}
    assert list(config.loss_weights) == list(LOSSES)
    assert TrainingConfig().loss_weights == dict.fromkeys(LOSSES, 0.0) | {"pixel": 1.0}


def test_with_settings_takes_what_settings_gives() -> None:
    config = TrainingConfig(loss_weights={"content": 0.5}, steps=3)
    assert TrainingConfig().with_settings(**config.settings()) == config
    assert config.with_settings(prior_weight=0.1).loss_weights["content"] == 0.5


def test_needs_features_only_where_a_loss_looks_through_them() -> None:
    assert SMALL.needs_features is None
    assert SMALL.with_settings(content_weight=1.0).needs_features == "vgg19"
    gabor = SMALL.with_settings(texture_weight=1.0, content_features="gabor")
    assert gabor.needs_features == "gabor"


def test_learning_rate_falls_at_milestones_by_gamma() -> None:
    config = TrainingConfig(learning_rate=1e-3, milestones=(2, 4), gamma=0.1)
    rates = [config.learning_rate_at(step) for step in range(5)]
    assert rates == pytest.approx([1e-3, 1e-3, 1e-4, 1e-4, 1e-5])


def test_warm_up_rises_in_equal_steps() -> None:
    config = TrainingConfig(learning_rate=1e-3, warm_up_steps=3)
    rates = [config.learning_rate_at(step) for step in range(5)]
    assert rates == pytest.approx([0.25e-3, 0.5e-3, 0.75e-3, 1e-3, 1e-3])


def test_pixel_rate_falls_to_the_rate_of_the_run() -> None:
    config = replace(SMALL, pixel_steps=10, pixel_learning_rate=1e-2)
    rates = [config.learning_rate_at(step) for step in range(12)]
    assert rates[0] == 1e-2 and rates[10] == rates[11] == 1e-3
    assert all(now > later for now, later in pairwise(rates[:11]))

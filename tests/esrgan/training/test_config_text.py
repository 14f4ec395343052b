from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from degrade.errors import InvalidValueError
from esrgan.losses import AUGMENTATIONS, LOSSES, VGG19Features
from esrgan.training.config import TrainingConfig
from esrgan.training.config_text import parse_assignment, to_toml, typed_changes

OPTION_NAMES = """
generator features blocks growth noise_channels start_as_interpolation
discriminator discriminator_features discriminator_layers discriminator_norm discriminator_augment
pixel_weight content_weight texture_weight adversarial_weight cycle_weight variation_weight
prior_weight frequency_weight energy_weight artifact_weight diversity_weight
pixel_loss content_features content_layers content_distance content_scale texture_layers
adversarial_loss
optimizer learning_rate betas weight_decay milestones gamma warm_up_steps pixel_steps
pixel_learning_rate clip_norm ema_decay hr_patch loss_margin clipped_hr batch_size accumulation
steps precision
"""

FRACTIONS = {"betas", "ema_decay"}
ABOVE_0 = {"learning_rate", "pixel_learning_rate", "gamma", "content_scale"}


def values(name: str, hint: Any) -> st.SearchStrategy[Any]:
    """Return values of a setting that are in range by themselves."""
    floats = st.floats(0, 0.99) if name in FRACTIONS else st.floats(0, 1e9)
    if name in ABOVE_0 or name == "pixel_weight":
        floats = st.floats(1e-12, 1e9)
    if get_origin(hint) is Literal:
        return st.sampled_from(get_args(hint))
    if name == "betas":
        return st.tuples(floats, floats)
    if name == "milestones":
        return st.lists(st.integers(1, 10**7), unique=True).map(lambda x: tuple(sorted(x)))
    if name.endswith("_layers") and hint is not int:
        layers = st.sampled_from(VGG19Features.LAYER_NAMES)
        return st.dictionaries(layers, st.floats(1e-9, 10), min_size=1)
    if name in ("accumulation", "start_as_interpolation"):
        return st.just(hint(0 if hint is bool else 1))
    if name in ("noise_channels", "loss_margin", "diversity_weight"):  # bound by other settings
        return st.just(hint(0))
    if name == "hr_patch":  # some losses want more than a pixel
        return st.integers(max(loss.smallest_side for loss in LOSSES.values()), 10**6)
    if name == "discriminator_augment":
        kinds = st.lists(st.sampled_from(AUGMENTATIONS), unique=True)
        return kinds.map(tuple)
    return {int: st.integers(1, 10**6), float: floats, bool: st.booleans()}[hint]


def inline(value: Any) -> str:
    """Return a value as TOML on one line, as one gives it to --set."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {item}" for key, item in value.items()) + "}"
    return json.dumps(value)


HINTS = get_type_hints(TrainingConfig)
CONFIGS = st.fixed_dictionaries(
    {name: values(name, HINTS.get(name, float)) for name in OPTION_NAMES.split()}
).map(lambda settings: TrainingConfig().with_settings(**settings))


@given(CONFIGS)
def test_to_toml_can_be_read_back(config: TrainingConfig) -> None:
    changes = typed_changes(tomllib.loads(to_toml(config, "stage"))["stage"], "file")
    assert TrainingConfig().with_settings(**changes) == config


@given(CONFIGS)
def test_assignments_give_the_same_as_toml(config: TrainingConfig) -> None:
    lines = [f"{name}={inline(value)}" for name, value in config.settings().items()]
    changes = typed_changes(dict(map(parse_assignment, lines)), "--set")
    assert TrainingConfig().with_settings(**changes) == config


def test_to_toml_writes_small_numbers_so_that_they_can_be_read() -> None:
    text = to_toml(TrainingConfig(learning_rate=1e-5, milestones=(1, 2)), "tiny")
    assert "learning_rate = 1e-05\n" in text and "milestones = [\n    1,\n    2,\n]\n" in text
    assert "\n[tiny.content_layers]\nconv5_4 = 1.0\n" in text


def test_the_names_of_settings_stay() -> None:
    """Configuration files of users hold them; a new one may come, none may change or go."""
    assert list(TrainingConfig().settings()) == OPTION_NAMES.split()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("steps=20", ("steps", 20)),
        ("steps = 1e6", ("steps", 1e6)),
        ("pixel_loss=l2", ("pixel_loss", "l2")),
        ('pixel_loss="l2"', ("pixel_loss", "l2")),
        ("betas=[0.9, 0.99]", ("betas", [0.9, 0.99])),
        ("a=b=c", ("a", "b=c")),
        ("a=1\nb=2", ("a", "1\nb=2")),
    ],
)
def test_parse_assignment_takes_toml_or_a_bare_text(text: str, expected: tuple[str, Any]) -> None:
    assert parse_assignment(text) == expected


@pytest.mark.parametrize("text", ["steps", "=3", "steps=", ""])
def test_parse_assignment_refuses_what_is_none(text: str) -> None:
    with pytest.raises(InvalidValueError, match="key=value"):
        parse_assignment(text)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("step", 3, "there is no setting 'step'; did you mean 'steps'?"),
        ("perceptual_weight", 1, "did you mean"),
        ("steps", "many", "steps must be a whole number, got 'many'"),
        ("steps", 2.5, "a whole number"),
        ("steps", True, "a whole number"),
        ("start_as_interpolation", 1, "true or false"),
        ("learning_rate", "fast", "a number"),
        ("learning_rate", 10**400, "a number"),
        ("betas", [0.9], "a list of two numbers"),
        ("milestones", [1, "x"], "a list of whole numbers"),
        ("pixel_loss", "l3", "one of l1, l2, charbonnier, got 'l3'"),
        ("content_layers", "conv5_4", r"a table .*conv5_4 = 1\.0"),
        ("content_layers", {"conv5_4": "x"}, "a table"),
    ],
)
def test_typed_changes_say_what_is_wrong(name: str, value: Any, message: str) -> None:
    with pytest.raises(InvalidValueError, match=f"^file: .*{message}"):
        typed_changes({name: value}, "file")


def test_typed_changes_take_whole_numbers_in_either_form() -> None:
    changes = typed_changes({"steps": 1e6, "gamma": 1}, "--set")
    assert changes == {"steps": 1_000_000, "gamma": 1.0}
    assert [type(value) for value in changes.values()] == [int, float]

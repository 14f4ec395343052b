from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
import torch

from degrade.errors import InvalidValueError
from esrgan.losses import LOSSES, GeneratorLoss, Loss, check_loss_weights
from esrgan.training.config import TrainingConfig
from esrgan.training.config_text import parse_assignment, to_toml, typed_changes

TOY = Loss(compute=lambda given, _: given.sr_BCHW.mean(), words="how bright SR is")


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LOSSES, "toy", TOY)


@pytest.mark.usefixtures("toy")
def test_a_row_is_computed_and_weighted() -> None:
    image = torch.full((1, 3, 8, 8), 0.25)
    losses, total = GeneratorLoss(weights={"pixel": 1.0, "toy": 4.0})(image, image)
    assert {name: float(loss) for name, loss in losses.items()} == {"pixel": 0.0, "toy": 0.25}
    assert float(total) == 1.0


@pytest.mark.usefixtures("toy")
def test_a_row_is_a_setting() -> None:
    changes = typed_changes(dict([parse_assignment("toy_weight=3")]), "--set")
    config = TrainingConfig().with_settings(**changes)
    assert config.loss_weights["toy"] == 3.0
    assert tomllib.loads(to_toml(config, "stage"))["stage"]["toy_weight"] == 3.0
    assert not config.needs_kernels and not config.needs_discriminator


def test_a_setting_is_refused_without_its_row() -> None:
    with pytest.raises(InvalidValueError, match="no setting 'toy_weight'"):
        typed_changes({"toy_weight": 3}, "--set")


def test_what_a_loss_needs_follows_from_its_row() -> None:
    needed = {
        name: (config.needs_features is not None, config.needs_kernels, config.needs_discriminator)
        for name in LOSSES
        for config in [TrainingConfig(loss_weights={name: 1.0}, noise_channels=1)]
    }
    assert needed == {
        "pixel": (False, False, False),
        "content": (True, False, False),
        "texture": (True, False, False),
        "adversarial": (False, False, True),
        "cycle": (False, True, False),
        "variation": (False, False, False),
        "prior": (False, False, False),
        "frequency": (False, False, False),
        "energy": (False, False, False),
        "artifact": (False, False, False),
        "diversity": (False, False, False),
    }


def test_the_forms_are_settings_of_a_training() -> None:
    settings = TrainingConfig().settings()
    assert {loss.form_setting for loss in LOSSES.values()} - {""} <= settings.keys()


def test_the_documentation_has_a_line_for_every_loss() -> None:
    text = (Path(__file__).parents[3] / "docs" / "training.md").read_text()
    for name, loss in LOSSES.items():
        assert f"| `{name}` | {loss.words} |" in text


def test_check_loss_weights_wants_one_above_0() -> None:
    check_loss_weights({"pixel": 0.0, "prior": 1.0})
    with pytest.raises(InvalidValueError, match="at least one loss"):
        check_loss_weights(dict.fromkeys(LOSSES, 0.0))

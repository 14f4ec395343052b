from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from degrade.errors import CorruptDataError, InvalidValueError
from esrgan.losses import GaborFeatures, VGG19Features
from esrgan.networks import RRDBNet, SRResNet
from esrgan.training.construction import check_networks
from esrgan.training.state import create_state
from tests.esrgan.training_runs import SMALL, all_equal, weights_of


def test_create_state_depends_on_the_seed_and_leaves_torch_s_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    one = create_state(SMALL, scale=4, seed=0)
    assert torch.equal(torch.rand(1), expected)
    same, other = create_state(SMALL, scale=4, seed=0), create_state(SMALL, scale=4, seed=1)
    assert all_equal(weights_of(one), weights_of(same))
    assert not all_equal(weights_of(one), weights_of(other))


def test_create_state_starts_from_given_weights() -> None:
    init = RRDBNet(scale=4, features=6, blocks=2, growth=3)
    state = create_state(SMALL, scale=4, seed=0, init=init)
    assert state.generator is init
    with pytest.raises(InvalidValueError, match=r"×2.*×4"):
        create_state(SMALL, scale=2, seed=0, init=init)
    with pytest.raises(InvalidValueError, match=r"'rrdbnet'.*SRResNet"):
        create_state(SMALL, scale=4, seed=0, init=SRResNet(features=4, blocks=1))


@pytest.mark.parametrize(
    ("generator", "discriminator"),
    [("rrdbnet", "patch"), ("srresnet", "vgg"), ("msrresnet", "unet")],
)
def test_create_state_makes_the_networks_that_are_named(generator: str, discriminator: str) -> None:
    config = replace(SMALL, generator=generator, discriminator=discriminator)
    state = create_state(config, scale=2, seed=0)
    assert type(state.generator).__name__.lower() == generator
    assert type(state.discriminator).__name__.lower() == f"{discriminator}discriminator"
    assert state.generator.scale == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hr_patch": 16}, "hr_patch must be at least 32"),
        ({"features": 2, "start_as_interpolation": True}, "at least 3 features"),
    ],
)
def test_networks_that_cannot_be_are_refused_early(changes: dict[str, int], message: str) -> None:
    config = replace(SMALL, **changes)
    with pytest.raises(InvalidValueError, match=message):
        create_state(config, scale=4, seed=0)
    with pytest.raises(InvalidValueError, match=message):
        check_networks(config, 4)


def test_check_networks_takes_no_memory() -> None:
    check_networks(replace(SMALL, features=10_000, blocks=20), 4)


def test_weight_zero_leaves_out_what_the_loss_needs() -> None:
    config = SMALL.with_settings(adversarial_weight=0.0)
    state = create_state(config, scale=4, seed=0, features=VGG19Features())
    assert state.discriminator is None and state.loss.features is None


def test_content_loss_needs_features() -> None:
    config = SMALL.with_settings(content_weight=1.0)
    with pytest.raises(InvalidValueError, match="feature network"):
        create_state(config, scale=4, seed=0)
    config = replace(config, content_features="gabor")
    state = create_state(config, scale=4, seed=0, features=GaborFeatures())
    assert set(state.loss.content_layers) == {"energy1", "energy2", "energy3"}


def test_restore_refuses_the_state_of_other_networks() -> None:
    state = create_state(SMALL, scale=4, seed=0)
    other = create_state(replace(SMALL, features=6), scale=4, seed=0)
    for plain, reason in ((other.to_plain(), "size mismatch for"), ({"step": 3}, "'skipped'")):
        with pytest.raises(CorruptDataError, match=rf"not of this network \({reason}") as caught:
            state.restore(plain)
        assert "\n" not in str(caught.value)


def test_evaluating_gives_the_average_and_leaves_training_mode() -> None:
    config = replace(SMALL, generator="srresnet", ema_decay=0.9)
    state = create_state(config, scale=4, seed=0)
    with state.evaluating() as result:
        assert result is state.average and not result.training and state.generator.training
        assert not result(torch.rand(1, 3, 8, 8)).requires_grad
    state = create_state(replace(config, ema_decay=0.0), scale=4, seed=0)
    with state.evaluating() as result:
        assert result is state.generator and not result.training
    assert state.generator.training

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from degrade.errors import CorruptDataError, DegradeError, InvalidValueError
from esrgan.checkpoints import read_newest_checkpoint, write_checkpoint
from esrgan.data import PairDataset
from esrgan.losses import VGG19Features
from esrgan.networks import RRDBNet
from esrgan.presets import PRESETS, TrainingConfig, preset_named
from esrgan.preview import draw_preview
from esrgan.training import MAX_SKIPPED_IN_A_ROW, TrainingState, create_state, train, training_step
from tests.esrgan.pair_folders import make_pairs

SMALL = TrainingConfig(
    features=8, blocks=1, growth=4, discriminator_features=4, pixel_weight=1.0,
    perceptual_weight=0.0, adversarial_weight=0.01, learning_rate=1e-3, hr_patch=32, batch_size=2,
    steps=6,
)  # fmt: skip


def images(config: TrainingConfig = SMALL) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    lr_BCHW = torch.rand(2, 3, config.hr_patch // 4, config.hr_patch // 4, generator=generator)
    hr_BCHW = torch.rand(2, 3, config.hr_patch, config.hr_patch, generator=generator)
    return lr_BCHW, hr_BCHW


def weights_of(state: TrainingState) -> list[Tensor]:
    assert state.discriminator is not None
    networks = (state.generator, state.discriminator)
    return [p.detach().clone() for network in networks for p in network.parameters()]


def test_realsr_has_the_published_numbers() -> None:
    config = PRESETS["realsr"].config
    assert (config.features, config.blocks, config.growth) == (64, 23, 32)
    assert (config.discriminator_features, config.discriminator_layers) == (64, 3)
    losses = (config.pixel_weight, config.perceptual_weight, config.adversarial_weight)
    assert losses == (0.01, 1, 0.005)
    assert (config.hr_patch, config.batch_size, config.steps) == (128, 16, 60_000)
    rates = [config.learning_rate_at(s) for s in (0, 4999, 5000, 10_000, 20_000, 30_000, 59_999)]
    assert rates == [1e-4, 1e-4, 5e-5, 2.5e-5, 1.25e-5, 6.25e-6, 6.25e-6]
    assert "RRDB-PSNR" in PRESETS["realsr"].start


def test_preset_named_lists_the_presets() -> None:
    assert preset_named("tiny") is PRESETS["tiny"]
    with pytest.raises(InvalidValueError, match=r"tiny, realsr, got 'huge'"):
        preset_named("huge")


def test_warm_up_rate_falls_to_the_rate_of_the_run() -> None:
    config = replace(SMALL, warm_up_steps=10, warm_up_learning_rate=1e-2)
    rates = [config.learning_rate_at(step) for step in range(12)]
    assert rates[0] == 1e-2 and rates[10] == rates[11] == 1e-3
    assert all(now > later for now, later in pairwise(rates[:11]))


@pytest.mark.parametrize(
    "changes",
    [{"batch_size": 0}, {"learning_rate": 0.0}, {"pixel_weight": -1.0}, {"steps": -1},
     {"pixel_weight": math.nan}, {"pixel_weight": 0.0, "adversarial_weight": 0.0}],
)  # fmt: skip
def test_training_config_refuses_values_that_make_no_run(changes: dict[str, float]) -> None:
    with pytest.raises(InvalidValueError):
        replace(SMALL, **changes)


def test_training_step_moves_both_networks_and_reports_each_loss() -> None:
    state = create_state(SMALL, scale=4, seed=0)
    before = weights_of(state)
    losses = training_step(state, *images(), SMALL)
    assert set(losses) == {"pixel", "adversarial", "generator", "discriminator"}
    total = losses["pixel"] + 0.01 * losses["adversarial"]
    torch.testing.assert_close(losses["generator"], total)
    assert not any(loss.requires_grad for loss in losses.values())
    moved = [not torch.equal(a, b) for a, b in zip(before, weights_of(state), strict=True)]
    # A constant added to all logits cancels in the relativistic loss: the last bias stays.
    assert all(moved[:-1]) and not moved[-1]
    assert (state.step, state.skipped) == (1, 0)


def test_training_step_gives_each_network_the_gradient_of_its_own_loss_only() -> None:
    config = replace(SMALL, pixel_weight=0.0, adversarial_weight=1.0)
    state = create_state(config, scale=4, seed=0)
    training_step(state, *images(), config)
    gradients = {}
    for name in ("generator", "discriminator"):
        again = create_state(config, scale=4, seed=0)
        lr_BCHW, hr_BCHW = images()
        assert again.discriminator is not None
        real = again.discriminator(hr_BCHW)
        fake = again.discriminator(again.generator(lr_BCHW))
        sign = 1 if name == "discriminator" else -1
        bce = torch.nn.functional.softplus
        loss = (
            bce(-sign * (real - fake.mean())).mean() + bce(sign * (fake - real.mean())).mean()
        ) / 2
        loss.backward()
        gradients[name] = [p.grad for p in getattr(again, name).parameters()]
    for name, expected in gradients.items():
        for parameter, gradient in zip(getattr(state, name).parameters(), expected, strict=True):
            torch.testing.assert_close(parameter.grad, gradient, rtol=1e-3, atol=1e-7)


def test_weight_zero_leaves_out_what_the_loss_needs() -> None:
    config = replace(SMALL, adversarial_weight=0.0)
    state = create_state(config, scale=4, seed=0, vgg=VGG19Features())
    assert state.discriminator is None and state.vgg is None
    assert set(training_step(state, *images(), config)) == {"pixel", "generator"}


def test_warm_up_leaves_the_discriminator_alone() -> None:
    config = replace(SMALL, warm_up_steps=1)
    state = create_state(config, scale=4, seed=0)
    assert set(training_step(state, *images(), config)) == {"pixel", "generator"}
    assert "discriminator" in training_step(state, *images(), config)


def test_perceptual_loss_takes_part() -> None:
    config = replace(SMALL, perceptual_weight=1.0)
    with pytest.raises(InvalidValueError, match="VGG19"):
        create_state(config, scale=4, seed=0)
    torch.manual_seed(0)
    state = create_state(config, scale=4, seed=0, vgg=VGG19Features())
    losses = training_step(state, *images(), config)
    total = losses["pixel"] + losses["perceptual"] + 0.01 * losses["adversarial"]
    torch.testing.assert_close(losses["generator"], total)


@pytest.mark.parametrize("poison", [math.nan, math.inf])
def test_a_step_without_a_finite_loss_is_skipped_and_counted(poison: float) -> None:
    state = create_state(SMALL, scale=4, seed=0)
    training_step(state, *images(), SMALL)
    before, optimizer = weights_of(state), state.to_plain()["generator_optimizer"]
    lr_BCHW, hr_BCHW = images()
    hr_BCHW[0, 0, 3, 3] = poison
    training_step(state, lr_BCHW, hr_BCHW, SMALL)
    assert (state.step, state.skipped, state.skipped_in_a_row) == (2, 1, 1)
    assert all(torch.equal(a, b) for a, b in zip(before, weights_of(state), strict=True))
    assert float(optimizer["state"][0]["step"]) == 1
    training_step(state, *images(), SMALL)
    assert (state.step, state.skipped, state.skipped_in_a_row) == (3, 1, 0)
    assert all(bool(weight.isfinite().all()) for weight in weights_of(state))


def test_train_gives_up_when_the_loss_stays_without_a_value(hdf5_pairs: Path) -> None:
    dataset = PairDataset(hdf5_pairs, hr_patch=32, seed=0)
    config = replace(SMALL, steps=50)
    state = create_state(config, scale=4, seed=0)
    with torch.no_grad():
        state.generator.conv_last.bias.fill_(math.nan)
    with pytest.raises(DegradeError, match=f"last {MAX_SKIPPED_IN_A_ROW} steps.*sound"):
        train(dataset, state, config)
    assert state.step == state.skipped == MAX_SKIPPED_IN_A_ROW


def test_create_state_depends_on_the_seed_and_leaves_torch_s_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    one = create_state(SMALL, scale=4, seed=0)
    assert torch.equal(torch.rand(1), expected)
    same, other = create_state(SMALL, scale=4, seed=0), create_state(SMALL, scale=4, seed=1)
    assert all(torch.equal(a, b) for a, b in zip(weights_of(one), weights_of(same), strict=True))
    assert not torch.equal(one.generator.conv_hr.weight, other.generator.conv_hr.weight)


def test_create_state_starts_from_given_weights() -> None:
    init = RRDBNet(scale=4, features=6, blocks=2, growth=3)
    state = create_state(SMALL, scale=4, seed=0, init=init)
    assert state.generator is init
    with pytest.raises(InvalidValueError, match=r"×2.*×4"):
        create_state(SMALL, scale=2, seed=0, init=init)


def test_create_state_refuses_patches_too_small_for_the_discriminator() -> None:
    with pytest.raises(InvalidValueError, match="at least 32"):
        create_state(replace(SMALL, hr_patch=16), scale=4, seed=0)


def curve(dataset: PairDataset, state: TrainingState, config: TrainingConfig,
          workers: int = 0) -> list[dict[str, float]]:  # fmt: skip
    losses: list[dict[str, float]] = []
    train(
        dataset, state, config, workers=workers, on_step=lambda _, step: losses.append(dict(step))
    )
    return losses


def test_a_resumed_run_is_bit_equal_to_one_that_never_stopped(
    tmp_path: Path, hdf5_pairs: Path
) -> None:
    dataset = PairDataset(hdf5_pairs, hr_patch=32, seed=0)
    config = replace(SMALL, warm_up_steps=2, milestones=(4,))
    whole = create_state(config, scale=4, seed=0)
    losses = curve(dataset, whole, config)

    first = create_state(config, scale=4, seed=0)
    start = curve(dataset, first, replace(config, steps=3))
    write_checkpoint(tmp_path, first.step, first.to_plain())
    second = create_state(config, scale=4, seed=0)
    plain = read_newest_checkpoint(tmp_path)
    assert plain is not None
    second.restore(plain)
    assert second.step == 3
    assert start + curve(dataset, second, config) == losses
    for a, b in zip(weights_of(whole), weights_of(second), strict=True):
        assert torch.equal(a, b)


def test_workers_do_not_change_the_curve(hdf5_pairs: Path) -> None:
    dataset = PairDataset(hdf5_pairs, hr_patch=32, seed=0)
    config = replace(SMALL, steps=3)
    alone = curve(dataset, create_state(config, scale=4, seed=0), config)
    shared = curve(dataset, create_state(config, scale=4, seed=0), config, workers=2)
    assert alone == shared


def test_restore_refuses_the_state_of_other_networks() -> None:
    state = create_state(SMALL, scale=4, seed=0)
    other = create_state(replace(SMALL, features=6), scale=4, seed=0)
    with pytest.raises(CorruptDataError, match="not of this network"):
        state.restore(other.to_plain())
    with pytest.raises(CorruptDataError, match="not of this network"):
        state.restore({"step": 3})


@pytest.mark.parametrize("workers", [0, 2])
def test_train_names_a_damaged_pair_in_one_line(tmp_path: Path, workers: int) -> None:
    folder = make_pairs(tmp_path / "p", sides=(96,))
    shard = folder / "shard-00000.h5"
    data = bytearray(shard.read_bytes())
    data[-2000] ^= 1
    shard.write_bytes(data)
    dataset = PairDataset(folder, hr_patch=32, seed=0)
    with pytest.raises(DegradeError, match=r"shard-00000\.h5") as caught:
        train(dataset, create_state(SMALL, scale=4, seed=0), SMALL, workers=workers)
    assert "\n" not in str(caught.value)


def test_train_stops_after_the_step_in_which_it_is_asked_to(hdf5_pairs: Path) -> None:
    dataset = PairDataset(hdf5_pairs, hr_patch=32, seed=0)
    state = create_state(SMALL, scale=4, seed=0)
    train(dataset, state, SMALL, should_stop=lambda: state.step == 2)
    assert state.step == 2


@pytest.mark.parametrize("scale", [2, 4])
def test_tiny_learns_within_thirty_steps(tmp_path: Path, scale: int) -> None:
    folder = make_pairs(tmp_path / "p", scale=scale)
    config = replace(
        PRESETS["tiny"].config, perceptual_weight=0.0, steps=30, warm_up_steps=24, batch_size=2
    )
    dataset = PairDataset(folder, hr_patch=config.hr_patch, seed=0)
    state = create_state(config, scale=scale, seed=0)
    losses = [step["pixel"] for step in curve(dataset, state, config)]
    assert np.mean(losses[-8:]) < 0.8 * np.mean(losses[:4])


def test_preview_shows_lr_sr_and_hr_side_by_side(hdf5_pairs: Path) -> None:
    dataset = PairDataset(hdf5_pairs, hr_patch=32, seed=0)
    state = create_state(SMALL, scale=4, seed=0)
    picture = draw_preview(state.generator, dataset)
    assert picture.shape == (4 * 32, 3 * 32, 3) and picture.dtype == np.uint8
    lr_CHW, hr_CHW = dataset[0, 0]
    np.testing.assert_array_equal(picture[:32, 64:], hr_CHW.permute(1, 2, 0).numpy())
    np.testing.assert_array_equal(picture[:32:4, :32:4], lr_CHW.permute(1, 2, 0).numpy())

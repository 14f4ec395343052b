"""Generators that take noise: from their first weights to samples that differ."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from degrade.errors import InvalidValueError
from degrade.resample import imresize
from esrgan.data import PairDataset
from esrgan.networks import RRDBNet, SRResNet
from esrgan.training.checkpoints import write_generator
from esrgan.training.config import TrainingConfig
from esrgan.training.loop import create_state, take_steps
from esrgan.training.noise_input import draw_noise, take_noise
from esrgan.training.preview import draw_preview
from esrgan.upscaling.tiling import Tiler
from esrgan.upscaling.upscaler import Upscaler
from esrgan.weights.files import read_network, weights_of, write_weights
from tests.esrgan.pair_folders import make_pairs
from tests.esrgan.training_runs import SMALL, all_equal, random_batch
from tests.esrgan.training_runs import weights_of as all_weights

NOISY = replace(SMALL, noise_channels=1, start_as_interpolation=True, features=12)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_without_its_noise_a_generator_is_what_it_was(scale: int) -> None:
    torch.manual_seed(0)
    network = RRDBNet(scale=scale, features=8, blocks=1, growth=4)
    lr_BCHW = torch.rand(1, 3, 9, 10)
    with torch.no_grad():
        before = network(lr_BCHW)
        take_noise(network, 2)
        quiet = torch.cat([lr_BCHW, torch.zeros(1, 2, 9, 10)], dim=1)
        loud = torch.cat([lr_BCHW, torch.randn(1, 2, 9, 10)], dim=1)
        assert torch.allclose(network(quiet), before, atol=1e-6)
        assert not torch.allclose(network(loud), before, atol=1e-3)
    take_noise(network, 2)
    with pytest.raises(InvalidValueError, match="noise_channels=1 needs an RRDBNet"):
        take_noise(network, 1)
    with pytest.raises(InvalidValueError, match="SRResNet"):
        take_noise(SRResNet(scale=2, features=4, blocks=1), 1)


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
def test_its_weights_are_read_back(tmp_path: Path, scale: int, ending: str) -> None:
    network = RRDBNet(scale=scale, features=8, blocks=1, growth=4)
    take_noise(network, 1)
    write_weights(tmp_path / f"a{ending}", weights_of(network))
    write_generator(tmp_path / "b.pth", network)
    for name in (f"a{ending}", "b.pth"):
        found = read_network(tmp_path / name)
        assert (found.scale, found.in_channels) == (scale, 4)
        assert all(torch.equal(t, found.state_dict()[n]) for n, t in network.state_dict().items())


def test_noise_is_named_by_its_key() -> None:
    lr_BCHW = torch.zeros(2, 3, 5, 6)
    first = draw_noise(lr_BCHW, 2, 0, 7)
    assert first.shape == (2, 2, 5, 6)
    assert torch.equal(first, draw_noise(lr_BCHW, 2, 0, 7))
    assert not torch.equal(first, draw_noise(lr_BCHW, 2, 0, 8))
    assert not torch.equal(first, draw_noise(lr_BCHW, 2, 1, 7))


def test_settings_that_make_no_run_are_refused() -> None:
    with pytest.raises(InvalidValueError, match="give noise_channels=1 as well"):
        TrainingConfig(loss_weights={"pixel": 1.0, "diversity": 0.1})
    with pytest.raises(InvalidValueError, match="RRDBNet's alone"):
        TrainingConfig(generator="srresnet", noise_channels=1)
    noisy = RRDBNet(scale=4, features=8, blocks=1, growth=4)
    take_noise(noisy, 1)
    with pytest.raises(InvalidValueError, match="use `noise_channels=1`"):
        create_state(SMALL, scale=4, seed=0, init=noisy)


@pytest.mark.parametrize("accumulation", [1, 2])
def test_a_step_depends_on_seed_and_number_alone(tmp_path: Path, accumulation: int) -> None:
    config = replace(
        NOISY,
        accumulation=accumulation,
        ema_decay=0.9,
        loss_weights={"pixel": 1.0, "diversity": 1e-4, "adversarial": 0.01, "artifact": 0.1},
        steps=3,
    )
    dataset = PairDataset(make_pairs(tmp_path), hr_patch=32, seed=0)
    whole, parts = (create_state(config, scale=4, seed=0) for _ in range(2))
    take_steps(dataset, whole, config)
    take_steps(dataset, parts, replace(config, steps=1))
    again = create_state(config, scale=4, seed=0)
    again.restore(parts.to_plain())
    take_steps(dataset, again, config)
    assert all_equal(all_weights(whole), all_weights(again))
    with whole.evaluating() as result:
        assert draw_preview(result, dataset).shape[2] == 3


def samples(network: RRDBNet, lr: np.ndarray, count: int = 4) -> list[np.ndarray]:
    return [
        Upscaler(network, Tiler(network, tile=64, overlap=8), sample=n).enlarged(lr)
        for n in range(count)
    ]


def test_the_diversity_loss_makes_samples_differ_that_agree_with_lr(tmp_path: Path) -> None:
    dataset = PairDataset(make_pairs(tmp_path, scale=2), hr_patch=32, seed=0)
    lr = dataset.read_batch([(0, 0)])[0][0].numpy()
    spreads, errors = [], []
    for weight in (0.0, 0.002):
        config = replace(
            NOISY,
            loss_weights={"pixel": 1.0, "diversity": weight},
            learning_rate=2e-3,
            steps=60,
        )
        state = create_state(config, scale=2, seed=0)
        take_steps(dataset, state, config)
        assert isinstance(state.generator, RRDBNet)
        found = np.stack(samples(state.generator.eval(), lr)).astype(np.float32)
        spreads.append(float(found.std(axis=0).mean()))
        back = [imresize(each, 0.5) - lr for each in found]
        errors.append(float(np.sqrt(np.mean(np.square(back)))))
    # By how many levels samples differ, and how far they are from LR when made small again.
    assert spreads[1] > 1.5 * spreads[0] and spreads[1] > 1
    assert errors[1] < 1.5 * errors[0]


def test_tiles_see_the_noise_of_the_whole_image() -> None:
    torch.manual_seed(0)
    network = RRDBNet(scale=2, features=8, blocks=1, growth=4)
    take_noise(network, 1)
    lr = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    whole, cut = (
        Upscaler(network, Tiler(network, tile=tile, overlap=40), sample=3).enlarged(lr)
        for tile in (64, 16)
    )
    assert np.abs(whole.astype(int) - cut).max() <= 1
    assert random_batch().noise_BCHW is None

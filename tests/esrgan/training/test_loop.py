from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from degrade.errors import DegradeError
from degrade.images.labels import LABEL_HEIGHT
from degrade.resample import enlarge_u8
from esrgan.data import PairDataset
from esrgan.training.checkpoints import read_newest_checkpoint, write_checkpoint
from esrgan.training.config import TrainingConfig
from esrgan.training.loop import MAX_RESTORED, MAX_SKIPPED_IN_A_ROW, take_steps
from esrgan.training.presets import PRESETS
from esrgan.training.preview import draw_preview
from esrgan.training.state import TrainingState, create_state
from tests.esrgan.pair_folders import make_pairs
from tests.esrgan.training_runs import SMALL, all_equal, curve, weights_of


@pytest.mark.parametrize(
    "changes",
    [
        {"pixel_steps": 2, "milestones": (4,)},
        {"accumulation": 2, "ema_decay": 0.9, "discriminator_norm": "none"},
        {"generator": "srresnet", "ema_decay": 0.5, "warm_up_steps": 3, "optimizer": "adamw"},
        {"discriminator": "unet", "discriminator_features": 8, "clip_norm": 0.1},
    ],
    ids=["pixel steps", "accumulation", "batch norm", "spectral norm"],
)
def test_a_resumed_run_is_bit_equal_to_one_that_never_stopped(
    tmp_path: Path, hdf5_pairs: Path, changes: dict[str, Any]
) -> None:
    dataset = PairDataset(hdf5_pairs, hr_patch=32, seed=0)
    config = replace(SMALL, **changes)
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
    assert all_equal(weights_of(whole), weights_of(second))


def test_workers_do_not_change_the_curve(hdf5_pairs: Path) -> None:
    dataset = PairDataset(hdf5_pairs, hr_patch=32, seed=0)
    config = replace(SMALL, steps=3)
    alone = curve(dataset, create_state(config, scale=4, seed=0), config)
    shared = curve(dataset, create_state(config, scale=4, seed=0), config, workers=2)
    assert alone == shared


@pytest.mark.parametrize("workers", [0, 2])
def test_train_names_a_damaged_pair_in_one_line(tmp_path: Path, workers: int) -> None:
    folder = make_pairs(tmp_path / "p", sides=(96,))
    shard = folder / "shard-00000.h5"
    data = bytearray(shard.read_bytes())
    data[-2000] ^= 1
    shard.write_bytes(data)
    dataset = PairDataset(folder, hr_patch=32, seed=0)
    with pytest.raises(DegradeError, match=r"shard-00000\.h5") as caught:
        take_steps(dataset, create_state(SMALL, scale=4, seed=0), SMALL, workers=workers)
    assert "\n" not in str(caught.value)


def test_train_stops_after_the_step_in_which_it_is_asked_to(hdf5_pairs: Path) -> None:
    dataset = PairDataset(hdf5_pairs, hr_patch=32, seed=0)
    state = create_state(SMALL, scale=4, seed=0)
    take_steps(dataset, state, SMALL, should_stop=lambda: state.step == 2)
    assert state.step == 2


def poison(state: TrainingState) -> None:
    with torch.no_grad():
        state.generator.conv_last.bias.fill_(math.nan)  # type: ignore[union-attr]


def test_train_goes_back_to_the_last_good_state_and_on_from_there(hdf5_pairs: Path) -> None:
    dataset = PairDataset(hdf5_pairs, hr_patch=32, seed=0)
    config = replace(SMALL, steps=MAX_SKIPPED_IN_A_ROW + 5)
    state = create_state(config, scale=4, seed=0)
    good = copy.deepcopy(state.to_plain())

    def on_step(state: TrainingState, losses: Mapping[str, float]) -> None:
        if state.step == 2:
            poison(state)

    take_steps(dataset, state, config, on_step=on_step, last_good=lambda: good)
    assert (state.step, state.skipped, state.restored) == (config.steps, MAX_SKIPPED_IN_A_ROW, 1)
    assert state.skipped_in_a_row == 0
    assert all(bool(weight.isfinite().all()) for weight in weights_of(state))


def test_train_gives_up_when_the_loss_stays_without_a_value(hdf5_pairs: Path) -> None:
    dataset = PairDataset(hdf5_pairs, hr_patch=32, seed=0)
    config = replace(SMALL, steps=100)
    state = create_state(config, scale=4, seed=0)
    poison(state)
    with pytest.raises(DegradeError, match=f"last {MAX_SKIPPED_IN_A_ROW} steps.*no checkpoint"):
        take_steps(dataset, state, config)
    assert state.step == state.skipped == MAX_SKIPPED_IN_A_ROW

    state = create_state(config, scale=4, seed=0)
    poison(state)
    bad = state.to_plain()
    with pytest.raises(DegradeError, match=f"{MAX_RESTORED} returns .* did not help"):
        take_steps(dataset, state, config, last_good=lambda: bad)
    assert state.step == (MAX_RESTORED + 1) * MAX_SKIPPED_IN_A_ROW


@pytest.mark.parametrize("scale", [2, 4])
def test_tiny_learns_within_thirty_steps(tmp_path: Path, scale: int) -> None:
    folder = make_pairs(tmp_path / "p", scale=scale)
    config = replace(PRESETS["tiny"].config, steps=30, pixel_steps=24, batch_size=2, hr_patch=32)
    dataset = PairDataset(folder, hr_patch=config.hr_patch, seed=0)
    state = create_state(config, scale=scale, seed=0)
    losses = [step["pixel"] for step in curve(dataset, state, config)]
    assert np.mean(losses[-8:]) < 0.8 * np.mean(losses[:4])


def test_a_cycle_weight_takes_each_pair_s_kernel(tmp_path: Path, x2_pairs: Path) -> None:
    config: TrainingConfig = SMALL.with_settings(cycle_weight=0.5, steps=2)
    dataset = PairDataset(x2_pairs, hr_patch=32, seed=0, kernels=True)
    losses = curve(dataset, create_state(config, scale=2, seed=0), config)
    assert all(step["cycle"] > 0 for step in losses)


def test_preview_shows_lr_bicubic_sr_and_hr_side_by_side(hdf5_pairs: Path) -> None:
    dataset = PairDataset(hdf5_pairs, hr_patch=32, seed=0)
    state = create_state(SMALL, scale=4, seed=0)
    with state.evaluating() as generator:
        picture = draw_preview(generator, dataset)
    # Samples of 32 px are shown four times as large, so that there is room for the labels.
    height = LABEL_HEIGHT + 128
    assert picture.shape == (4 * height, 4 * 128, 3) and picture.dtype == np.uint8
    lr_CHW, hr_CHW = dataset[0, 0]
    lr, hr = (image.permute(1, 2, 0).numpy() for image in (lr_CHW, hr_CHW))
    lr_tile, bicubic, _, hr_tile = np.split(picture[LABEL_HEIGHT:height], 4, axis=1)
    np.testing.assert_array_equal(lr_tile[::16, ::16], lr)
    np.testing.assert_array_equal(bicubic[::4, ::4], enlarge_u8(lr, 4))
    np.testing.assert_array_equal(hr_tile[::4, ::4], hr)
    for label in np.split(picture[:LABEL_HEIGHT], 4, axis=1):
        assert (label < 128).any() and (label == 255).mean() > 0.5

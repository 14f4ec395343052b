"""The kernels of samples; deferred noise is tested with the samples that it is part of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from degrade.degradation import Pair
from degrade.errors import DegradeError, InvalidValueError
from degrade.pairs import ShardSpec, create_shard, write_shard_list
from esrgan.data import PairDataset, to_float
from esrgan.losses import cycle_loss
from tests.making import fill_pool


def test_turned_kernels_make_each_sample_s_lr_from_its_hr(x2_pairs: Path) -> None:
    dataset = PairDataset(x2_pairs, hr_patch=48, seed=0, kernels=True)
    assert dataset.kernels is not None and len(dataset.kernels.ids) > 1
    keys = [(epoch, index) for epoch in range(3) for index in range(8)]
    kernels_BKK = dataset.read_kernels(keys)
    lr_BCHW, hr_BCHW = (to_float(x, torch.device("cpu")) for x in dataset.read_batch(keys))
    # HR degraded by the right kernel is LR up to rounding, in every turn.
    errors = [
        float(cycle_loss(hr_BCHW[n : n + 1], lr_BCHW[n : n + 1], kernels_BKK[n : n + 1]))
        for n in range(len(keys))
    ]
    assert max(errors) < 0.5 / 255
    others = kernels_BKK.roll(1, 0)
    wrong = float(cycle_loss(hr_BCHW, lr_BCHW, others))
    assert wrong > 2 * float(cycle_loss(hr_BCHW, lr_BCHW, kernels_BKK))


def test_kernels_are_part_of_the_fingerprint_only_where_they_are_used(x2_pairs: Path) -> None:
    plain = PairDataset(x2_pairs, hr_patch=32, seed=0)
    assert plain.fingerprint != PairDataset(x2_pairs, hr_patch=32, seed=0, kernels=True).fingerprint
    with pytest.raises(InvalidValueError, match="kernels=True"):
        plain.read_kernels([(0, 0)])


def test_imported_pairs_have_no_kernel(tmp_path: Path) -> None:
    hr = np.zeros((32, 32, 3), np.uint8)
    with create_shard(tmp_path, ShardSpec(0, "hdf5", 2, 32, "test")) as shard:
        shard.add(Pair("photo", hr[::2, ::2].copy(), hr, None))
        shard.commit(sources=[], rejects=[])
    write_shard_list(tmp_path, {"settings": {}})
    with pytest.raises(DegradeError, match=r"kernel of photo.*imported.*cycle_weight=0"):
        PairDataset(tmp_path, hr_patch=32, seed=0, kernels=True)


def test_kernels_need_the_pool_of_the_run(tmp_path: Path, x2_pairs: Path) -> None:
    with pytest.raises(DegradeError, match="`pool`"):
        PairDataset(x2_pairs, hr_patch=32, seed=0, kernels=True, pool=tmp_path / "nowhere")
    other = fill_pool(tmp_path / "other", kernels=1)
    with pytest.raises(DegradeError, match=r"no kernel.*`pool`"):
        PairDataset(x2_pairs, hr_patch=32, seed=0, kernels=True, pool=other.path)


def test_patches_must_be_larger_than_the_kernels(x2_pairs: Path) -> None:
    with pytest.raises(InvalidValueError, match="larger `hr_patch`"):
        PairDataset(x2_pairs, hr_patch=14, seed=0, kernels=True)

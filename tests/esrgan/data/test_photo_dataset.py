"""What training sees of photos is what building pairs makes of the same plans."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch

from degrade.degradation import DegradationConfig, DegradationPlan, make_pair, prepare_hr
from degrade.errors import InvalidValueError
from degrade.images.decoded_photos import DecodedPhotos, store_photo
from degrade.images.image_io import quantise
from degrade.pool import DegradationPool
from esrgan.data import PhotoDataset
from esrgan.training.batches import read_batches
from tests.esrgan.training_runs import SMALL
from tests.making import fill_pool, make_scene

SIZES = ((70, 90), (64, 64), (600, 520), (40, 300))
SCENES = {f"{n:064x}": quantise(make_scene(f"photo {n}", *size)) for n, size in enumerate(SIZES)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a pool and decoded photos. Not to be changed."""
    root = tmp_path_factory.mktemp("photos")
    fill_pool(root / "pool")
    store = DecodedPhotos(root / "stored")
    with store.adding() as journal:
        for sha256, pixels in SCENES.items():
            facts = {"path": f"/{sha256}", "name": "n", "sha256": sha256}
            facts |= {"bytes": 1, "modified": 1}
            journal.append(msgspec.to_builtins(store_photo(store.folder, pixels, facts, ())))
    return root


def open_dataset(folder: Path, **changes: Any) -> PhotoDataset:
    store = DecodedPhotos(folder / "stored")
    settings = {"hr_patch": 48, "seed": 3, **changes}
    pool = DegradationPool.open(folder / "pool")
    config = DegradationConfig(scale=2)
    return PhotoDataset(store, list(store.known().values()), pool, config, **settings)


def test_samples_are_what_building_makes_of_their_plans(folder: Path) -> None:
    dataset = open_dataset(folder, augment=False)
    pool = DegradationPool.open(folder / "pool")
    keys = [(epoch, index) for epoch in range(3) for index in range(len(dataset))]
    for key, lr, hr in zip(keys, *dataset.read_batch(keys), strict=True):
        plan = dataset.read_plan(key)
        photo = SCENES[plan.source_sha256]
        pair = make_pair(prepare_hr(photo, [plan], pool), plan, pool)
        assert np.array_equal(lr.numpy(), pair.lr_u8) and np.array_equal(hr.numpy(), pair.hr_u8)
        assert DegradationPlan.from_json(plan.to_json()) == plan
    assert {p.shape for p in SCENES.values() if min(p.shape[:2]) >= 48} == {
        SCENES[dataset.read_plan((0, index)).source_sha256].shape for index in range(len(dataset))
    }


def test_every_epoch_has_other_crops_kernels_and_noise(folder: Path) -> None:
    dataset = open_dataset(folder)
    plans = [dataset.read_plan((epoch, 0)) for epoch in range(20)]
    assert len({plan.hr_box for plan in plans}) > 15
    assert len({plan.kernel_id for plan in plans}) == 3
    assert len({plan.steps[1:] for plan in plans}) == 20
    assert plans == [open_dataset(folder).read_plan((epoch, 0)) for epoch in range(20)]


def test_a_sample_is_the_same_in_every_batch(folder: Path) -> None:
    dataset = open_dataset(folder)
    keys = [(epoch, index) for epoch in range(2) for index in range(len(dataset))]
    lr_BHWC, hr_BHWC = dataset.read_batch(keys)
    for number, key in enumerate(keys):
        lr_CHW, hr_CHW = dataset[key]
        assert torch.equal(lr_CHW.permute(1, 2, 0), lr_BHWC[number])
        assert torch.equal(hr_CHW.permute(1, 2, 0), hr_BHWC[number])


def test_large_photos_give_more_samples_and_small_ones_none(folder: Path) -> None:
    dataset = open_dataset(folder)
    counts = [dataset.read_plan((0, index)).source_sha256 for index in range(len(dataset))]
    assert sorted(counts.count(sha256) for sha256 in set(counts)) == [1, 1, 2]
    assert dataset.rejects() == [(f"/{3:064x}", "300×40 is smaller than an HR patch")]
    with pytest.raises(InvalidValueError, match="none of 4 photos is as large"):
        open_dataset(folder, hr_patch=640)
    with pytest.raises(IndexError):
        dataset.read_plan((0, len(dataset)))


@pytest.mark.parametrize("workers", [1, 2])
def test_batches_do_not_depend_on_workers(folder: Path, workers: int) -> None:
    dataset = open_dataset(folder)
    device = torch.device("cpu")

    def batches(workers: int) -> list[torch.Tensor]:
        read = read_batches(dataset, SMALL, steps=range(3, 9), device=device, workers=workers)
        return [side for batch in read for side in (batch.lr_BCHW, batch.hr_BCHW)]

    assert all(map(torch.equal, batches(0), batches(workers)))


def test_what_a_device_degrades_is_what_a_worker_degrades(folder: Path) -> None:
    """What a worker reads for a GPU goes through a pipe; here the CPU stands for the device."""
    dataset = open_dataset(folder)
    keys = [(1, index) for index in range(len(dataset))]
    windows_BHWC, planned = pickle.loads(pickle.dumps(dataset.read_planned(keys)))
    found = dataset.degrade(planned, torch.from_numpy(windows_BHWC))
    assert all(map(torch.equal, found, dataset.read_batch(keys)))


def test_read_kernels_gives_those_of_the_plans(folder: Path) -> None:
    dataset = open_dataset(folder, kernels=True, augment=False)
    keys = [(epoch, 0) for epoch in range(6)]
    pool = DegradationPool.open(folder / "pool")
    for key, kernel_KK in zip(keys, dataset.read_kernels(keys), strict=True):
        weights = pool.read_kernel(dataset.read_plan(key).kernel_id or "").weights
        assert np.array_equal(kernel_KK[1:14, 1:14].numpy(), weights)
    with pytest.raises(InvalidValueError, match="made without kernels"):
        open_dataset(folder).read_kernels(keys)


def test_fingerprint_tells_of_all_that_decides_on_samples(folder: Path) -> None:
    first = open_dataset(folder).fingerprint
    assert first == pickle.loads(pickle.dumps(open_dataset(folder))).fingerprint
    others = ({"hr_patch": 32}, {"augment": False}, {"kernels": True})
    assert len({first, *(open_dataset(folder, **other).fingerprint for other in others)}) == 4

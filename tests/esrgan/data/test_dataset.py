from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from degrade.errors import CorruptDataError, DegradeError, InvalidValueError
from degrade.pairs import STORES, open_pairs
from degrade.pool import DegradationPool
from esrgan.data import PairDataset, SampleChance, StepSampler, to_float
from tests.esrgan.pair_folders import make_pairs
from tests.fork_server import fork_server
from tests.making import fill_pool


def as_image(image_CHW: Tensor) -> np.ndarray:
    return image_CHW.permute(1, 2, 0).numpy()


def find_crop(image: np.ndarray, crop: np.ndarray) -> list[tuple[int, int]]:
    windows = np.lib.stride_tricks.sliding_window_view(image, crop.shape)[:, :, 0]
    same = (windows == crop).all(axis=(2, 3, 4))
    return [(int(top), int(left)) for top, left in np.argwhere(same)]


@pytest.fixture(params=STORES)
def folder(request: pytest.FixtureRequest, pairs_in: dict[str, Path]) -> Path:
    """Return the same twelve pairs in each format."""
    return pairs_in[request.param]


def test_samples_are_aligned_crops_of_the_pairs(folder: Path) -> None:
    dataset = PairDataset(folder, hr_patch=32, seed=3, augment=False)
    assert len(dataset) == 12 and dataset.scale == 4
    places = set()
    with open_pairs(folder) as reader:
        for epoch in (0, 1):  # the second time, only the crop is read
            for index in range(len(dataset)):
                lr_CHW, hr_CHW = dataset[epoch, index]
                assert lr_CHW.dtype == hr_CHW.dtype == torch.uint8
                assert (lr_CHW.shape, hr_CHW.shape) == ((3, 8, 8), (3, 32, 32))
                lr, hr = reader.read(index)
                found = find_crop(lr, as_image(lr_CHW))
                assert any(
                    np.array_equal(
                        hr[4 * top : 4 * top + 32, 4 * left : 4 * left + 32], as_image(hr_CHW)
                    )
                    for top, left in found
                )
                places.add(found[0])
    assert len(places) > 12


def test_all_formats_give_the_same_samples(hdf5_pairs: Path, folder: Path) -> None:
    one = PairDataset(hdf5_pairs, hr_patch=64, seed=5)
    other = PairDataset(folder, hr_patch=64, seed=5)
    assert one.fingerprint == other.fingerprint
    for index in range(len(one)):
        for ours, theirs in zip(one[2, index], other[2, index], strict=True):
            assert torch.equal(ours, theirs)


def test_all_eight_orientations_occur_and_are_the_same_on_both_sides(hdf5_pairs: Path) -> None:
    upright = PairDataset(hdf5_pairs, hr_patch=96, seed=0, augment=False)
    turned = PairDataset(hdf5_pairs, hr_patch=96, seed=0)
    seen = set()
    for epoch in range(8):
        for index in range(len(turned)):
            sides = []
            for image_CHW, turned_CHW in zip(
                upright[epoch, index], turned[epoch, index], strict=True
            ):
                symmetries = [
                    torch.rot90(flipped, k, (1, 2))
                    for flipped in (image_CHW, image_CHW.flip(2))
                    for k in range(4)
                ]
                sides.append([i for i, s in enumerate(symmetries) if torch.equal(s, turned_CHW)])
            assert sides[0] == sides[1] and len(sides[0]) == 1
            seen.add(sides[0][0])
    assert seen == set(range(8))


def batches(dataset: PairDataset, **options: object) -> list[tuple[Tensor, Tensor]]:
    sampler = StepSampler(len(dataset), batch_size=5, seed=dataset.seed, steps=range(4))
    loader = DataLoader(dataset, batch_sampler=sampler, **options)
    return [(lr_BCHW, hr_BCHW) for lr_BCHW, hr_BCHW in loader]


@pytest.mark.parametrize(
    ("start", "format"),
    [("fork", "hdf5"), ("fork", "lmdb"), ("fork", "lmdb-raw"), ("forkserver", "hdf5")],
)
def test_samples_do_not_depend_on_workers(
    start: str, format: str, pairs_in: dict[str, Path]
) -> None:
    """A worker gets the dataset as it is, or (from a fork server, and on other systems) pickled."""
    context = fork_server() if start == "forkserver" else start
    dataset = PairDataset(pairs_in[format], hr_patch=32, seed=1)
    dataset[0]  # the parent has the files open when the workers start
    alone = batches(dataset, num_workers=0)
    shared = batches(dataset, num_workers=2, multiprocessing_context=context)
    for (lr, hr), (worker_lr, worker_hr) in zip(alone, shared, strict=True):
        assert torch.equal(lr, worker_lr) and torch.equal(hr, worker_hr)


def test_samples_change_with_epoch_and_seed_only(folder: Path) -> None:
    dataset = PairDataset(folder, hr_patch=32, seed=1)
    dataset[0]  # files are open when it is pickled
    again = pickle.loads(pickle.dumps(dataset))
    other_seed = PairDataset(folder, hr_patch=32, seed=2)
    assert torch.equal(dataset[0, 3][1], again[0, 3][1])
    assert not torch.equal(dataset[0, 3][1], dataset[1, 3][1])
    assert not torch.equal(dataset[0, 3][1], other_seed[0, 3][1])
    dataset.set_epoch(1)
    assert torch.equal(dataset[3][1], again[1, 3][1])
    with pytest.raises(IndexError):
        dataset[12]


def test_a_batch_is_its_samples(folder: Path) -> None:
    dataset = PairDataset(folder, hr_patch=32, seed=1)
    keys = [(0, 3), (4, 3), (0, 0), (1, 11), (0, 3)]
    for _ in range(2):  # the second time, only the crops are read
        lr_BHWC, hr_BHWC = dataset.read_batch(keys)
        assert lr_BHWC.dtype == hr_BHWC.dtype == torch.uint8
        assert (lr_BHWC.shape, hr_BHWC.shape) == ((5, 8, 8, 3), (5, 32, 32, 3))
        several = dataset.__getitems__(keys)
        for number, key in enumerate(keys):
            sides = zip(dataset[key], (lr_BHWC, hr_BHWC), several[number], strict=True)
            for sample_CHW, batch_BHWC, view_CHW in sides:
                assert sample_CHW.is_contiguous()
                assert torch.equal(sample_CHW, batch_BHWC[number].permute(2, 0, 1))
                assert torch.equal(sample_CHW, view_CHW)
    dataset.set_epoch(4)
    assert torch.equal(dataset.read_batch([3])[1][0], hr_BHWC[1])
    with pytest.raises(IndexError):
        dataset.read_batch([(0, 3), (0, 12)])


def test_a_data_loader_may_collate_samples_itself(hdf5_pairs: Path) -> None:
    dataset = PairDataset(hdf5_pairs, hr_patch=32, seed=1)
    loader = DataLoader(dataset, batch_size=4, shuffle=False)
    for number, (lr_BCHW, hr_BCHW) in enumerate(loader):
        lr_BHWC, hr_BHWC = dataset.read_batch(range(4 * number, 4 * number + 4))
        assert torch.equal(lr_BCHW, lr_BHWC.permute(0, 3, 1, 2)) and lr_BCHW.is_contiguous()
        assert torch.equal(hr_BCHW, hr_BHWC.permute(0, 3, 1, 2)) and hr_BCHW.is_contiguous()


def test_a_batch_may_be_of_single_pixels(hdf5_pairs: Path) -> None:
    lr_BHWC, hr_BHWC = PairDataset(hdf5_pairs, hr_patch=4, seed=0).read_batch(range(12))
    assert (lr_BHWC.shape, hr_BHWC.shape) == ((12, 1, 1, 3), (12, 4, 4, 3))


def test_to_float_brings_bytes_to_the_unit_range() -> None:
    images_BHWC = torch.arange(256, dtype=torch.uint8).repeat(3).reshape(2, 16, 8, 3)
    floats_BCHW = to_float(images_BHWC, torch.device("cpu"))
    assert floats_BCHW.dtype == torch.float32
    assert floats_BCHW.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(floats_BCHW, images_BHWC.permute(0, 3, 1, 2) / 255)


def test_sample_chance_is_frozen() -> None:
    """A change here changes the samples of every seed: ``_STREAM`` must then change too."""
    chance = SampleChance(7, 3, "photo_0001")
    assert [chance.integers(10**6) for _ in range(8)] == [
        234428, 934972, 812524, 879800, 38627, 289483, 871850, 81306
    ]  # fmt: skip


def test_sample_chance_goes_on_without_end() -> None:
    chance = SampleChance(7, 3, "photo_0001")
    drawn = [chance.integers(2**64) for _ in range(100)]
    assert len(set(drawn)) == 100
    again = SampleChance(7, 3, "photo_0001")
    assert [again.integers(2**64) for _ in range(100)] == drawn


def test_sample_chance_draws_every_number_as_often() -> None:
    drawn = np.array(
        [
            [SampleChance(seed, epoch, f"key-{key}").integers(8) for key in range(50)]
            for seed in range(8)
            for epoch in range(20)
        ]
    )
    counts = np.bincount(drawn.ravel(), minlength=8)
    # Chi-squared with 7 degrees of freedom: above 30 once in 10,000 times, and the keys are fixed.
    assert ((counts - 1000) ** 2 / 1000).sum() < 30
    assert len({tuple(row) for row in drawn.tolist()}) == len(drawn)


def deferred(tmp_path: Path, pool: Path, *, scale: int = 2) -> Path:
    run = {"settings": {"noise": "defer"}, "pool": str(pool)}
    return make_pairs(tmp_path / "deferred", scale=scale, run=run)


def test_deferred_noise_has_the_statistics_of_the_pool(tmp_path: Path) -> None:
    pool = fill_pool(tmp_path / "pool", scale=2)
    folder = deferred(tmp_path, pool.path)
    noisy = PairDataset(folder, hr_patch=64, seed=0, augment=False)
    assert noisy.noise is not None
    plain = make_pairs(tmp_path / "plain", scale=2)
    clean = PairDataset(plain, hr_patch=64, seed=0, augment=False)
    residuals = []
    for epoch in range(4):
        for index in range(len(noisy)):
            (lr, hr), (clean_lr, clean_hr) = noisy[epoch, index], clean[epoch, index]
            assert torch.equal(hr, clean_hr)  # the same crop
            residuals.append(lr.float() - clean_lr.float())
    stacked = torch.stack(residuals)
    measured = [pool.read_residual(choice.id).std() * 255 for choice in pool.index(2).noise]
    # Rounding to 8 bits once more adds 1/12 to the variance.
    expected = float(np.sqrt(np.mean(np.square(measured)) + 1 / 12))
    assert float(stacked.std()) == pytest.approx(expected, rel=0.02)
    assert abs(float(stacked.mean())) < 0.05
    assert not torch.equal(noisy[0, 0][0], noisy[1, 0][0])


def test_deferred_noise_does_not_depend_on_workers(tmp_path: Path) -> None:
    folder = deferred(tmp_path, fill_pool(tmp_path / "pool", scale=2).path)
    dataset = PairDataset(folder, hr_patch=32, seed=1)
    alone = batches(dataset)
    shared = batches(pickle.loads(pickle.dumps(dataset)), num_workers=2)
    assert all(torch.equal(a[0], b[0]) for a, b in zip(alone, shared, strict=True))


def test_deferred_noise_covers_crops_larger_than_the_residuals(tmp_path: Path) -> None:
    pool = fill_pool(tmp_path / "pool", scale=2)
    run = {"settings": {"noise": "defer"}, "pool": str(pool.path)}
    folder = make_pairs(tmp_path / "p", scale=2, hr_size=None, sides=(180,), run=run)
    lr, _ = PairDataset(folder, hr_patch=160, seed=0)[0]
    assert lr.shape == (3, 80, 80)  # the residuals have 64 pixels


def test_deferred_noise_is_drawn_from_the_pool_that_is_given(tmp_path: Path) -> None:
    folder = deferred(tmp_path, tmp_path / "gone")
    with pytest.raises(DegradeError, match="`pool`"):
        PairDataset(folder, hr_patch=32, seed=0)
    empty = DegradationPool.create(tmp_path / "empty")
    with pytest.raises(DegradeError, match=r"no noise.*`pool`"):
        PairDataset(folder, hr_patch=32, seed=0, pool=empty.path)
    pool = fill_pool(tmp_path / "pool", scale=2)
    dataset = PairDataset(folder, hr_patch=32, seed=0, pool=pool.path)
    assert dataset.noise is not None and dataset.noise.pool.path == pool.path


def test_pairs_that_are_too_small_are_left_out_by_name(tmp_path: Path) -> None:
    folder = make_pairs(tmp_path / "p", hr_size=None, sides=(64, 128, 30))
    dataset = PairDataset(folder, hr_patch=64, seed=0)
    assert len(dataset) == 2 and dataset.too_small == ("scene-2_0000",)
    assert all(dataset[i][1].shape == (3, 64, 64) for i in range(2))
    with pytest.raises(InvalidValueError, match="none of its 3 pairs"):
        PairDataset(folder, hr_patch=256, seed=0)


@pytest.mark.parametrize("hr_patch", [0, 2, 30])
def test_hr_patch_must_fit_the_scale(hdf5_pairs: Path, hr_patch: int) -> None:
    with pytest.raises(InvalidValueError, match=f"scale 4, got {hr_patch}"):
        PairDataset(hdf5_pairs, hr_patch=hr_patch, seed=0)


def test_a_flipped_bit_in_a_shard_is_never_fed(tmp_path: Path) -> None:
    folder = make_pairs(tmp_path / "p")
    shard = folder / "shard-00000.h5"
    data = bytearray(shard.read_bytes())
    with open_pairs(folder) as reader:
        pixels = reader.read(4)[1].tobytes()
    data[data.index(pixels) + 5000] ^= 1
    shard.write_bytes(data)
    dataset = PairDataset(folder, hr_patch=32, seed=0)
    for index in range(len(dataset)):
        if index == 4:
            with pytest.raises(CorruptDataError, match=r"shard-00000\.h5.*row 4"):
                dataset[index]
        else:
            dataset[index]

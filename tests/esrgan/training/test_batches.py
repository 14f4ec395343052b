from __future__ import annotations

import multiprocessing
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from degrade.errors import InvalidValueError
from esrgan.data import AimedSamples, PairDataset
from esrgan.distributed import World
from esrgan.training.batches import _one_ahead, check_memory, read_batches
from tests.esrgan.training_runs import SMALL

CPU = torch.device("cpu")


@pytest.mark.parametrize("parts", [1, 2])
def test_processes_share_each_part_of_a_step(x2_pairs: Path, parts: int) -> None:
    dataset = PairDataset(x2_pairs, hr_patch=32, seed=0, kernels=True)
    config = replace(SMALL, batch_size=8, accumulation=parts)
    steps = range(2, 4)
    alone = list(read_batches(dataset, config, steps=steps, device=CPU))
    shares = [
        list(read_batches(dataset, config, steps=steps, device=CPU, world=World(rank, 2)))
        for rank in range(2)
    ]
    for step, whole in enumerate(alone):
        for number, part in enumerate(whole.split(parts)):
            own = [each[step].split(parts)[number] for each in shares]
            assert torch.equal(torch.cat([s.lr_BCHW for s in own]), part.lr_BCHW)
            assert torch.equal(torch.cat([s.hr_BCHW for s in own]), part.hr_BCHW)
            kernels = [s.kernels_BKK for s in own]
            assert part.kernels_BKK is not None
            assert torch.equal(torch.cat([k for k in kernels if k is not None]), part.kernels_BKK)


def test_a_batch_that_cannot_be_shared_out_is_refused(hdf5_pairs: Path) -> None:
    dataset = PairDataset(hdf5_pairs, hr_patch=32, seed=0)
    config = replace(SMALL, batch_size=6, accumulation=2)
    with pytest.raises(InvalidValueError, match="2 × 2, got 6"):
        next(read_batches(dataset, config, steps=range(1), device=CPU, world=World(0, 2)))


def test_kernels_are_read_only_when_a_loss_asks(x2_pairs: Path) -> None:
    dataset = PairDataset(x2_pairs, hr_patch=32, seed=0)
    assert next(read_batches(dataset, SMALL, steps=range(1), device=CPU)).kernels_BKK is None


def test_workers_end_with_the_batches_whoever_holds_their_iterator(hdf5_pairs: Path) -> None:
    """A traceback may, for longer than the run lasts."""
    dataset = PairDataset(hdf5_pairs, hr_patch=32, seed=0)
    before = set(multiprocessing.active_children())
    batches = read_batches(dataset, SMALL, steps=range(9), device=CPU, workers=2)
    next(batches)
    workers = set(multiprocessing.active_children()) - before
    assert len(workers) == 2
    batches.close()
    assert not any(worker.is_alive() for worker in workers)


@pytest.mark.parametrize("workers", [1, 3])
def test_the_batches_are_the_same_with_any_number_of_workers(x2_pairs: Path, workers: int) -> None:
    dataset = PairDataset(x2_pairs, hr_patch=32, seed=0, kernels=True)
    alone = read_batches(dataset, SMALL, steps=range(2, 9), device=CPU)
    read = read_batches(dataset, SMALL, steps=range(2, 9), device=CPU, workers=workers)
    for first, second in zip(alone, read, strict=True):
        assert torch.equal(first.lr_BCHW, second.lr_BCHW)
        assert torch.equal(first.hr_BCHW, second.hr_BCHW)
        assert first.kernels_BKK is not None and second.kernels_BKK is not None
        assert torch.equal(first.kernels_BKK, second.kernels_BKK)


@pytest.mark.parametrize("workers", [0, 1])
def test_what_is_near_flagged_areas_comes_with_the_batches(workers: int) -> None:
    # Each pixel says where it is, so that HR tells which part of the mask a crop should have.
    hr = np.stack([*np.indices((80, 120)).astype(np.uint8), np.zeros((80, 120), np.uint8)], axis=2)
    near_flagged = (hr[..., 0] + hr[..., 1]) % 7 > 3
    dataset = AimedSamples(
        [(hr[::2, ::2], hr)],
        [(0, 10, 10), (0, 39, 59)],
        [(0, 30, 20)],
        hr_patch=16,
        scale=2,
        seed=3,
        near_flagged=[near_flagged],
    )
    config = replace(SMALL, batch_size=4)
    batches = list(read_batches(dataset, config, steps=range(2), device=CPU, workers=workers))
    assert len(batches) == 2
    for batch in batches:
        found = batch.near_flagged_B1HW
        assert found is not None and found.dtype == torch.float32 and found.shape == (4, 1, 16, 16)
        rows, columns = (255 * batch.hr_BCHW[:, :2]).round().int().unbind(1)
        wanted = torch.from_numpy(near_flagged)[rows, columns]
        assert wanted.any() and not wanted.all()
        assert torch.equal(found[:, 0], wanted.float())


def test_a_batch_beyond_the_memory_is_refused_with_the_largest_that_could_fit() -> None:
    config = replace(SMALL, batch_size=10**8)
    with pytest.raises(InvalidValueError, match="batch_size must be at most") as caught:
        check_memory(config, 2, "cpu", World(0, 1))
    most = int(re.findall(r"at most (\d+) here", str(caught.value))[0])
    check_memory(replace(config, batch_size=most), 2, "cpu", World(0, 1))
    with pytest.raises(InvalidValueError, match=f"at most {most} here"):
        check_memory(replace(config, batch_size=most + 1), 2, "cpu", World(0, 1))
    check_memory(replace(config, batch_size=2 * most, accumulation=2), 2, "cpu", World(0, 1))


@dataclass(frozen=True)
class _Pinned:
    """What stands for tensors where there is no GPU to pin them for."""

    number: int

    def pinned(self) -> _Pinned:
        return _Pinned(-self.number)


def test_what_is_read_for_a_gpu_comes_in_order_and_one_ahead() -> None:
    taken = []

    def numbers() -> Iterator[_Pinned]:
        for number in range(1, 5):
            taken.append(number)
            yield _Pinned(number)

    reads = _one_ahead(numbers())  # type: ignore[arg-type]
    assert next(reads) == _Pinned(-1)  # type: ignore[comparison-overlap]
    reads.close()  # type: ignore[attr-defined]
    assert taken == [1, 2]
    assert list(_one_ahead(numbers())) == [_Pinned(-n) for n in range(1, 5)]  # type: ignore[arg-type,comparison-overlap]

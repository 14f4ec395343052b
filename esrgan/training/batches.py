"""The batches of a run, step by step, on the device; each process reads its own share."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from degrade.errors import DegradeError, InvalidValueError
from esrgan.data import PairDataset, SampleKey, StepSampler, to_float
from esrgan.distributed import ALONE, World
from esrgan.training.config import TrainingConfig

__all__ = ["Batch", "check_shares", "read_batches"]


class _Read(NamedTuple):
    """A batch as a worker reads it: bytes, and kernels where a loss needs them."""

    lr_BHWC: Tensor
    hr_BHWC: Tensor
    kernels_BKK: Tensor | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Batch:
    """What a step, or a part of one, is computed from.

    Attributes
    ----------
    lr_BCHW, hr_BCHW : float32 Tensor
        RGB on [0, 1], on the networks' device.
    kernels_BKK : float32 Tensor or None
        For the cycle loss, turned as the images are.
    """

    lr_BCHW: Tensor
    hr_BCHW: Tensor
    kernels_BKK: Tensor | None = None

    def split(self, parts: int) -> list[Batch]:
        """Return the batch in parts of one size."""
        kernels: tuple[Tensor | None, ...] = (None,) * parts
        if self.kernels_BKK is not None:
            kernels = self.kernels_BKK.chunk(parts)
        images = (self.lr_BCHW.chunk(parts), self.hr_BCHW.chunk(parts))
        return [
            Batch(lr_BCHW=lr, hr_BCHW=hr, kernels_BKK=k)
            for lr, hr, k in zip(*images, kernels, strict=True)
        ]


def check_shares(config: TrainingConfig, world: World) -> None:
    """Refuse a batch that cannot be divided among parts and processes, InvalidValueError."""
    if config.batch_size % (config.accumulation * world.size):
        raise InvalidValueError(
            f"batch_size must be a multiple of accumulation × processes, "
            f"{config.accumulation} × {world.size}, got {config.batch_size}"
        )


def read_batches(
    dataset: PairDataset,
    config: TrainingConfig,
    *,
    steps: range,
    device: torch.device,
    workers: int = 0,
    world: World = ALONE,
) -> Iterator[Batch]:
    """Yield the batch of each step, or this process's share of it.

    Which samples make a step depends on the dataset's seed and the step; which of them a process
    reads, on its number alone. Neither depends on ``workers``.

    Parameters
    ----------
    dataset : PairDataset
    config : TrainingConfig
    steps : range
    device : torch.device
    workers : int
        Processes that read data; 0 reads in this one.
    world : World

    Raises
    ------
    InvalidValueError
        The batch cannot be divided among parts and processes.
    DegradeError
        A pair is damaged.
    """
    check_shares(config, world)
    sampler = StepSampler(
        len(dataset), batch_size=config.batch_size, seed=dataset.seed, steps=steps
    )
    loader = DataLoader(
        _Shares(dataset, config.accumulation, world),
        batch_size=None,
        sampler=sampler,
        num_workers=workers,
        pin_memory=device.type == "cuda",
        worker_init_fn=_ignore_signals,
        # What it draws is not used, but must not come from the caller's global generator.
        generator=torch.Generator(),
    )
    reads = iter(loader)
    try:
        for read in reads:
            if isinstance(read, DegradeError):
                raise read
            kernels = read.kernels_BKK
            yield Batch(
                lr_BCHW=to_float(read.lr_BHWC, device),
                hr_BCHW=to_float(read.hr_BHWC, device),
                kernels_BKK=None if kernels is None else kernels.to(device, non_blocking=True),
            )
    finally:
        _end_workers(reads)


class _Shares(Dataset[_Read | DegradeError]):
    """A process's share of each batch; an error on purpose comes back as a value.

    Raised in a worker, it would arrive as a page of traceback instead of its one line.
    """

    def __init__(self, dataset: PairDataset, parts: int, world: World) -> None:
        self._dataset, self._parts, self._world = dataset, parts, world

    def __getitem__(self, keys: list[SampleKey]) -> _Read | DegradeError:
        try:
            own = self._own(keys)
            kernels = None if self._dataset.kernels is None else self._dataset.read_kernels(own)
            lr_BHWC, hr_BHWC = self._dataset.read_batch(own)
            return _Read(lr_BHWC, hr_BHWC, kernels)
        except DegradeError as error:
            return error

    def _own(self, keys: list[SampleKey]) -> list[SampleKey]:
        """Return this process's share of each part, one after another."""
        size = len(keys) // self._parts
        share = size // self._world.size
        first = self._world.rank * share
        starts = range(first, len(keys), size)
        return [key for start in starts for key in keys[start : start + share]]


def _end_workers(reads: Iterator[object]) -> None:
    """End a loader's workers now, not when the last reference to its iterator goes.

    A traceback may hold one, as that of a worker's error does where ``distributed`` is imported.
    The garbage collector then closes the queues first, the workers never hear that it is over, and
    each is waited for for ten seconds.
    """
    end = getattr(reads, "_shutdown_workers", None)  # torch has no public name for it
    if end is not None:
        end()


def _ignore_signals(worker: int) -> None:
    # Ctrl-C reaches every process of the terminal; the workers must last until the step is saved.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)

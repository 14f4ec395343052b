"""The batches of a run, step by step, on the device; each process reads its own share."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from degrade.arrays import FloatArray, U8Array
from degrade.errors import InvalidValueError
from degrade.wording import byte_text
from esrgan.data import PlannedBatch, SampleKey, Samples, StepSampler, read_ahead, to_float
from esrgan.distributed import ALONE, World
from esrgan.out_of_memory import memory_of
from esrgan.training.config import TrainingConfig

__all__ = ["Batch", "check_memory", "check_shares", "read_batches"]


class _Read(NamedTuple):
    """A batch as it is read: arrays of bytes, and kernels where a loss needs them.

    ``images`` are LR, HR and what is near flagged areas of HR, if anyone says; or a planned batch's
    windows.
    """

    images: tuple[U8Array, ...]
    kernels_BKK: FloatArray | None
    planned: PlannedBatch | None = None


class _Tensors(NamedTuple):
    """The same in PyTorch's hands."""

    images: tuple[Tensor, ...]
    kernels_BKK: Tensor | None
    planned: PlannedBatch | None

    @classmethod
    def of(cls, read: _Read) -> _Tensors:
        """Wrap the arrays."""
        kernels = read.kernels_BKK
        images = tuple(map(torch.from_numpy, read.images))
        return cls(images, None if kernels is None else torch.from_numpy(kernels), read.planned)

    def pinned(self) -> _Tensors:
        """Copy them to where a GPU fetches from by itself."""
        kernels = self.kernels_BKK
        return _Tensors(
            tuple(image.pin_memory() for image in self.images),
            None if kernels is None else kernels.pin_memory(),
            self.planned,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Batch:
    """What a step, or a part of one, is computed from.

    Attributes
    ----------
    lr_BCHW, hr_BCHW : float32 Tensor
        RGB on [0, 1], on the networks' device.
    kernels_BKK : float32 Tensor or None
        For the cycle loss, turned as the images are.
    noise_BCHW : float32 Tensor or None
        What the generator takes besides LR.
    margin : int
        Pixels along each edge of SR that no loss sees; HR lacks them.
    near_flagged_B1HW : float32 Tensor or None
        1 where HR was flagged and repaired, and near it, 0 elsewhere.
    """

    lr_BCHW: Tensor
    hr_BCHW: Tensor
    kernels_BKK: Tensor | None = None
    noise_BCHW: Tensor | None = None
    margin: int = 0
    near_flagged_B1HW: Tensor | None = None

    def without_margin(self, margin: int) -> Batch:
        """Return a whole batch for losses that see less of it."""
        if not margin:
            return self
        hr_BCHW, near_flagged_B1HW = _inner(self.hr_BCHW, margin), self.near_flagged_B1HW
        if near_flagged_B1HW is not None:
            near_flagged_B1HW = _inner(near_flagged_B1HW, margin)
        return replace(self, hr_BCHW=hr_BCHW, near_flagged_B1HW=near_flagged_B1HW, margin=margin)

    def sr_of(self, generator: Callable[[Tensor], Tensor]) -> Tensor:
        """Return what a generator makes of the batch, as losses see it."""
        return _inner(generator(self.input_BCHW), self.margin)

    def with_hr_beyond_range(self, sr_BCHW: Tensor) -> Batch:
        """Return the batch with HR that goes beyond [0, 1] where it was cut, and SR does."""
        hr_BCHW, sr_BCHW = self.hr_BCHW, sr_BCHW.detach().to(self.hr_BCHW.dtype)
        beyond_BCHW = ((hr_BCHW <= 0) & (sr_BCHW < 0)) | ((hr_BCHW >= 1) & (sr_BCHW > 1))
        return replace(self, hr_BCHW=torch.where(beyond_BCHW, sr_BCHW, hr_BCHW))

    @property
    def seen_lr_BCHW(self) -> Tensor:
        """LR as losses see it."""
        side = self.hr_BCHW.shape[-1] + 2 * self.margin
        return _inner(self.lr_BCHW, self.margin * self.lr_BCHW.shape[-1] // side)

    @property
    def input_BCHW(self) -> Tensor:
        """What the generator is given."""
        if self.noise_BCHW is None:
            return self.lr_BCHW
        return torch.cat([self.lr_BCHW, self.noise_BCHW], dim=1)

    def split(self, parts: int) -> list[Batch]:
        """Return the batch in parts of one size."""
        kernels, near_flagged = (
            (None,) * parts if tensor is None else tensor.chunk(parts)
            for tensor in (self.kernels_BKK, self.near_flagged_B1HW)
        )
        images = (self.lr_BCHW.chunk(parts), self.hr_BCHW.chunk(parts))
        return [
            Batch(lr_BCHW=lr, hr_BCHW=hr, kernels_BKK=k, near_flagged_B1HW=near)
            for lr, hr, k, near in zip(*images, kernels, near_flagged, strict=True)
        ]


def _inner(image_BCHW: Tensor, margin: int) -> Tensor:
    return image_BCHW[..., margin:-margin, margin:-margin] if margin else image_BCHW


def check_shares(config: TrainingConfig, world: World) -> None:
    """Refuse a batch that cannot be divided among parts and processes, InvalidValueError."""
    if config.batch_size % (config.accumulation * world.size):
        raise InvalidValueError(
            f"batch_size must be a multiple of accumulation × processes, "
            f"{config.accumulation} × {world.size}, got {config.batch_size}"
        )


def check_memory(config: TrainingConfig, scale: int, device: str, world: World) -> None:
    """Refuse a batch that no step can compute in the memory that the device has.

    What is counted is the least: the images, and the feature maps that going back needs. The
    system would end the process without a word.

    Raises
    ------
    InvalidValueError
        Names the largest batch that could fit.
    """
    hr = config.hr_patch**2
    lr = hr // scale**2
    maps = config.features * 2
    if config.generator == "rrdbnet":
        maps = 3 * (config.features + 4 * config.growth)
    numbers = 9 * hr + 3 * lr + config.features * hr + config.blocks * maps * lr
    each = numbers * (2 if torch.device(device).type == "cuda" else 4)
    at_once = config.accumulation * world.size
    needed, there = each * config.batch_size // at_once, memory_of(device)
    if needed > there:
        raise InvalidValueError(
            f"batch_size must be at most {max(there // each, 1) * at_once} here, got "
            f"{config.batch_size}: a step takes at least {byte_text(needed)}, and {device} has "
            f"{byte_text(there)}; use a smaller `hr_patch`, or more parts (`accumulation`)"
        )


def read_batches(
    dataset: Samples,
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
    dataset : Samples
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
        A pair is damaged, or a process that reads was killed, and so was the one in its place.
    """
    check_shares(config, world)
    sampler = StepSampler(
        len(dataset), batch_size=config.batch_size, seed=dataset.seed, steps=steps
    )
    read = _Share(dataset, config.accumulation, world, plans=device.type != "cpu")
    if not workers:
        yield from _on_device(map(_Tensors.of, map(read, sampler)), dataset, device)
        return
    with contextlib.closing(read_ahead(read, sampler, workers)) as reads:
        tensors = map(_Tensors.of, reads)
        ahead = _one_ahead(tensors) if device.type == "cuda" else tensors
        yield from _on_device(ahead, dataset, device)


class _Share:
    """Reads a process's share of each batch; with ``plans`` what the device degrades itself."""

    def __init__(self, dataset: Samples, parts: int, world: World, *, plans: bool) -> None:
        self._dataset, self._parts, self._world, self._plans = dataset, parts, world, plans

    def __call__(self, keys: list[SampleKey]) -> _Read:
        own = self._own(keys)
        kernels = self._dataset.read_kernels(own).numpy() if self._dataset.has_kernels else None
        found = self._dataset.read_planned(own) if self._plans else None
        if found is not None:
            windows_BHWC, planned = found
            return _Read((windows_BHWC,), kernels, planned)
        lr_BHWC, hr_BHWC = self._dataset.read_batch(own)
        near_flagged_BHW1 = self._dataset.read_near_flagged(own)
        images = (lr_BHWC, hr_BHWC, *(() if near_flagged_BHW1 is None else (near_flagged_BHW1,)))
        return _Read(tuple(image.numpy() for image in images), kernels)

    def _own(self, keys: list[SampleKey]) -> list[SampleKey]:
        """Return this process's share of each part, one after another."""
        size = len(keys) // self._parts
        share = size // self._world.size
        first = self._world.rank * share
        starts = range(first, len(keys), size)
        return [key for start in starts for key in keys[start : start + share]]


def _one_ahead(reads: Iterator[_Tensors]) -> Iterator[_Tensors]:
    """Yield what is read, in pinned memory; a thread takes the next one while the GPU computes."""
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(_next_pinned, reads)
        while (read := coming.result()) is not None:
            coming = thread.submit(_next_pinned, reads)
            yield read


def _next_pinned(reads: Iterator[_Tensors]) -> _Tensors | None:
    read = next(reads, None)
    return None if read is None else read.pinned()


def _on_device(
    reads: Iterator[_Tensors], dataset: Samples, device: torch.device
) -> Iterator[Batch]:
    for images, kernels_BKK, planned in reads:
        if planned is None:
            lr_BHWC, hr_BHWC, *near_flagged = images
        else:
            windows_BHWC = images[0].to(device, non_blocking=True)
            lr_BHWC, hr_BHWC = dataset.degrade(planned, windows_BHWC)
            near_flagged = []
        yield Batch(
            lr_BCHW=to_float(lr_BHWC, device),
            hr_BCHW=to_float(hr_BHWC, device),
            near_flagged_B1HW=to_float(near_flagged[0], device) if near_flagged else None,
            kernels_BKK=None if kernels_BKK is None else kernels_BKK.to(device, non_blocking=True),
        )

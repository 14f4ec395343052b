"""Training samples a second: our reader beside one written to BasicSR's published rules.

    python -m benchmarks.training_reader [HR ...] [--rounds 12] [--json FILE]

HR are photos or folders of photos; without any, scikit-image's astronaut is taken. They are cut
into HR images of 480 pixels with a ×4 LR image each, and kept three times: in HDF5, in LMDB as
plain bytes, and in LMDB as PNG, the one that the reference reads. A sample is an HR crop of 128
and its LR crop of 32, flipped and turned; 16 make a batch. All is done on one thread; the readers
are timed in turns, so that other work on the machine slows all. Figures are medians.

The reference gets both values from LMDB, decodes the whole PNGs, makes floats of them, crops,
flips, turns, reorders colours and axes, and stacks float tensors. Ours draws, reads, turns and
collates one batch of bytes, which the device makes floats of; that step is timed on its own.

"warm" is CPU time with all files in memory. "cold" is time on the wall with all files dropped from
memory before each batch. "first" is warm, of samples that the process has not read before: then
the whole pair is read and its checksum tested.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from benchmarks.basicsr_reader import HR_PATCH, SCALE, ReferenceReader
from benchmarks.parts import DRAWN, draw_noise, seconds, write_json
from degrade.arrays import U8Array
from degrade.degradation import DegradationPlan, Pair
from degrade.degradation.recipe import Entry
from degrade.degradation.steps import Blur, Residual
from degrade.images.image_io import quantise, read_photo
from degrade.images.sources import find_images
from degrade.pairs import ShardSpec, create_shard, write_shard_list
from degrade.pool import DegradationPool
from degrade.resample import imresize
from degrade.rng import rng_for
from esrgan.data import NoiseSource, PairDataset, SampleKey, StepSampler, to_float

HR_SIZE, BATCH = 480, 16
OUR_BATCHES = 12
"""Batches of ours for each one of the reference."""


def cut_tiles(photos: list[Path]) -> Iterator[U8Array]:
    """Yield HR images of 480 pixels: the photos' tiles, or turned ones of the astronaut."""
    for path in photos:
        photo = read_photo(path).as_u8()
        for top in range(0, photo.shape[0] - HR_SIZE + 1, HR_SIZE):
            for left in range(0, photo.shape[1] - HR_SIZE + 1, HR_SIZE):
                yield photo[top : top + HR_SIZE, left : left + HR_SIZE]
    if not photos:
        from skimage import data

        astronaut = data.astronaut()  # type: ignore[no-untyped-call]

        for turn in range(4):
            for top in (0, 16, 32):
                for left in (0, 16, 32):
                    tile = astronaut[top : top + HR_SIZE, left : left + HR_SIZE]
                    yield np.rot90(tile, turn)


def make_pairs(photos: list[Path]) -> list[Pair]:
    """Return a pair for each tile; LR is HR, downscaled bicubically."""
    pairs = []
    for number, tile in enumerate(cut_tiles(photos)):
        hr_u8 = np.ascontiguousarray(tile)
        lr = imresize(hr_u8.astype(np.float32) / np.float32(255), 1 / SCALE)
        plan = DegradationPlan(
            key=f"tile_{number:05d}",
            source_sha256="0" * 64,
            clean_up=1,
            hr_box=(0, 0, HR_SIZE, HR_SIZE),
            scale=SCALE,
            steps=(Blur("0" * 32),),
        )
        pairs.append(Pair(plan.key, quantise(lr), hr_u8, plan))
    return pairs


def write_pairs(folder: Path, store: str, pairs: list[Pair]) -> Path:
    """Write one shard and return its folder."""
    with create_shard(folder, ShardSpec(0, store, SCALE, HR_SIZE, "benchmark")) as shard:
        for pair in pairs:
            shard.add(pair)
        shard.commit()
    write_shard_list(folder, {})
    return folder


def make_noise(path: Path) -> NoiseSource:
    """Return a pool of 16 residuals of 256 pixels."""
    pool = DegradationPool.create(path)
    with pool.writing():
        for patch in draw_noise(rng_for(0, "noise"), 16):
            pool.add_noise(patch, DRAWN)
    return NoiseSource(pool, pool.index(SCALE), (Entry(Residual.kind),))


def drop_from_memory(folder: Path) -> None:
    """Have the system forget the files of a folder, none of which is mapped or being written."""
    for path in folder.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)


class Ours:
    """One of our folders, and the keys of its batches."""

    def __init__(self, folder: Path, noise: NoiseSource | None = None) -> None:
        self.folder = folder
        self._noise = noise
        self.renew()

    def renew(self) -> None:
        """Begin as a new process would."""
        self.dataset = PairDataset(self.folder, hr_patch=HR_PATCH, seed=0)
        self.dataset.noise = self._noise
        steps = range(10**9)
        self._steps = iter(StepSampler(len(self.dataset), batch_size=BATCH, seed=0, steps=steps))

    def draw(self) -> list[SampleKey]:
        """Return the keys of the next batch."""
        return next(self._steps)

    def read(self) -> tuple[Tensor, Tensor]:
        """Return the next batch, as bytes."""
        return self.dataset.read_batch(self.draw())

    def warm_up(self) -> None:
        """Read every pair once."""
        self.dataset.read_batch([(0, index) for index in range(len(self.dataset))])


def make_floats(*sides_BHWC: Tensor) -> None:
    """Do on this CPU what the device does with a batch."""
    for side_BHWC in sides_BHWC:
        to_float(side_BHWC, torch.device("cpu"))


def time_warm(reference: ReferenceReader, ours: dict[str, Ours], rounds: int) -> dict[str, float]:
    """Return samples per CPU-second of each reader, all files in memory."""
    spent: dict[str, list[float]] = {}
    for _ in range(rounds):
        indices = [random.randrange(len(reference.keys)) for _ in range(BATCH)]
        times = {"reference": seconds(partial(reference.read_batch, indices))}
        for name, reader in ours.items():
            times[name] = seconds(reader.read, OUR_BATCHES)
        times["floats"] = seconds(partial(make_floats, *ours["hdf5"].read()), 4)
        reader = ours["hdf5"]
        reader.renew()
        batches = len(reader.dataset) // BATCH
        times["first"] = seconds(reader.read, batches)
        reader.warm_up()
        for name, value in times.items():
            spent.setdefault(name, []).append(value)
    return {name: BATCH / statistics.median(values) for name, values in spent.items()}


def time_cold(reference: ReferenceReader, ours: dict[str, Ours], rounds: int) -> dict[str, float]:
    """Return samples per second on the wall of each reader, its files on the disk only."""
    spent: dict[str, list[float]] = {}
    clock = time.perf_counter
    for _ in range(rounds):
        indices = [random.randrange(len(reference.keys)) for _ in range(BATCH)]
        reference.close()  # pages that are mapped cannot be dropped
        drop_from_memory(reference.folder)
        reference.open()
        spent.setdefault("reference", []).append(
            seconds(partial(reference.read_batch, indices), clock=clock)
        )
        for name, reader in ours.items():
            drop_from_memory(reader.folder)
            spent.setdefault(name, []).append(seconds(reader.read, clock=clock))
    return {name: BATCH / statistics.median(values) for name, values in spent.items()}


def measure(photos: list[Path], work: Path, rounds: int) -> dict[str, Any]:
    """Write the three folders, time the readers and return all figures."""
    pairs = make_pairs(photos)
    stores: tuple[str, ...] = ("hdf5", "lmdb-raw", "lmdb")
    folders = {store: write_pairs(work / store, store, pairs) for store in stores}
    reference = ReferenceReader(folders["lmdb"])
    ours = {store: Ours(folders[store]) for store in ("hdf5", "lmdb-raw")}
    noisy = Ours(folders["hdf5"], make_noise(work / "pool"))
    everything = ours | {"hdf5, deferred noise": noisy}
    for reader in everything.values():
        reader.warm_up()
    reference.read_batch(list(range(BATCH)))
    warm = time_warm(reference, everything, rounds)
    floats = warm.pop("floats")
    cold = time_cold(reference, ours, rounds)
    return {
        "pairs": len(pairs),
        "warm_samples_per_cpu_second": warm,
        "warm_ratio": {name: warm[name] / warm["reference"] for name in warm},
        "floats_on_this_cpu_samples_per_cpu_second": floats,
        "warm_ratio_with_floats_on_this_cpu": {
            name: 1 / (1 / warm[name] + 1 / floats) / warm["reference"] for name in ours
        },
        "cold_samples_per_second": cold,
        "cold_ratio": {name: cold[name] / cold["reference"] for name in cold},
    }


def main() -> None:
    """Time the readers and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("hr", nargs="*", type=Path, help="photos, or folders of them")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--json", type=Path, help="also write the figures there")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    random.seed(0)
    photos = [file.path for file in find_images(arguments.hr)[0]]
    with tempfile.TemporaryDirectory() as work:
        figures = measure(photos, Path(work), arguments.rounds)
    print(json.dumps(figures, indent=1))
    write_json(arguments.json, figures)


if __name__ == "__main__":
    main()

"""Crops a second that are degraded on the fly: one by one with NumPy, and in batches with PyTorch.

    python -m benchmarks.batched_degrading PHOTO … [--device cuda] [--batch-size 16]

HR crops of 128×128, ×4, kernels of 21 taps, model error, noise and JPEG (4:2:0), from the same
plans, both ways in turns in one run; their LR is compared. One core and CPU time; with
``--device cuda`` wall time. The last line is all that a training waits for: plans drawn, windows
read from decoded photos, degraded, turned.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import cv2
import msgspec
import numpy as np
import torch

from benchmarks.parts import DRAWN, draw_noise, seconds
from degrade.arrays import U8Array
from degrade.degradation import MEASURED, DegradationConfig, make_pair, prepare_hr
from degrade.degradation.recipes import with_step
from degrade.images.decoded_photos import DecodedPhotos
from degrade.jpeg.tables import JpegSettings, standard_tables
from degrade.kernels import BlurKernel, gaussian_kernel
from degrade.pool import DegradationPool, Findings, PhotoRecord
from degrade.rng import rng_for
from esrgan.data import PhotoDataset, SampleKey
from esrgan.degrading import BatchInputs, apply_plans
from pipelines.training.hr_photos import decode_photos

HR_PATCH, SCALE, TAPS, TURNS = 128, 4, 21, 7
WANTED = {"cpu": 400, "cuda": 5000}


def fill_pool(path: Path) -> DegradationPool:
    """Return a pool of kernels, noise and JPEG tables."""
    pool = DegradationPool.create(path)
    with pool.writing():
        for number, patch in enumerate(draw_noise(rng_for(0, "noise"), 8)):
            sigmas = (1.5 + number / 8, 1.2)
            pool.add_kernel(gaussian_kernel(TAPS, SCALE, sigmas, number / 3), DRAWN)
            pool.add_noise(patch, DRAWN)
            tables = JpegSettings(*standard_tables(60 + 5 * number), "4:2:0")
            photo = PhotoRecord(
                name="drawn",
                sha256=f"{number:064x}",
                path="/drawn",
                height=64,
                width=64,
                format="jpeg",
                channels=3,
                bit_depth=8,
                orientation=1,
                bytes=1,
                modified=0,
            )
            pool.add_findings(
                photo, [Findings(kind="jpeg", settings={}, values=msgspec.to_builtins(tables))]
            )
    return pool


class Batch:
    """A batch of planned crops, and the ways to degrade it."""

    def __init__(
        self, dataset: PhotoDataset, pool: DegradationPool, keys: list[SampleKey], device: str
    ) -> None:
        self.dataset, self.keys = dataset, keys
        self.windows_BHWC, planned = dataset.read_planned(keys)
        self.margin, self.plans = planned.margin, [dataset.read_plan(key) for key in keys]
        self.kernels = {plan.kernel_id: pool.read_kernel(plan.kernel_id) for plan in self.plans}
        self.read_residual_crop, self.device = pool.read_residual_crop, torch.device(device)

    def read_kernel(self, kernel_id: str) -> BlurKernel:
        """Return a kernel, which both ways find in memory."""
        return self.kernels[kernel_id]

    def with_numpy(self) -> U8Array:
        """Degrade crop by crop, from windows, as building pairs does from photos."""
        made = []
        for window, plan in zip(self.windows_BHWC, self.plans, strict=True):
            box = (self.margin, self.margin, HR_PATCH, HR_PATCH)
            here = replace(plan, hr_box=box)
            made.append(make_pair(prepare_hr(window, [here], self), here, self).lr_u8)
        return np.stack(made)

    def with_torch(self) -> torch.Tensor:
        """Degrade all at once."""
        windows = torch.from_numpy(self.windows_BHWC).to(self.device)
        given = BatchInputs(self, windows, self.margin, SCALE)
        lr_BHWC = apply_plans([plan.steps for plan in self.plans], given)
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        return lr_BHWC


def measure(dataset: PhotoDataset, pool: DegradationPool, size: int, device: str) -> None:
    """Print crops a second."""
    keys = [(number // len(dataset), number % len(dataset)) for number in range(size)]
    batch = Batch(dataset, pool, keys, device)
    differing = (batch.with_torch().cpu().numpy() != batch.with_numpy()).mean()
    ways = {
        "NumPy, crop by crop": batch.with_numpy,
        f"PyTorch on {device}, batches of {size}": batch.with_torch,
    }
    if device == "cpu":
        ways["the same with plans, reading and turns"] = lambda: dataset.read_batch(keys)
    clock = time.process_time if device == "cpu" else time.perf_counter
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(TURNS):
        for name, way in ways.items():
            found[name].append(size / seconds(way, 10, clock=clock))
    rates = {name: statistics.median(each) for name, each in found.items()}
    slowest = next(iter(rates.values()))
    for name, rate in rates.items():
        print(f"{name:48} {rate:8,.0f} crops a second, ratio {rate / slowest:.2f}")
    print(f"wanted: {WANTED[device]:,}; pixels of LR that differ: {differing:.2%}")


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--device", choices=WANTED, default="cpu")
    parser.add_argument("--batch-size", type=int, default=16)
    given = parser.parse_args()
    if given.device == "cuda" and not torch.cuda.is_available():
        parser.error("there is no NVIDIA GPU here")
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        pool = fill_pool(Path(folder, "pool"))
        store = DecodedPhotos(Path(folder, "photos"))
        photos, _ = decode_photos(given.photos, store)
        config = DegradationConfig(scale=SCALE, recipe=with_step(MEASURED, "jpeg"))
        dataset = PhotoDataset(store, photos, pool, config, hr_patch=HR_PATCH, seed=0)
        measure(dataset, pool, given.batch_size, given.device)


if __name__ == "__main__":
    main()

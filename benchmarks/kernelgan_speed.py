"""Time one KernelGAN iteration as published and as here, on one core.

    python -m benchmarks.kernelgan_speed [PHOTO] [--iterations 10] [--scale 2] [--photos 1]

Both train on the same photo. The published form is kernelgan/reference.py: six convs for the
generator, seven convs with BatchNorm for the discriminator, autograd, Adam. It is timed in turns
with the fast form, so that other work on the machine slows both. Without a photo, scikit-image's
astronaut is taken. Times are CPU time, medians.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from benchmarks.kernelgan_reference import ReferenceTraining, crop_from_phases
from degrade.arrays import FloatArray
from degrade.images.image_io import read_photo
from degrade.rng import rng_for
from kernelgan.config import KernelGANConfig
from kernelgan.crops import plan_crops
from kernelgan.training import KernelTraining

WARM_UP = 2
FAST_STEPS = 64
"""Fast steps for each published one: as many as crops are cut for at once."""


def load(path: Path | None) -> FloatArray:
    """Return the photo at ``path``, or the astronaut."""
    if path is not None:
        return read_photo(path).as_float()
    from skimage import data

    return data.astronaut().astype(np.float32) / np.float32(255)


def prepare(image: FloatArray, config: KernelGANConfig, photos: int) -> KernelTraining:
    """Return a training at its first step."""
    plans = [
        plan_crops(image, config, key="benchmark", rng=rng_for(index, "benchmark"))
        for index in range(photos)
    ]
    rngs = [torch.Generator().manual_seed(index) for index in range(photos)]
    return KernelTraining([image] * photos, plans, config, rngs=rngs, device=torch.device("cpu"))


def milliseconds(step: Callable[[], None], times: int = 1) -> float:
    """Return the mean CPU time of some steps."""
    start = time.process_time()
    for _ in range(times):
        step()
    return 1000 * (time.process_time() - start) / times


def main() -> None:
    """Time both forms and print them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photo", nargs="?", type=Path)
    parser.add_argument("--iterations", type=int, default=10, help="of the published form")
    parser.add_argument("--scale", type=int, choices=(2, 3, 4), default=2)
    parser.add_argument("--photos", type=int, default=1, help="at once in the fast form")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    image, rounds = load(arguments.photo), arguments.iterations + WARM_UP
    config = KernelGANConfig(scale=arguments.scale, iterations=rounds * FAST_STEPS)
    fast = prepare(image, config, arguments.photos)
    published = ReferenceTraining(fast)
    food = fast.feed.take(0)
    hr_CHW, real_CHW, noise_TCHW = crop_from_phases(food.phases[0]), food.real[0], food.noise[0]
    fast_times: list[float] = []
    published_times: list[float] = []
    for index in range(rounds):
        published_time = milliseconds(lambda: published.step(hr_CHW, real_CHW, noise_TCHW))
        fast_time = milliseconds(fast.step, FAST_STEPS) / arguments.photos
        if index >= WARM_UP:
            published_times.append(published_time)
            fast_times.append(fast_time)
    slow, quick = statistics.median(published_times), statistics.median(fast_times)
    print(f"published form   {slow:8.2f} ms per iteration")
    print(f"fast form        {quick:8.2f} ms per iteration and photo, {arguments.photos} at once")
    print(f"ratio            {slow / quick:8.1f}")
    print(f"1500 iterations  {1.5 * quick:8.1f} s a photo")


if __name__ == "__main__":
    main()

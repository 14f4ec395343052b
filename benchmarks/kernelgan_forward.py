"""Time one KernelGAN iteration with the composed kernel and with the six convs, on one core.

    python benchmarks/kernelgan_forward.py [PHOTO] [--iterations 30] [--scale 2]

Both run the same steps on the same photo; only the generator's forward differs. Without a photo,
scikit-image's astronaut is taken. Times are CPU time, medians over the steps; other work on the
machine still makes both longer, through the caches.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from degrade.arrays import FloatArray
from degrade.image_io import read_photo
from degrade.rng import rng_for
from kernelgan.config import KernelGANConfig
from kernelgan.crops import plan_crops
from kernelgan.training import KernelTraining

WARM_UP = 3


class SixConvTraining(KernelTraining):
    """The same training with the generator run layer by layer."""

    def _downscale(self, hr_CHW: Tensor, windows: Tensor, kernel: Tensor) -> Tensor:
        return self.generator.forward_convs(hr_CHW)


def load(path: Path | None) -> FloatArray:
    """Return the photo at ``path``, or the astronaut."""
    if path is not None:
        return read_photo(path).as_float()
    from skimage import data

    return data.astronaut().astype(np.float32) / np.float32(255)


def prepare(
    kind: type[KernelTraining], image: FloatArray, config: KernelGANConfig
) -> KernelTraining:
    """Return a training at its first step."""
    crops = plan_crops(image, config, key="benchmark", rng=rng_for(0, "benchmark"))
    rng = torch.Generator().manual_seed(0)
    return kind(image, crops, config, rng=rng, device=torch.device("cpu"))


def milliseconds(training: KernelTraining, iterations: int) -> float:
    """Return the median CPU time of a step."""
    times = []
    for step in range(WARM_UP + iterations):
        start = time.process_time()
        training.step()
        if step >= WARM_UP:
            times.append(1000 * (time.process_time() - start))
    return statistics.median(times)


def main() -> None:
    """Time both forms and print them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photo", nargs="?", type=Path)
    parser.add_argument("--iterations", type=int, default=30)
    parser.add_argument("--scale", type=int, choices=(2, 3, 4), default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    image = load(arguments.photo)
    count = arguments.iterations
    config = KernelGANConfig(scale=arguments.scale, iterations=10 * count + WARM_UP)
    six = milliseconds(prepare(SixConvTraining, image, config), count)
    composed = milliseconds(prepare(KernelTraining, image, config), 10 * count)
    print(f"six convs        {six:8.2f} ms per iteration")
    print(f"composed kernel  {composed:8.2f} ms per iteration")
    print(f"ratio            {six / composed:8.1f}")
    print(f"3000 iterations  {3 * composed:8.1f} s")


if __name__ == "__main__":
    main()

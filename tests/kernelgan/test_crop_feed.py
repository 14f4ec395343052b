from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks.kernelgan_reference import crop_from_phases
from kernelgan.config import KernelGANConfig
from kernelgan.crop_feed import CropFeed
from kernelgan.crops import CropPlan


def make(scale: int, count: int = 2) -> tuple[CropFeed, list[np.ndarray], list[CropPlan]]:  # type: ignore[type-arg]
    config, rng = KernelGANConfig(scale=scale, iterations=40), np.random.default_rng(0)
    images = [rng.random((131 + 9 * i, 140, 3), dtype=np.float32) for i in range(count)]
    plans = [
        CropPlan(
            hr=rng.integers(0, (131 - config.hr_crop) // scale + 1, (40, 2)) * scale,
            lr=rng.integers(0, 131 - 26 + 1, (40, 2)),
            contrast=1.0,
        )
        for _ in images
    ]
    rngs = [torch.Generator().manual_seed(i) for i in range(count)]
    return CropFeed(images, plans, config, rngs=rngs, like=torch.empty(0)), images, plans


@pytest.mark.parametrize("scale", [2, 3])
def test_take_returns_the_planned_crops_of_each_photo(scale: int) -> None:
    feed, images, plans = make(scale)
    for index in range(40):
        food = feed.take(index)
        for photo, (image, plan) in enumerate(zip(images, plans, strict=True)):
            for crop, (top, left) in (
                (crop_from_phases(food.phases[photo]), plan.hr[index]),
                (food.real[photo], plan.lr[index]),
            ):
                side = crop.shape[1]
                expected = image[top : top + side, left : left + side].transpose(2, 0, 1) * 2 - 1
                np.testing.assert_array_equal(crop, expected)


def test_take_draws_the_same_noise_alone_and_in_company() -> None:
    together, alone = make(2)[0], make(2, count=1)[0]
    noise = []
    for index in range(40):
        drawn = alone.take(index).noise
        assert torch.equal(drawn[0], together.take(index).noise[0])
        noise.append(drawn.clone())
    assert float(torch.cat(noise).std()) == pytest.approx(1 / 255, rel=0.02)
    assert not torch.equal(noise[0], noise[16])


def test_take_returns_the_same_again() -> None:
    feed = make(2)[0]
    assert feed.take(0) is feed.take(0)

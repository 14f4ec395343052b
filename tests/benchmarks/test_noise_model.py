from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from benchmarks.noise_model import describe, judge
from degrade.arrays import U8Array
from degrade.images.image_io import write_png
from degrade.rng import rng_for


def _pair(number: int) -> tuple[U8Array, U8Array]:
    """Return a noisy photo of grey fields and its mean; bright fields have the more noise."""
    rng = rng_for(0, "judged", number)
    levels = np.repeat(np.repeat(rng.integers(40, 210, (3, 3)), 64, 0), 64, 1)
    mean = np.repeat(levels[..., None], 3, axis=2).astype(np.uint8)
    white = rng.normal(size=(*levels.shape, 3)) + rng.normal(size=(*levels.shape, 1))
    grain = ndimage.gaussian_filter(white, (0.6, 0.6, 0))
    noisy = mean + grain / grain.std() * np.sqrt(mean / 10)
    return np.rint(noisy.clip(0, 255)).astype(np.uint8), mean


def test_judge_ranks_the_model_before_white_noise_and_plain_residuals(tmp_path: Path) -> None:
    pairs = []
    for number in range(2):
        paths = tmp_path / f"x_{number}_real.png", tmp_path / f"x_{number}_mean.png"
        for path, pixels in zip(paths, _pair(number), strict=True):
            write_png(path, pixels)
        pairs.append(paths)
    table = judge(pairs)
    kinds = ["white", "residual", "scaled-residual", "noise-model", "truth", "truth of others"]
    assert list(table) == kinds
    model = table["noise-model"]
    assert model["bins"] >= 9 and model["variance, median error"] < 0.1
    assert model["lag 1"] < 0.05 and model["channels"] < 0.05
    for other in ("white", "residual"):
        assert table[other]["variance, median error"] > 2 * model["variance, median error"]
    assert table["white"]["lag 1"] > 0.2
    assert table["truth"]["variance, median error"] < 0.06


def test_errors_of_the_mean_are_no_noise() -> None:
    rng = rng_for(0, "mean")
    noise, error = (rng.normal(0, sigma, (40, 32, 32, 3)).astype(np.float32) for sigma in (2, 1))
    levels = np.full((40, 3), 100.0)
    found = describe(noise - error, levels, noise + 100)["variance"]
    assert list(found.values()) == pytest.approx([4.0] * 3, rel=0.03)
    plain = describe(noise - error, levels)["variance"]
    assert list(plain.values()) == pytest.approx([5.0] * 3, rel=0.03)

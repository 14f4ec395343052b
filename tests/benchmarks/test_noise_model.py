from __future__ import annotations

import numpy as np
from scipy import ndimage

from benchmarks.noise_model import judge
from degrade.arrays import U8Array
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


def test_judge_ranks_the_model_before_white_noise_and_plain_residuals() -> None:
    table = judge([_pair(0), _pair(1)])
    assert list(table) == ["white", "RealSR", "model"]
    model = table["model"]
    assert model["bins"] >= 9 and model["variance, median error"] < 0.1
    assert model["lag 1"] < 0.05 and model["channels"] < 0.05
    for other in ("white", "RealSR"):
        assert table[other]["variance, median error"] > 2 * model["variance, median error"]
    assert table["white"]["lag 1"] > 0.2

"""The benchmark that tells what cameras keep of colours from what they add to them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.colour_coherence import BANDS, responses
from benchmarks.downstream.real_pairs import RealPair
from degrade.arrays import round_to_u8
from degrade.resample import imresize
from degrade.rng import rng_for
from tests.making import make_scene


def test_noise_of_colours_is_not_taken_for_what_is_kept() -> None:
    pairs = []
    for number in range(6):
        hr = round_to_u8(make_scene(f"colours {number}", 512, 512) * np.float32(255))
        lr = imresize(hr.astype(np.float32), 1 / 4)
        grey = lr.mean(axis=2, keepdims=True)
        noise = rng_for(number, "colours").normal(0, 6, lr.shape)
        made = grey + 0.5 * (lr - grey) + noise - noise.mean(axis=2, keepdims=True)
        pairs.append(RealPair(Path(f"P_{number}_LR.png"), round_to_u8(made), hr))
    found = responses(pairs)
    middle = slice(0, np.searchsorted(BANDS, 0.26))
    assert np.abs(found["grey"][middle] - 1).max() < 0.1
    assert np.abs(found["colours"][middle] - 0.5).max() < 0.15
    assert found["colours, by power"][-1] > 2 * abs(found["colours"][-1])

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.kernels.methods import METHODS, isotropic_gaussian
from benchmarks.kernels.real_pairs import (
    BEST_CONSTANT,
    PairScore,
    RealPair,
    constant_name,
    name_best_constant,
    score_pair,
)
from benchmarks.kernels.scoring import WALL
from benchmarks.kernels.tables import pairs_table
from degrade.images.image_io import quantise
from degrade.kernels import downsample, gaussian_kernel
from tests.making import make_scene


def pair_blurred_by(sigma: tuple[float, float], angle: float = 0.0) -> RealPair:
    hr = make_scene(f"pair {sigma}", 320, 320)
    lr = downsample(hr, gaussian_kernel(33, 4, sigma, angle))
    return RealPair("pair", quantise(hr), quantise(np.float32(0.7) * lr + np.float32(0.1)))


@pytest.fixture(scope="module")
def scores() -> list[PairScore]:
    floors = {name: METHODS[name] for name in ("bicubic", "constant")}
    return list(score_pair(pair_blurred_by((2.4, 2.4)), floors, 1))


def test_score_pair_finds_the_blur_of_the_pair(scores: list[PairScore]) -> None:
    psnr = {s.method: s.psnr or 0.0 for s in scores}
    constants = [method for method in psnr if method.startswith("gaussian")]
    assert max(constants, key=lambda method: psnr[method]) == constant_name(2.4)
    assert psnr["bicubic"] < psnr["constant"] < psnr[WALL]
    assert psnr[WALL] > 50


def test_score_pair_finds_the_best_gaussian_of_any_direction() -> None:
    found = list(score_pair(pair_blurred_by((3.0, 1.6), 0.6), {}, 1))
    psnr = {s.method: s.psnr or 0.0 for s in found}
    assert psnr[WALL] > 48
    assert psnr[WALL] > max(value for method, value in psnr.items() if method != WALL) + 6


def test_name_best_constant_keeps_one_over_all_pairs(scores: list[PairScore]) -> None:
    kept, sigma = name_best_constant(scores)
    assert sigma == 2.4
    assert [s.method for s in kept] == ["bicubic", "constant", BEST_CONSTANT, WALL]
    best = next(s.psnr for s in kept if s.method == BEST_CONSTANT)
    assert best == next(s.psnr for s in scores if s.method == constant_name(2.4))


def test_pairs_table_counts_what_is_beaten() -> None:
    def made(method: str, figures: list[float | None]) -> list[PairScore]:
        return [PairScore(f"p{n}", method, value) for n, value in enumerate(figures)]

    scores = [
        *made("bicubic", [30.0, 30.0, 30.0, 30.0]),
        *made(BEST_CONSTANT, [31.0, 29.0, 31.0, 31.0]),
        *made("other", [32.0, 29.5, 30.5, None]),
    ]
    line = pairs_table("title", scores).splitlines()[-1].split()
    assert line == ["other", "30.67", "30.50", "50%", "50%", "25%", "1", "–"]


def test_isotropic_gaussian_keeps_its_tails() -> None:
    weights = isotropic_gaussian(3.0, 4).weights
    assert weights[0].max() < 2e-3 * weights.max()

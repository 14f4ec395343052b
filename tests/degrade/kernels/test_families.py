from __future__ import annotations

import numpy as np
import pytest

from degrade.kernels import BlurKernel, centre_of_mass, phase_centre
from degrade.kernels.families import FAMILIES, draw_kernel, kernel_side


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_draw_kernel_obeys_the_phase_rule(
    family: str, scale: int, rng: np.random.Generator
) -> None:
    for _ in range(20):
        drawn = draw_kernel(rng, scale, shares={family: 1})
        for weights in (drawn.smooth, drawn.weights):
            assert weights.shape == (kernel_side(scale),) * 2
            assert weights.sum() == pytest.approx(1)
            # Wide kernels are cut at four LR pixels, one tap earlier on one side at even scales.
            offset = centre_of_mass(weights) - phase_centre(len(weights), scale)
            assert np.abs(offset).max() < 0.05 * scale
    BlurKernel(drawn.weights.astype(np.float32), scale)


def test_draw_kernel_makes_div2krk_by_its_recipe(rng: np.random.Generator) -> None:
    drawn = [draw_kernel(rng, 2, shares={"div2krk": 1}) for _ in range(200)]
    smooth = np.array([kernel.smooth for kernel in drawn])
    assert not smooth[:, :3].any()
    assert not smooth[:, -3:].any()  # 11 of 17 taps
    taps = np.arange(17) - 8.5
    variances = (smooth.sum(axis=1) @ taps**2) - (smooth.sum(axis=1) @ taps) ** 2
    assert 0.3 < variances.min() < 0.8
    assert 3.5 < variances.max() < 5
    inner = smooth > 0.02
    noise = np.array([kernel.weights for kernel in drawn])[inner] / smooth[inner]
    assert 0.1 < noise.std() < 0.2  # 0.25/√3 = 0.144


def test_draw_kernel_has_negative_lobes_where_sharpened(rng: np.random.Generator) -> None:
    drawn = [draw_kernel(rng, 3, shares={"camera": 1}).weights.min() for _ in range(20)]
    assert np.median(drawn) < -1e-3


def test_draw_kernel_turns_measured_kernels(rng: np.random.Generator) -> None:
    line = np.zeros((15, 15))
    line[7, 2:13] = 1
    drawn = draw_kernel(rng, 2, shares={"measured": 1}, measured=[line])
    assert drawn.family == "measured"
    assert drawn.weights.sum() == pytest.approx(1)
    assert drawn.weights.min() > -0.02


def test_draw_kernel_repeats_itself_for_the_same_generator() -> None:
    shares = dict.fromkeys(FAMILIES, 1.0)
    one, other = (draw_kernel(np.random.default_rng(5), 2, shares=shares) for _ in range(2))
    np.testing.assert_array_equal(one.weights, other.weights)

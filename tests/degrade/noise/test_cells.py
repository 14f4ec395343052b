from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from degrade.noise.cells import (
    cells_of,
    describe_cells,
    flat_among,
    is_clipped,
    is_still,
    residuals_of,
    scatter_of,
)
from degrade.rng import rng_for
from tests.degrade.noise.planted import noisy_levels, noisy_photo


def test_cells_of_spreads_them_over_the_photo_and_scales_16_bits() -> None:
    photo = np.arange(50 * 40 * 3).reshape(50, 40, 3).astype(np.uint16)
    cells = cells_of(photo)
    assert cells.shape == (6, 16, 16, 3) and cells.dtype == np.float32
    assert cells[3] == pytest.approx(photo[16:32, 16:32] / 257, rel=1e-6)
    large = np.zeros((2048, 1600, 3), np.uint8)
    large[1024:] = 1
    assert len(cells_of(large)) == 3072 and cells_of(large).mean() == 0.5
    for shape in ((15, 400, 3), (400, 15, 3), (0, 0, 3)):
        assert cells_of(np.zeros(shape, np.uint8)).shape == (0, 16, 16, 3)


def test_describe_cells_is_what_numpy_finds_about_planes() -> None:
    levels = cells_of(noisy_photo("a"))
    cells, residuals = describe_cells(levels), residuals_of(levels.astype(np.float64))
    assert cells.means == pytest.approx(levels.mean(axis=(1, 2)), rel=1e-5)
    assert cells.variances == pytest.approx(residuals.var(axis=(1, 2)), rel=1e-4)
    together = (residuals[..., 0] * residuals[..., 2]).mean(axis=(1, 2))
    assert cells.covariances[:, 1] == pytest.approx(together, rel=1e-3, abs=1e-3)
    steps = [np.diff(levels[..., 1], axis=axis) ** 2 for axis in (1, 2)]
    rough = sum(step.mean(axis=(1, 2)) for step in steps) / 4 / cells.variances[:, 1]
    assert cells.roughness == pytest.approx(rough, rel=1e-4)


def test_planes_are_no_noise() -> None:
    rows, columns = np.mgrid[:16, :16]
    plane = np.repeat((3 + 2 * rows + columns)[None, ..., None], 3, axis=3).astype(np.float32)
    assert np.abs(residuals_of(plane)).max() < 1e-4
    cells = describe_cells(plane)
    assert cells.variances.max() < 1e-6 and is_still(cells).all() and cells.roughness == 1


def test_is_clipped_looks_at_both_ends() -> None:
    levels = np.full((3, 16, 16, 3), 90, np.float32)
    levels[0, 0, :4, 0], levels[1, 0, :4, 1] = 0, 255
    levels[2, 0, :3, 2] = 0
    assert is_clipped(levels).tolist() == [True, True, False]


def test_flat_among_keeps_noise_and_refuses_texture() -> None:
    levels = np.full((320, 320, 3), 110, np.float32)
    soft = ndimage.gaussian_filter(rng_for(0, "soft").normal(0, 60, (320, 160)), 3)
    hard = 12.0 * (rng_for(0, "hard").random((160, 160)) < 0.5)
    levels[:, 160:] += soft[..., None]
    levels[160:, :160] += hard[..., None]
    cells = describe_cells(cells_of(noisy_levels("half", levels).astype(np.float32)))
    flat = flat_among(cells).reshape(20, 20)
    assert flat[:10, :10].mean() > 0.8
    assert flat[:, 10:].mean() < 0.15 and flat[10:, :10].mean() < 0.05


def test_flat_among_needs_eight_cells() -> None:
    cells = describe_cells(cells_of(noisy_photo("few", height=32, width=48)))
    assert not flat_among(cells).any()


def test_scatter_is_that_of_pure_noise() -> None:
    # The variance of n independent samples scatters by √(2 / n) of itself.
    white = rng_for(0, "white").normal(100, 3, (320, 320, 3)).astype(np.float32)
    assert scatter_of(describe_cells(cells_of(white))) == pytest.approx(
        [np.sqrt(2 / 253)] * 3, rel=0.2
    )

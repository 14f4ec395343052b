"""Kernels of regions: planted softness is found, and regions that cannot tell say why."""

from __future__ import annotations

import numpy as np
import pytest

from degrade.arrays import U8Array
from degrade.errors import InvalidValueError
from degrade.kernels.estimates import UnsuitablePhotoError
from degrade.kernels.regions import RegionGrid
from degrade.pool.region_records import mean_sigma
from degrade.spectral import estimate_kernel
from degrade.spectral.regions import RegionEstimate, estimate_region_kernels
from tests.pipelines.photographs import take_photo, take_soft_cornered


@pytest.fixture(scope="module")
def soft() -> U8Array:
    return take_soft_cornered("soft", growth=1.5)


def sigma_of(region: RegionEstimate) -> float:
    assert region.estimate is not None
    return mean_sigma(region.estimate.kernel)


def test_estimate_region_kernels_finds_softer_corners(soft: U8Array) -> None:
    found = estimate_region_kernels(soft, RegionGrid(3, 3), 2)
    middle = sigma_of(found[4])
    corners = [sigma_of(found[i]) / middle for i in (0, 2, 6, 8)]
    truth = 1 + 1.5 * (2 / 3) ** 2
    assert np.mean(corners) == pytest.approx(truth, rel=0.15) and min(corners) > 1.2
    for region in found:
        top, left, height, width = region.box
        assert 0 <= top < top + height <= soft.shape[0]
        assert 0 <= left < left + width <= soft.shape[1]
        assert soft.shape[0] / 3 - 32 < height < soft.shape[0] / 3 + 32


def test_estimate_region_kernels_of_one_region_is_the_kernel_of_the_photo() -> None:
    photo = take_photo("one", side=200)
    (region,) = estimate_region_kernels(photo, RegionGrid(1, 1), 2)
    whole = estimate_kernel(photo, 2)
    assert region.estimate is not None
    assert np.array_equal(region.estimate.kernel.weights, whole.kernel.weights)
    assert region.estimate.statistics == whole.statistics
    assert region.estimate.confidence == whole.confidence


def test_estimate_region_kernels_says_which_regions_cannot_tell(soft: U8Array) -> None:
    photo = soft.copy()
    # Windows of a region reach a little into its neighbours.
    height, width = (side // 2 + 32 for side in photo.shape[:2])
    photo[:height, :width] = 200  # an overexposed sky
    slope = np.linspace(90, 140, width)[None, :, None]
    photo[-height:, -width:] = np.broadcast_to(slope, (height, width, 3)).astype(np.uint8)
    found = estimate_region_kernels(photo, RegionGrid(2, 2), 2)
    assert [region.reason for region in found[1:]] == ["", "", "too smooth"]
    assert [region.estimate is None for region in found[1:]] == [False, False, True]
    photo[:height, :width] = 200
    assert estimate_region_kernels(photo, RegionGrid(2, 2), 2)[0].reason == "flat"


def test_estimate_region_kernels_leaves_the_enlargement_to_the_whole_photo(soft: U8Array) -> None:
    found = estimate_region_kernels(soft, RegionGrid(3, 4), 2)
    whole = estimate_kernel(soft, 2).statistics["periodicity"]
    known = [region.estimate for region in found if region.estimate is not None]
    assert {estimate.statistics["periodicity"] for estimate in known} == {whole}
    assert all(estimate.statistics["crops"] == 1 for estimate in known)


@pytest.mark.parametrize(
    ("grid", "remedy"), [((9, 9), "use `regions=3x4` at the most"), ((4, 1), "regions=3x4")]
)
def test_estimate_region_kernels_names_the_finest_grid_that_fits(
    soft: U8Array, grid: tuple[int, int], remedy: str
) -> None:
    with pytest.raises(UnsuitablePhotoError) as caught:
        estimate_region_kernels(soft, RegionGrid(*grid), 2, source="a.png")
    text = str(caught.value)
    assert text.startswith(f"a.png: 400×304 pixels are too few for {grid[0]}×{grid[1]} regions")
    assert remedy in text


def test_estimate_region_kernels_refuses_what_has_no_regions() -> None:
    small = take_photo("small", side=120)
    with pytest.raises(UnsuitablePhotoError, match="leave `regions` out"):
        estimate_region_kernels(small, RegionGrid(2, 2), 2)
    with pytest.raises(UnsuitablePhotoError, match="all its pixels are equal"):
        estimate_region_kernels(np.full((300, 300, 3), 7, np.uint8), RegionGrid(2, 2), 2)
    with pytest.raises(InvalidValueError, match="uint8"):
        estimate_region_kernels(np.zeros((300, 300), np.uint8), RegionGrid(2, 2), 2)

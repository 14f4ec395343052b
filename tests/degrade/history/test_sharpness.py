from __future__ import annotations

import numpy as np
import pytest

from degrade.arrays import FloatArray, U8Array
from degrade.history.edges import EdgeProfiles, find_edges
from degrade.history.sharpness import blur_kind, measure_edge_blur, measure_sharpening
from degrade.history.windows import SIDE, spread_windows
from tests.degrade.history.pictures import blurred, moved, sharpened, taken, with_edges


@pytest.fixture(scope="module")
def scene() -> FloatArray:
    return with_edges("a")


def _edges(pixels: U8Array) -> EdgeProfiles:
    return find_edges(spread_windows(pixels))


@pytest.mark.parametrize("sigma", [0.6, 1.0, 2.0])
def test_measure_sharpening_finds_the_blur_and_no_sharpening(
    scene: FloatArray, sigma: float
) -> None:
    edges = _edges(taken(blurred(scene, sigma)))
    found, blur = measure_sharpening(edges), measure_edge_blur(edges)
    assert found is not None and not found.is_told and found.amount[0] < 0.1
    # A pixel is a box, whose σ is 0.29.
    assert found.sigma[1] == pytest.approx(np.hypot(sigma, 0.29), rel=0.12)
    assert blur_kind(found, blur) == ("defocus" if sigma == 2.0 else "sharp")


@pytest.mark.parametrize(("amount", "radius"), [(1.5, 1.0), (1.0, 1.5), (2.0, 1.5)])
def test_measure_sharpening_finds_how_much_it_was(
    scene: FloatArray, amount: float, radius: float
) -> None:
    found = measure_sharpening(_edges(taken(sharpened(blurred(scene, 0.9), amount, radius))))
    assert found is not None and found.is_told and found.overshoot[0] > 0.04
    assert found.amount[0] <= amount <= found.amount[2]
    assert found.radius[0] <= radius <= found.radius[2]


@pytest.mark.parametrize(("length", "degrees"), [(5.0, 0.0), (6.0, 150.0)])
def test_measure_edge_blur_finds_motion(scene: FloatArray, length: float, degrees: float) -> None:
    edges = _edges(taken(moved(blurred(scene, 0.6), length, degrees)))
    found, sharpening = measure_edge_blur(edges), measure_sharpening(edges)
    assert found is not None and sharpening is not None
    assert found.length[1] == pytest.approx(length, rel=0.15)
    assert abs((found.angle - degrees + 90) % 180 - 90) < 6
    assert blur_kind(sharpening, found) == "motion"


def test_measure_sharpening_tells_nothing_without_edges() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (300, 300, 3)).astype(np.uint8)
    edges = _edges(noise)
    assert measure_sharpening(edges) is None and measure_edge_blur(edges) is None
    flat = _edges(np.full((200, 200, 3), 90, np.uint8))
    assert len(flat) == 0 and measure_sharpening(flat) is None


@pytest.mark.parametrize("shape", [(64, 64), (128, 131), (65, 700), (1500, 90)])
def test_spread_windows_fit_into_photos_of_any_shape(shape: tuple[int, int]) -> None:
    windows = spread_windows(np.full((*shape, 3), 90, np.uint8))
    assert windows.shape[1:] == (SIDE, SIDE) and 1 <= len(windows) <= 196
    assert len(find_edges(windows)) == 0

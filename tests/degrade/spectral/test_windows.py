from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from degrade.spectral import windows
from degrade.spectral.windows import (
    CELL,
    SIDE,
    Cells,
    choose_windows,
    cut_windows,
    flattest_windows,
    measure_cells,
)
from tests.compiled_forms import all_forms
from tests.rounding import gamma

form = all_forms(windows)


def energies(window: np.ndarray) -> list[float]:
    """Mean squared differences in a 33×33 window, by definition."""
    image = window.astype(np.float64)
    corner, right, down, across = image[:-1, :-1], image[:-1, 1:], image[1:, :-1], image[1:, 1:]
    pairs = ((right, corner), (down, corner), (across, corner), (down, right))
    return [float(np.square(one - other).mean()) for one, other in pairs]


@given(st.integers(33, 150), st.integers(33, 700), st.integers(0, 1000))
def test_measure_cells_equals_the_definition_at_every_window(
    width: int, height: int, seed: int
) -> None:
    image = np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)
    cells = measure_cells(image)
    rows, columns = (height - 1) // CELL - 1, (width - 1) // CELL - 1
    assert cells.energy.shape == (4, rows, columns)
    i, j = rows - 1, columns - 1
    window = image[i * CELL : i * CELL + 33, j * CELL : j * CELL + 33]
    # Means of 32² squares, none below 0, in float32.
    np.testing.assert_allclose(cells.energy[:, i, j], energies(window), rtol=gamma(32**2))
    inner = window[:-1, :-1]
    share = ((inner <= 2) | (inner >= 253)).mean()
    assert cells.clipped[i, j] == pytest.approx(share, rel=gamma(32**2), abs=0)


def test_measure_cells_are_whole_numbers_of_a_256th(rng: np.random.Generator) -> None:
    """Which float32 holds: so no form, and no processor, can give others."""
    image = rng.integers(0, 256, (97, 203), dtype=np.uint8)
    image[:, ::2] //= 200
    cells = measure_cells(image)
    for values in (cells.energy, cells.clipped):
        assert (values.astype(np.float64) * 1024 % 1 == 0).all() and values.dtype == np.float32


def test_flattest_windows_are_the_first_of_equal_ones() -> None:
    energy = np.zeros((4, 3, 4), np.float32)
    energy[:, 0, 1] = energy[:, 2, 3] = 1
    cells = Cells(energy, np.zeros((3, 4), np.float32))
    assert flattest_windows(cells, 3).tolist() == [[0, 0], [0, 2 * CELL], [0, 3 * CELL]]
    assert len(flattest_windows(cells, 50)) == 12
    _, flat = choose_windows(cells, per_direction=1, flat=3)
    assert flat.tolist() == flattest_windows(cells, 3).tolist()


def test_choose_windows_takes_edges_of_every_direction_and_flat_parts() -> None:
    image = np.full((200, 200), 100, dtype=np.uint8)
    image[:80, 40] = 200  # strong differences along the rows
    image[150, 120:] = 130  # weaker ones along the columns
    cells = measure_cells(image)
    strong, flat = choose_windows(cells, per_direction=1, flat=3)
    rows, columns = strong.T
    assert ((rows < 80) & (columns <= 40) & (columns + SIDE > 40)).any()
    assert ((rows <= 150) & (rows + SIDE > 150) & (columns + SIDE > 120)).any()
    assert cells.energy[(slice(None), *(flat // CELL).T)].max() == 0


def test_choose_windows_avoids_clipped_ones() -> None:
    image = np.full((64, 160), 100, dtype=np.uint8)
    image[:, 16:24] = 160
    image[:, 120:136] = 255
    strong, _ = choose_windows(measure_cells(image), per_direction=1, flat=1)
    assert all(corner[1] < 64 for corner in strong)


def test_choose_windows_does_not_depend_on_how_many_ties_there_are() -> None:
    tile = np.random.default_rng(0).integers(0, 256, (16, 16), dtype=np.uint8)
    cells = measure_cells(np.tile(tile, (20, 20)))
    one, _ = choose_windows(cells, per_direction=5, flat=5)
    two, _ = choose_windows(cells, per_direction=5, flat=5)
    np.testing.assert_array_equal(one, two)


def test_cut_windows_returns_the_pixels_at_the_corners(rng: np.random.Generator) -> None:
    image = rng.integers(0, 256, (70, 90), dtype=np.uint8)
    windows = cut_windows(image, np.array([[0, 0], [38, 58]]))
    np.testing.assert_array_equal(windows[1], image[38:, 58:])
    assert windows.dtype == np.uint8

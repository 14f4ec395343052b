from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from degrade.compiled.photo_steps import find_edges, step_cells, step_lines, step_windows


def _part(data: Any, rows: int, columns: int) -> np.ndarray:
    """Return a part of a photo: not in one piece, and maybe of two levels only."""
    rng = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    whole = rng.integers(0, 256, (rows + 2, columns + 5), np.uint8)
    if data.draw(st.booleans()):
        whole = np.where(whole > 127, np.uint8(255), np.uint8(0))
    return whole[1:-1, 2:-3]


@settings(max_examples=40, deadline=None)
@given(data=st.data(), rows=st.integers(1, 9), columns=st.integers(1, 9))
def test_step_cells_adds_up_the_squares_of_each_cell(data: Any, rows: int, columns: int) -> None:
    luma = _part(data, 16 * rows + 1, 16 * columns + 1)
    found = step_cells(luma, darkest=2, brightest=253)
    wide = luma.astype(np.int64)
    corner, right, down, across = wide[:-1, :-1], wide[:-1, 1:], wide[1:, :-1], wide[1:, 1:]
    planes = [right - corner, down - corner, across - corner, down - right]
    squares = [np.square(plane) for plane in planes] + [(corner <= 2) | (corner >= 253)]
    cells = [plane.reshape(rows, 16, columns, 16).sum(axis=(1, 3)) for plane in squares]
    np.testing.assert_array_equal(found, cells)


def test_step_cells_holds_the_sums_of_a_wide_checkerboard() -> None:
    luma = (np.indices((33, 16 * 300 + 1)).sum(axis=0) % 2 * 255).astype(np.uint8)
    found = step_cells(luma, darkest=0, brightest=255)
    assert (found[:2] == 256 * 255**2).all() and (found[2:4] == 0).all()
    assert (found[4] == 256).all()


@settings(max_examples=60, deadline=None)
@given(
    data=st.data(),
    height=st.integers(3, 300),
    width=st.integers(3, 90),
    order=st.sampled_from([1, 2]),
    most=st.integers(0, 255),
)
def test_step_lines_adds_up_differences_of_both_orders(
    data: Any, height: int, width: int, order: int, most: int
) -> None:
    luma = _part(data, height, width)
    along, down = step_lines(luma, order=order, most=most)
    sizes = [np.abs(np.diff(luma.astype(np.int64), n=order, axis=axis)) for axis in (1, 0)]
    np.testing.assert_array_equal(along, np.minimum(sizes[0], most).sum(axis=0))
    np.testing.assert_array_equal(down, np.minimum(sizes[1], most).sum(axis=1))


@pytest.mark.parametrize(
    ("order", "most", "sides"),
    [(3, 8, (9, 9)), (1, 256, (9, 9)), (2, 8, (2, 9)), (1, 8, (2, 2**24))],
)
def test_step_lines_refuses_what_it_cannot_sum(
    order: int, most: int, sides: tuple[int, int]
) -> None:
    with pytest.raises(ValueError, match="no differences"):
        step_lines(np.broadcast_to(np.uint8(0), sides), order=order, most=most)


@pytest.mark.parametrize(
    "luma",
    [
        np.zeros((33, 33), np.float32),
        np.zeros((33, 33), np.int8),
        np.zeros((33, 33, 3), np.uint8),
        np.zeros(33, np.uint8),
    ],
)
def test_photos_of_another_kind_are_refused(luma: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"a photo must be \(H, W\) uint8"):
        step_cells(luma, darkest=2, brightest=253)
    with pytest.raises(ValueError, match=r"a photo must be \(H, W\) uint8"):
        step_lines(luma, order=1, most=8)


@pytest.mark.parametrize("sides", [(32, 33), (33, 34), (0, 33)])
def test_step_cells_refuses_a_photo_that_cells_do_not_fill(sides: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="both sides must be a multiple of 16 and 1"):
        step_cells(np.zeros(sides, np.uint8), darkest=2, brightest=253)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), count=st.integers(0, 4))
def test_step_windows_compares_every_two_pixels_so_far_apart(data: Any, count: int) -> None:
    windows = _part(data, 32 * count, 32).reshape(count, 32, 32)
    shift = st.tuples(st.integers(0, 31), st.integers(-31, 31))
    shifts = data.draw(st.lists(shift, min_size=1, max_size=5))
    largest, fourth = step_windows(windows, shifts)
    for number, (down, right) in enumerate(shifts):
        wide = windows.astype(np.int64)
        one = wide[:, down:, max(right, 0) : 32 + min(right, 0)]
        other = wide[:, : 32 - down, max(-right, 0) : 32 - max(right, 0)]
        sizes = np.abs(one - other).reshape(count, (32 - down) * (32 - abs(right)))
        np.testing.assert_array_equal(largest[:, number], sizes.max(axis=1))
        np.testing.assert_array_equal(fourth[:, number], (sizes**4).sum(axis=1))


@settings(max_examples=60, deadline=None)
@given(data=st.data(), count=st.integers(0, 4), levels=st.sampled_from([1, 2, 256]))
def test_find_edges_finds_the_first_of_the_strongest(data: Any, count: int, levels: int) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    windows = rng.integers(0, levels, (count, 32, 32)).astype(np.uint8)
    margins = st.tuples(st.integers(0, 15), st.integers(0, 15))
    directions = []
    for top, left in data.draw(st.lists(margins, min_size=1, max_size=4)):
        down, right = data.draw(st.integers(-top, top)), data.draw(st.integers(-left, left))
        directions.append((down, right, top, left))
    found = find_edges(windows, directions)
    for number, (down, right, top, left) in enumerate(directions):
        wide = windows.astype(np.int64)
        rows, columns = np.arange(top, 32 - top), np.arange(left, 32 - left)
        one = wide[:, (rows + down)[:, None], columns + right]
        other = wide[:, (rows - down)[:, None], columns - right]
        sizes = np.abs(one - other).reshape(count, len(rows) * len(columns))
        np.testing.assert_array_equal(found[:, number], sizes.argmax(axis=1))


def test_windows_of_another_size_and_steps_that_leave_them_are_refused() -> None:
    windows = np.zeros((2, 32, 32), np.uint8)
    for shifts in ([(-1, 0)], [(0, 32)], [(32, 0)]):
        with pytest.raises(ValueError, match="no shifts within a window"):
            step_windows(windows, shifts)
    for direction in ((2, 0, 1, 1), (0, 2, 1, 1), (0, 0, 16, 0)):
        with pytest.raises(ValueError, match="no direction within a window"):
            find_edges(windows, [direction])
    for others in (windows[:, 1:], windows.astype(np.float32)):
        with pytest.raises(ValueError, match="windows must be"):
            step_windows(others, [(0, 1)])

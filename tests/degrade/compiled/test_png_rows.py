from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from degrade.arrays import U8Array
from degrade.compiled.png_rows import undo_filters


def _by_definition(content: U8Array, pixel_bytes: int) -> np.ndarray:
    """Byte by byte, as the specification has it."""
    rows, length = content.shape
    out = np.zeros((rows + 1, pixel_bytes + length - 1), int)  # zeros above and to the left
    for row in range(rows):
        for place in range(length - 1):
            here, across = row + 1, place + pixel_bytes
            left, above = out[here, across - pixel_bytes], out[here - 1, across]
            corner = out[here - 1, across - pixel_bytes]
            middle = left + above - corner
            nearest = min((abs(middle - v), i, v) for i, v in enumerate((left, above, corner)))[2]
            added = (0, left, above, (left + above) // 2, nearest)[content[row, 0]]
            out[here, across] = (int(content[row, place + 1]) + added) % 256
    return out[1:, pixel_bytes:]


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(1, 20),
    columns=st.integers(1, 60),
    pixel_bytes=st.sampled_from([1, 2, 3, 4, 6, 8]),
    seed=st.integers(0, 10**6),
)
def test_undo_filters_follows_the_specification(
    rows: int, columns: int, pixel_bytes: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    content = rng.integers(0, 256, (rows, 1 + columns * pixel_bytes), np.uint8)
    content[:, 0] = rng.integers(0, 5, rows)
    if seed % 5 == 0:
        content[:, 0] = seed % 25 // 5
    if seed % 3 == 0:  # small differences: where Paeth's choices are ties
        content[:, 1:] %= 3
    found = undo_filters(content, pixel_bytes)
    np.testing.assert_array_equal(found, _by_definition(content, pixel_bytes))


@pytest.mark.parametrize("number", [5, 17, 255])
def test_undo_filters_knows_five_filters(number: int) -> None:
    content = np.zeros((4, 13), np.uint8)
    assert undo_filters(content, 3) is not None
    content[2, 0] = number
    assert undo_filters(content, 3) is None

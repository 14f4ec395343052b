from __future__ import annotations

import numpy as np
import pytest

from degrade.artifacts import compare_masks
from degrade.errors import InvalidValueError


def _mask(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    mask = np.zeros((40, 40), bool)
    for top, left, height, width in boxes:
        mask[top : top + height, left : left + width] = True
    return mask


def test_compare_masks_counts_areas_by_half_of_them() -> None:
    truth = _mask((0, 0, 10, 10), (20, 20, 10, 10))
    found = _mask((0, 5, 10, 10), (30, 0, 5, 5))
    both = compare_masks(found, truth)
    # Half of the first flagged area is marked, and half of the first marked area is flagged.
    assert (both.found, both.right, both.marked, both.seen) == (2, 1, 2, 1)
    assert both.iou == 50 / (200 + 125 - 50)
    assert (both.precision, both.recall) == (0.5, 0.5)
    less = compare_masks(_mask((0, 6, 10, 10)), truth)
    assert (less.right, less.seen) == (0, 0)


def test_compare_masks_joins_what_touches_at_a_corner() -> None:
    corner = _mask((0, 0, 5, 5), (5, 5, 5, 5))
    assert compare_masks(corner, corner).found == 1


def test_compare_masks_of_nothing_agrees_and_has_no_shares() -> None:
    nothing = _mask()
    both = compare_masks(nothing, nothing)
    assert both.iou == 1 and both.precision is None and both.recall is None
    total = both + compare_masks(_mask((0, 0, 4, 4)), nothing)
    assert total.mean_iou == 0.5 and total.precision == 0 and total.recall is None


def test_compare_masks_refuses_other_sizes() -> None:
    with pytest.raises(InvalidValueError, match="one size"):
        compare_masks(_mask(), _mask()[:10])

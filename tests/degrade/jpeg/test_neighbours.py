from __future__ import annotations

import numpy as np
import pytest

from degrade.jpeg.neighbours import neighbour_tables
from degrade.jpeg.tables import standard_tables


@pytest.mark.parametrize("quality", [2, 40, 75, 90, 99])
@pytest.mark.parametrize("by", [-3, 0, 1, 3])
def test_neighbours_of_libjpegs_tables_are_libjpegs(quality: int, by: int) -> None:
    wanted = standard_tables(min(max(quality + by, 1), 100))
    assert neighbour_tables(*standard_tables(quality), by) == wanted


def test_neighbours_of_other_tables_keep_their_shape() -> None:
    luma, chroma = (np.array(table) * 3 // 2 + 1 for table in standard_tables(85))
    better = neighbour_tables(luma.tolist(), chroma.tolist(), 4)
    worse = neighbour_tables(luma.tolist(), chroma.tolist(), -4)
    for table, up, down in zip((luma, chroma), better, worse, strict=True):
        assert (np.array(up) <= table).all() and (table <= np.array(down)).all()
        ratio = np.array(down) / table
        assert ratio.std() < 0.05 and 1.1 < ratio.mean() < 1.3


def test_neighbours_stay_within_one_byte() -> None:
    tables = neighbour_tables([255] * 64, [250] * 64, -20)
    assert {step for table in tables for step in table} == {255}
    best = neighbour_tables([1] * 64, [1] * 64, 20)
    assert {step for table in best for step in table} == {1}

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from degrade.errors import InvalidValueError
from degrade.images.image_io import decode_photo
from report.repair_sheet import RepairView, encode_repair_sheet


def view(side: int) -> RepairView:
    colours = [np.full((side, side, 3), level, np.uint8) for level in (50, 100, 150)]
    lr = np.full((side // 2, side // 2, 3), 200, np.uint8)
    return RepairView("photo", (4, 8, side, side), lr, *colours)


def test_lr_mse_before_and_after_stand_side_by_side() -> None:
    picture = decode_photo(encode_repair_sheet([view(240)]), Path("x.png")).pixels
    row = picture[picture.shape[0] // 2 + 20, :, 0]
    runs = row[np.flatnonzero(np.diff(row.astype(int), prepend=-1))]
    assert [level for level in runs.tolist() if level != 255] == [200, 50, 100, 150]


def test_small_areas_are_drawn_twice_as_large() -> None:
    small, large = (
        decode_photo(encode_repair_sheet([view(side)]), Path("x.png")).pixels.shape[1]
        for side in (120, 240)
    )
    assert small == large


def test_nothing_to_draw_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="no area"):
        encode_repair_sheet([])

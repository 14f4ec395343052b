"""What a pool's sheet shows of regions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from degrade.images.image_io import read_photo, write_png
from degrade.kernels.regions import RegionGrid
from degrade.pool import DegradationPool
from pipelines import EstimateKernelsConfig, estimate_kernels
from report.pool_sheet import draw_pool_sheet
from report.region_sheet import RegionSection, _shade
from tests.pipelines.photographs import take_soft_cornered


def pool_with(path: Path, photos: int, grid: RegionGrid | None) -> DegradationPool:
    for number in range(photos):
        write_png(path / f"in/{number} $x_{{1.png", take_soft_cornered(f"{number}", growth=1.0))
    config = EstimateKernelsConfig(
        sources=(path / "in",), pool=path / "pool", scale=2, regions=grid
    )
    estimate_kernels(config)
    return DegradationPool.open(path / "pool")


def test_draw_pool_sheet_shows_maps_and_a_curve(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    pool = pool_with(tmp_path, 6, RegionGrid(3, 3))
    section = RegionSection.of(pool)
    assert len(section.shown) == 6 and len(section.told) == 1
    draw_pool_sheet(pool, tmp_path / "sheet.png")
    pixels = read_photo(tmp_path / "sheet.png").pixels
    bottom = pixels[-330:]
    assert (bottom == (0xC2, 0x41, 0x0C)).all(axis=2).sum() > 200, "the curve"
    maps = pixels[-650:-480].astype(int)
    assert (maps[..., 0] - maps[..., 2] > 40).sum() > 500, "soft corners are orange"
    assert (maps[..., 2] - maps[..., 0] > 15).sum() > 500, "the middle is blue"


def test_draw_pool_sheet_of_one_photo_says_that_no_curve_can_be_told(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    pool = pool_with(tmp_path, 1, RegionGrid(2, 3))
    assert RegionSection.of(pool).told == []
    draw_pool_sheet(pool, tmp_path / "sheet.png")
    assert read_photo(tmp_path / "sheet.png").pixels.shape[0] > 600


def test_region_section_takes_no_room_where_no_photo_is_divided(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    pool = pool_with(tmp_path, 1, None)
    section = RegionSection.of(pool)
    assert section.shown == () and section.curves == {}
    draw_pool_sheet(pool, tmp_path / "sheet.png")


def test_shade_is_white_for_the_median_and_has_a_colour_at_each_end() -> None:
    sharp, middle, soft = _shade(np.array([-1.0, 0.0, 1.0])).astype(int)
    assert middle.tolist() == [255, 255, 255]
    assert soft[0] > soft[2] + 100 and sharp[2] > sharp[0] + 80

"""Grids of regions: their places, and what is no grid."""

from __future__ import annotations

import pytest

from degrade.errors import InvalidValueError
from degrade.kernels.regions import RegionGrid


def test_regions_lie_where_their_middles_are() -> None:
    regions = list(RegionGrid(3, 3).regions(300, 400))
    assert [(r.row, r.column) for r in regions] == [(r, c) for r in (1, 2, 3) for c in (1, 2, 3)]
    radii = [region.radius for region in regions]
    corner, side, top = 2 / 3, 2 / 3 * 0.8, 2 / 3 * 0.6
    expected = [corner, top, corner, side, 0, side, corner, top, corner]
    assert radii == pytest.approx(expected, abs=1e-4)
    assert [r.radius for r in RegionGrid(1, 1).regions(30, 40)] == [0]


def test_regions_lie_as_far_out_in_photos_of_other_sizes() -> None:
    for sides in ((1200, 1600), (2736, 3648), (3, 4)):
        radii = [region.radius for region in RegionGrid(3, 5).regions(*sides)]
        assert radii == [region.radius for region in RegionGrid(3, 5).regions(300, 400)]
        assert max(radii) < 1


@pytest.mark.parametrize("text", ["3x3", "3X3", " 3×3 "])
def test_parse_reads_rows_and_columns(text: str) -> None:
    assert RegionGrid.parse(text) == RegionGrid(3, 3)
    assert RegionGrid.parse("2x5") == RegionGrid(rows=2, columns=5)
    assert RegionGrid.parse(str(RegionGrid(2, 5))) == RegionGrid(2, 5)


@pytest.mark.parametrize(
    "text", ["0x3", "3x0", "3", "99x99", "17x2", "-1x3", "3x3x3", "ax3", "3.5x2", "", "x", "3 x 3"]
)
def test_parse_refuses_what_is_no_grid(text: str) -> None:
    with pytest.raises(
        InvalidValueError, match=r"^regions must be ROWSxCOLUMNS, each from 1 to 16"
    ):
        RegionGrid.parse(text)


def test_largest_in_gives_the_finest_grid_that_fits() -> None:
    assert RegionGrid.largest_in(480, 640, 96) == RegionGrid(5, 6)
    assert RegionGrid.largest_in(95, 640, 96) is None
    assert RegionGrid.largest_in(96, 9600, 96) == RegionGrid(1, 16)

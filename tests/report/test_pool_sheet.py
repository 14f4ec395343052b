"""The contact sheet of a pool."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest

from degrade.errors import DegradeError, InvalidValueError, MissingDependencyError
from degrade.images.image_io import read_photo
from degrade.kernels import bicubic_kernel
from degrade.pool import DegradationPool, Provenance
from report.colours import signed_colours
from report.pool_sheet import (
    _amplify,
    _round_gain,
    _spread,
    check_sheet_path,
    draw_pool_sheet,
)
from tests.making import fill_pool

AWKWARD = Provenance(
    source_name="a/$x_{1$ \\frac 日本 \n" + "long" * 30,
    source_sha256=None,
    box=None,
    method="test",
    settings={},
    tool_version="0",
)


def test_draw_pool_sheet_draws_every_size_of_pool(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    heights = []
    for kernels, patches in ((0, 0), (1, 0), (1, 1), (30, 14)):
        pool = fill_pool(tmp_path / f"{kernels}-{patches}", kernels=kernels, patches=patches)
        draw_pool_sheet(pool, tmp_path / "new folder" / "sheet.png")
        pixels = read_photo(tmp_path / "new folder" / "sheet.png").pixels
        heights.append(pixels.shape[0])
        assert len(np.unique(pixels[..., 2])) > 10
    assert heights == sorted(heights) and heights[0] < heights[-1]


def test_draw_pool_sheet_frames_doubtful_kernels_in_red_and_flagged_ones_in_brown(
    tmp_path: Path,
) -> None:
    pytest.importorskip("matplotlib")
    red, brown, heights = [], [], []
    for confidence, flags in (
        (0.9, ()),
        (0.1, ()),
        (0.9, ("too noisy",)),
        (0.1, ("too noisy", "clipped")),
    ):
        pool = DegradationPool.create(tmp_path / f"{confidence} {flags}")
        known = msgspec.structs.replace(AWKWARD, values={"confidence": confidence}, flags=flags)
        pool.add_kernel(bicubic_kernel(2), known)
        draw_pool_sheet(pool, tmp_path / "sheet.png")
        pixels = read_photo(tmp_path / "sheet.png").pixels
        red.append(int((pixels == (0xC8, 0x1E, 0x1E)).all(axis=2).sum()))
        brown.append(int((pixels == (0xB4, 0x53, 0x09)).all(axis=2).sum()))
        heights.append(pixels.shape[0])
    assert red[0] == red[2] == brown[0] == brown[1] == 0
    assert min(red[1], red[3], brown[2]) > 500 > brown[3] > 0, "of the last only the words"
    assert heights[0] < heights[1] < heights[2] < heights[3], "a legend, and room for each flag"


def test_check_sheet_path_refuses_what_is_no_png(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    check_sheet_path(tmp_path / "a.PNG")
    with pytest.raises(InvalidValueError, match=r"must end in \.png, got .*x\.foo"):
        check_sheet_path(tmp_path / "x.foo")


def test_draw_pool_sheet_survives_awkward_names(
    tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    pytest.importorskip("matplotlib")
    pool = DegradationPool.create(tmp_path / "pool $ü$")
    pool.add_kernel(bicubic_kernel(3), AWKWARD)
    draw_pool_sheet(pool, tmp_path / "sheet.png")
    assert not [w for w in recwarn if issubclass(w.category, UserWarning)]


def test_draw_pool_sheet_leaves_matplotlib_as_it_was(tmp_path: Path) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    before = dict(matplotlib.rcParams)
    draw_pool_sheet(fill_pool(tmp_path / "pool"), tmp_path / "sheet.png")
    assert dict(matplotlib.rcParams) == before


def test_draw_pool_sheet_names_the_extra_that_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingDependencyError, match=r"degrade\[report\]"):
        draw_pool_sheet(fill_pool(tmp_path / "pool"), tmp_path / "sheet.png")


def test_draw_pool_sheet_replaces_nothing_but_pictures(tmp_path: Path) -> None:
    pool = fill_pool(tmp_path / "pool")
    index = tmp_path / "pool" / "index.jsonl"
    before = index.read_bytes()
    with pytest.raises(DegradeError, match=r"must end in \.png"):
        draw_pool_sheet(pool, index)
    assert index.read_bytes() == before


def test_draw_pool_sheet_says_where_it_cannot_write(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DegradeError, match="cannot be made"):
        draw_pool_sheet(fill_pool(tmp_path / "pool"), tmp_path / "file" / "sheet.png")


def test_colour_tells_the_sign_and_leaves_zero_white() -> None:
    low, zero, high = signed_colours(np.array([-1.0, 0.0, 1.0])).astype(int)
    assert list(zero) == [255, 255, 255]
    assert low[0] > low[2] + 100 and high[2] > high[0] + 50


def test_amplify_is_around_mid_grey() -> None:
    residual = np.array([0.0, 0.02, -0.02, 1.0], np.float32)
    assert list(_amplify(residual, 10)) == [128, 178, 76, 255]


@pytest.mark.parametrize(
    ("wanted", "gain"), [(0.3, 1), (1, 1), (1.9, 1), (2, 2), (4.9, 2), (9, 5), (45, 20), (765, 500)]
)
def test_round_gain_rounds_down(wanted: float, gain: float) -> None:
    assert _round_gain(wanted) == gain


def test_spread_keeps_first_and_last() -> None:
    assert _spread(list(range(10)), 4) == [0, 3, 6, 9]
    assert _spread([1, 2], 4) == [1, 2]

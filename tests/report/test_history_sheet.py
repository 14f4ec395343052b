from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from degrade.errors import DegradeError
from report.history_sheet import HistoryTile, draw_history_sheet


def _tile(name: str, **known: object) -> HistoryTile:
    values: dict[str, object] = {
        "thumbnail": np.arange(1600, dtype=np.uint8).reshape(40, 40),
        "shape": (300, 400),
        "marks": (),
        "sigma": None,
        "amount": None,
        "noise": None,
        "quality": None,
        "factor": None,
    }
    return HistoryTile(name=name, **{**values, **known})  # type: ignore[arg-type]


@pytest.mark.parametrize("count", [0, 1, 200])
def test_draw_history_sheet_of_any_number_of_photos(count: int, tmp_path: Path) -> None:
    tiles = [_tile(f"photo $n_{n}$.png", shape=(40 + n, 4000)) for n in range(count)]
    draw_history_sheet(tiles, tmp_path / "sheet.png")
    picture = cv2.imread(str(tmp_path / "sheet.png"))
    assert picture is not None and picture.shape[1] > 1000
    assert picture.shape[0] < 2500 if count == 200 else picture.shape[0] < 1000


def test_draw_history_sheet_draws_what_is_known(tmp_path: Path) -> None:
    known = {"sigma": 0.8, "amount": 0.5, "noise": 1.2, "quality": 90, "factor": 1.5}
    for name, tile in (("plain", _tile("a.png")), ("known", _tile("a.png", **known))):
        draw_history_sheet([tile], tmp_path / f"{name}.png")
    plain, full = (cv2.imread(str(tmp_path / f"{name}.png")) for name in ("plain", "known"))
    assert plain is not None and full is not None and plain.shape == full.shape
    assert (plain != full).mean() > 0.005


def test_draw_history_sheet_replaces_no_other_file(tmp_path: Path) -> None:
    (tmp_path / "sheet.png").write_bytes(b"mine")
    with pytest.raises(DegradeError, match=r"sheet\.png"):
        draw_history_sheet([_tile("a.png")], tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").read_bytes() == b"mine"

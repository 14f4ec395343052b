"""The sizes of differences as they are drawn."""

from __future__ import annotations

from pathlib import Path

import pytest

from degrade.audit.comparison import Comparison
from degrade.audit.differences import DIFFERENCES, NamedDifference
from degrade.audit.features import measure_features
from report.differences_sheet import draw_differences_sheet, draw_sizes
from tests.degrade.audit.scenes import make_photo

pytest.importorskip("matplotlib")


def test_an_interval_that_goes_on_has_an_arrow_and_names_stay_inside() -> None:
    from matplotlib.figure import Figure

    (softness,) = [kind for kind in DIFFERENCES if kind.name == "softness"]
    found = [
        NamedDifference(softness, size, (size - 1, size + 1), (0.0, size), 0.01, 20)
        for size in (5.9, -5.9, 2.0)
    ]
    axes = Figure().add_subplot()
    draw_sizes(axes, Comparison((20, 20), 20, None, tuple(found)), ["A", "B"])
    drawn = [(line.get_marker(), line.get_ydata()[0]) for line in axes.lines]
    # From below: the last one is at 0.
    assert [place for marker, place in drawn if marker == ">"] == [2]
    assert [place for marker, place in drawn if marker == "<"] == [1]
    assert [text.get_ha() for text in axes.texts] == ["center", "left", "right"]


def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    sets = dict.fromkeys("AB", [measure_features(make_photo("a"))] * 2)
    found = Comparison((2, 2), 0, None, ())
    path = tmp_path / "sheet.png"
    draw_differences_sheet(found, sets, path, "diff", note="A: a\\$b_{$, B: $_$")
    assert path.is_file()

"""Numbers beside the axes of diagrams: all of their digits, no markup, no halves of a photo."""

from __future__ import annotations

import re

import pytest

from report.page.charts import Line, bars, lines
from report.page.contents import Chart

pytest.importorskip("matplotlib")


def numbers(chart: Chart) -> list[str]:
    """Return what is written in a diagram."""
    texts = re.findall(r"<text[^>]*>\s*(.*?)\s*</text>", chart.svg, re.DOTALL)
    return [text.replace("\N{MINUS SIGN}", "-") for text in texts]


@pytest.mark.parametrize("top", [1e-3, 5e-5, 0.137, 2.0, 1e6])
def test_lines_write_different_values_differently(top: float) -> None:
    curve = Line([1, 2, 3], [top, top / 2, top / 5])
    texts = [text for text in numbers(lines("rate", {"a": curve}, below="step")) if text != "step"]
    values = [text for text in texts if text[0] in "0123456789-"]
    assert len(set(values[3:])) == len(values[3:]) > 2


@pytest.mark.parametrize("span", [30.0, 1e3, 1e6])
def test_lines_of_a_logarithmic_axis_have_plain_numbers(span: float) -> None:
    curve = Line([1, 2, 3], [0.2, 0.2 * span / 2, 0.2 * span])
    texts = numbers(lines("gradient", {"a": curve}, below="step", log=True))
    written = [text for text in texts if text and text != "step"]
    assert len(written) >= 5 and not re.search(r"math|\$|\^|\\", " ".join(written))
    assert {float(text) for text in written}  # each is a number


def test_what_is_counted_has_whole_numbers() -> None:
    rounds = numbers(lines("gap", {"a": Line([0, 1, 2, 3], [3, 2, 1.5, 1.2])}, below="round"))
    assert rounds[:4] == ["0", "1", "2", "3"]
    assert not [text for text in numbers(bars("photos", [("a", 1), ("b", 2)])) if "." in text]

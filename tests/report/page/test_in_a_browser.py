"""Pages as a person meets them: Chromium without a window shows and uses them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from degrade.images.image_io import encode_png
from report.page.charts import Line, lines
from report.page.contents import Column, Compared, Page, Picture, Row, Section, Table, Words
from report.page.rendering import render_page
from tests.browser import Tab, open_tab

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")

NAMES = ["<b>b</b>", '"><img src=x onerror=document.title=1>', "c 10", "c 9", "</script>"]


def _png(red: int) -> bytes:
    return encode_png(np.full((64, 64, 3), (red, 40, 60), np.uint8))


def _table(title: str, count: int) -> Table:
    names = [*NAMES, *(f"photo {n:03}" for n in range(count - len(NAMES)))]
    rows = tuple(
        Row(
            (name, None if n == 1 else float((7 * n) % count), "doubtful" if n == 3 else ""),
            _png(n % 250) if n < 3 else b"",
        )
        for n, name in enumerate(names)
    )
    columns = Column("photo", "name"), Column("σ", "number"), Column("marks", "marks")
    return Table(title, columns, rows, pictures="kernel")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    before, after = (Picture(_png(red), 64, 64, name) for red, name in ((250, "LR"), (5, "HR")))
    sections = (
        Section("Kernels", (_table("All", 120), _table("Few", 6))),
        Section("Pairs", (Compared("pair", before, after, ("blurred",)),)),
        Section(
            "Curves",
            (lines("loss", {"a": Line([1, 2, 3], [3, 1, 2])}, below="step"), Words(("x" * 300,))),
        ),
    )
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(render_page(Page("Test " + "n" * 200, ("told",), sections)))
    return path


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with open_tab(tmp_path_factory.mktemp("profile")) as tab:
        yield tab


@pytest.fixture
def tab(browser: Tab, page: Path) -> Iterator[Tab]:
    browser.open(page)
    yield browser
    fetched = [url for url in browser.requests if not url.startswith("data:")]
    assert fetched == [page.resolve().as_uri()], "a page fetches nothing"
    assert browser.told == [], "nothing is said in the console"


def _column(tab: Tab, number: int, table: str = "#b1-1") -> list[str]:
    cells: list[str] = tab.run(
        f"[...document.querySelectorAll('{table} tbody tr')]"
        f".map((row) => row.cells[{number}].textContent)"
    )
    return cells


def test_tables_show_names_as_they_are(tab: Tab) -> None:
    assert _column(tab, 1)[:5] == NAMES
    assert tab.run("document.title").startswith("Test")
    assert tab.run("document.querySelectorAll('tbody b, tbody script').length") == 0
    assert tab.run("[...document.images].every((i) => i.complete && i.naturalWidth)")
    assert tab.run("document.querySelectorAll('#b1-1 tr.marked').length") == 1


def test_a_click_sorts_numbers_and_a_second_one_turns_them(tab: Tab) -> None:
    tab.click("#b1-1 th:nth-child(3) button")
    up = [float(cell) for cell in _column(tab, 2)]
    assert up == sorted(up) and len(up) == 50
    tab.click("#b1-1 th:nth-child(3) button")
    down = [float(cell) for cell in _column(tab, 2)]
    assert down == sorted(down, reverse=True) and down[0] > up[-1]
    assert tab.run("document.querySelector('#b1-1 th:nth-child(3)').ariaSort") == "descending"


def test_texts_sort_by_the_numbers_in_them_and_the_keyboard_does_it_too(tab: Tab) -> None:
    tab.run("document.querySelector('#b1-2 th:nth-child(2) button').focus()")
    tab.key("Enter", 13, "\r")
    names = _column(tab, 1, "#b1-2")
    assert names.index("c 9") + 1 == names.index("c 10")


def test_what_is_not_known_comes_last_either_way(tab: Tab) -> None:
    for _ in range(2):
        tab.click("#b1-2 th:nth-child(3) button")
        assert _column(tab, 2, "#b1-2")[-1] == "–"


def test_search_finds_and_pages_turn(tab: Tab) -> None:
    tab.click("#b1-1 .on")
    assert _column(tab, 1)[0] == "photo 045"
    assert tab.run("document.querySelector('#b1-1 .where').textContent") == "51–100 of 120"
    tab.click("#b1-1 input")
    tab.type("PHOTO DOUBT")
    assert _column(tab, 1) == []
    tab.run("document.querySelector('#b1-1 input').select()")
    tab.type("DOUBT c")
    assert _column(tab, 1) == ["c 9"]
    assert tab.run("document.querySelector('#b1-1 .on').disabled")


def test_the_slider_moves_by_keys_and_on_the_picture(tab: Tab) -> None:
    tab.run("document.querySelector('.compared input').focus()")
    for _ in range(10):
        tab.key("ArrowRight", 39)
    cut = "getComputedStyle(document.querySelector('.after')).clipPath"
    assert "60%" in tab.run(cut)
    tab.click(".stack", across=0.25)
    assert "25%" in tab.run(cut)
    assert tab.run("document.querySelector('.compared input').value") == "25"


@pytest.mark.parametrize("width", [320, 390, 1200])
def test_nothing_leaves_the_screen_however_narrow(browser: Tab, page: Path, width: int) -> None:
    browser.open(page, width=width)
    assert browser.run("document.documentElement.scrollWidth") <= width
    assert browser.run("innerWidth") == width
    small = browser.run(
        "[...document.querySelectorAll('main button, main input')]"
        ".filter((e) => e.offsetParent && e.getBoundingClientRect().height < 24).length"
    )
    assert small == 0, "what is pressed is as large as a finger needs"


def test_dark_and_light_can_both_be_read(browser: Tab, page: Path) -> None:
    seen = {}
    for dark in (False, True):
        browser.open(page, dark=dark)
        seen[dark] = browser.run(
            "(() => { const style = (e) => getComputedStyle(document.querySelector(e));"
            "return [style('body').backgroundColor, style('body').color,"
            "style('.chart svg path[clip-path]').stroke, style('.chart svg text').fill]; })()"
        )
    for (ground, *inks), is_dark in ((seen[True], True), (seen[False], False)):
        assert (_light(ground) < 60) == is_dark
        assert all(abs(_light(ink) - _light(ground)) > 90 for ink in (inks[0], inks[2]))
    assert seen[True][2] != seen[False][2]


def _light(colour: str) -> float:
    values = [float(part) for part in colour.strip("rgba()").split(",")[:3]]
    return sum(values) / 3


def test_the_policy_runs_no_other_script(browser: Tab, page: Path, tmp_path: Path) -> None:
    text = page.read_text()
    planted = tmp_path / "planted.html"
    planted.write_text(
        text.replace("</body>", "<script>document.title = 'planted'</script></body>")
    )
    browser.open(planted)
    assert browser.run("document.title").startswith("Test")
    assert any("Content Security Policy" in line for line in browser.told)


def test_without_javascript_the_first_rows_are_there(page: Path) -> None:
    text = page.read_text()
    assert text.count("<tr>") == 2 + 50 + 6 and "need JavaScript" in text

"""Pages as HTML: what names cannot do, what is never fetched, how large they get."""

from __future__ import annotations

import functools
import re
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pytest

from degrade.arrays import U8Array
from degrade.images.image_io import encode_png
from report.page.budget import even_choice, fitting
from report.page.charts import Interval, Line, bars, histogram, intervals, lines, points
from report.page.contents import (
    Column,
    Compared,
    Page,
    Picture,
    Row,
    Section,
    Table,
    Words,
)
from report.page.rendering import render_page

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")

AWKWARD = (
    "<script>alert(1)</script>",
    "</script><script>alert(2)</script>",
    "\"><img src=x onerror=alert(3)>'",
    "a\nb\tc\x00d",
    "\u202egnp.exe",
    "\udcff\udcfe.jpg",
    "<!--<script>",
    "{{ 7 * 7 }} {% raw %}",
    "$x_{1$ \\frac",
    "שלום.jpg",
    "&amp; javascript:alert(4)",
)


class Elements(HTMLParser):
    """The elements of a page, with what stands in them."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def _picture(shade: int = 9) -> Picture:
    return Picture(encode_png(_grey(shade)), 8, 8, f"shade {shade}")


def _grey(shade: int) -> U8Array:
    return np.full((8, 8, 3), shade, np.uint8)


def page_of(names: tuple[str, ...]) -> Page:
    """Return a page on which these names stand wherever one may stand."""
    png = encode_png(_grey(3))
    rows = tuple(Row((name, float(n), name), png) for n, name in enumerate(names))
    columns = Column(names[0], "name"), Column("n", "number"), Column("marks", "marks")
    first = names[0]
    pictures = [_picture(n) for n in (1, 2)]
    sections = [
        Section(
            name,
            (
                Words((name,), folded=name),
                Table(name, columns, rows, pictures="kernel", note=name),
                lines(name, {name: Line([1, 2], [3, 4]), "b": Line([1], [2])}, below="x"),
                points(name, {name: ([1.0], [2.0])}, below="x", beside="y"),
                bars(name, [(name, 3)]),
                histogram(name, [1.0, 2.0], below=name),
                intervals(name, {name: Interval(1, 0.5, 2, True)}, below="x", neutral=1),
                Compared(name, pictures[0], pictures[1], (name,)),
                Picture(pictures[0].png, 8, 8, name),
            ),
            note=name,
        )
        for name in names
    ]
    return Page(first, names, tuple(sections), "test")


def _of_html(elements: Elements) -> list[str]:
    """Return the elements but for those of diagrams, whose ticks depend on the room for them."""
    drawn = {"g", "path", "use", "defs", "text", "rect", "clippath"}
    return [tag for tag, _ in elements.tags if tag not in drawn]


@functools.cache
def _plain_page() -> str:
    return render_page(page_of(("plain",)))


@pytest.mark.parametrize("name", AWKWARD)
def test_render_page_escapes_whatever_a_name_holds(name: str) -> None:
    text = render_page(page_of((name,)))
    text.encode()
    plain, awkward = Elements(_plain_page()), Elements(text)
    assert _of_html(awkward) == _of_html(plain)
    assert not any(key.startswith("on") for _, attributes in awkward.tags for key in attributes)
    assert "\u202e" not in "".join(awkward.texts)


def test_render_page_fetches_nothing_and_forbids_it() -> None:
    text = _plain_page()
    elements = Elements(text)
    loaded = [
        value or ""
        for tag, attributes in elements.tags
        for key, value in attributes.items()
        if key in ("src", "href", "xlink:href", "srcset", "data") and tag != "a"
    ]
    assert loaded and all(re.match(r"data:|#", value) for value in loaded)
    assert "@import" not in text and "url(http" not in text
    (policy,) = [
        attributes["content"] or ""
        for tag, attributes in elements.tags
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert "unsafe" not in policy.split("script-src")[1]


def test_render_page_is_the_same_for_the_same_page() -> None:
    assert render_page(page_of(("plain",))) == _plain_page()


def test_render_page_names_each_thing_once() -> None:
    names = re.findall(r' id="([^"]*)"', render_page(page_of(("a", "a"))))
    assert len(names) == len(set(names)) > 20


def test_render_page_says_in_words_what_pictures_show() -> None:
    elements = Elements(_plain_page())
    images = [attributes for tag, attributes in elements.tags if tag == "img"]
    charts = [attributes for _, attributes in elements.tags if attributes.get("role") == "img"]
    inputs = [a for tag, a in elements.tags if tag == "input" and a.get("type") == "range"]
    assert len(images) == 4 and all(image["alt"] for image in images)
    assert len(charts) == 5 and all(len(chart["aria-label"] or "") > 10 for chart in charts)
    assert all(slider["aria-label"] for slider in inputs) and inputs


def test_fitting_keeps_marked_rows_and_an_even_choice() -> None:
    columns = Column("name", "name"), Column("marks", "marks")
    rows = tuple(Row((f"photo {n:05}", "doubtful" if n % 1000 == 7 else "")) for n in range(10_000))
    table = fitting(Table("t", columns, rows), rows=20_000)
    names = [str(row.cells[0]) for row in table.rows]
    assert names == sorted(names) and 300 < len(names) < 2000
    assert sum(bool(row.cells[1]) for row in table.rows) == 10
    plain = [int(name[-5:]) for name in names]
    assert max(b - a for a, b in pairwise(plain)) < 50
    assert f"{len(names)} of 10000 rows" in table.note


def test_fitting_draws_no_more_pictures_than_there_is_room_for() -> None:
    rows = tuple(Row((f"{n}", "")) for n in range(100))
    columns = Column("name", "name"), Column("marks", "marks")
    drawn: list[int] = []

    def draw(number: int) -> bytes:
        drawn.append(number)
        return bytes(300)

    table = fitting(Table("t", columns, rows), pictures=4000, picture_of=draw)
    assert len(table.rows) == 100 and sum(bool(row.png) for row in table.rows) == 10
    assert len(drawn) == 11 and "10 of 100 with their picture" in table.note


@pytest.mark.parametrize("most", [0, 1, 2, 7, 20])
def test_even_choice_holds_both_ends(most: int) -> None:
    chosen = even_choice(range(10), most)
    assert len(chosen) == min(most, 10)
    if most >= 2:
        assert chosen[0] == 0 and chosen[-1] == 9


def test_lines_leave_gaps_and_thin_long_ones() -> None:
    steps = list(range(100_000))
    chart = lines("loss", {"pixel": Line(steps, [float("nan"), *steps[1:]])}, below="step")
    assert len(chart.svg) < 100_000 and "nan" not in chart.svg.lower()
    assert "between 1 and 1e+05" in chart.alt


def test_points_of_many_stay_small() -> None:
    many = [n / 7 for n in range(20_000)]
    chart = points("p", {"a": (many, many), "b": (many, many)}, below="x", beside="y")
    assert len(chart.svg) < 300_000 and "20000 points of a" in chart.alt


def test_charts_take_their_colours_from_the_page() -> None:
    chart = bars("b", [("a", 1)])
    assert "var(--c1)" in chart.svg and "#01" not in chart.svg and "<style" not in chart.svg


def test_a_page_of_ten_thousand_kernels_is_less_than_ten_megabytes() -> None:
    name = "a folder with a long name/photo number {:05} of many – ü.jpeg"
    columns = (
        Column("photo", "name"),
        *(Column(f"figure {n}", "number") for n in range(5)),
        Column("marks", "marks"),
        Column("id"),
    )
    rows = tuple(
        Row((name.format(n), *[n / 7] * 5, "doubtful" if n % 9 == 0 else "", f"{n:012x}"))
        for n in range(10_000)
    )
    table = fitting(Table("All", columns, rows, pictures="kernel"), picture_of=lambda n: bytes(700))
    assert len(table.rows) == 10_000 and 3000 < sum(bool(row.png) for row in table.rows) < 10_000
    assert all(row.png for row in table.rows if row.cells[6])
    page = Page("kernels", (), (Section("Kernels", (table,)),))
    assert len(render_page(page).encode()) < 10_000_000

"""Raters with a real browser: Chromium without a window."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from degrade.studies import Votes
from tests.browser import Tab, open_tab
from tests.pipelines.study.conftest import make
from tests.pipelines.study.raters import Served, serve, write_results
from tests.ports import kept_port

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

READY = "document.getElementById('wait')?.hidden === true"
THANKS = "document.getElementById('thanks')?.hidden === false"
SCALED = "document.querySelector('.pane img.shown')"
SHOWN = f"{SCALED}.src"


@pytest.fixture(scope="module")
def browsers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Tab, Tab]]:
    """Two browsers, which share no cookies."""
    one, other = (tmp_path_factory.mktemp("profile") for _ in range(2))
    with open_tab(one) as first, open_tab(other) as second:
        yield first, second


@pytest.fixture
def tab(browsers: tuple[Tab, Tab]) -> Tab:
    browsers[0].forget()
    return browsers[0]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    root = write_results(tmp_path, 3, size=(96, 128))
    study = make(root, "pairs", reference=root / "HR", lr=root / "LR", check_every=0)
    with serve(study) as server:
        yield server


def begin(tab: Tab, server: Served, **window: int | bool) -> None:
    tab.open(server.address, **window)  # type: ignore[arg-type]
    tab.click("button.main")
    tab.wait_until(READY)


def where(tab: Tab) -> str:
    text: str = tab.run("document.getElementById('where').textContent")
    return text


def answer(tab: Tab, *values: int) -> None:
    for number, value in enumerate(values):
        tab.click(f"label:has([name=q{number}][value='{value}']) span")


def on_to(tab: Tab, text: str) -> None:
    tab.wait_until(
        f"{READY} && document.getElementById('where').textContent === {json.dumps(text)}"
    )


def all_answers(study: Path) -> list[tuple[int, int, int, int]]:
    with Votes(study / "votes.db") as votes:
        return [(v.rater, v.number, v.question, v.answer) for v in votes.all_votes()]


def test_a_rater_judges_with_mouse_and_keys(tab: Tab, served: Served, tmp_path: Path) -> None:
    begin(tab, served)
    assert where(tab) == "1 of 3" and tab.run("document.querySelectorAll('.pane').length") == 2
    assert tab.run("document.getElementById('next').disabled")
    answer(tab, 1, 0)
    tab.click("#next")
    on_to(tab, "2 of 3")
    for key, code in (("ArrowRight", 39), ("ArrowDown", 40), ("Enter", 13)):
        tab.key(key, code)
    on_to(tab, "3 of 3")
    tab.key("Backspace", 8)
    on_to(tab, "2 of 3")
    assert tab.run("[...document.querySelectorAll('input:checked')].map(i => i.value)") == [
        "2",
        "0",
    ], "what was answered is shown"
    answer(tab, 1)
    tab.key("Enter", 13)
    on_to(tab, "3 of 3")
    tab.key("ArrowLeft", 37)
    tab.key("ArrowLeft", 37)
    tab.key("Enter", 13)
    tab.wait_until(THANKS)
    assert tab.told == []
    assert all(url.startswith(served.address) for url in tab.requests)
    found = [
        (number, question, value) for _, number, question, value in all_answers(tmp_path / "pairs")
    ]
    assert found == [(1, 0, 1), (1, 1, 0), (2, 0, 1), (2, 1, 0), (3, 0, 1), (3, 1, 1)]


def test_images_swap_in_place_and_both_must_be_seen(tab: Tab, served: Served) -> None:
    begin(tab, served, width=800)
    assert tab.run("document.querySelectorAll('.pane').length") == 1
    first = tab.run(SHOWN)
    answer(tab, 1, 1)
    assert tab.run("document.getElementById('next').disabled"), "B was not seen"
    tab.key(" ", 32, " ")
    second = tab.run(SHOWN)
    assert second != first and not tab.run("document.getElementById('next').disabled")
    tab.click("#stage")
    assert tab.run(SHOWN) == first
    label = "document.querySelector('.pane figcaption').textContent"
    assert tab.run(label) == "A"
    tab.click("#slots button:nth-child(3)")
    assert tab.run(label) == "Input" and tab.run(SHOWN) not in (first, second)


def test_zoom_and_pan_are_in_step(tab: Tab, served: Served) -> None:
    begin(tab, served)
    moves = "[...document.querySelectorAll('.pane img.shown')].map(i => i.style.transform)"
    before = tab.run(moves)
    for _ in range(8):
        tab.key("+", 187, "+")
    zoomed = tab.run(moves)
    assert zoomed[0] == zoomed[1] != before[0]
    tab.drag("#stage", (200, 300), (120, 250))
    moved = tab.run(moves)
    assert moved[0] == moved[1] != zoomed[0]
    assert tab.run("document.querySelectorAll('.pane').length") == 2, "a drag is no tap"
    tab.key("0", 48, "0")
    assert tab.run(moves) == before


def test_a_phone_fits_all_and_takes_touches(tab: Tab, served: Served) -> None:
    begin(tab, served, width=360, height=740)
    wide = "document.documentElement.scrollWidth"
    assert tab.run(wide) == 360
    bottom = tab.run("document.getElementById('next').getBoundingClientRect().bottom")
    assert bottom <= 740, "nobody has to scroll to vote"
    small = tab.run(
        "[...document.querySelectorAll('button, .choices span')].filter(e => e.offsetParent)"
        ".map(e => e.getBoundingClientRect()).filter(b => b.width < 36 || b.height < 36).length"
    )
    assert small == 0, "fingers are wide"
    cut = (
        "[...document.querySelectorAll('button')].filter(b => b.scrollWidth > b.clientWidth).length"
    )
    assert tab.run(cut) == 0
    first = tab.run(SHOWN)
    tab.touch([(180, 300)])
    tab.wait_until(f"{SHOWN} !== {json.dumps(first)}")
    scale = f"Number({SCALED}.style.transform.match(/scale\\((.*)\\)/)[1])"
    before, second = tab.run(scale), tab.run(SHOWN)
    tab.touch([(150, 300), (210, 300)], [(130, 300), (230, 300)], [(90, 300), (270, 300)])
    assert abs(tab.run(scale) / before - 3) < 0.1, "fingers that are three times as far apart"
    assert tab.run(SHOWN) == second, "two fingers are no tap"
    answer(tab, 2, 2)
    tab.click("#next")
    on_to(tab, "2 of 3")
    assert tab.told == []
    begin_again = f"{tab.run('location.href')}"
    tab.open(begin_again, width=740, height=360)
    tab.wait_until(READY)
    assert tab.run("document.getElementById('next').getBoundingClientRect().bottom") <= 360
    tab.open(begin_again, width=360, height=740, dark=True)
    tab.wait_until(READY)
    assert tab.run("getComputedStyle(document.body).backgroundColor") == "rgb(22, 25, 29)"


def test_everything_has_a_name_for_who_does_not_see_it(tab: Tab, served: Served) -> None:
    begin(tab, served)
    alternatives = tab.run("[...document.images].map(i => i.alt)")
    assert alternatives and all(alternatives) and len(set(alternatives)) >= 3
    unnamed = tab.run(
        "[...document.querySelectorAll('button')]"
        ".filter(b => !b.textContent.trim() && !b.ariaLabel).length"
    )
    assert unnamed == 0
    assert tab.run("document.documentElement.lang") == "en"
    assert tab.run(
        "[...document.querySelectorAll('fieldset')].every(f => f.querySelector('legend'))"
    )


@pytest.fixture
def port() -> Iterator[int]:
    """One that a server has, and the next one has again."""
    with kept_port() as port:
        yield port


def test_two_raters_at_once_and_a_server_that_is_killed(
    browsers: tuple[Tab, Tab], tmp_path: Path, port: int
) -> None:
    root = write_results(tmp_path, 4)
    study = make(root, "mos", check_every=0)
    for tab in browsers:
        tab.forget()
    with serve(study, "--port", str(port)) as server:
        for tab in browsers:
            begin(tab, server)
        for number in (1, 2):
            for score, tab in zip("24", browsers, strict=True):
                tab.key(score, ord(score), score)
                tab.key("Enter", 13)
                on_to(tab, f"{number + 1} of 8")
        assert [tab.told for tab in browsers] == [[], []]
        server.kill()
    one = browsers[0]
    one.key("5", 53, "5")
    one.key("Enter", 13)
    one.wait_until("!document.getElementById('fault').hidden")
    assert "Nothing is lost" in one.run("document.getElementById('fault').textContent")
    assert all_answers(study) == [(r, n, 0, (2, 4)[r]) for r in (0, 1) for n in (1, 2)]
    with serve(study, "--port", str(port)) as server:
        assert server.port == port
        one.click("#fault button")
        on_to(one, "4 of 8")
        other = browsers[1]
        other.open(server.address)
        on_to(other, "3 of 8")
    assert all_answers(study)[2] == (0, 3, 0, 5)


def test_an_answer_that_is_changed_after_a_lost_reply_counts(tab: Tab, tmp_path: Path) -> None:
    root = write_results(tmp_path, 2)
    study = make(root, "mos", check_every=0)
    with serve(study) as server:
        begin(tab, server)
        tab.run(
            "{ const real = window.fetch; window.fetch = async (...asked) => {"
            "window.fetch = real; await real(...asked); throw new TypeError(); }; 1 }"
        )
        tab.key("2", 50, "2")
        tab.key("Enter", 13)
        tab.wait_until("!document.getElementById('fault').hidden")
        assert all_answers(study) == [(0, 1, 0, 2)]
        tab.key("5", 53, "5")
        tab.key("Enter", 13)
        on_to(tab, "2 of 4")
    assert all_answers(study) == [(0, 1, 0, 5)]
    with sqlite3.connect(study / "votes.db") as file:
        keys = [key for (key,) in file.execute("SELECT key FROM votes ORDER BY id")]
    assert len(set(keys)) == 2 and all(key.isalnum() for key in keys), "the browser made both"


def test_scores_by_keys_with_the_reference_beside(tab: Tab, tmp_path: Path) -> None:
    root = write_results(tmp_path, 2)
    study = make(root, "mos", reference=root / "HR", show_reference=True, check_every=0)
    with serve(study) as server:
        tab.open(server.address)
        assert tab.run("document.images.length") == 0, "no checks, so no examples"
        tab.click("button.main")
        tab.wait_until(READY)
        first = tab.run(SHOWN)
        tab.key(" ", 32, " ")
        assert tab.run("document.querySelector('.pane figcaption').textContent") == "Reference"
        tab.key(" ", 32, " ")
        assert tab.run(SHOWN) == first
        tab.key("ArrowRight", 39)
        assert tab.run("document.querySelector('input:checked').value") == "4"
        tab.key("1", 49, "1")
        tab.key("Enter", 13)
        on_to(tab, "2 of 4")
        assert tab.told == []
    assert all_answers(study) == [(0, 1, 0, 1)]


def test_examples_show_what_scores_mean(tab: Tab, tmp_path: Path) -> None:
    root = write_results(tmp_path, 2)
    with serve(make(root, "mos", reference=root / "HR")) as server:
        tab.open(server.address)
        tab.wait_until("[...document.images].every(i => i.complete && i.naturalWidth)")
        assert tab.run("[...document.images].map(i => i.alt)") == [
            "An example of an image that is 1, bad",
            "An example of an image that is 5, excellent",
        ]
        assert tab.told == []

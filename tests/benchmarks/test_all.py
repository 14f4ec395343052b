from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from benchmarks import all as everything
from benchmarks.all import Found, main, table_of
from benchmarks.listed import (
    BENCHMARKS,
    CLEAN,
    KEPT,
    PHOTOS,
    PLACES,
    ROOT,
    SHARED,
    Benchmark,
    Figure,
)
from benchmarks.parts import write_json
from degrade.images.image_io import write_png

BY_HAND = {"all", "chain", "peers", "peer_process", "beside_realsr"}
"""What it leaves out: its text says why."""


def test_all_knows_every_benchmark() -> None:
    there = {
        path.parent.name if path.stem == "__main__" else path.stem
        for path in (ROOT / "benchmarks").rglob("*.py")
        if '__name__ == "__main__"' in path.read_text() or path.stem == "__main__"
    }
    assert {benchmark.name for benchmark in BENCHMARKS} == there - BY_HAND


def test_documented_figures_stand_in_the_documentation() -> None:
    docs = ROOT / "docs"
    pages = (docs / "benchmarks.md", *sorted((docs / "benchmarks").glob("*.md")))
    text = "".join(page.read_text() for page in pages)
    for benchmark in BENCHMARKS:
        for figure in benchmark.figures:
            known = figure.documented
            assert known == "–" or known in text, f"{benchmark.name}: {figure.name}"


def test_the_documentation_counts_them() -> None:
    text = (ROOT / "docs" / "benchmarks.md").read_text()
    short = [each.minutes for each in BENCHMARKS if not each.is_long]
    total = sum(each.minutes for each in BENCHMARKS)
    assert f"are short ({len(short)}, about {sum(short):.0f} minutes)" in text
    assert f"runs the other {len(BENCHMARKS) - len(short)}, too" in text
    assert f"counts {total:.0f} minutes" in text


def test_main_goes_on_when_one_fails(
    tmp_path: Path, rng: np.random.Generator, capsys: pytest.CaptureFixture[str]
) -> None:
    photo, broken = tmp_path / "photo.png", tmp_path / "broken.png"
    write_png(photo, rng.integers(0, 256, (300, 400, 3), np.uint8))
    broken.write_bytes(b"no photo")
    words = ["--only", "measuring_cost", "noise_extraction", "--out", str(tmp_path / "out")]
    assert main([str(photo), str(broken), *words]) == 1
    shown = capsys.readouterr().out
    assert "noise_extraction: failed: " in shown and "broken.png" in shown
    figures = json.loads((tmp_path / "out" / "figures.json").read_text())["benchmarks"]
    found = {each["name"]: each for each in figures}
    # The first photo alone is measured.
    assert found["measuring_cost"]["trouble"] == ""
    assert found["measuring_cost"]["figures"][0]["value"] > 0
    assert "| photo.png |" in (tmp_path / "out" / "measuring_cost.txt").read_text()


def test_run_skips_with_a_word_what_lacks_its_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PLACES, SHARED, ROOT.parent / "not there")
    without_data = Benchmark("kernels", ("--shared", SHARED), (Figure("dB", "(x)", "–", "1"),))
    without_photos = Benchmark("pair_building", (PHOTOS,), ())
    for benchmark, word in ((without_data, "../not there"), (without_photos, "name some")):
        found = everything.run(benchmark, [], tmp_path / "log.txt", 10)
        assert found.trouble.startswith("skipped: ") and word in found.trouble
        assert found.values == (None,) * len(benchmark.figures)


def test_run_stops_what_takes_too_long(tmp_path: Path) -> None:
    benchmark = Benchmark("kernelgan_speed", ("--iterations", "1000000"), ())
    found = everything.run(benchmark, [], tmp_path / "log.txt", 0.5)
    assert found.trouble.startswith("stopped after") and found.seconds < 120


def test_main_goes_on_where_it_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    figure = Figure("n", r"n (\d+)", "–", "–")
    listed = [Benchmark(name, (), (figure,)) for name in ("one", "two", "three")]
    monkeypatch.setattr(everything, "BENCHMARKS", listed)
    ran: list[str] = []
    broken = {"two"}

    def run(benchmark: Benchmark, _photos: object, log: Path, _limit: float) -> Found:
        ran.append(benchmark.name)
        if benchmark.name == "three" and broken:
            raise KeyboardInterrupt
        log.write_text("n 7")
        return Found(benchmark, (7.0,), 1.0, "failed" if benchmark.name in broken else "")

    monkeypatch.setattr(everything, "run", run)
    words = ["--out", str(tmp_path)]
    with pytest.raises(KeyboardInterrupt):
        main(words)
    broken.clear()
    assert main([*words, "--go-on"]) == 0
    assert ran == ["one", "two", "three", "two", "three"]
    assert "one (done before)" in capsys.readouterr().out
    listed[0] = Benchmark("one", ("--other",), (figure,))
    main([*words, "--go-on"])
    assert ran[5:] == ["one"]  # what was done was something else


@pytest.mark.parametrize("change", ["content", "one more", "another name", "nothing"])
def test_main_goes_on_with_what_is_of_the_same_folders(
    change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own folder is none of them, nor one that is called as a word of the command."""
    place, out = tmp_path / "hr", tmp_path / "out"
    (place / "deep").mkdir(parents=True)
    (place / "deep" / "a.png").write_bytes(b"a photo")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(PLACES, CLEAN, place)
    words = (CLEAN, "--sets", "out", "--out", KEPT)
    listed = [Benchmark("one", words, (Figure("n", r"n (\d+)", "–", "–"),))]
    monkeypatch.setattr(everything, "BENCHMARKS", listed)
    ran: list[object] = []

    def run(benchmark: Benchmark, photos: object, log: Path, _limit: float) -> Found:
        ran.append(photos)
        log.write_text("n 7")
        (out / "one").mkdir(exist_ok=True)
        (out / "one" / "more.txt").write_text("to go on with")
        return Found(benchmark, (7.0,), 1.0)

    monkeypatch.setattr(everything, "run", run)
    main(["--out", str(out)])
    if change == "content":
        (place / "deep" / "a.png").write_bytes(b"another")  # as long
        os.utime(place / "deep" / "a.png", (0, 0))
    elif change == "one more":
        (place / "b.png").write_bytes(b"a photo")
    elif change == "another name":
        (place / "deep" / "a.png").rename(place / "deep" / "b.png")
    main(["--out", str(out), "--go-on"])
    assert len(ran) == (1 if change == "nothing" else 2)


@pytest.mark.parametrize("change", ["photo", "content", "older figures", "no log", "nothing"])
def test_main_goes_on_with_what_is_of_the_same_photos(
    change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = [Benchmark("one", (PHOTOS,), (Figure("n", r"n (\d+)", "–", "–"),))]
    monkeypatch.setattr(everything, "BENCHMARKS", listed)
    ran: list[object] = []

    def run(benchmark: Benchmark, photos: object, log: Path, _limit: float) -> Found:
        ran.append(photos)
        log.write_text("n 7")
        return Found(benchmark, (7.0,), 1.0)

    monkeypatch.setattr(everything, "run", run)
    words = ["--out", str(tmp_path)]
    first, second = tmp_path / "a.png", tmp_path / "b.png"
    for photo in (first, second):
        photo.write_bytes(b"a photo")
    main([str(first), *words])
    figures = tmp_path / "figures.json"
    if change == "older figures":
        write_json(figures, {"benchmarks": [{"name": "one", "trouble": ""}, {}]})
    elif change == "no log":
        (tmp_path / "one.txt").unlink()
    elif change == "content":
        first.write_bytes(b"another")  # as long
        os.utime(first, (0, 0))
    main([str(second if change == "photo" else first), *words, "--go-on"])
    assert len(ran) == (1 if change == "nothing" else 2)


def test_table_of_puts_figures_beside_what_is_wanted() -> None:
    benchmark = Benchmark("one", (), (Figure("ratio", r"is ([\d.]+)", "30", "| 26 ("),))
    found = [
        Found(benchmark, everything.read_figures(benchmark, "it is 20\nit is 22\n"), 1.0),
        Found(benchmark, (None,), 0.0, "skipped: no data"),
    ]
    *_, first, second, last = table_of(found).splitlines()
    assert first.split() == ["one", "ratio", "21", "30", "26"]
    assert second.split() == ["one", "ratio", "–", "30", "26"]
    assert last == "one: skipped: no data"

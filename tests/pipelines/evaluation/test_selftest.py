"""A table of what to expect, the same with any number of workers, and a picture."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from degrade.arrays import round_to_u8
from degrade.images.image_io import read_photo, write_png
from pipelines.cli import main
from tests.degrade.audit.scenes import make_scene

WORDS = ("selftest", "--scale", "2")


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(main, list(map(str, words)))


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clean")
    for number in range(2):
        write_png(folder / f"{number}.png", round_to_u8(make_scene(f"self {number}", 200)))
    return folder


def test_it_tells_what_to_expect_and_draws_it(photos: Path, tmp_path: Path) -> None:
    report, sheet, table = (tmp_path / name for name in ("r.json", "s.png", "s.csv"))
    words = (*WORDS, photos / "0.png", photos / "1.png", "--jobs", "1", "--sheet", sheet)
    words += ("--csv", table)
    found = run("--report", report, *words)
    assert found.exit_code == 0, found.output
    facts = json.loads(report.read_text())["facts"]
    rows = {(f["of"], f["plant"]): f for f in facts if f["kind"] == "expectation"}
    assert rows["JPEG", "quality 75"]["right"] == 1
    assert abs(rows["kernel", "Gaussian σ 0.9"]["typical"]) < 0.3
    assert {f["of"] for f in facts if f["kind"] == "verdict"} == {
        "kernel",
        "noise",
        "JPEG",
        "enlargement",
    }
    assert "2 photos tell little: give 8 or more" in found.output
    pixels = read_photo(sheet).pixels
    assert min(pixels.shape[:2]) > 500 and pixels.std() > 10
    with table.open(newline="") as file:
        trials = list(csv.DictReader(file))
    assert len(trials) == 2 * len(rows) and {each["photo"] for each in trials} == {"0.png", "1.png"}
    for (kind, plant), row in rows.items():
        of_it = [one for one in trials if (one["kind"], one["planted"]) == (kind, plant)]
        assert np.mean([one["outcome"] == "right" for one in of_it]) == row["right"]
        errors = [float(one["error"]) for one in of_it if one["error"]]
        assert row["typical"] == (pytest.approx(np.median(errors)) if errors else None)


def test_a_file_of_others_in_the_way_of_the_table_is_kept(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("mine")
    found = run(*WORDS, photos, "--csv", tmp_path / "mine.csv")
    assert found.exit_code == 1 and "mine.csv" in found.output and "--overwrite" in found.output
    assert (tmp_path / "mine.csv").read_text() == "mine"


@pytest.mark.slow
def test_figures_do_not_depend_on_the_number_of_workers(photos: Path) -> None:
    one, two = (run(*WORDS, photos, "--jobs", jobs).stdout.splitlines()[1:] for jobs in "12")
    assert one == two and len(one) > 10


def test_photos_that_cannot_be_used_are_named(photos: Path, tmp_path: Path) -> None:
    write_png(tmp_path / "small.png", np.zeros((100, 300, 3), np.uint8))
    found = run("selftest", tmp_path / "small.png")
    assert found.exit_code == 1 and "less than the 384 a side needed" in found.output
    assert run("selftest", tmp_path / "nowhere").exit_code == 1

"""``degrade study make``."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from degrade.images.image_io import read_photo, write_png
from degrade.opinions import plan_trials
from degrade.studies import VOTES_NAME, Votes, picture_path, read_definition
from pipelines.cli import main
from tests.pipelines.study.raters import write_results


def run(*words: str | Path | int) -> Result:
    return CliRunner().invoke(main, list(map(str, words)))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_results(tmp_path)


def make(root: Path, kind: str, *words: str | Path | int, study: str = "study") -> Result:
    methods = "--results", f"soft={root / 'soft'}", "--results", f"noisy={root / 'noisy'}"
    return run("study", "make", root / study, "--kind", kind, *methods, *words)


def test_make_matches_results_by_name_and_keeps_their_pixels(root: Path) -> None:
    found = make(root, "pairs", "--lr", root / "LR", "--reference", root / "HR")
    assert found.exit_code == 0, found.output
    definition = read_definition(root / "study")
    assert definition.methods == ("soft", "noisy") and len(definition.images) == 6
    for number, image in enumerate(definition.images):
        for folder, name, sha256 in (
            ("soft", f"{number:04}x4.png", image.results[0]),
            ("noisy", f"{number:04}.png", image.results[1]),
            ("HR", f"{number:04}.png", image.reference),
        ):
            assert sha256 is not None
            shown = read_photo(picture_path(root / "study", sha256)).pixels
            assert np.array_equal(shown, read_photo(root / folder / name).pixels)
        assert image.lr is not None and image.decoy is not None
        enlarged = read_photo(picture_path(root / "study", image.lr)).pixels
        assert enlarged.shape == (image.height, image.width, 3)


def test_names_that_are_no_text_are_judged_like_others(root: Path) -> None:
    """Linux lets names be any bytes; a study's file is JSON, and what is told is text."""
    for folder in ("soft", "noisy"):
        first = min((root / folder).iterdir())
        first.rename(os.fsdecode(os.fsencode(root / folder) + b"/\xff\n.png"))
    found = make(root, "pairs")
    assert found.exit_code == 0, found.output
    definition = read_definition(root / "study")
    assert any("\udcff" in image.name for image in definition.images)
    with Votes(root / "study" / VOTES_NAME) as votes:
        trials = plan_trials(definition.design, 0)
        votes.begin("one", lambda _: trials, most=9)
        for number in range(1, len(trials) + 1):
            votes.vote(0, number, {0: 1, 1: 2}, key=f"{number}", seconds=1.0)
    for words in (
        ("study", "results", root / "study", "--csv", root / "v.csv"),
        ("report", root / "study", "-o", root / "page.html"),
    ):
        told = run(*words)
        assert told.exit_code == 0, told.output
    assert "\\udcff\\n" in (root / "v.csv").read_text()


def test_make_judges_the_reference_where_it_is_not_shown(root: Path) -> None:
    make(root, "mos", "--reference", root / "HR")
    hidden = read_definition(root / "study")
    assert hidden.methods == ("soft", "noisy", "reference")
    assert all(image.results[2] == image.reference for image in hidden.images)
    make(root, "mos", "--reference", root / "HR", "--show-reference", study="shown")
    shown = read_definition(root / "shown")
    assert shown.methods == ("soft", "noisy") and shown.shows_reference


def test_make_again_changes_nothing_and_otherwise_refuses(root: Path) -> None:
    make(root, "pairs")
    before = {p: p.read_bytes() for p in (root / "study").rglob("*") if p.is_file()}
    again = make(root, "pairs")
    assert again.exit_code == 0 and "6 already there" in again.output
    other = make(root, "pairs", "--seed", 1)
    assert other.exit_code == 1 and "of other files or settings" in other.output
    write_png(root / "noisy" / "0001.png", np.zeros((48, 64, 3), np.uint8))
    assert make(root, "pairs").exit_code == 1
    assert {p: p.read_bytes() for p in (root / "study").rglob("*") if p.is_file()} == before


def test_make_gives_the_same_study_with_workers(root: Path) -> None:
    make(root, "mos", study="one")
    make(root, "mos", "--jobs", 2, study="two")
    assert (root / "one/study.json").read_bytes() == (root / "two/study.json").read_bytes()


def test_make_rejects_what_does_not_fit_and_goes_on(root: Path) -> None:
    (root / "soft" / "0000x4.png").unlink()
    write_png(root / "noisy" / "0001.png", np.zeros((48, 60, 3), np.uint8))
    broken = root / "soft" / "0002x4.png"
    broken.write_bytes(broken.read_bytes()[:-40])
    write_png(root / "soft" / "0003.png", np.zeros((48, 64, 3), np.uint8))
    write_png(root / "LR" / "0004x4.png", np.zeros((12, 12, 3), np.uint8))
    found = make(root, "pairs", "--lr", root / "LR")
    assert found.exit_code == 3, found.output
    lines = [line for line in found.output.splitlines() if "rejected" in line]
    assert any("noisy/0000.png" in line and "soft has no such image" in line for line in lines)
    assert any("60×48 pixels, and" in line and "0001" in line for line in lines)
    assert any("soft/0002x4.png" in line and "cut short" in line for line in lines)
    assert any("0004x4.png: 12×12 pixels cannot be enlarged to 64×48" in line for line in lines)
    names = [image.name for image in read_definition(root / "study").images]
    assert names == ["0005"]
    assert sum("0003" in line and "has the same name" in line for line in lines) == 2


def test_make_refuses_folders_without_a_common_image(root: Path) -> None:
    for path in (root / "noisy").iterdir():
        path.rename(path.with_stem(f"other{path.stem}"))
    found = make(root, "pairs")
    assert found.exit_code == 1 and "no image is in all of" in found.output
    assert not (root / "study").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--kind", "pairs", "--results", "a=soft"), "needs the --results of 2 methods"),
        (("--kind", "mos", "--results", "soft"), "NAME=DIR"),
        (("--kind", "mos", "--results", "a=soft", "--results", "a=noisy"), "named a"),
        (("--kind", "mos", "--results", "Reference=soft"), "other than 'reference'"),
        (("--kind", "mos", "--results", "a=soft", "--show-reference"), "needs a --reference"),
        (("--kind", "mos", "--results", "a=soft", "--question", " "), "letters"),
        (("--kind", "mos", "--results", "a=nowhere"), "does not exist"),
    ],
)
def test_make_refuses_settings_in_one_line(
    root: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(root)
    found = run("study", "make", "study", *words)
    assert found.exit_code in (1, 2) and said in found.output
    assert not Path("study").exists()


def test_make_takes_one_folder_for_scores(root: Path) -> None:
    found = run("study", "make", root / "study", "--kind", "mos", "--results", f"a={root / 'soft'}")
    assert found.exit_code == 0 and "1 method of 6 images" in found.output


def test_make_asks_own_questions(root: Path) -> None:
    make(root, "pairs", "--question", "Which is sharper?")
    assert read_definition(root / "study").questions == ("Which is sharper?",)


def test_make_leaves_a_folder_of_something_else_alone(root: Path) -> None:
    (root / "study").mkdir()
    (root / "study" / "pool.json").write_text("{}")
    found = make(root, "pairs")
    assert found.exit_code == 1 and "holds a degradation pool" in found.output


def test_a_study_among_results_is_passed_over(root: Path) -> None:
    make(root, "pairs", study="soft/study")
    found = make(root, "pairs")
    assert found.exit_code == 0, found.output
    assert len(read_definition(root / "study").images) == 6


def test_make_tells_how_long_it_takes(root: Path) -> None:
    report = root / "report.json"
    methods = "--results", f"a={root / 'soft'}", "--results", f"b={root / 'noisy'}"
    words = "study", "make", root / "s", "--kind", "mos", *methods, "--per-rater", 5
    assert run("--report", report, *words).exit_code == 0
    (fact,) = (f for f in json.loads(report.read_text())["facts"] if f["kind"] == "study")
    assert fact["trials"] == 5 and fact["checks"] == 2 and fact["methods"] == ["a", "b"]

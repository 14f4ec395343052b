"""Two folders of photos: what was done to one is named, and what cannot be compared is said."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from degrade.arrays import U8Array
from degrade.images.image_io import read_photo, write_png
from pipelines.cli import main
from pipelines.matching.diff import tell_cameras
from pipelines.matching.photo_sets import MeasuredSet
from pipelines.shared.job import Job
from tests.degrade.audit.scenes import make_photo, plant


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(main, list(map(str, words)))


def write_set(folder: Path, names: range, change: Callable[[U8Array, str], U8Array]) -> Path:
    for number in names:
        name = f"{number:03}"
        write_png(folder / f"{name}.png", change(make_photo(name), name))
    return folder


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_set(tmp_path_factory.mktemp("originals"), range(14), lambda photo, _: photo)


def test_diff_names_what_was_done_and_draws_it(originals: Path, tmp_path: Path) -> None:
    noisy = write_set(
        tmp_path / "noisy", range(14), lambda photo, name: plant(photo, "more noise", name)
    )
    report, sheet = tmp_path / "report.json", tmp_path / "sheet.png"
    found = run("--report", report, "diff", originals, noisy, "--sheet", sheet)
    assert found.exit_code == 0, found.output
    assert "told apart: AUC" in found.output and "noisy: more noise, ×" in found.output
    facts = json.loads(report.read_text())["facts"]
    verdict = next(fact for fact in facts if fact["kind"] == "verdict")
    assert verdict["told_apart"] is True and verdict["matched"] == 14
    assert "more noise" in [fact["name"] for fact in facts if fact["kind"] == "difference"]
    pixels = read_photo(sheet).pixels
    assert min(pixels.shape[:2]) > 400 and pixels.std() > 10
    assert run("diff", originals, noisy).stdout.splitlines()[1:] == found.stdout.splitlines()[1:]
    sheet.write_bytes(b"somebody's own")
    assert run("diff", originals, noisy, "--sheet", sheet).exit_code == 1
    assert sheet.read_bytes() == b"somebody's own"


def test_diff_says_that_there_are_too_few_photos(originals: Path, tmp_path: Path) -> None:
    few = write_set(tmp_path / "few", range(20, 24), lambda photo, _: photo)
    found = run("diff", originals, few)
    assert found.exit_code == 0 and "too few photos for a verdict" in found.output


def test_diff_refuses_one_photo_and_the_same_folder(originals: Path, tmp_path: Path) -> None:
    one = write_set(tmp_path / "one", range(1), lambda photo, _: 255 - photo)
    found = run("diff", originals, one)
    assert found.exit_code == 1 and "one photo that can be used is no set" in found.output
    shutil.copytree(originals, tmp_path / "copy")
    for other in (originals, tmp_path / "copy"):
        found = run("diff", originals, other)
        assert found.exit_code == 1 and "nothing to compare" in found.output
    assert run("diff", originals, tmp_path / "nowhere").exit_code == 1
    (tmp_path / "empty").mkdir()
    assert "no photo in" in run("diff", originals, tmp_path / "empty").output


def test_diff_goes_on_without_damaged_and_small_photos(originals: Path, tmp_path: Path) -> None:
    mixed = write_set(
        tmp_path / "mixed", range(13), lambda photo, name: plant(photo, "softer", name)
    )
    shutil.copy(mixed / "000.png", mixed / "copy.png")
    write_png(mixed / "small.png", np.zeros((20, 20, 3), np.uint8))
    whole = (mixed / "000.png").read_bytes()
    (mixed / "cut.png").write_bytes(whole[: len(whole) // 2])
    (mixed / "text.png").write_text("no photo")
    found = run("diff", originals, mixed)
    assert found.exit_code == 3 and "3 rejected" in found.output
    assert "mixed: softer" in found.output
    assert "with the very content of another, and passed over: 1 file" in found.output
    assert {"small.png", "cut.png", "text.png"} <= {
        word.rstrip(":").rsplit("/", 1)[-1] for word in found.output.split()
    }


def test_diff_leaves_out_what_both_have(originals: Path, tmp_path: Path) -> None:
    other = write_set(
        tmp_path / "other", range(12), lambda photo, name: plant(photo, "more noise", name)
    )
    shutil.copy(originals / "003.png", other / "again.png")
    found = run("diff", originals, other)
    assert "1 photo in both sets, byte for byte: left out" in found.output


@pytest.mark.parametrize(
    ("unnamed", "said"), [(0, "B (1); what"), (3, "B (1), and 3 photos of unknown cameras; what")]
)
def test_photos_that_name_no_camera_are_counted(unnamed: int, said: str) -> None:
    job = Job("diff", "photos")
    cameras = Counter({"A": 2, "B": 1, "unknown": unnamed})
    tell_cameras(job, "phone", MeasuredSet((), (), cameras))
    (fact,) = job.facts
    assert fact.words.startswith(f"phone: of 2 cameras, A (2), {said}")
    assert fact.values["unnamed"] == unnamed


def test_photos_that_show_nothing_alike_are_told_without_a_figure(
    originals: Path, tmp_path: Path
) -> None:
    flat = write_set(tmp_path / "flat", range(3), lambda photo, name: photo * 0 + int(name) * 90)
    found = run("diff", originals, flat)
    assert found.exit_code == 0, found.output
    assert "0 of each set show much the same; at least 10 are needed" in found.output
    assert "not known" not in found.output and "no difference" not in found.output


def test_photos_too_small_for_any_comparison_are_not_measured_by_the_windows_of_others(
    originals: Path, tmp_path: Path
) -> None:
    tiny = write_set(tmp_path / "tiny", range(3), lambda photo, _: photo[:40, :30])
    found = run("diff", originals, tiny)
    assert found.exit_code == 1
    assert "30×40 pixels are too few to compare: 64 a side at least; give larger" in found.stderr


def test_grey_photos_are_said_to_have_no_colours_to_compare(
    originals: Path, tmp_path: Path
) -> None:
    grey = write_set(tmp_path / "grey", range(14), lambda photo, _: photo[..., 1:2].repeat(3, 2))
    found = run("diff", originals, grey)
    assert "not compared: colour softness; fewer than two photos of each" in found.output

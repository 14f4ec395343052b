"""``degrade detect-artifacts`` as its users run it."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from degrade.images.image_io import read_photo, write_png
from pipelines.artifacts.detect import ArtifactsConfig, find_artifacts
from pipelines.artifacts.twins import Twins, find_twins
from tests.degrade.artifacts.results import make_results
from tests.pipelines.artifacts.detecting import SMALL, folders, run


def test_detect_artifacts_flags_ranks_and_draws(results: Path) -> None:
    found = run("--report", results / "report.json", *folders(results), *SMALL, "--maps")
    assert found.exit_code == 0, found.output
    assert "2 areas flagged in 1 of 3 images" in found.output
    rows = list(csv.DictReader((results / "out" / "artifacts.csv").open()))
    assert [row["image"] for row in rows] == ["1", "1"]
    assert float(rows[0]["visibility"]) > float(rows[1]["visibility"])
    assert abs(int(rows[0]["left"]) - 20) < 16 and abs(int(rows[1]["left"]) - 100) < 16
    facts = json.loads((results / "report.json").read_text())["facts"]
    areas = [fact for fact in facts if fact["kind"] == "area"]
    assert [area["rank"] for area in areas] == [1, 2]
    mask = cv2.imread(str(results / "out" / "masks" / "1.png"), cv2.IMREAD_UNCHANGED)
    assert mask.ndim == 2 and set(np.unique(mask)) == {0, 255}
    gan = read_photo(results / "gan" / "1.png").pixels
    overlay = read_photo(results / "out" / "overlays" / "1.png").pixels
    assert (overlay != gan).any(axis=2)[mask == 255].mean() > 0.9
    far = cv2.dilate(mask, np.ones((5, 5), np.uint8)) == 0
    assert np.array_equal(overlay[far], gan[far])
    similar = cv2.imread(str(results / "out/maps/1-similarity/1.png"), cv2.IMREAD_UNCHANGED)
    assert similar.shape == gan.shape[:2]


def test_detect_artifacts_judges_results_without_torch(results: Path) -> None:
    words = [str(word) for word in folders(results)]
    code = (
        "import sys; from pipelines.cli import main; "
        f"main({words!r}, standalone_mode=False); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_detect_artifacts_that_is_stopped_at_once_names_no_results(results: Path) -> None:
    class Stopped:
        def run(self, function: object, tasks: object) -> Any:
            raise KeyboardInterrupt

    sides = {side: results / side for side in ("mse", "gan", "out")}
    report = find_artifacts(ArtifactsConfig(**sides), executor=Stopped())
    assert report.interrupted is not None and report.facts == ()
    assert not (results / "out" / "artifacts.csv").exists()


def test_overlays_are_tinted_and_outlined_where_something_is_flagged(results: Path) -> None:
    assert run(*folders(results), *SMALL).exit_code == 0
    gan = read_photo(results / "gan" / "1.png").pixels.astype(np.float64)
    overlay = read_photo(results / "out" / "overlays" / "1.png").pixels
    flagged = read_photo(results / "out" / "masks" / "1.png").pixels[..., 0] == 255
    # An outline of 2 pixels lies on the last pixel of an area and one beside it.
    inside = cv2.erode(flagged.astype(np.uint8), np.ones((7, 7), np.uint8)) == 1
    assert inside.sum() > 1000
    mixed = 0.65 * gan[inside] + 0.35 * np.array([230, 30, 30])
    assert abs(overlay[inside] - mixed).max() < 0.51
    edge = flagged & (cv2.erode(flagged.astype(np.uint8), np.ones((3, 3), np.uint8)) == 0)
    assert (overlay[edge] == (230, 30, 30)).all()


def test_a_result_that_changes_meanwhile_is_rejected(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def scanned_before(*words: Any, **options: Any) -> list[Twins]:
        twins = find_twins(*words, **options)
        write_png(results / "gan" / "1.png", make_results("another")[1])
        return twins

    monkeypatch.setattr("pipelines.artifacts.detect.find_twins", scanned_before)
    found = run(*folders(results), *SMALL)
    assert "1.png: it changed while the run went on" in found.output
    assert not (results / "out" / "masks" / "1.png").exists()


def test_what_no_result_of_can_be_judged_is_an_error(results: Path) -> None:
    for number in range(3):
        write_png(results / "mse" / f"{number}.png", make_results("other")[0][:-2])
    found = run(*folders(results))
    assert found.exit_code == 1
    assert "no result can be judged, 3 images rejected: " in found.output
    assert "(and 2 more for this reason)" in found.output and "masks" not in found.output
    assert not (results / "out").exists()


def test_detect_artifacts_gives_the_same_bytes_with_workers_and_again(results: Path) -> None:
    def made() -> dict[str, bytes]:
        out = results / "out"
        return {str(p.relative_to(out)): p.read_bytes() for p in out.rglob("*.*") if p.is_file()}

    assert run(*folders(results), *SMALL).exit_code == 0
    first = made()
    assert run(*folders(results), *SMALL, "--jobs", 2).exit_code == 0
    assert {name: data for name, data in made().items() if name != ".degrade.jsonl"} == {
        name: data for name, data in first.items() if name != ".degrade.jsonl"
    }


def test_detect_artifacts_compares_with_marked_areas_and_leaves_them_alone(results: Path) -> None:
    before = {p: p.read_bytes() for p in (results / "truth").iterdir()}
    found = run(*folders(results), *SMALL, "--truth", results / "truth")
    assert "precision" in found.output and "recall 100.0%" in found.output
    assert {p: p.read_bytes() for p in (results / "truth").iterdir()} == before


def test_detect_artifacts_replaces_no_map_either(results: Path) -> None:
    mine = results / "out" / "maps" / "2-weighted" / "1.png"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine")
    found = run(*folders(results), *SMALL, "--maps")
    assert found.exit_code == 1 and mine.read_bytes() == b"mine"
    assert not (results / "out" / "masks").exists()


def test_detect_artifacts_calibrates_by_clean_results(results: Path) -> None:
    clean = results / "gan" / "0.png"
    found = run(*folders(results), *SMALL, "--clean", clean)
    assert "calibrated by 1 clean result" in found.output
    assert "flagged in 1 of 2 images" in found.output
    found = run(*folders(results), *SMALL, "--clean", results / "other.png")
    assert found.exit_code == 1 and "no result has its name" in found.output
    found = run(*folders(results), *SMALL, "--clean", results / "gan")
    assert found.exit_code == 1 and "nothing is left to judge" in found.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--labels", "a", "--clean", "b"), "give one"),
        (("--classes", "names.txt"), "--classes names what"),
    ],
)
def test_detect_artifacts_refuses_settings_that_do_not_fit(
    results: Path, words: tuple[str, ...], said: str
) -> None:
    found = run(*folders(results), *words)
    assert found.exit_code != 0 and said in found.output


def test_detect_artifacts_replaces_nobodys_files(results: Path) -> None:
    (results / "out" / "masks").mkdir(parents=True)
    mine = results / "out" / "masks" / "1.png"
    mine.write_bytes(b"mine")
    found = run(*folders(results), *SMALL)
    assert found.exit_code == 1 and mine.read_bytes() == b"mine"
    assert run(*folders(results), *SMALL, "--overwrite").exit_code == 0


def test_detect_artifacts_names_results_too_small_to_be_judged(results: Path) -> None:
    for side in ("mse", "gan"):
        write_png(results / side / "tiny.png", np.zeros((5, 40, 3), np.uint8))
    found = run(*folders(results), *SMALL)
    assert found.exit_code == 3, found.output
    assert "40×5 pixels are too few to be judged" in found.output
    assert "2 areas flagged in 1 of 3 images" in found.output

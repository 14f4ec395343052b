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
import torch
from click.testing import CliRunner, Result

from degrade.images.image_io import read_photo, write_png
from esrgan.networks import RRDBNet
from esrgan.weights.files import weights_of, write_weights
from pipelines.artifacts.twins import Twins, find_twins
from pipelines.cli import main
from tests.degrade.artifacts.results import make_results, plant_grid
from tests.degrade.audit.scenes import make_photo
from tests.pipelines.artifacts.test_finetune import write_network

SMALL = ("--min-area", 300)


def run(*words: str | Path | int) -> Result:
    return CliRunner().invoke(main, list(map(str, words)))


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Three photos' results; the second is broken, twice."""
    for number in range(3):
        mse, gan = make_results(f"photo {number}")
        if number == 1:
            gan, mask = plant_grid(gan, 20, 20, 40, strength=90)
            gan, other = plant_grid(gan, 100, 100, 40, strength=25)
            write_gray(tmp_path / "truth" / "1.png", (mask | other) * 255)
        else:
            write_gray(tmp_path / "truth" / f"{number}.png", np.zeros(gan.shape[:2]))
        write_png(tmp_path / "mse" / f"{number}.png", mse)
        write_png(tmp_path / "gan" / f"{number}.png", gan)
    return tmp_path


def write_gray(path: Path, plane: np.ndarray) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(cv2.imencode(".png", plane.astype(np.uint8))[1].tobytes())


def folders(results: Path) -> tuple[str | Path, ...]:
    out = results / "out"
    return ("detect-artifacts", "--mse", results / "mse", "--gan", results / "gan", "--out", out)


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


def test_journals_beside_results_are_not_told(results: Path) -> None:
    for name in ("rejects.jsonl", "upscale.jsonl"):
        (results / "gan" / name).touch()
    assert "passed over" not in run(*folders(results), *SMALL).output
    (results / "gan" / "notes.jsonl").touch()
    assert "passed over: 1 .jsonl\n" in run(*folders(results), *SMALL).output


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


def test_detect_artifacts_rejects_what_has_no_fit_twin_and_goes_on(results: Path) -> None:
    (results / "mse" / "0.png").unlink()
    write_png(results / "mse" / "2.png", np.zeros((20, 30, 3), np.uint8))
    found = run(*folders(results), *SMALL)
    assert found.exit_code == 3
    assert "0.png: no MSE image has its name" in found.output
    assert "160×160 pixels, and the other result 30×20" in found.output
    assert "1 image" in found.output


@pytest.mark.parametrize(
    ("gan", "mse", "said"),
    [
        ("{}x4", "{}", ""),
        ("{}_SR", "{}_LRBI_x4", ""),
        (
            "{}_gan",
            "{}_psnr",
            "GAN results are called {name}_gan and MSE results are called {name}_psnr",
        ),
        ("{}", "{}_out", "called {name}_out"),
    ],
)
def test_detect_artifacts_pairs_names_as_import_pairs_does(
    results: Path, gan: str, mse: str, said: str
) -> None:
    for number in range(3):
        (results / "gan" / f"{number}.png").rename(results / "gan" / f"{gan.format(number)}.png")
        (results / "mse" / f"{number}.png").rename(results / "mse" / f"{mse.format(number)}.png")
    found = run(*folders(results), *SMALL, "--truth", results / "truth")
    assert said in found.output
    assert "2 areas flagged in 1 of 3 images" in found.output
    assert (results / "out" / "masks" / f"{gan.format(1)}.png").exists()


def test_detect_artifacts_takes_a_template_for_names(results: Path) -> None:
    for number in range(3):
        (results / "mse" / f"{number}.png").rename(results / "mse" / f"a{number}b.png")
    refused = run(*folders(results), *SMALL)
    assert refused.exit_code == 1
    assert "no MSE image has its name" in refused.output and "--mse-name" in refused.output
    found = run(*folders(results), *SMALL, "--mse-name", "a{name}b")
    assert found.exit_code == 0, found.output
    assert "2 areas flagged in 1 of 3 images" in found.output


def rename(results: Path, gan: str, mse: str) -> None:
    for side, called in (("gan", gan), ("mse", mse)):
        for number in range(3):
            old = results / side / f"{number}.png"
            old.rename(results / side / f"{called.format(number)}.png")


def test_detect_artifacts_tries_endings_on_what_is_left_over(results: Path) -> None:
    rename(results, "{}_gan", "{}_psnr")
    for side in ("mse", "gan"):
        write_png(results / side / "extra.png", make_photo("extra", 160))
    write_png(results / "mse" / "other_psnr.png", make_photo("other", 160))
    found = run(*folders(results), *SMALL)
    assert "2 areas flagged in 1 of 4 images" in found.output
    assert "other_psnr.png: no GAN image has its name" in found.output
    assert found.exit_code == 3 and found.output.count("has its name") == 1


def test_detect_artifacts_takes_no_number_for_an_ending_where_names_are_equal(
    results: Path,
) -> None:
    """Frames of two films of which each side lacks one."""
    for side, lacking in (("gan", 2), ("mse", 1)):
        for film in "ab":
            for number in {0, 1, 2} - {lacking}:
                write_png(results / side / f"{film}_{number}.png", make_photo(film, 160))
    found = run(*folders(results), *SMALL)
    assert found.exit_code == 3 and "of 5 images" in found.output
    assert found.output.count("has its name") == 4
    write_png(results / "mse" / "b_11.png", make_photo("b", 160))
    (results / "mse" / "b_2.png").unlink()
    (results / "mse" / "a_2.png").unlink()
    found = run(*folders(results), *SMALL)
    assert "of 5 images" in found.output


def test_detect_artifacts_names_no_template_that_nobody_gave(results: Path) -> None:
    both = results / "gan"
    found = run("detect-artifacts", "--mse", both, "--gan", both, "--out", results / "out")
    assert found.exit_code == 1 and "--mse-name '{name}'" not in found.output
    assert "no MSE image has its name" in found.output


@pytest.mark.parametrize("template", ["psnr", "{name}{index}"])
def test_detect_artifacts_says_which_template_is_none(results: Path, template: str) -> None:
    found = run(*folders(results), *SMALL, "--mse-name", template)
    assert found.exit_code != 0 and "--mse-name must have {name}" in found.output
    assert "lr_name" not in found.output and "HR" not in found.output


def test_detect_artifacts_keeps_results_of_one_name_apart(results: Path) -> None:
    for side in ("mse", "gan"):
        (results / side / "1.webp").write_bytes(
            cv2.imencode(".webp", cv2.imread(str(results / side / "2.png")))[1].tobytes()
        )
    found = run(*folders(results), *SMALL)
    assert found.exit_code == 3
    assert "has the same name; rename one" in found.output
    assert "of 3 images" in found.output


def test_detect_artifacts_takes_label_maps(results: Path) -> None:
    sea = 26
    for number in range(3):
        write_gray(results / "labels" / f"{number}.png", np.full((160, 160), sea))
    found = run(*folders(results), *SMALL, "--labels", results / "labels", "--maps")
    assert found.exit_code == 0, found.output
    weights = cv2.imread(str(results / "out/maps/weights/1.png"), cv2.IMREAD_UNCHANGED)
    assert set(np.unique(weights)) == {round(255 * 13 / 20)}
    write_gray(results / "labels" / "0.png", np.full((10, 160), sea))
    write_gray(results / "labels" / "1.png", np.full((160, 160), 200))
    (results / "labels" / "2.png").unlink()
    found = run(*folders(results), *SMALL, "--labels", results / "labels")
    assert found.exit_code == 3
    assert "label maps of the results' size" in found.output
    assert "no label map has its name" in found.output
    assert "of weight 1: 200" in found.output


def test_detect_artifacts_refuses_damaged_and_coloured_label_maps(results: Path) -> None:
    for number in range(3):
        write_gray(results / "labels" / f"{number}.png", np.arange(25600).reshape(160, 160) % 150)
    whole = (results / "labels" / "0.png").read_bytes()
    (results / "labels" / "0.png").write_bytes(whole[:200] + bytes([whole[200] ^ 1]) + whole[201:])
    write_png(results / "labels" / "1.png", make_photo("labels", 160))
    found = run(*folders(results), *SMALL, "--labels", results / "labels")
    assert found.exit_code == 3, found.output
    assert "labels/0.png" in found.output and "checksum" in found.output
    assert "write label maps as gray PNG" in found.output
    assert "1 image" in found.output


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


@pytest.mark.parametrize("clean", ["lr/0.png", "lr/0x4.png", "gan/0_gan.png", "mse/0_psnr.png"])
def test_detect_artifacts_knows_clean_ones_without_the_ending(results: Path, clean: str) -> None:
    rename(results, "{}_gan", "{}_psnr")
    found = run(*folders(results), *SMALL, "--clean", results / clean)
    assert found.exit_code == 0, found.output
    assert "calibrated by 1 clean result" in found.output
    assert "flagged in 1 of 2 images" in found.output


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


def test_detect_artifacts_says_that_weights_need_photos(results: Path) -> None:
    found = run("detect-artifacts", "--mse", results / "m.pth", "--gan", results / "gan")
    assert found.exit_code != 0 and "LR photos are needed" in found.output


def test_detect_artifacts_replaces_nobodys_files(results: Path) -> None:
    (results / "out" / "masks").mkdir(parents=True)
    mine = results / "out" / "masks" / "1.png"
    mine.write_bytes(b"mine")
    found = run(*folders(results), *SMALL)
    assert found.exit_code == 1 and mine.read_bytes() == b"mine"
    assert run(*folders(results), *SMALL, "--overwrite").exit_code == 0


def test_detect_artifacts_enlarges_photos_by_both_networks_first(tmp_path: Path) -> None:
    sharp, soft = tmp_path / "gan.pth", tmp_path / "mse.pth"
    for seed, path in enumerate((soft, sharp)):
        torch.manual_seed(seed)
        network = RRDBNet(scale=2, features=8, blocks=1, growth=4)
        write_weights(path, weights_of(network))
    for number in range(2):
        write_png(tmp_path / "lr" / f"{number}.png", make_photo(f"lr {number}", 40))
    words = ("--mse", soft, "--gan", sharp, "--out", tmp_path / "out", *SMALL)
    found = run("detect-artifacts", tmp_path / "lr", *words)
    assert found.exit_code == 0, found.output
    for folder in ("mse", "gan", "masks"):
        assert read_photo(tmp_path / "out" / folder / "1.png").pixels.shape == (80, 80, 3)
    again = run("detect-artifacts", tmp_path / "lr", *words)
    assert again.exit_code == 0, again.output
    write_png(tmp_path / "lr" / "tiny.png", make_photo("tiny", 2))
    found = run("detect-artifacts", tmp_path / "lr", *words)
    assert found.exit_code == 3, found.output
    assert "tiny.png: 2×2 pixels are too few to be judged; give a larger photo" in found.output
    assert not (tmp_path / "out" / "gan" / "tiny.png").exists()


def test_detect_artifacts_mirrors_photos_on_against_lines_along_edges(tmp_path: Path) -> None:
    """A network sees zeros beyond a photo's ends; one that sharpens draws a line there."""
    for name, sharpening in (("mse", 0), ("gan", 16)):
        write_network(tmp_path / f"{name}.pth", sharpening=sharpening)
    write_png(tmp_path / "lr" / "sky.png", np.full((60, 60, 3), 100, np.uint8))
    words = ("--mse", tmp_path / "mse.pth", "--gan", tmp_path / "gan.pth", "--threshold", 0.8)
    found = run("detect-artifacts", tmp_path / "lr", *words, "--out", tmp_path / "plain")
    assert found.exit_code == 0 and "1 area flagged in 1 of 1 image" in found.output
    mask = read_photo(tmp_path / "plain" / "masks" / "sky.png").pixels[..., 0]
    assert mask[0].all() and mask[-1].all()
    out = ("--out", tmp_path / "mirrored", "--mirror", 8)
    found = run("detect-artifacts", tmp_path / "lr", *words, *out)
    assert found.exit_code == 0 and "0 areas flagged" in found.output
    gan = read_photo(tmp_path / "mirrored" / "gan" / "sky.png").pixels
    assert np.ptp(gan) <= 2, "flat to the edges"
    again = run("detect-artifacts", tmp_path / "lr", *words, *out[:2], "--mirror", 9)
    assert again.exit_code != 0 and "other" in again.output


def test_detect_artifacts_names_results_too_small_to_be_judged(results: Path) -> None:
    for side in ("mse", "gan"):
        write_png(results / side / "tiny.png", np.zeros((5, 40, 3), np.uint8))
    found = run(*folders(results), *SMALL)
    assert found.exit_code == 3, found.output
    assert "40×5 pixels are too few to be judged" in found.output
    assert "2 areas flagged in 1 of 3 images" in found.output


class TestSegmenter:
    """A network that sees the sea where there is more blue than red, and trees elsewhere."""

    @pytest.fixture
    def network(self, tmp_path: Path) -> Path:
        onnx = pytest.importorskip("onnx", reason="the extra degrade[onnx] is not installed")
        pytest.importorskip("onnxruntime", reason="the extra degrade[onnx] is not installed")
        weights = np.zeros((27, 3, 1, 1), np.float32)
        weights[26] = np.float32([[[-1]], [[0]], [[1]]])
        weights[4] = -weights[26]
        sizes = ("N", 3, "H", "W")
        graph = onnx.helper.make_graph(
            [onnx.helper.make_node("Conv", ["image", "w"], ["scores"])],
            "segmenter",
            [onnx.helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, sizes)],
            [onnx.helper.make_tensor_value_info("scores", onnx.TensorProto.FLOAT, None)],
            [onnx.numpy_helper.from_array(weights, "w")],
        )
        version = [onnx.helper.make_opsetid("", 17)]
        path = tmp_path / "segmenter.onnx"
        onnx.save(onnx.helper.make_model(graph, opset_imports=version, ir_version=8), path)
        return path

    def test_its_classes_weigh(self, results: Path, network: Path) -> None:
        halves = np.zeros((160, 160, 3), np.uint8)
        halves[:, :80, 2], halves[:, 80:, 0] = 200, 200
        for side in ("mse", "gan"):
            write_png(results / side / "3.png", halves)
        found = run(*folders(results), *SMALL, "--segmenter", network, "--maps")
        assert found.exit_code == 0, found.output
        weights = cv2.imread(str(results / "out/maps/weights/3.png"), cv2.IMREAD_UNCHANGED)
        assert np.unique(weights[:, :76]).tolist() == [round(255 * 13 / 20)]
        assert np.unique(weights[:, 84:]).tolist() == [round(255 * 15 / 20)]

    def test_other_files_are_refused_by_name(self, results: Path, network: Path) -> None:
        (results / "no.onnx").write_bytes(b"nothing")
        found = run(*folders(results), "--segmenter", results / "no.onnx")
        assert found.exit_code == 1 and "no network that can be run" in found.output
        found = run(*folders(results), "--segmenter", results / "absent.onnx")
        assert found.exit_code == 1 and "cannot be read" in found.output
        (results / "names.txt").write_text("sea\ndragon\n")
        words = ("--segmenter", network, "--classes", results / "names.txt")
        found = run(*folders(results), *words)
        assert "nothing is known of have weight 1: dragon" in found.output
        assert "labels that no class has, of weight 1: 4, 26" in found.output

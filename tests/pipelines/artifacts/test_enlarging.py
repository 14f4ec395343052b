"""``degrade detect-artifacts`` on photos, which both networks enlarge first."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch

from degrade.images.image_io import read_photo, write_png
from esrgan.networks import RRDBNet
from esrgan.weights.files import weights_of, write_weights
from pipelines.artifacts.detect import ArtifactsConfig, find_artifacts
from tests.degrade.audit.scenes import make_photo
from tests.pipelines.artifacts.detecting import SMALL, run
from tests.pipelines.artifacts.tuning_runs import write_network


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
    (tmp_path / "lr" / "tiny.png").unlink()
    holed = np.dstack([make_photo("holed", 40), np.full((40, 40), 255, np.uint8)])
    holed[:4, :4, 3] = 0
    assert cv2.imwrite(str(tmp_path / "lr" / "holed.png"), holed)
    found = run("detect-artifacts", tmp_path / "lr", *words)
    assert found.exit_code == 3 and found.output.count("is transparent") == 1, found.output
    assert "lr/holed.png: 1 % of it is transparent" in found.output
    assert not (tmp_path / "out" / "mse" / "holed.png").exists()


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


def test_detect_artifacts_says_that_weights_need_photos(results: Path) -> None:
    found = run("detect-artifacts", "--mse", results / "m.pth", "--gan", results / "gan")
    assert found.exit_code != 0 and "LR photos are needed" in found.output


def test_progress_counts_both_networks_as_one_and_then_what_is_judged(tmp_path: Path) -> None:
    networks = {
        name: write_network(tmp_path / f"{name}.pth", sharpening=sharpening)
        for name, sharpening in (("mse", 0), ("gan", 16))
    }
    for number in range(3):
        write_png(tmp_path / "lr" / f"{number}.png", make_photo(f"lr {number}", 40))
    config = ArtifactsConfig(
        sources=(tmp_path / "lr",),
        clean=(tmp_path / "lr" / "0.png",),
        out=tmp_path / "out",
        device="cpu",
        **networks,
    )

    def counted() -> dict[str, list[tuple[int, int]]]:
        told: dict[str, list[tuple[int, int]]] = {"px": [], "images": []}
        find_artifacts(
            config,
            on_enlarge=lambda *counts: told["px"].append(counts),
            on_progress=lambda *counts: told["images"].append(counts),
        )
        return told

    told = counted()
    both = 2 * 3 * 40**2
    assert {total for _, total in told["px"]} == {both}
    assert told["px"] == sorted(told["px"]) and {(both // 2, both), (both, both)} <= {*told["px"]}
    assert told["images"] == [(1, 3), (2, 3), (3, 3)]
    assert counted()["images"] == told["images"], "nothing is enlarged again"

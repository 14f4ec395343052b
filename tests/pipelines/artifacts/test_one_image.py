"""Label maps for ``degrade detect-artifacts``."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from degrade.images.image_io import write_png
from tests.degrade.audit.scenes import make_photo
from tests.pipelines.artifacts.detecting import SMALL, folders, run, write_gray


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

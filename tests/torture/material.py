"""What the tortured jobs work on: a few small photos, a pool, pairs and image pairs."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from degrade.images.image_io import quantise, write_png
from degrade.rng import rng_for
from pipelines.exports.export_pairs import ExportConfig, export_pairs
from pipelines.pairs.build_pairs import BuildPairsConfig, build_pairs
from tests.making import fill_pool, make_scene
from tests.pipelines.photographs import take_photo

SCALE = 2


def make_material(root: Path) -> None:
    """Make everything below ``root``; the same bytes each time."""
    cv2.setNumThreads(1)
    for number in range(2):
        scene = make_scene(f"torture {number}", 264, 264 + 140 * number)
        write_png(root / "hr" / f"scene {number}.png", quantise(scene))
        write_png(root / "noisy" / f"noisy {number}.png", _noisy(number))
        write_png(root / "blurred" / f"blurred {number}.png", take_photo(f"{number}", side=100))
    pool = fill_pool(root / "pool", scale=SCALE, kernels=2, patches=3).path
    (root / "few").mkdir()
    (root / "few" / "one.png").write_bytes((root / "hr" / "scene 0.png").read_bytes())
    build_pairs(
        BuildPairsConfig(
            pool=pool, out=root / "pairs", hr=(root / "few",), scale=SCALE, hr_size=128
        )
    )
    export_pairs(ExportConfig(pairs=root / "pairs", out=root / "images", format="png"))


def _noisy(number: int) -> np.ndarray:
    """Return a flat photo with the noise of a camera: every position gives a patch."""
    noise = rng_for(0, "torture", number).normal(110 + number, 2.5, (64, 64, 3))
    return np.rint(noise).astype(np.uint8)

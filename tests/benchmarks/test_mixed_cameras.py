"""The benchmark that puts two cameras into one pool."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.downstream.real_pairs import read_real_pairs
from benchmarks.mixed_cameras import CAMERAS, rows, taken
from degrade.arrays import U8Array, round_to_u8
from tests.making import make_scene


def _scene(number: int) -> U8Array:
    return round_to_u8(make_scene(f"mixed {number}", 512, 512) * np.float32(255))


def test_cameras_differ_in_blur_and_noise() -> None:
    flat = np.full((256, 256, 3), 120, np.uint8)
    noise = {name: taken(flat, *both, 0, 0).std() for name, both in CAMERAS.items()}
    assert noise["sharp"] == pytest.approx(5, rel=0.05) and noise["soft"] < 1
    clean = {name: taken(_scene(0), both[0], 0.0, 0, 0) for name, both in CAMERAS.items()}
    steep = {name: np.abs(np.diff(lr.astype(float), axis=1)).max() for name, lr in clean.items()}
    assert steep["sharp"] > 1.3 * steep["soft"]
    assert np.array_equal(taken(flat, 1.6, 5.0, 0, 3), taken(flat, 1.6, 5.0, 0, 3))


@pytest.mark.slow
def test_lr_with_noise_of_its_camera_is_nearer_to_photos(tmp_path: Path, shared_data: Path) -> None:
    scenes = [pair.hr_u8 for pair in read_real_pairs(shared_data / "pairs" / "realsr_x4")]
    found = list(rows(tmp_path, scenes, 24, 0))
    kinds = [tuple(cell.strip() for cell in row.split("|")[:2]) for row in found]
    assert kinds == [
        (name, of) for name in ("known", "estimated", "corrected") for of in ("pool", "camera")
    ]
    apart = [float(row.split("|")[3]) for row in found]
    assert all(camera < pool for pool, camera in zip(apart[::2], apart[1::2], strict=True))

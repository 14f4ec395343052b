from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from degrade.arrays import U8Array
from degrade.images.image_io import write_png
from degrade.images.sources import SourceFile
from degrade.pool import Findings
from pipelines.cli import main
from pipelines.measuring.history_words import described
from pipelines.measuring.measurement import Measurement
from pipelines.measuring.photo_history import (
    CameraHistory,
    LevelHistory,
    ResamplingHistory,
    SharpeningHistory,
)
from pipelines.shared.photo_scan import OpenPhoto
from tests.degrade.history.pictures import blurred, moved, natural, sharpened, taken, with_edges

_ALL = (CameraHistory(), LevelHistory(), ResamplingHistory(), SharpeningHistory())


def _measured(measurement: Measurement, pixels: U8Array, folder: Path) -> Findings:
    write_png(folder / "photo.png", pixels)
    return measurement.measure(OpenPhoto(SourceFile(folder / "photo.png", "photo.png")))


def _words(found: Findings) -> str:
    return described(found.kind, found.values, found.flags)


def _enlarged(pixels: U8Array, factor: float) -> U8Array:
    return np.asarray(cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC))


def test_a_photo_that_was_enlarged_is_told_with_factor_and_probability(tmp_path: Path) -> None:
    found = _measured(ResamplingHistory(), _enlarged(natural("a"), 1.5), tmp_path)
    assert found.flags == ("enlarged before",) and found.values["factor"] == pytest.approx(
        1.5, 0.01
    )
    assert found.confidence is not None and 0.5 < found.confidence < 1
    assert _words(found) == f"enlarged before (about ×1.5, {100 * found.confidence:.0f} %)"


def test_a_photo_that_was_not_is_never_told_to_be_as_it_was(tmp_path: Path) -> None:
    found = _measured(ResamplingHistory(), natural("a"), tmp_path)
    assert not found.flags and found.confidence is None
    assert _words(found) == "no enlargement seen, which rules none out"


def test_sharpening_and_motion_are_told_in_words(tmp_path: Path) -> None:
    scene = with_edges("a")
    sharp = sharpened(blurred(scene, 0.9), 2.0, 1.5)
    found = _measured(SharpeningHistory(), taken(sharp), tmp_path)
    assert found.flags == ("sharpened",) and "sharp, σ" in _words(found)
    low, high = found.values["amount_between"]
    assert low <= 2.0 <= high and "overshoot by 2" in _words(found)
    shaken = moved(blurred(scene, 0.6), 6, 0)
    found = _measured(SharpeningHistory(), taken(shaken), tmp_path)
    assert found.values["blur"] == "motion"
    assert _words(found).startswith("motion blur along ")


_FLAT = np.full((200, 220, 3), 77, np.uint8)
_DRAWN = (np.rint(with_edges("a") / 30) * 30).astype(np.uint8)


@pytest.mark.parametrize(
    ("pixels", "reason"),
    [
        (natural("a", 100, 400), "too small"),
        (_FLAT, "flat"),
        (np.where(_FLAT > 0, 255, 0).astype(np.uint8), "flat"),
        (_DRAWN, "drawn, not photographed"),
    ],
)
def test_what_a_photo_cannot_tell_is_said_with_the_reason(
    pixels: U8Array, reason: str, tmp_path: Path
) -> None:
    for measurement in (ResamplingHistory(), SharpeningHistory()):
        found = _measured(measurement, pixels, tmp_path)
        assert found.flags == (reason,) and _words(found) == f"cannot tell: {reason}"


@pytest.mark.parametrize("shape", [(1, 1), (8, 3), (63, 900), (128, 128), (131, 257)])
def test_photos_of_any_size_and_depth_can_be_measured(
    shape: tuple[int, int], tmp_path: Path
) -> None:
    noise = np.random.default_rng(0).integers(0, 2**16, (*shape, 3)).astype(np.uint16)
    for pixels in (noise, (noise >> 8).astype(np.uint8)):
        for measurement in _ALL:
            found = _measured(measurement, pixels, tmp_path)
            assert _words(found)
            json.dumps(dict(found.values), allow_nan=False)


def _run(*arguments: object) -> str:
    result = CliRunner().invoke(main, list(map(str, arguments)))
    assert result.exit_code == 0, result.output
    return result.output


def test_build_pool_tells_which_kernels_are_those_of_an_enlargement(tmp_path: Path) -> None:
    photos, pool = tmp_path / "photos", tmp_path / "pool"
    write_png(photos / "a.png", natural("a", 320, 340))
    write_png(photos / "b.png", _enlarged(natural("b", 320, 340), 1.5))
    arguments = ("build-pool", photos, "--pool", pool, "--scale", 2, "--jobs", 1)
    result = CliRunner().invoke(main, list(map(str, arguments)))
    assert "enlarged before: 1 of 2 photos (b.png about ×1.5" in result.output
    assert "their kernels describe the enlargement" in result.output
    told = _run("inspect", pool)
    assert "b.png  enlarged before (about ×1.5" in told
    assert told.count("of an enlargement, as its photo was enlarged before") == 1
    assert "a.png  no enlargement seen, which rules none out" in told
    found: dict[str, Any] = json.loads(_run("inspect", pool, "--json"))
    kinds = {record["kind"] for record in found["measurements"]}
    assert {"camera", "levels", "resampling", "sharpening"} <= kinds

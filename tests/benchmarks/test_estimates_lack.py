"""What estimates lack is found where it was planted, and is what the recipe gives back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.estimates_lack import LACK, main, taps_of
from degrade.arrays import round_to_u8
from degrade.audit.camera_prior import CAMERA_FREQUENCIES, CAMERAS
from degrade.degradation.even_filters import (
    UNCHANGED,
    EvenTaps,
    filter_evenly,
    response_along_axes,
)
from degrade.degradation.fixed_point import TAP_UNIT
from degrade.degradation.steps import ESTIMATES_LACK
from degrade.images.image_io import write_png
from degrade.kernels import downsample, gaussian_kernel
from degrade.rng import rng_for
from tests.making import make_scene

_BLUR = gaussian_kernel(17, 2, (1.5, 1.5))


def test_the_recipe_gives_back_the_mean_of_all_cameras() -> None:
    assert LACK.keys() == CAMERAS.keys()
    # Fitted by least squares, whose last digit is the machine's.
    assert np.abs(np.subtract(taps_of(LACK), ESTIMATES_LACK)).max() <= 32
    mean = np.mean(list(LACK.values()), axis=0)
    kept = np.log(response_along_axes(ESTIMATES_LACK, CAMERA_FREQUENCIES))
    assert np.abs(kept[1:7] - mean[1:7]).max() < 0.03 and np.abs(kept[9]) < 0.03


def _make_pairs(folder: Path, count: int, soft: EvenTaps = UNCHANGED) -> None:
    """Write noisy LR, the same whatever HR is filtered with."""
    for number in range(count):
        hr = make_scene(f"real {number}", 256, 256) * np.float32(255)
        hr[:128] = 128
        noise = rng_for(0, "lack", number).normal(0, 2, (128, 128, 1))
        lr = downsample(hr, _BLUR) + noise.astype(np.float32)
        write_png(folder / f"a_{number:02}_HR.png", round_to_u8(filter_evenly(hr, soft, 256)))
        write_png(folder / f"a_{number:02}_LR.png", round_to_u8(lr))


@pytest.mark.slow
def test_what_hr_lacks_kernels_lack_no_more(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    soft = (TAP_UNIT // 4, TAP_UNIT // 8, TAP_UNIT // 16)
    _make_pairs(tmp_path / "plain", 12)
    _make_pairs(tmp_path / "soft", 12, soft)
    main([str(tmp_path / "plain"), str(tmp_path / "soft")])
    rows = [line for line in capsys.readouterr().out.splitlines() if ", a | 12 |" in line]
    plain, more = ([float(cell) for cell in row.strip("|").split("|")[2:]] for row in rows)
    assert len(plain) == len(CAMERA_FREQUENCIES)
    # A cycle of LR is two pixels of HR wide; bands hold all directions.
    kept = np.log(response_along_axes(soft, CAMERA_FREQUENCIES / 2))
    assert np.subtract(more, plain)[1:7] == pytest.approx(-kept[1:7], abs=0.04)


@pytest.mark.slow
def test_both_kinds_of_pairs_are_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _make_pairs(tmp_path / "pairs", 12)
    for number in range(3):
        clean = make_scene(f"clean {number}", 256, 256) * np.float32(255)
        write_png(tmp_path / "clean" / f"{number}.png", round_to_u8(clean))
    words = ("--judge", "--hr", tmp_path / "clean", "--splits", 0, "--seeds", 1)
    main([str(tmp_path / "pairs"), *map(str, words)])
    told = capsys.readouterr().out
    assert "pairs, split 0: 6 scenes measured, 6 judged, means of 1 draws" in told
    assert "| measured, as estimated | " in told and "| measured, given back | " in told

"""The prior's benchmark: sets are made by the program, without the folder's own cameras."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import usual_cameras
from degrade.arrays import round_to_u8
from degrade.audit import camera_prior
from degrade.images.image_io import write_png
from degrade.kernels import downsample, gaussian_kernel
from pipelines.matching.match import MatchConfig, MatchResult, match_photos
from tests.making import make_scene

_COUNT = 24


@pytest.mark.slow
def test_both_ways_of_matching_are_judged_beside_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    blur = gaussian_kernel(17, 2, (1.5, 1.5))
    for number in range(_COUNT):
        hr = make_scene(f"real {number}", 192, 192) * np.float32(255)
        write_png(tmp_path / "pairs" / f"a_{number:02}_HR.png", round_to_u8(hr))
        write_png(tmp_path / "pairs" / f"a_{number:02}_LR.png", round_to_u8(downsample(hr, blur)))
        clean = make_scene(f"clean {number}", 256, 256) * np.float32(255)
        write_png(tmp_path / "clean" / f"{number:02}.png", round_to_u8(clean))
    seen = []

    def watched(config: MatchConfig) -> MatchResult:
        seen.append((config.prior, sorted(camera_prior.CAMERAS)))
        return match_photos(config)

    monkeypatch.setattr(usual_cameras, "match_photos", watched)
    words = ("--pairs", tmp_path / "pairs", "--hr", tmp_path / "clean", "--splits", 0)
    usual_cameras.main([*map(str, words), "--without", "DRealSR"])
    assert [prior for prior, _ in seen] == ["none", "cameras"]
    assert all(len(names) == 4 and "DRealSR, P" not in names for _, names in seen)
    assert len(camera_prior.CAMERAS) == 8
    told = capsys.readouterr().out
    assert "| matched, prior none | " in told and "| matched, prior cameras | " in told
    assert "split 0: 12 scenes measured, 12 judged" in told

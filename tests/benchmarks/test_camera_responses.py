"""A planted kernel's response is found, also where LR was made as large as HR."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.camera_responses import main, response
from degrade.arrays import round_to_u8
from degrade.audit.camera_prior import CAMERA_FREQUENCIES
from degrade.images.image_io import write_png
from degrade.kernels import downsample, gaussian_kernel
from degrade.luma import luma_studio
from degrade.resample import imresize
from tests.degrade.audit.scenes import make_scene

_SIGMA = 1.8  # HR pixels, at scale 3
_KERNEL = gaussian_kernel(25, 3, (_SIGMA, _SIGMA))


@pytest.mark.parametrize("enlarged", [False, True])
def test_a_planted_response_is_found(enlarged: bool) -> None:
    found = []
    for number in range(4):
        hr = np.rint(make_scene(f"planted {number}", 576))
        lr = downsample(hr, _KERNEL)
        large = imresize(lr, 3) if enlarged else lr
        found.append(response(luma_studio(large), luma_studio(hr), 3, is_enlarged=enlarged))
    wanted = -2 * np.square(np.pi * _SIGMA * CAMERA_FREQUENCIES / 3)
    # Above, what lies beyond Nyquist folds back.
    assert np.mean(found, axis=0)[:7] == pytest.approx(wanted[:7], abs=0.1)


def test_cameras_with_too_few_pairs_are_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(13):
        hr = np.rint(make_scene(f"pair {number}", 192))
        name = f"Canon_{number}" if number else "Nikon_0"
        write_png(tmp_path / f"{name}_HR.png", round_to_u8(hr))
        write_png(tmp_path / f"{name}_LR.png", round_to_u8(downsample(hr, _KERNEL)))
    main([str(tmp_path)])
    told = capsys.readouterr().out
    assert f"| {tmp_path.name}, Canon | 12 |" in told and "Nikon" not in told


def test_a_folder_without_pairs_is_told(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no pairs NAME_LR"):
        main([str(tmp_path)])

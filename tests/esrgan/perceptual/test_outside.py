"""Measures of pyiqa: without it a clear line; with it the same figures as our own PSNR and SSIM."""

from __future__ import annotations

import importlib.util
import sys

import numpy as np
import pytest

from degrade.errors import InvalidValueError, MissingDependencyError
from degrade.metrics.fidelity import psnr_rgb
from esrgan.perceptual.outside import find_outside_measure

HAS = importlib.util.find_spec("pyiqa") is not None


def test_without_pyiqa_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyiqa", None)
    with pytest.raises(MissingDependencyError, match=r"pip install pyiqa; .* forbid commercial"):
        find_outside_measure("psnr")


@pytest.mark.skipif(not HAS, reason="pyiqa, which brings torchvision, is not installed")
def test_pyiqa_measures_what_we_measure() -> None:
    rng = np.random.default_rng(0)
    hr = rng.integers(0, 256, (64, 80, 3)).astype(np.uint8)
    image = np.clip(hr + rng.normal(0, 9, hr.shape), 0, 255).astype(np.uint8)
    measure = find_outside_measure("psnr")
    assert measure.of_reference and measure.higher_is_better
    assert measure.value(image, hr) == pytest.approx(psnr_rgb(image, hr, border=0), abs=0.01)
    with pytest.raises(InvalidValueError, match="no measure 'nothing'"):
        find_outside_measure("nothing")

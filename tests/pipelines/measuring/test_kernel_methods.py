"""The methods behind their interface: settings that tell kernels apart, memory, imports."""

from __future__ import annotations

import hashlib
import json
import pickle
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import degrade.spectral
from degrade.images.image_io import Photo, write_png
from degrade.kernels.estimates import UnsuitablePhotoError
from degrade.pool import DegradationPool, Findings
from degrade.pool.findings import FoundObject
from kernelgan import KernelGANConfig
from pipelines import EstimateKernelsConfig, estimate_kernels
from pipelines.measuring.kernel_methods import EstimationMethod, KernelGANMethod, SpectralMethod
from tests.pipelines.photographs import take_photo

METHODS = [SpectralMethod(2), KernelGANMethod(KernelGANConfig(iterations=3), 0, "cpu")]

ESTIMATE = r"""
import contextlib, re, sys
from pathlib import Path
from pipelines.cli import main
with contextlib.suppress(SystemExit):
    main(["estimate-kernels", *sys.argv[1:], "--scale", "2", "--jobs", "1"])
# Not getrusage: its peak begins with that of the process that started this one.
peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]
print(int(peak) // 1024, "torch" in sys.modules)
"""


def estimate_apart(*arguments: object) -> tuple[str, int, bool]:
    """Run the command in a fresh process: return its report, peak in MiB, whether torch came."""
    if not Path("/proc/self/status").exists():
        pytest.skip("no /proc to read the peak of memory from")
    command = [sys.executable, "-c", ESTIMATE, *map(str, arguments)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    *report, last = output.splitlines()
    peak, torch = last.split()
    return "\n".join(report), int(peak), torch == "True"


@pytest.mark.parametrize("method", METHODS)
def test_methods_estimate_also_after_a_trip_to_a_worker(method: EstimationMethod) -> None:
    photo = Photo(take_photo("travel"), "ab" * 32)
    estimate = pickle.loads(pickle.dumps(method)).estimate(photo, "travel.png")
    assert estimate.method == method.name == json.loads(json.dumps(method.settings))["method"]
    assert estimate.kernel.scale == 2
    assert 0 <= estimate.confidence <= 1 and estimate.seconds > 0
    assert 20 < estimate.expected_kpsnr < 80 and 0 < method.spread < 20


@pytest.mark.parametrize("method", METHODS)
def test_methods_refuse_unsuitable_photos_with_an_error_that_travels(
    method: EstimationMethod,
) -> None:
    photo = Photo(np.full((100, 100, 3), 90, np.uint8), "ab" * 32)
    with pytest.raises(UnsuitablePhotoError) as caught:
        method.estimate(photo, "flat.png")
    error = pickle.loads(pickle.dumps(caught.value))
    assert str(error) == str(caught.value) and str(error).startswith("flat.png: ")
    assert error.reason and error.remedy


def settings_in(path: Path) -> Mapping[str, Any]:
    (record,) = DegradationPool.open(path).kernels
    return record.provenance.settings


def test_settings_of_spectral_name_its_weights_and_nothing_random(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", take_photo("a"))
    config = EstimateKernelsConfig(
        sources=(tmp_path / "a.png",), pool=tmp_path / "pool", scale=2, seed=7
    )
    estimate_kernels(config)
    weights = Path(degrade.spectral.__path__[0]) / "weights"
    files = ("spectral_x2.safetensors", "usual.safetensors")
    digest = hashlib.sha256(b"".join((weights / name).read_bytes() for name in files)).hexdigest()
    expected = {"method": "spectral", "scale": 2, "weights": digest[:16]}
    assert settings_in(tmp_path / "pool") == expected


def test_kernels_of_an_earlier_version_are_measured_again_and_have_their_new_confidence(
    tmp_path: Path,
) -> None:
    write_png(tmp_path / "a.png", take_photo("a"))
    config = EstimateKernelsConfig(sources=(tmp_path / "a.png",), pool=tmp_path / "now", scale=2)
    estimate_kernels(config)
    now = DegradationPool.open(tmp_path / "now")
    (kernel,), (photo,) = now.kernels, now.photos
    (measured,) = now.measured("kernel", SpectralMethod(2).settings).values()
    known = {**kernel.provenance.values, "confidence": 0.99}
    then = Findings(
        kind="kernel",
        settings={**measured.settings, "weights": "0" * 16},
        values=measured.values,
        confidence=0.99,
        objects=(FoundObject(now.read_kernel(kernel.id), "spectral", known),),
    )
    DegradationPool.create(tmp_path / "pool").add_findings(photo, [then])
    again = replace(config, pool=tmp_path / "pool")
    assert estimate_kernels(again).done == 1
    pool = DegradationPool.open(tmp_path / "pool")
    (record,) = pool.kernels
    assert record.provenance.values == kernel.provenance.values
    assert (estimate_kernels(again).done, estimate_kernels(again).skipped) == (0, 1)
    assert DegradationPool.open(tmp_path / "pool").index_end == pool.index_end


def test_settings_of_kernelgan_name_what_rates_its_kernels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_png(tmp_path / "a.png", take_photo("a"))
    method = KernelGANConfig(scale=2, iterations=2)
    config = EstimateKernelsConfig(
        sources=(tmp_path / "a.png",),
        pool=tmp_path / "pool",
        scale=2,
        seed=7,
        method="kernelgan",
        kernelgan=method,
    )
    estimate_kernels(config)
    rated_by = SpectralMethod(2).settings["weights"]
    expected = {"method": "kernelgan", "seed": 7, **asdict(method), "rated_by": rated_by}
    assert settings_in(tmp_path / "pool") == expected
    again = estimate_kernels(replace(config, min_confidence=0.0))
    assert (again.done, again.skipped) == (0, 1)


def test_spectral_never_imports_torch(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", take_photo("a"))
    report, _, torch = estimate_apart(tmp_path / "a.png", "--pool", tmp_path / "pool")
    assert "1 kernel in" in report and not torch


@pytest.mark.parametrize("depth", [8, pytest.param(16, marks=pytest.mark.slow)])
def test_spectral_does_50_megapixels_within_a_gigabyte(tmp_path: Path, depth: int) -> None:
    tile = take_photo("tile", side=400)
    photo = np.tile(tile, (15, 21, 1))[:5774, :8660]
    if depth == 8:
        cv2.imwrite(str(tmp_path / "large.jpg"), photo)
    else:
        fast = [cv2.IMWRITE_PNG_COMPRESSION, 1]
        cv2.imwrite(str(tmp_path / "large.png"), photo.astype(np.uint16) * 257, fast)
    report, peak, _ = estimate_apart(tmp_path, "--pool", tmp_path / "pool")
    assert "1 kernel in" in report
    assert peak < 1024

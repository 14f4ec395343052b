"""Three photos, and two measurements of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import degrade.images.image_io as image_io
import pipelines.shared.photo_scan as photo_scan
from degrade.images.image_io import write_png
from degrade.noise import NoiseSelection
from degrade.rng import rng_for
from pipelines import (
    BuildPoolConfig,
    EstimateKernelsConfig,
    ExtractNoiseConfig,
)
from pipelines.measuring.collector import Collector
from pipelines.measuring.kernel_methods import SpectralMethod
from pipelines.measuring.noise_patches import NoisePatches
from pipelines.pool.measurements import MEASUREMENTS
from tests.pipelines.measuring.counting import Calls
from tests.pipelines.measuring.toy import MeanLevel
from tests.pipelines.photographs import take_photo

NAMES = ["a.png", "b.png", "c.png"]


@pytest.fixture
def two_measurements() -> Iterator[None]:
    """The loop is the same for any; here it is counted what it does for these.

    All rows are put back in their order, also those that a test takes out.
    """
    rows = dict(MEASUREMENTS)
    for kind in set(rows) - {"noise", "kernel"}:
        del MEASUREMENTS[kind]
    yield
    MEASUREMENTS.clear()
    MEASUREMENTS.update(rows)


@pytest.fixture
def config(tmp_path: Path, two_measurements: None) -> BuildPoolConfig:
    """Return the settings for three photos, each of a length of its own."""
    for number, name in enumerate(NAMES):
        photo = take_photo(name, side=120 + 8 * number)
        grain = rng_for(0, "grain", name).normal(128, 3.0, (20, photo.shape[1], 3))
        flat = np.rint(grain).astype(np.uint8)
        write_png(tmp_path / "photos" / name, np.concatenate([photo, flat]))
    return BuildPoolConfig(
        kernels=EstimateKernelsConfig(
            sources=(tmp_path / "photos",), pool=tmp_path / "pool", scale=2
        ),
        noise=ExtractNoiseConfig(
            sources=(tmp_path / "photos",),
            pool=tmp_path / "pool",
            selection=NoiseSelection(patch_size=16),
        ),
    )


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """Count reads, header parses and decodes of photos, and searches for kernels and noise."""
    counted = Calls()
    counted.spy(monkeypatch, photo_scan, "read_file", "reads")
    counted.spy(monkeypatch, image_io, "read_header", "parses")
    counted.spy(monkeypatch, image_io, "upright", "decodes")
    counted.spy(monkeypatch, SpectralMethod, "estimate", "kernels")
    counted.spy(monkeypatch, NoisePatches, "measure", "noise")
    return counted


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> MeanLevel:
    measurement = MeanLevel(least=145)
    row: Callable[[BuildPoolConfig], Collector] = lambda _: Collector(measurement)  # noqa: E731
    monkeypatch.setitem(MEASUREMENTS, measurement.kind, row)
    return measurement

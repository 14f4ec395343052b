"""Results to judge, and networks to tune."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from degrade.images.image_io import write_png
from tests.degrade.artifacts.results import make_results, plant_grid
from tests.degrade.audit.scenes import make_photo
from tests.pipelines.artifacts.detecting import write_gray
from tests.pipelines.artifacts.tuning_runs import write_network


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Three photos' results; the second is broken, twice."""
    for number in range(3):
        mse, gan = make_results(f"photo {number}")
        if number == 1:
            gan, mask = plant_grid(gan, 20, 20, 40, strength=90)
            gan, other = plant_grid(gan, 100, 100, 40, strength=25)
            write_gray(tmp_path / "truth" / "1.png", (mask | other) * 255)
        else:
            write_gray(tmp_path / "truth" / f"{number}.png", np.zeros(gan.shape[:2]))
        write_png(tmp_path / "mse" / f"{number}.png", mse)
        write_png(tmp_path / "gan" / f"{number}.png", gan)
    return tmp_path


@pytest.fixture
def begun(tmp_path: Path, one_thread: None) -> Path:
    """Four photos, and two networks that differ where there are edges."""
    for number in range(4):
        write_png(tmp_path / "lr" / f"{number}.png", make_photo(f"lr {number}", 56))
    write_network(tmp_path / "mse.pth", sharpening=0)
    write_network(tmp_path / "gan.pth", sharpening=16)
    return tmp_path

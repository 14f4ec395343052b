"""Photos and a pool for the jobs."""

from __future__ import annotations

from pathlib import Path

import pytest

from degrade.image_io import quantise, write_png
from tests.making import fill_pool, make_scene


@pytest.fixture
def scenes(tmp_path: Path) -> Path:
    """Return a folder of seven photos of different sizes."""
    for index in range(7):
        scene = make_scene(f"s{index}", 140 + 16 * index, 200 - 12 * index)
        write_png(tmp_path / "hr" / f"scene {index}.png", quantise(scene))
    return tmp_path / "hr"


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    return fill_pool(tmp_path / "pool").path

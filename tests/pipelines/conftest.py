"""Photos and a pool for the jobs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from degrade.images.image_io import quantise, write_png
from pipelines import BuildPairsConfig, build_pairs
from tests.making import fill_pool, make_scene

if TYPE_CHECKING:
    from pipelines.training.train import TrainConfig


def write_scenes(folder: Path) -> Path:
    for index in range(7):
        scene = make_scene(f"s{index}", 140 + 16 * index, 200 - 12 * index)
        write_png(folder / f"scene {index}.png", quantise(scene))
    return folder


@pytest.fixture
def scenes(tmp_path: Path) -> Path:
    """Return a folder of seven photos of different sizes."""
    return write_scenes(tmp_path / "hr")


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    return fill_pool(tmp_path / "pool").path


@pytest.fixture(scope="session")
def pairs_to_train_on(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return ×2 pairs of 64 HR pixels whose noise is left to training. Not to be changed."""
    root = tmp_path_factory.mktemp("training")
    config = BuildPairsConfig(
        pool=fill_pool(root / "pool").path,
        out=root / "pairs",
        hr=(write_scenes(root / "hr"),),
        scale=2,
        hr_size=64,
        noise="defer",
    )
    build_pairs(config)
    return config.out


@pytest.fixture(scope="session")
def pairs_to_validate_on(pairs_to_train_on: Path) -> Path:
    """Return pairs of one photo. Not to be changed."""
    root = pairs_to_train_on.parent
    config = BuildPairsConfig(
        pool=root / "pool",
        out=root / "held out",
        hr=(root / "hr" / "scene 0.png",),
        scale=2,
        hr_size=64,
    )
    build_pairs(config)
    return config.out


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Let torch compute with one thread."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def small_run(tmp_path: Path, pairs_to_train_on: Path, one_thread: None) -> TrainConfig:
    """Return the settings of a training of four steps."""
    from pipelines.training.train import TrainConfig

    return TrainConfig(
        pairs=pairs_to_train_on,
        out=tmp_path / "model",
        steps=4,
        batch_size=2,
        hr_patch=32,
        save_every=2,
    )

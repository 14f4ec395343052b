"""Pairs for the networks to train on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from degrade.images.image_io import quantise, write_png
from pipelines import BuildPairsConfig, build_pairs
from tests.esrgan.pair_folders import make_pairs
from tests.making import fill_pool, make_scene


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def hdf5_pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return twelve ×4 pairs of 96 HR pixels."""
    return make_pairs(tmp_path_factory.mktemp("pairs") / "hdf5", format="hdf5")


@pytest.fixture(scope="session")
def lmdb_pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the same pairs in LMDB."""
    return make_pairs(tmp_path_factory.mktemp("pairs") / "lmdb", format="lmdb")


@pytest.fixture(scope="session")
def pairs_in(
    tmp_path_factory: pytest.TempPathFactory, hdf5_pairs: Path, lmdb_pairs: Path
) -> dict[str, Path]:
    """Return those pairs by format."""
    raw = make_pairs(tmp_path_factory.mktemp("pairs") / "raw", format="lmdb-raw")
    return {"hdf5": hdf5_pairs, "lmdb": lmdb_pairs, "lmdb-raw": raw}


@pytest.fixture(scope="session")
def x2_pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return ×2 pairs of 64 HR pixels without noise, built from a pool of three kernels."""
    root = tmp_path_factory.mktemp("x2")
    pool = fill_pool(root / "pool")
    for number in range(2):
        scene = make_scene(f"x2 {number}", 192, 192)
        write_png(root / "hr" / f"{number}.png", quantise(scene))
    build_pairs(
        BuildPairsConfig(
            pool=pool.path,
            out=root / "pairs",
            hr=(root / "hr",),
            scale=2,
            hr_size=64,
            noise="none",
            omitted=("linear-light",),  # LR is what its kernel makes
        )
    )
    return root / "pairs"

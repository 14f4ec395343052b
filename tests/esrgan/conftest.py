"""Pairs for the networks to train on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.esrgan.pair_folders import make_pairs


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

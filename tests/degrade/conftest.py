"""Shards of each kind that the tests of this folder write and read."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from degrade.degradation import DegradationPlan, Pair
from degrade.degradation.steps import Blur, Residual
from degrade.pairs import STORES, ShardSpec, Sidecar, create_shard, write_shard_list

SCALE = 3


def make_pair(
    key: str, lr_height: int, lr_width: int, rng: np.random.Generator, scale: int = SCALE
) -> Pair:
    """Return a pair of noise, which nothing compresses and in which every byte counts."""
    height, width = scale * lr_height, scale * lr_width
    plan = DegradationPlan(
        key=key,
        source_sha256="5" * 64,
        clean_up=1,
        hr_box=(3, 6, height, width),
        scale=scale,
        steps=(Blur("k" * 32), Residual("n" * 32, 1, 2)),
    )
    return Pair(
        key=key,
        plan=plan,
        lr_u8=rng.integers(0, 256, (lr_height, lr_width, 3), dtype=np.uint8),
        hr_u8=rng.integers(0, 256, (height, width, 3), dtype=np.uint8),
    )


@dataclass(frozen=True)
class Case:
    """One kind of shard: a format, pairs of one size or of many."""

    format: str
    hr_size: int | None

    def spec(self, index: int = 0, **changes: Any) -> ShardSpec:
        values: dict[str, Any] = {
            "index": index,
            "format": self.format,
            "scale": SCALE,
            "hr_size": self.hr_size,
            "config_hash": "c0ffee",
        }
        return ShardSpec(**(values | changes))

    def pairs(self, count: int = 5, index: int = 0) -> list[Pair]:
        rng = np.random.default_rng([7, index])
        sizes = [(8, 8) if self.hr_size else (6 + i, 11 - i) for i in range(count)]
        return [make_pair(f"photo-{index}_{i:04d}", *size, rng) for i, size in enumerate(sizes)]

    def write(self, folder: Path, pairs: Sequence[Pair], index: int = 0) -> Sidecar:
        with create_shard(folder, self.spec(index)) as writer:
            for pair in pairs:
                writer.add(pair)
            return writer.commit(sources=[{"name": "photo.jpg", "sha256": "5" * 64}])


CASES = {
    f"{store}-{size}": Case(store, hr_size)
    for store in STORES
    for size, hr_size in (("fixed", 24), ("whole", None))
}


@pytest.fixture(params=list(CASES))
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


@pytest.fixture
def cases() -> dict[str, Case]:
    return CASES


@dataclass(frozen=True)
class Built:
    """A finished folder of two shards and the pairs that went into it."""

    case: Case
    folder: Path
    pairs: list[Pair]
    sidecars: list[Sidecar]


@pytest.fixture
def built(case: Case, tmp_path: Path) -> Built:
    folder = tmp_path / "pairs"
    groups = [case.pairs(5, index=0), case.pairs(4, index=1)]
    sidecars = [case.write(folder, group, index) for index, group in enumerate(groups)]
    write_shard_list(folder, {"config": {"seed": 3, "scale": SCALE}})
    return Built(case, folder, groups[0] + groups[1], sidecars)


def digests(folder: Path) -> dict[str, str]:
    """Return the hash of every file below ``folder``."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(name="digests")
def _digests() -> Any:
    return digests


@pytest.fixture(name="make_pair")
def _make_pair() -> Any:
    return make_pair

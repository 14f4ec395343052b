"""Pairs to export, and what an export of them holds."""

from __future__ import annotations

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from degrade.degradation import DegradationPlan, Pair
from degrade.degradation.steps import Blur
from degrade.exchange import EXPORT_FORMATS
from degrade.pairs import PairReader, ShardSpec, create_shard, write_shard_list
from degrade.pool import DegradationPool
from tests.pipelines import trainer_readers as read

FORMATS = tuple(EXPORT_FORMATS)
SCALE = 2


def make_pairs(
    folder: Path,
    pool: Path,
    *,
    hr_size: int | None = 32,
    format: Literal["hdf5", "lmdb"] = "hdf5",
    count: int = 9,
    noise: str = "bake",
) -> Path:
    """Return a finished folder of two shards."""
    rng = np.random.default_rng(5)
    # One key begins another: where a suffix would change the order.
    keys = sorted(f"photo-{'ab' if n % 2 else 'a'}{n // 2 or ''}" for n in range(count))
    kernels = [kernel.id for kernel in DegradationPool.open(pool).kernels]
    for index, group in enumerate((keys[: count // 2], keys[count // 2 :])):
        spec = ShardSpec(
            index=index, format=format, scale=SCALE, hr_size=hr_size, config_hash="c0ffee"
        )
        with create_shard(folder, spec) as shard:
            for number, key in enumerate(group):
                height, width = (hr_size // 2,) * 2 if hr_size else (16 + number, 21 - number)
                plan = DegradationPlan(
                    key=key,
                    source_sha256="5" * 64,
                    clean_up=1,
                    scale=SCALE,
                    hr_box=(0, 0, 2 * height, 2 * width),
                    steps=(Blur(kernels[number % len(kernels)]),),
                )
                lr = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
                hr = rng.integers(0, 256, (2 * height, 2 * width, 3), dtype=np.uint8)
                shard.add(Pair(key=key, lr_u8=lr, hr_u8=hr, plan=plan))
            shard.commit()
    write_shard_list(folder, {"settings": {"noise": noise}, "pool": str(pool)})
    return folder


def options_of(out: Path) -> dict[str, dict[str, Any]]:
    """Return every option file of an export, parsed."""
    yaml = pytest.importorskip("yaml")
    parse = {".yml": yaml.safe_load, ".toml": tomllib.loads, ".json": json.loads}
    return {path.stem: parse[path.suffix](path.read_text()) for path in (out / "options").iterdir()}


def assert_holds(found: read.Read, reader: PairReader) -> None:
    """Check that ``found`` has every pair of ``reader``, with the same pixels."""
    seen = set()
    for key, lr, hr in found:
        expected_lr, expected_hr = reader.read(reader.find(key))
        assert np.array_equal(lr, expected_lr) and np.array_equal(hr, expected_hr), key
        seen.add(key)
    assert seen == set(reader.keys)


def digests(out: Path) -> dict[str, str]:
    return {
        str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.name != "lock.mdb"
    }


def readers(format: str, out: Path) -> list[read.Read]:
    """Return what each trainer reads of an export."""
    if format == "webdataset":
        return [read.read_webdataset(out)]
    if format == "h5":
        return [read.read_h5(out / "pairs.h5")]
    options = options_of(out)
    trainers = {
        "basicsr-lmdb": dict.fromkeys(("basicsr", "realesrgan", "neosr"), read.read_basicsr_lmdb),
        "png": {
            "basicsr": read.read_paired_folders,
            "neosr": read.read_paired_folders,
            "trainner-redux": read.read_paired_folders,
            "realesrgan": read.read_realesrgan_list,
        },
        "kair": {"kair": read.read_kair},
    }[format]
    assert set(options) == {f"{name}_{stage}" for name in trainers for stage in ("psnr", "gan")}
    stages = [(name, how, stage) for name, how in trainers.items() for stage in ("psnr", "gan")]
    return [how(options[f"{name}_{stage}"]) for name, how, stage in stages]

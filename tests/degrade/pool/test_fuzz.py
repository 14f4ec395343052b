"""Whatever happens to the bytes of a pool is noticed and named, or changes nothing."""

from __future__ import annotations

import shutil
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from degrade.errors import DegradeError
from degrade.pool import DegradationPool
from tests.degrade.pool.parts import PROVENANCE, found_patches, make_kernel, make_patch, make_photo

CHANGES_EACH = 150
MEGABYTE = 2**20


def _flip(data: bytearray, rng: np.random.Generator, at: int) -> None:
    data[at] ^= 1 << int(rng.integers(8))


def _overwrite(data: bytearray, rng: np.random.Generator, at: int) -> None:
    data[at : at + 8] = rng.bytes(len(data[at : at + 8]))


def _change_digit(data: bytearray, rng: np.random.Generator, at: int) -> None:
    digits = [place for place, byte in enumerate(data[:400]) if chr(byte).isdigit()]
    where = digits[at % len(digits)] if digits else at
    data[where : where + 1] = str(rng.integers(10**9)).encode()


def _cut(data: bytearray, rng: np.random.Generator, at: int) -> None:
    del data[at:]


def _remove(data: bytearray, rng: np.random.Generator, at: int) -> None:
    del data[at : at + int(rng.integers(1, 40))]


def _insert(data: bytearray, rng: np.random.Generator, at: int) -> None:
    data[at:at] = rng.choice([rng.bytes(20), b"9" * 30, b"[" * 5000, b"\n", b"\0" * 9, b"\xff"])


def _repeat(data: bytearray, rng: np.random.Generator, at: int) -> None:
    data[at:at] = data[at : at + 300]


CHANGES = (_flip, _overwrite, _change_digit, _cut, _remove, _insert, _repeat)


def _read_all(path: Path) -> dict[str, Any]:
    """Open a pool and return every entry and its content, each way of reading it."""
    pool = DegradationPool.open(path)
    found: dict[str, Any] = {photo.sha256: photo for photo in pool.photos}
    for record in pool.measurements:
        found[f"{record.kind} {record.photo}"] = record
    for kernel in pool.kernels:
        found[kernel.id] = (kernel, pool.read_kernel(kernel.id).weights.tobytes())
    for noise in pool.noise:
        crop = pool.read_residual_crop(noise.id, 1, 2, 8, 8)
        again = pool.read_residual_crop(noise.id, 1, 2, 8, 8)
        whole = pool.read_residual(noise.id)
        found[noise.id] = (noise, crop.tobytes(), again.tobytes(), whole.tobytes())
    return found


@pytest.mark.parametrize("victim", ["index.jsonl", "pool.json", "kernels/*.npy", "noise/*.npy"])
def test_changed_bytes_are_noticed_and_named_or_change_nothing(tmp_path: Path, victim: str) -> None:
    rng = np.random.default_rng(len(victim))
    pool = DegradationPool.create(tmp_path / "pool")
    patches = [make_patch(seed, size=24) for seed in range(2)]
    pool.add_findings(make_photo(), [found_patches(*patches)])
    pool.add_kernel(make_kernel(), PROVENANCE)
    before = _read_all(pool.path)
    target = sorted(pool.path.glob(victim))[0]
    sound = target.read_bytes()
    refused, peak = 0, 0
    tracemalloc.start()
    try:
        for number in range(CHANGES_EACH):
            change: Callable[..., None] = CHANGES[number % len(CHANGES)]
            data = bytearray(sound)
            # Half of the changes in the first bytes: there the headers are.
            at = int(rng.integers(min(len(data), 140) if number % 2 else len(data)))
            change(data, rng, at)
            target.write_bytes(data)
            tracemalloc.reset_peak()
            try:
                found = _read_all(pool.path)
            except DegradeError as error:
                assert target.name in str(error) and "\n" not in str(error), (change, at)
                refused += 1
            else:
                # A cut index is a shorter pool: what there is must be what it was.
                assert all(before.get(key) == entry for key, entry in found.items()), (change, at)
                assert len(found) == len(before) or victim == "index.jsonl", (change, at)
            peak = max(peak, tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()
    assert refused > CHANGES_EACH // 2
    assert peak < 8 * MEGABYTE
    target.write_bytes(sound)
    assert _read_all(pool.path) == before


def test_missing_files_are_named(tmp_path: Path) -> None:
    pool = DegradationPool.create(tmp_path / "pool")
    pool.add_findings(make_photo(), [found_patches(make_patch())])
    pool.add_kernel(make_kernel(), PROVENANCE)
    for target in (*pool.path.rglob("*.npy"), pool.path / "pool.json"):
        copy = shutil.copytree(pool.path, tmp_path / f"without {target.stem}")
        (copy / target.relative_to(pool.path)).unlink()
        with pytest.raises(
            DegradeError, match=target.stem if target.suffix == ".npy" else "no degradation pool"
        ):
            _read_all(copy)

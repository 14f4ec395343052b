"""The index: torn, damaged and long ones."""

from __future__ import annotations

import time
import zlib

import numpy as np
import pytest

from degrade.errors import CorruptDataError
from degrade.pool import DegradationPool, NoiseRecord
from degrade.pool.index_file import encode_line
from tests.degrade.pool.parts import PROVENANCE, index_lines, make_kernel, make_patch, make_photo


def test_a_torn_last_line_is_passed_over_and_cut(pool: DegradationPool) -> None:
    kept = [pool.add_noise(make_patch(seed), PROVENANCE) for seed in range(3)]
    index = pool.path / "index.jsonl"
    whole = index.read_bytes()
    last = len(whole) - len(index_lines(pool)[-1])
    for end in range(last, len(whole)):
        index.write_bytes(whole[:end])
        found = DegradationPool.open(pool.path)
        assert {record.id for record in found.noise} == set(kept[:2])
        assert index.read_bytes() == whole[:end]
    found.add_noise(make_patch(2), PROVENANCE)
    assert index.read_bytes() == whole
    assert DegradationPool.open(pool.path).verify() == []


def test_every_flipped_byte_of_the_index_is_noticed(
    pool: DegradationPool, rng: np.random.Generator
) -> None:
    pool.add_kernel(make_kernel(), PROVENANCE)
    pool.add_noise(make_patch(), PROVENANCE)
    pool.add_photo(make_photo())
    index = pool.path / "index.jsonl"
    whole = index.read_bytes()
    for position in rng.permutation(len(whole) - 1)[:200]:
        damaged = bytearray(whole)
        damaged[position] ^= 1 << int(rng.integers(8))
        index.write_bytes(bytes(damaged))
        with pytest.raises(CorruptDataError, match=r"index\.jsonl, line \d"):
            DegradationPool.open(pool.path)


def test_deeply_nested_json_is_refused(pool: DegradationPool) -> None:
    body = b'"kind": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    (pool.path / "index.jsonl").write_bytes(b'{"crc32": "%08x", ' % zlib.crc32(body) + body + b"\n")
    with pytest.raises(CorruptDataError, match="not a pool entry"):
        DegradationPool.open(pool.path)


def test_open_of_ten_thousand_entries_is_quick(pool: DegradationPool) -> None:
    lines = [
        NoiseRecord(f"{i:032x}", 64, i / 7, 90.0, (i / 300, 1 / 3, 2.5), PROVENANCE)
        for i in range(10_000)
    ]
    with (pool.path / "index.jsonl").open("wb") as file:
        for record in lines:
            file.write(encode_line(record))
    started = time.process_time()
    found = DegradationPool.open(pool.path)
    # Measured: 0.3 s on a core shared with other work. The bound leaves room for a slower one.
    assert time.process_time() - started < 1.0
    assert len(found.noise) == 10_000

"""Readers of what this project writes itself: pools, shards, sidecars, manifests."""

from __future__ import annotations

import json
import random
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from degrade.pairs import open_pairs, read_sidecar, verify_pairs, write_shard_list
from degrade.pairs.shard_list import read_shard_list
from degrade.pairs.shards import record_file
from degrade.pairs.sidecar import ShardHead
from degrade.places.place import place_at
from degrade.pool import DegradationPool
from tests.degrade.conftest import CASES
from tests.degrade.pool.parts import (
    PROVENANCE,
    found_patches,
    make_kernel,
    make_patch,
    make_photo,
)
from tests.torture.damage import damage_bytes, damage_lines, one_of, sealed_json
from tests.torture.readers import Reader, require

Read = Callable[[bytes], None]


def read_pool(path: Path) -> dict[str, Any]:
    """Open a pool and return every entry and its content, each way of reading it."""
    pool = DegradationPool.open(path)
    found: dict[str, Any] = {photo.sha256: photo for photo in pool.photos}
    for record in pool.measurements:
        found[f"{record.kind} {record.photo}"] = record
    for kernel in pool.kernels:
        found[kernel.id] = (kernel, pool.read_kernel(kernel.id).weights.tobytes())
    for noise in pool.noise:
        whole = pool.read_residual(noise.id)
        require(bool(np.isfinite(whole).all()), "a residual that is not finite")
        for _ in range(2):
            crop = pool.read_residual_crop(noise.id, 1, 2, 8, 8)
            require(np.array_equal(crop, whole[1:9, 2:10]), "a crop of something else")
        found[noise.id] = (noise, whole.tobytes())
    return found


def pool_reader(victim: str, must_be_same: bool, folder: Path) -> tuple[Sequence[bytes], Read]:
    """Read a pool one of whose files is damaged; see :class:`Reader`."""
    pool = DegradationPool.create(folder / "pool")
    patches = [make_patch(seed, size=24) for seed in range(2)]
    pool.add_findings(make_photo(), [found_patches(*patches)])
    pool.add_kernel(make_kernel(), PROVENANCE)
    before = read_pool(pool.path)
    target = sorted(pool.path.glob(victim))[0]
    sound = target.read_bytes()

    def read(data: bytes) -> None:
        target.write_bytes(data)
        found = read_pool(pool.path)
        # A cut index is a shorter pool; what there is must be what it was.
        if must_be_same:
            require(all(before.get(key) == entry for key, entry in found.items()), "other content")
        problems = DegradationPool.open(pool.path).verify()
        require(not any("\n" in problem for problem in problems), "a report of several lines")

    return [sound], read


def _index_line(value: Any) -> bytes:
    if not isinstance(value, dict):
        return json.dumps(value).encode() + b"\n"
    value.pop("crc32", None)
    body = json.dumps(value)[1:].encode()
    return b'{"crc32": "%08x", ' % zlib.crc32(body) + body + b"\n"


def _sealed_index(content: bytes, chance: random.Random) -> bytes:
    return damage_lines(content, chance, _index_line)


def read_pairs(folder: Path) -> dict[str, tuple[bytes, bytes]]:
    """Return the pixels of all pairs, as crops and whole."""
    found = {}
    with open_pairs(folder, allow_partial=True) as reader:
        for row, record in enumerate(reader.records):
            lr, hr = reader.read(row)
            require(lr.shape == record.lr_shape and hr.shape == record.hr_shape, "another shape")
            size = min(lr.shape[:2])
            crop = reader.read_crop(row, 0, 0, size)
            require(np.array_equal(crop[0], lr[:size, :size]), "a crop of something else")
            found[record.key] = (lr.tobytes(), hr.tobytes())
    return found


def _shard(name: str, victim: str, folder: Path) -> tuple[Sequence[bytes], Read]:
    """Read shards whose sidecar states the size and hash that the damaged file has."""
    case = CASES[name]
    sidecar = case.write(folder, case.pairs(3))
    target = next(folder.glob(victim))
    relative = str(target.relative_to(folder))
    sound, before = target.read_bytes(), read_pairs(folder)

    def read(data: bytes) -> None:
        target.write_bytes(data)
        files = tuple(
            record_file(target, relative) if file.name == relative else file
            for file in sidecar.files
        )
        (folder / sidecar.sidecar_name).write_bytes(replace(sidecar, files=files).encode())
        write_shard_list(folder, {})
        list(verify_pairs(folder))
        require(read_pairs(folder) == before, "other pixels")

    return [sound], read


def _odd_shard(content: bytes, chance: random.Random) -> bytes:
    from tests.torture.odd_hdf5 import odd_file

    return odd_file(chance, ("lr", "hr")).ljust(20_000, b"\0")  # large enough for the pixels


def _old_shard(content: bytes, chance: random.Random) -> bytes:
    """Return the shard as older HDF5 writes it, which has no checksums, and damage that."""
    import io

    import h5py

    rng, buffer = np.random.default_rng(7), io.BytesIO()
    with h5py.File(buffer, "w", libver="earliest") as file:
        for side, name in ((8, "lr"), (24, "hr")):
            pixels = rng.integers(0, 256, (3, side, side, 3), dtype=np.uint8)
            file.create_dataset(name, data=pixels, chunks=(1, side, side, 3))
    return damage_bytes(buffer.getvalue(), chance)


def _json_file(name: str, victim: str, folder: Path) -> tuple[Sequence[bytes], Read]:
    """Read a folder of pairs whose sidecar or manifest is damaged."""
    case = CASES[name]
    case.write(folder, case.pairs(3))
    write_shard_list(folder, {"settings": {"seed": 3, "noise": "defer"}, "pool": "/pool"})

    def read(data: bytes) -> None:
        (folder / victim).write_bytes(data)
        for result in verify_pairs(folder):
            require("\n" not in str(result.problem), "a report of several lines")
        read_sidecar(folder, 0)
        ShardHead.read(place_at(folder), 0)
        read_shard_list(folder)
        read_pairs(folder)

    return [(folder / victim).read_bytes()], read


def readers() -> Iterator[Reader]:
    """Yield the readers of folders, each with one file that is damaged."""
    index = "index.jsonl"
    yield Reader("pool index", partial(pool_reader, index, True))
    yield Reader("pool index, sealed", partial(pool_reader, index, False), _sealed_index)
    yield Reader("pool.json", partial(pool_reader, "pool.json", True))
    yield Reader("pool kernel", partial(pool_reader, "kernels/*.npy", True))
    yield Reader("pool noise", partial(pool_reader, "noise/*.npy", True))
    formats: tuple[str, ...] = ("hdf5", "lmdb", "lmdb-raw")
    for format in formats:
        victim = "*.h5" if format == "hdf5" else f"*_HR.{format}/data.mdb"
        for size in ("fixed", "whole"):
            make = partial(_shard, f"{format}-{size}", victim)
            yield Reader(f"shard {format} {size}", make)
    hdf5 = partial(_shard, "hdf5-fixed", "*.h5")
    yield Reader("shard hdf5, odd", hdf5, _odd_shard)
    yield Reader("shard hdf5, old", hdf5, _old_shard)
    for name, victim in (("sidecar", "shard-00000.json"), ("manifest", "manifest.json")):
        for kind in ("hdf5-whole", "lmdb-raw-fixed"):
            damage = one_of(damage_bytes, sealed_json, sealed_json)
            yield Reader(f"{name} {kind}", partial(_json_file, kind, victim), damage)

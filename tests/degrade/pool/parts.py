"""What the tests of the pool are made of."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np

from degrade.audit.closed_loop import NO_GAIN, with_gain
from degrade.degradation import MEASURED
from degrade.degradation.index import MATCHED
from degrade.kernels import BlurKernel, gaussian_kernel
from degrade.noise import NoisePatch
from degrade.pool import DegradationPool, Findings, PhotoRecord, Provenance
from degrade.pool.findings import FoundObject

SHA = "ab" * 32


PROVENANCE = Provenance(
    source_name="photos/IMG 1.jpg",
    source_sha256=SHA,
    box=(0, 16, 64, 64),
    method="kernelgan",
    settings={"scale": 4, "seed": 0},
    tool_version="0.1",
    values={"data term": 0.25},
)


def make_photo(name: str = "a", sha256: str = SHA, path: str = "/a", **facts: int) -> PhotoRecord:
    known = {"height": 64, "width": 96, "channels": 3, "bit_depth": 8, "orientation": 1}
    known |= {"bytes": 1000, "modified": 1_700_000_000_000_000_000, **facts}
    return PhotoRecord(name=name, sha256=sha256, path=path, format="jpeg", **known)


def found_patches(*patches: NoisePatch, kind: str = "noise", **settings: object) -> Findings:
    objects = tuple(FoundObject(patch, "variance", {"variance": 16.0}) for patch in patches)
    values = {"positions": 9}
    return Findings(kind=kind, settings=settings, values=values, objects=objects)


def make_patch(seed: int = 0, size: int = 32, dtype: type = np.uint8) -> NoisePatch:
    rng = np.random.default_rng(seed)
    unit = np.iinfo(dtype).max / 255
    pixels = np.rint(rng.normal(90, 4, (size, size, 3)) * unit).astype(dtype)
    return NoisePatch(pixels, 16.0, 90.0, "a", (0, 0, size, size))


def make_kernel(seed: int = 0, scale: int = 4) -> BlurKernel:
    rng = np.random.default_rng(seed)
    width, height = (float(sigma) for sigma in rng.uniform(0.8, 2.5, 2))
    return gaussian_kernel(13, scale, (width, height), float(rng.uniform(0, 3)))


def index_lines(pool: DegradationPool) -> list[bytes]:
    return (pool.path / "index.jsonl").read_bytes().splitlines(keepends=True)


def with_crc(record: object) -> bytes:
    body = json.dumps(record)[1:].encode()
    return b'{"crc32": "%08x", ' % zlib.crc32(body) + body + b"\n"


def read_record(pool: DegradationPool, number: int) -> dict[str, object]:
    record = json.loads(index_lines(pool)[number])
    del record["crc32"]
    return record  # type: ignore[no-any-return]


def flip_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-5] ^= 4
    path.write_bytes(bytes(data))


def fork(work: Callable[[], None]) -> int:
    """Run ``work`` in a forked child that never returns into pytest; return its id."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(1)
    return child


def add_matches(pool: DegradationPool, gains: tuple[float, ...]) -> None:
    """Add matches, one after the other, of two kernels of each photo: corrected, and as it was."""
    own = [kernel for kernel in pool.kernels if kernel.provenance.method != MATCHED]
    for gain in gains:
        made = []
        for record in own:
            kernel = pool.read_kernel(record.id)
            provenance = msgspec.structs.replace(
                record.provenance, method=MATCHED, settings={"kernel": record.id}, values={}
            )
            for most in (gain, 0.0):
                made.append((with_gain(kernel, np.linspace(0, most, len(NO_GAIN))), provenance))
        pool.add_match(made, MEASURED.without(("residual",)), 4, {})

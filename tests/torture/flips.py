"""One flipped byte anywhere: seen by verify, and never fed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from degrade.errors import DegradeError
from degrade.pairs import open_pairs, verify_pairs, write_shard_list
from tests.degrade.conftest import CASES
from tests.degrade.pairs.test_flipped_bytes import Small, assert_right_or_refused
from tests.torture.fuzzing import read_damaged
from tests.torture.parts import Part, Rounds
from tests.torture.readers import Reader, require
from tests.torture.readers_of_folders import Read, pool_reader


def flip_byte(content: bytes, chance: random.Random) -> bytes:
    """Change one byte."""
    data = bytearray(content)
    data[chance.randrange(len(data))] ^= chance.randrange(1, 256)
    return bytes(data)


def _pairs(name: str, victim: str, folder: Path) -> tuple[Sequence[bytes], Read]:
    case = CASES[name]
    pairs = case.pairs(3)
    files = case.write(folder, pairs).file_names
    write_shard_list(folder, {"seed": 3})
    small, target = Small(folder, files, pairs), next(folder.glob(victim))
    sound = target.read_bytes()

    def read(data: bytes) -> None:
        target.write_bytes(data)
        problems = [result for result in verify_pairs(folder) if result.problem]
        require(bool(problems) == (data != sound), "verify sees nothing")
        named = {result.shard for result in problems} <= {"shard-00000", "manifest.json"}
        require(named, f"verify names {problems}")
        try:
            reader = open_pairs(folder)
        except DegradeError as error:
            require(any(word in str(error) for word in ("shard-00000", "manifest")), str(error))
            raise
        with reader:
            for row in range(len(pairs)):
                assert_right_or_refused(reader, small, row)

    return [sound], read


def parts() -> Iterator[Part]:
    """Yield a part for each kind of file."""
    for format in ("hdf5", "lmdb", "lmdb-raw"):
        victims = ["*.h5"] if format == "hdf5" else ["*_HR.*/data.mdb", "*_LR.*/data.mdb"]
        for victim in victims:
            for size in ("fixed", "whole"):
                subject = f"shard {format} {size} {victim.strip('*_')}"
                yield _part(Reader(subject, partial(_pairs, f"{format}-{size}", victim), flip_byte))
    for victim in ("shard-00000.json", "manifest.json"):
        yield _part(Reader(victim, partial(_pairs, "lmdb-raw-whole", victim), flip_byte))
    for victim in ("kernels/*.npy", "noise/*.npy", "index.jsonl", "pool.json"):
        make = partial(pool_reader, victim, True)
        yield _part(Reader(f"pool {victim}", make, flip_byte))


def _part(reader: Reader) -> Part:
    def run(rounds: Rounds, folder: Path) -> Iterator[str | None]:
        return read_damaged(reader, rounds.flips, rounds, folder)

    return Part("flips", "one flipped byte", "5", reader.name, run)

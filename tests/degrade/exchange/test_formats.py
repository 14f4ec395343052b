"""What each format's writer does at its edges; whole exports: tests/pipelines/exports."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Any

import lmdb
import numpy as np
import pytest

from degrade.errors import CorruptDataError, DegradeError
from degrade.exchange import (
    EXPORT_FORMATS,
    EncodedPair,
    ExportSet,
    encode_pair,
    entry_names,
    open_writer,
)
from degrade.pairs import PairRecord
from degrade.pairs.pair_records import pair_crc32


def make_set(format: str, keys: list[str]) -> tuple[ExportSet, list[EncodedPair]]:
    rng = np.random.default_rng(1)
    pairs = []
    for row, key in enumerate(keys):
        lr = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        hr = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)
        record = PairRecord(
            key=key,
            row=row,
            plan=None,
            hr_shape=(16, 16, 3),
            lr_shape=(8, 8, 3),
            crc32=pair_crc32(lr, hr),
        )
        pairs.append(encode_pair(format, record, lr, hr))
    records = [pair.record for pair in pairs]
    return ExportSet(format=format, name="set", scale=2, hr_size=16, records=records), pairs


def test_lmdb_writer_lets_its_map_grow(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("degrade.pairs.stores.lmdb_folder._MAP_SIZE", 2**15)
    monkeypatch.setattr("degrade.pairs.stores.lmdb_folder._BATCH_SIZE", 5000)
    exported, pairs = make_set("basicsr-lmdb", [f"k{n:03d}" for n in range(200)])
    writer = open_writer(tmp_path, exported, 0)
    for pair in pairs:
        writer.append(pair)
    writer.close()
    with lmdb.open(str(tmp_path / "set_HR.lmdb"), readonly=True, lock=False) as store:
        assert store.info()["map_size"] > 2**16
        with store.begin() as transaction:
            assert dict(transaction.cursor()) == {
                pair.record.key.encode(): pair.hr for pair in pairs
            }


def test_tar_writer_keeps_the_longest_keys(tmp_path: Path) -> None:
    keys = ["a" * 249 + end for end in "xy"]
    exported, pairs = make_set("webdataset", keys)
    writer = open_writer(tmp_path, exported, 0)
    for pair in pairs:
        writer.append(pair)
    writer.close()
    with tarfile.open(tmp_path / "pairs-000000.tar", "r|") as tar:
        assert {member.name.split(".")[0] for member in tar} == set(keys)


@pytest.mark.parametrize("format", ["basicsr-lmdb", "h5"])
def test_close_notices_what_the_disk_has_lost(tmp_path: Path, format: str) -> None:
    exported, pairs = make_set(format, ["a", "b"])
    writer: Any = open_writer(tmp_path, exported, 0)
    for pair in pairs:
        writer.append(pair)
    if format == "h5":
        writer._file["hr"][1] = 0
    else:
        writer._sides[0]._pending[1] = (b"b", b"")
    with pytest.raises(CorruptDataError, match="does not hold what was written"):
        writer.close()
    writer.discard()


@pytest.mark.parametrize("format", EXPORT_FORMATS)
def test_open_writer_goes_on_where_a_checkpoint_was(tmp_path: Path, format: str) -> None:
    exported, pairs = make_set(format, ["a", "b", "c"])
    writer = open_writer(tmp_path, exported, 0)
    for pair in pairs[:2]:
        writer.append(pair)
    done = writer.checkpoint()
    writer.discard()
    assert done == (2 if format in ("png", "kair") else 0)
    writer = open_writer(tmp_path, exported, done)
    for pair in pairs[done:]:
        writer.append(pair)
    writer.close()
    assert {path.name for path in tmp_path.iterdir()} == set(entry_names(exported))


@pytest.mark.parametrize("format", ["png", "kair"])
@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        (["A-1", "a-1"], "the pairs A-1 and a-1 are one file where capitals do not count"),
        (["a", "Con"], "the pair Con cannot be a file on Windows"),
        (["a", "lpt1"], "the pair lpt1 cannot be a file on Windows"),
    ],
)
def test_folder_writer_refuses_keys_that_are_no_files_everywhere(
    tmp_path: Path, format: str, keys: list[str], reason: str
) -> None:
    exported, _ = make_set(format, keys)
    with pytest.raises(DegradeError, match=f"{reason}; export to basicsr-lmdb"):
        open_writer(tmp_path, exported, 0)
    assert not list(tmp_path.iterdir())
    allowed, _ = make_set(format, ["a", "console", "com", "b"])
    open_writer(tmp_path, allowed, 0).discard()

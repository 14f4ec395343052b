"""What each form's sink does at its edges; whole exports are in tests/pipelines/test_exports.py."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Any

import lmdb
import numpy as np
import pytest

from degrade.errors import CorruptDataError
from degrade.exchange import EncodedPair, ExportSet, Form, encode_pair, entry_names, open_sink
from degrade.pairs import PairRecord
from degrade.pairs.pair_records import pair_crc32


def make_set(form: Form, keys: list[str]) -> tuple[ExportSet, list[EncodedPair]]:
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
        pairs.append(encode_pair(form, record, lr, hr))
    records = [pair.record for pair in pairs]
    return ExportSet(form=form, name="set", scale=2, hr_size=16, records=records), pairs


def test_lmdb_sink_lets_its_map_grow(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("degrade.pairs.stores.lmdb_folder._MAP_SIZE", 2**15)
    monkeypatch.setattr("degrade.pairs.stores.lmdb_folder._BATCH_SIZE", 5000)
    exported, pairs = make_set("basicsr-lmdb", [f"k{n:03d}" for n in range(200)])
    sink = open_sink(tmp_path, exported, 0)
    for pair in pairs:
        sink.append(pair)
    sink.close()
    with lmdb.open(str(tmp_path / "set_HR.lmdb"), readonly=True, lock=False) as store:
        assert store.info()["map_size"] > 2**16
        with store.begin() as transaction:
            assert dict(transaction.cursor()) == {
                pair.record.key.encode(): pair.hr for pair in pairs
            }


def test_tar_sink_keeps_the_longest_keys(tmp_path: Path) -> None:
    keys = ["a" * 249 + end for end in "xy"]
    exported, pairs = make_set("webdataset", keys)
    sink = open_sink(tmp_path, exported, 0)
    for pair in pairs:
        sink.append(pair)
    sink.close()
    with tarfile.open(tmp_path / "pairs-000000.tar", "r|") as tar:
        assert {member.name.split(".")[0] for member in tar} == set(keys)


@pytest.mark.parametrize("form", ["basicsr-lmdb", "h5"])
def test_close_notices_what_the_disk_has_lost(tmp_path: Path, form: Form) -> None:
    exported, pairs = make_set(form, ["a", "b"])
    sink: Any = open_sink(tmp_path, exported, 0)
    for pair in pairs:
        sink.append(pair)
    if form == "h5":
        sink._file["hr"][1] = 0
    else:
        sink._sides[0]._pending[1] = (b"b", b"")
    with pytest.raises(CorruptDataError, match="does not hold what was written"):
        sink.close()
    sink.discard()


@pytest.mark.parametrize("form", ["basicsr-lmdb", "png", "kair", "webdataset", "h5"])
def test_open_sink_goes_on_where_a_checkpoint_was(tmp_path: Path, form: Form) -> None:
    exported, pairs = make_set(form, ["a", "b", "c"])
    sink = open_sink(tmp_path, exported, 0)
    for pair in pairs[:2]:
        sink.append(pair)
    done = sink.checkpoint()
    sink.discard()
    assert done == (2 if form in ("png", "kair") else 0)
    sink = open_sink(tmp_path, exported, done)
    for pair in pairs[done:]:
        sink.append(pair)
    sink.close()
    assert {path.name for path in tmp_path.iterdir()} == set(entry_names(exported))

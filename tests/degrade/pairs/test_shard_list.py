from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from degrade.errors import CorruptDataError, DegradeError, InvalidValueError
from degrade.pairs import open_pairs, write_shard_list
from degrade.pairs.shard_list import read_shard_list
from degrade.places.checked_json import encode_json

pytestmark = pytest.mark.parametrize("case", ["hdf5-fixed"], indirect=True)


def test_read_shard_list_returns_what_was_written(built: Any) -> None:
    manifest = read_shard_list(built.folder)
    assert manifest.run == {"config": {"seed": 3, "scale": 3}}
    assert [entry.index for entry in manifest.shards] == [0, 1]
    assert [entry.pairs for entry in manifest.shards] == [5, 4]
    assert [entry.digest for entry in manifest.shards] == [s.digest for s in built.sidecars]
    content = json.loads((built.folder / "manifest.json").read_bytes())
    assert content["pairs"] == 9
    assert content["bytes"] == sum(p.stat().st_size for p in built.folder.glob("*.h5"))


def test_write_shard_list_refuses_an_empty_folder(case: Any, tmp_path: Path) -> None:
    with pytest.raises(DegradeError, match="no finished shard"):
        write_shard_list(tmp_path, {})


def test_write_shard_list_refuses_shards_of_two_runs(built: Any, cases: dict[str, Any]) -> None:
    other = cases["lmdb-fixed"]
    other.write(built.folder, other.pairs(2, index=2), 2)
    with pytest.raises(CorruptDataError, match=r"shard-00002\.json: has format lmdb, shard-00000"):
        write_shard_list(built.folder, {})


def test_write_shard_list_refuses_a_key_in_two_shards(built: Any) -> None:
    built.case.write(built.folder, built.pairs[3:5], 2)
    with pytest.raises(CorruptDataError, match=r"shard-00002\.json: the key 'photo-0_0003' is in"):
        write_shard_list(built.folder, {})


def test_write_shard_list_refuses_settings_that_are_not_json(built: Any) -> None:
    with pytest.raises(InvalidValueError, match="as JSON"):
        write_shard_list(built.folder, {"out": built.folder})


@pytest.mark.parametrize(
    "change",
    [
        {"pairs": 10},
        {"bytes": 0},
        {"run": []},
        {"shards": []},
        {"shards": [{"index": 0, "pairs": 9, "bytes": 3}]},
        {"format": {"name": "degrade-pairs", "version": 99}},
        {"more": 0},
    ],
)
def test_read_shard_list_refuses_what_was_tampered_with(built: Any, change: dict[str, Any]) -> None:
    path = built.folder / "manifest.json"
    content = json.loads(path.read_bytes())
    del content["checksum"]
    path.write_bytes(encode_json(content | change))
    with pytest.raises(CorruptDataError, match=r"manifest\.json: "):
        open_pairs(built.folder)


def test_read_shard_list_refuses_shards_out_of_order(built: Any) -> None:
    path = built.folder / "manifest.json"
    content = json.loads(path.read_bytes())
    del content["checksum"]
    content["shards"].reverse()
    path.write_bytes(encode_json(content))
    with pytest.raises(CorruptDataError, match="ascending order"):
        read_shard_list(built.folder)

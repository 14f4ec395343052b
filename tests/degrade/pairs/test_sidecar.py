from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from degrade.errors import CorruptDataError
from degrade.images.sources import Reject
from degrade.pairs import Sidecar, create_shard, read_sidecar
from degrade.places.checked_json import encode_json
from tests.making import is_committed


def tamper(folder: Path, **changes: Any) -> None:
    """Change top-level fields of the first sidecar, with a checksum that is right again."""
    path = folder / "shard-00000.json"
    content = json.loads(path.read_bytes())
    del content["checksum"]
    path.write_bytes(encode_json(content | changes))


def test_read_sidecar_returns_what_was_committed(case: Any, tmp_path: Path) -> None:
    # A photo's name may hold bytes that are no text, as Python's file functions give them.
    rejects = [Reject("a\udcff b.jpg", "cut short"), Reject("c\n.png", "empty", "replace it")]
    sources = [{"name": "\udcff.jpg", "sha256": "0" * 64, "bytes": 12, "note": None}]
    with create_shard(tmp_path, case.spec()) as writer:
        for pair in case.pairs():
            writer.add(pair)
        written = writer.commit(sources=sources, rejects=rejects)
    read = read_sidecar(tmp_path, 0)
    assert read == written
    assert read.spec == case.spec()
    assert read.rejects == tuple(rejects)
    assert read.sources == tuple(sources)
    assert [record.plan for record in read.records] == [pair.plan for pair in case.pairs()]
    assert read.size == sum((tmp_path / name).stat().st_size for name in read.file_names)


def test_sidecar_has_one_record_a_line_and_no_floats(built: Any) -> None:
    text = (built.folder / "shard-00000.json").read_text()
    assert (
        sum(
            f'"key": "{pair.key}"' in line for pair in built.pairs[:5] for line in text.splitlines()
        )
        == 5
    )

    def refuse(number: str) -> None:
        raise AssertionError(number)

    json.loads(text, parse_float=refuse)


@pytest.mark.parametrize(
    "changes",
    [
        {"index": 1},
        {"index": "0"},
        {"scale": 2},
        {"scale": 3.0},
        {"hr_size": 12},
        {"hr_size": "24"},
        {"store": "zarr"},
        {"config_hash": ""},
        {"config_hash": None},
        {"digest": 3},
        {"format": {"name": "degrade-pairs-shard", "version": 3}},
        {"format": {"name": "other", "version": 1}},
        {"format": "degrade-pairs-shard"},
        {"records": {}},
        {"records": [None]},
        {"sources": [[]]},
        {"sources": [{"name": 0.5}]},
        {"rejects": [{"path": "a", "reason": "b"}]},
        {"rejects": [{"path": "a", "reason": "b", "remedy": 1}]},
        {"files": []},
        {"files": None},
        {"files": [{"name": "../../etc/passwd", "size": 3, "sha256": "0"}]},
        {"files": [{"name": "/etc/passwd", "size": 3, "sha256": "0"}]},
        {"files": [{"name": "shard-00001.h5", "size": 3, "sha256": "0"}]},
        {"more": 1},
        # Files of version 1 have a SHA-256, those of version 2 a CRC-32.
        {"format": {"name": "degrade-pairs-shard", "version": 1}},
    ],
)
@pytest.mark.parametrize("case", ["hdf5-fixed", "lmdb-fixed"], indirect=True)
def test_read_sidecar_refuses_what_was_tampered_with(built: Any, changes: dict[str, Any]) -> None:
    tamper(built.folder, **changes)
    with pytest.raises(CorruptDataError, match=r"shard-00000\.json: "):
        read_sidecar(built.folder, 0)
    assert not is_committed(built.folder, built.case.spec())


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"scale": 3.0}, "scale must be"),
        ({"index": True}, "index must be"),
        ({"index": 10**400}, "index must be"),
        ({"hr_size": "24"}, "hr_size must be"),
        ({"config_hash": None}, "config_hash must be"),
        ({"records": {}}, "records must be"),
        ({"records": [None]}, "record 0: .*table of keys"),
        ({"sources": [[]]}, r"sources\[0\] must be"),
        ({"sources": [{"name": 0.5}]}, "a source must be"),
        ({"rejects": [{"path": "a", "reason": "b"}]}, r"'remedy' is missing, in rejects\[0\]"),
        ({"rejects": [{"path": "", "reason": "b", "remedy": ""}]}, r"rejects\[0\]\.path must be"),
        ({"files": [{"name": "a", "size": -1, "sha256": "0"}]}, r"files\[0\]\.size must be"),
        ({"files": []}, "has the files"),
        ({"more": 1}, "'more'"),
        ({"format": {"name": "degrade-pairs-shard", "version": 1}}, "of version 1 .*h5 must have"),
        (
            {"files": [{"name": "shard-00000.h5", "size": 1, "sha256": "0" * 64}]},
            r"of version 2 shard-00000\.h5 must have a crc32",
        ),
        ({"files": [{"name": "shard-00000.h5", "size": 1, "crc32": 2**32}]}, r"crc32 must be"),
        ({"files": [{"name": "shard-00000.h5", "size": 1, "sha256": "0"}]}, "64 hex digits"),
        ({"\ud800": 1}, r"ud800"),
        ({"format": {"name": "degrade-pairs-shard", "version": 3}}, "version is 3"),
    ],
    ids=ascii,
)
@pytest.mark.parametrize("case", ["hdf5-fixed"], indirect=True)
def test_read_sidecar_names_what_is_wrong(built: Any, changes: dict[str, Any], named: str) -> None:
    tamper(built.folder, **changes)
    with pytest.raises(CorruptDataError, match=rf"shard-00000\.json: .*{named}") as caught:
        read_sidecar(built.folder, 0)
    assert "\n" not in str(caught.value)


def test_read_sidecar_refuses_records_in_another_order(built: Any) -> None:
    values = [record.to_json() for record in built.sidecars[0].records]
    for order in ([1, 0, 2, 3, 4], [0, 0, 1, 2, 3]):
        swapped = [values[i] | {"row": row} for row, i in enumerate(order)]
        tamper(built.folder, records=swapped)
        with pytest.raises(CorruptDataError, match="keys must ascend"):
            read_sidecar(built.folder, 0)


def test_read_sidecar_refuses_a_renamed_file(built: Any) -> None:
    (built.folder / "shard-00000.json").rename(built.folder / "shard-00005.json")
    with pytest.raises(CorruptDataError, match="belongs to shard 0"):
        read_sidecar(built.folder, 5)


def test_sidecar_is_a_shard_spec(built: Any) -> None:
    sidecar: Sidecar = built.sidecars[1]
    assert (sidecar.index, sidecar.name) == (1, "shard-00001")
    assert tuple(file.name for file in sidecar.files) == sidecar.spec.file_names

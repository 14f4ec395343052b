"""Every field of an entry is checked."""

from __future__ import annotations

import dataclasses

import pytest

from degrade.errors import CorruptDataError, InvalidValueError
from degrade.pool import DegradationPool, SearchRecord, SourceRecord
from tests.degrade.pool.parts import (
    PROVENANCE,
    SHA,
    make_kernel,
    make_patch,
    read_record,
    with_crc,
)


@pytest.mark.parametrize(
    ("number", "change"),
    [
        (0, {"id": "../../../etc/passwd"}),
        (0, {"id": "0" * 31 + "/"}),
        (0, {"id": 5}),
        (0, {"id": "A" * 32}),
        (0, {"id": "0" * 32 + "\n"}),
        (0, {"scale": 1}),
        (0, {"scale": 2.0}),
        (0, {"scale": True}),
        (0, {"size": -3}),
        (0, {"size": "13"}),
        (0, {"kind": "other"}),
        (0, {"kind": None}),
        (0, {"surprise": 1}),
        (0, {"provenance": None}),
        (0, {"provenance": {}}),
        (0, {"provenance": [1]}),
        (1, {"variance": float("nan")}),
        (1, {"variance": -1.0}),
        (1, {"brightness": 256.0}),
        (1, {"means": [1.0, 2.0]}),
        (1, {"means": [1.0, 2.0, 1e9]}),
        (1, {"means": "abc"}),
        (1, {"size": 7}),
        (2, {"sha256": "xyz"}),
        (2, {"path": None}),
        (2, {"name": 1}),
        (3, {"sha256": "xyz"}),
        (3, {"settings": None}),
        (3, {"findings": {}}),
    ],
)
def test_open_checks_every_field(
    pool: DegradationPool, number: int, change: dict[str, object]
) -> None:
    pool.add_kernel(make_kernel(), PROVENANCE)
    pool.add_noise(make_patch(), PROVENANCE)
    pool.add_photo(SourceRecord("a", SHA, "/a"), [], lambda ids: SearchRecord(SHA, "{}", "{}"))
    DegradationPool.open(pool.path)
    crafted = with_crc({**read_record(pool, number), **change})
    (pool.path / "index.jsonl").write_bytes(crafted)
    with pytest.raises(CorruptDataError, match="line 1: not a pool entry"):
        DegradationPool.open(pool.path)


@pytest.mark.parametrize(
    "change",
    [
        {"source_sha256": "abc"},
        {"box": [0, 0, 1]},
        {"box": [-1, 0, 4, 4]},
        {"box": [0, 0, 4, 0]},
        {"box": [0.0, 0, 4, 4]},
        {"statistics": {"a": float("inf")}},
        {"statistics": {"a": "1"}},
        {"statistics": []},
        {"settings": {}},
        {"method": None},
        {"notes": "noisy"},
        {"notes": [1]},
        {"notes": None},
        {"notes": {"a": 1}},
    ],
)
def test_open_checks_the_provenance(pool: DegradationPool, change: dict[str, object]) -> None:
    pool.add_kernel(make_kernel(), PROVENANCE)
    record = read_record(pool, 0)
    record["provenance"] = {**record["provenance"], **change}  # type: ignore[dict-item]
    (pool.path / "index.jsonl").write_bytes(with_crc(record))
    with pytest.raises(CorruptDataError, match="not a pool entry"):
        DegradationPool.open(pool.path)


def test_notes_are_kept_and_written_only_when_there_are_any(pool: DegradationPool) -> None:
    noted = dataclasses.replace(PROVENANCE, notes=("too noisy", "clipped"))
    plain = pool.add_kernel(make_kernel(0), PROVENANCE)
    doubtful = pool.add_kernel(make_kernel(1), noted)
    assert "notes" not in read_record(pool, 0)["provenance"]  # type: ignore[operator]
    found = {record.id: record.provenance for record in DegradationPool.open(pool.path).kernels}
    assert found == {plain: PROVENANCE, doubtful: noted}


def test_provenance_refuses_what_json_cannot_hold() -> None:
    with pytest.raises(InvalidValueError, match="statistics"):
        dataclasses.replace(PROVENANCE, statistics={"loss": float("nan")})

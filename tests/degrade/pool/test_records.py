"""Every field of an entry is checked."""

from __future__ import annotations

import msgspec
import pytest

from degrade.errors import CorruptDataError, InvalidValueError
from degrade.pool import DegradationPool, Findings
from tests.degrade.pool.parts import (
    PROVENANCE,
    SHA,
    found_patches,
    make_kernel,
    make_patch,
    make_photo,
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
        (0, {"entry": "other"}),
        (0, {"entry": None}),
        (0, {"size": 10**400}),
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
        (2, {"height": 0}),
        (2, {"width": 2.5}),
        (2, {"bytes": True}),
        (2, {"modified": 2**64}),
        (2, {"format": 3}),
        (3, {"photo": "xyz"}),
        (3, {"kind": "../kernels"}),
        (3, {"settings": None}),
        (3, {"settings": {"a": float("inf")}}),
        (3, {"settings": [1]}),
        (3, {"values": "text"}),
        (3, {"values": {"a": float("nan")}}),
        (3, {"values": {"a": 10**400}}),
        (3, {"values": {"a": [[[[[[[[[[1]]]]]]]]]]}}),
        (3, {"flags": "noisy"}),
        (3, {"flags": [1]}),
        (3, {"confidence": 1.5}),
        (3, {"confidence": float("nan")}),
        (3, {"confidence": True}),
        (3, {"objects": ["../etc"]}),
        (3, {"objects": "0" * 32}),
        (3, {"version": None}),
    ],
)
def test_open_checks_every_field(
    pool: DegradationPool, number: int, change: dict[str, object]
) -> None:
    pool.add_kernel(make_kernel(), PROVENANCE)
    pool.add_noise(make_patch(), PROVENANCE)
    pool.add_findings(make_photo(), [found_patches()])
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
        {"settings": "{}"},
        {"settings": {"a": {"b": float("nan")}}},
        {"statistics": {"a": True}},
        {"surprise": 1},
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


def test_flags_are_kept(pool: DegradationPool) -> None:
    noted = msgspec.structs.replace(PROVENANCE, flags=("too noisy", "clipped"))
    plain = pool.add_kernel(make_kernel(0), PROVENANCE)
    doubtful = pool.add_kernel(make_kernel(1), noted)
    found = {record.id: record.provenance for record in DegradationPool.open(pool.path).kernels}
    assert found == {plain: PROVENANCE, doubtful: noted}


def test_flags_and_values_are_written_as_the_first_pools_call_them(pool: DegradationPool) -> None:
    known = msgspec.structs.replace(PROVENANCE, values={"a": 0.5}, flags=("clipped",))
    pool.add_kernel(make_kernel(), known)
    written = read_record(pool, 0)["provenance"]
    assert isinstance(written, dict)
    assert (written["statistics"], written["notes"]) == ({"a": 0.5}, ["clipped"])
    assert written.keys() & {"values", "flags"} == set()


def test_provenance_refuses_what_json_cannot_hold() -> None:
    with pytest.raises(InvalidValueError, match="values"):
        msgspec.structs.replace(PROVENANCE, values={"loss": float("nan")})


def test_a_measurement_comes_back_as_it_was(pool: DegradationPool) -> None:
    values = {"quality": [90, 75], "grid": {"left": 3, "top": 0}, "share": 0.25, "camera": None}
    findings = Findings(
        kind="jpeg", settings={"version": 1}, values=values, flags=("odd",), confidence=0.5
    )
    pool.add_findings(make_photo(), [findings])
    (record,) = DegradationPool.open(pool.path).measurements
    assert record == findings.as_record(make_photo(), ())
    assert (record.values, record.flags, record.confidence) == (values, ("odd",), 0.5)
    assert record.objects is None and record.photo == SHA


def test_findings_that_json_cannot_hold_are_refused_before_anything_is_written(
    pool: DegradationPool,
) -> None:
    for values in ({"a": float("nan")}, {"a": object()}, {"a": {1: 2}}):
        with pytest.raises(InvalidValueError, match="values"):
            pool.add_findings(make_photo(), [Findings(kind="x", settings={}, values=values)])
    assert DegradationPool.open(pool.path).photos == ()

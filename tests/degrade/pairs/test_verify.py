from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from degrade.errors import DegradeError
from degrade.pairs import VerifyResult, place_at, verify_pairs
from degrade.places.checked_json import encode_json, read_json

pytestmark = pytest.mark.parametrize("case", ["hdf5-fixed", "lmdb-whole"], indirect=True)


def test_verify_pairs_has_one_result_a_pair(built: Any) -> None:
    expected = [
        VerifyResult(sidecar.name, record.row, record.key, None)
        for sidecar in built.sidecars
        for record in sidecar.records
    ]
    assert list(verify_pairs(built.folder)) == expected


def test_verify_pairs_goes_on_without_a_manifest(built: Any) -> None:
    (built.folder / "manifest.json").unlink()
    results = list(verify_pairs(built.folder))
    assert [result.shard for result in results if result.problem] == ["manifest.json"]
    assert len(results) == 10


def test_verify_pairs_compares_manifest_and_sidecars(built: Any) -> None:
    built.case.write(built.folder, built.pairs[5:8], 1)
    built.case.write(built.folder, built.case.pairs(2, index=2), 2)
    bad = [result for result in verify_pairs(built.folder) if result.problem]
    assert [(result.shard, result.row) for result in bad] == [
        ("shard-00001", None),
        ("shard-00002", None),
    ]
    assert all("manifest.json does not list it" in str(result.problem) for result in bad)


def test_verify_pairs_reports_a_shard_that_is_gone(built: Any) -> None:
    (built.folder / "shard-00001.json").unlink()
    results = list(verify_pairs(built.folder))
    assert [result.shard for result in results if result.problem] == ["shard-00001"]
    assert sum(result.key is not None for result in results) == 5


def test_verify_pairs_refuses_other_folders(case: Any, tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(DegradeError):
            list(verify_pairs(folder))


def test_verify_pairs_reads_sidecars_with_sha256(built: Any) -> None:
    """Those of earlier versions."""
    path = built.folder / "shard-00000.json"
    content = read_json(place_at(built.folder), path.name)
    content["format"]["version"] = 1
    for file in content["files"]:
        del file["crc32"]
        file["sha256"] = hashlib.sha256((built.folder / file["name"]).read_bytes()).hexdigest()
    path.write_bytes(encode_json(content))
    assert not any(result.problem for result in verify_pairs(built.folder))
    content["files"][-1]["sha256"] = "0" * 64
    path.write_bytes(encode_json(content))
    problems = [result.problem for result in verify_pairs(built.folder) if result.problem]
    assert len(problems) == 1
    assert problems[0].endswith("not those that were written (sha256)")

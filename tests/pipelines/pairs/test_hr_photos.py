"""Photos of the pool are trusted without a look, until one of them is not what it was."""

from __future__ import annotations

import errno
import itertools
import json
import os
import random
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from degrade.disk.files import read_file
from degrade.errors import DegradeError, InputError
from degrade.pairs import open_pairs
from degrade.pool import DegradationPool
from pipelines import BuildPairsConfig, build_pairs
from pipelines.executors import InProcessExecutor, ProcessExecutor
from pipelines.pairs.checks import verify
from pipelines.shared.finding_photos import find_photos
from tests.pipelines.pairs.building import FORMATS, config_for, digests


def rot(path: Path, pool: Path) -> None:
    """Change a photo's bytes such that its length and time are those that the pool knows."""
    (before,) = (photo for photo in DegradationPool.open(pool).photos if photo.path == str(path))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    record = msgspec.structs.replace(before, modified=path.stat().st_ctime_ns)
    DegradationPool.open(pool).add_photo(record)


@pytest.fixture
def known(scenes: Path, pool: Path) -> list[Path]:
    """Return the photos of the scenes, which the pool has been measured on; in shuffled order."""
    photos, _ = find_photos([scenes])
    DegradationPool.open(pool).add_photos([photo.as_record() for photo in photos])
    paths = [photo.path for photo in photos]
    random.Random(5).shuffle(paths)
    return paths


def own(config: BuildPairsConfig) -> BuildPairsConfig:
    return replace(config, hr=(), clean_up=1)  # several shards


@pytest.mark.parametrize("format", FORMATS)
def test_build_pairs_goes_on_without_a_photo_whose_bytes_have_rotted(
    tmp_path: Path, scenes: Path, pool: Path, known: list[Path], format: str
) -> None:
    config = own(config_for(tmp_path, scenes, pool, format))
    whole = build_pairs(replace(config, out=tmp_path / "whole")).done
    rot(known[0], pool)
    report = build_pairs(config)
    (reject,) = report.rejects
    assert Path(reject.path) == known[0] and "sha256 differs" in reject.reason
    assert 0 < report.done < whole and report.skipped == 0 and report.exit_code == 3
    assert verify(config.out).done == report.done
    again = build_pairs(config)
    assert (again.done, again.skipped, again.rejects) == (0, report.done, report.rejects)
    known[0].touch()  # now the system tells that it changed
    build_pairs(replace(config, out=tmp_path / "noticed"), executor=ProcessExecutor(2))
    assert digests(Path(config.out)) == digests(tmp_path / "noticed")


def test_build_pairs_without_a_rotten_photo_resumes_and_is_whole_after_a_kill(
    tmp_path: Path, scenes: Path, pool: Path, known: list[Path]
) -> None:
    config = own(config_for(tmp_path, scenes, pool))
    rot(known[0], pool)
    build_pairs(replace(config, out=tmp_path / "undisturbed"))

    def stop(done: int, _total: int) -> None:
        if json.loads((tmp_path / "pairs" / "run.json").read_bytes()).get("distrusted"):
            raise KeyboardInterrupt

    assert build_pairs(config, on_progress=stop).exit_code == 130
    report = build_pairs(config)
    assert [Path(reject.path) for reject in report.rejects] == [known[0]]
    assert digests(Path(config.out)) == digests(tmp_path / "undisturbed")
    with open_pairs(Path(config.out)) as reader:
        assert len(reader) == report.done + report.skipped


def test_build_pairs_that_was_begun_with_a_photo_names_it_when_it_rots(
    tmp_path: Path, scenes: Path, pool: Path, known: list[Path]
) -> None:
    config = own(config_for(tmp_path, scenes, pool))
    build_pairs(config)
    sidecars = sorted(Path(config.out).glob("shard-*.json"))
    key = known[0].stem.replace(" ", "-").encode()
    with_it = [path for path in sidecars if key in path.read_bytes()]
    assert 0 < len(with_it) < len(sidecars), "wanted shards with and without the photo"
    for path in with_it:
        path.unlink()
    left = digests(Path(config.out))
    rot(known[0], pool)
    with pytest.raises(DegradeError, match=r"scene .*sha256 differs.*; .*pairs was begun with it"):
        build_pairs(config)
    assert left.items() <= digests(Path(config.out)).items(), "what is there stays"


@pytest.mark.parametrize("failing", [range(2, 3), range(2, 6)], ids=len)
def test_build_pairs_takes_no_failing_disk_for_a_rotten_photo(
    tmp_path: Path,
    scenes: Path,
    pool: Path,
    known: list[Path],
    monkeypatch: pytest.MonkeyPatch,
    failing: range,
) -> None:
    config = own(config_for(tmp_path, scenes, pool))
    reads = itertools.count()  # a photo is read twice before it goes, by each of two tries

    def read_or_fail(path: Path) -> bytes:
        if next(reads) in failing:
            raise InputError(path, f"cannot be read ({os.strerror(errno.EIO)})")
        return read_file(path)

    monkeypatch.setattr("pipelines.shared.photo_scan.read_file", read_or_fail)
    report = build_pairs(config, executor=InProcessExecutor())
    assert report.exit_code == 0 and verify(config.out).done == report.done + report.skipped

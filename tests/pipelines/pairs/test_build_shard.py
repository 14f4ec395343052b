"""A shard may be built any number of times, by anybody, also at once."""

from __future__ import annotations

import errno
import os
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from degrade.errors import DegradeError
from degrade.images.image_io import write_png
from degrade.pairs import place_at, verify_pairs
from degrade.places.local import LocalPlace
from degrade.pool import DegradationPool
from pipelines.pairs import build_shard as shard_building
from pipelines.pairs.build_shard import PlannedPhoto, ShardTask, build_shard, pair_keys
from pipelines.pairs.planning import BuildPairsConfig, plan_photos, plan_shards
from pipelines.shared.finding_photos import find_photos
from pipelines.shared.folder_kinds import FOLDER_KINDS
from pipelines.shared.run_settings import RUN_FILE
from tests.making import fill_pool, is_committed

FORMATS: tuple[str, ...] = ("hdf5", "lmdb")


def shard_task(
    out: Path, scenes: Path, pool: Path, format: str = "hdf5", hr_size: int = 64
) -> ShardTask:
    """Return the task of a single shard, in a place that its run has taken."""
    config = BuildPairsConfig(
        pool=pool, out=out, hr=(scenes,), format=format, scale=2, hr_size=hr_size, shard_mib=64
    )
    photos, _ = find_photos([scenes])
    end = DegradationPool.open(pool).index_end
    (task,) = plan_shards(config, place_at(out), end, plan_photos(photos, config)[0][:1], "c0ffee")
    return at_place(task, out)


def at_place(task: ShardTask, out: Path) -> ShardTask:
    """Return the same task in another place, as if its run had taken that."""
    place = place_at(out)
    place.claim(RUN_FILE, FOLDER_KINDS)
    place.write(RUN_FILE, b'{"config_hash": "%s"}' % task.spec.config_hash.encode())
    return replace(task, place=place)


def contents(out: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.name != "lock.mdb"
    }


_BUILD_AT_ONCE = """
import pickle, sys, time
from pathlib import Path
import cv2
from pipelines.pairs import build_shard as building
cv2.setNumThreads(1)
tasks, me, other = pickle.loads(Path(sys.argv[1]).read_bytes()), sys.argv[2], sys.argv[3]
create_shard = building.create_shard
def meet(folder):
    (folder / me).touch()
    while not (folder / other).exists():
        time.sleep(0.0005)
def meet_and_create(place, spec):
    meet(Path(place.folder))
    return create_shard(place, spec)
for number, task in enumerate(tasks):
    # Either may be done before the other begins, or both have begun before either is done.
    if number % 2:
        meet(Path(task.place.folder))
    building.create_shard = create_shard if number % 2 else meet_and_create
    receipt = building.build_shard(task)
    print(receipt.pairs, receipt.clipping_shift is not None, flush=True)
"""


@pytest.mark.parametrize("format", FORMATS)
def test_build_shard_by_two_processes_at_once_gives_the_shard_of_one(
    tmp_path: Path, scenes: Path, pool: Path, format: str
) -> None:
    alone = shard_task(tmp_path / "alone", scenes, pool, format)
    receipt = build_shard(alone)
    expected = contents(tmp_path / "alone")
    places = [tmp_path / str(number) for number in range(20)]
    tasks = [at_place(alone, place) for place in places]
    (tmp_path / "tasks").write_bytes(pickle.dumps(tasks))
    arguments = [sys.executable, "-c", _BUILD_AT_ONCE, str(tmp_path / "tasks")]
    children = [
        subprocess.Popen([*arguments, *names], stdout=subprocess.PIPE, text=True)
        for names in (("mine", "yours"), ("yours", "mine"))
    ]
    outputs = [child.communicate()[0].splitlines() for child in children]
    assert [child.returncode for child in children] == [0, 0]
    assert {line.split()[0] for output in outputs for line in output} == {str(receipt.pairs)}
    both_built = sum(a == b for a, b in zip(*outputs, strict=True))
    assert both_built >= 10, "they hardly met"
    for place in places:
        (place / "mine").unlink()
        (place / "yours").unlink()
        assert contents(place) == expected
        assert not [path for path in place.rglob("*") if ".tmp" in path.name]
    problems = [result.problem for result in verify_pairs(places[0]) if result.problem]
    assert len(problems) == 1 and "manifest" in problems[0]


class _Killed(BaseException):
    """The end of a process, as far as what it would have done next is concerned."""


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("end", ["goes on", "dies", "fails"])
def test_build_shard_keeps_what_another_commits_at_any_step(
    tmp_path: Path,
    scenes: Path,
    pool: Path,
    monkeypatch: pytest.MonkeyPatch,
    format: str,
    end: str,
) -> None:
    """Another worker commits the shard just before each name that this one publishes."""
    alone = shard_task(tmp_path / "alone", scenes, pool, format)
    build_shard(alone)
    expected = contents(tmp_path / "alone")
    real = os.replace
    for number in range(20):
        out = tmp_path / f"{end} {number}"
        task = at_place(alone, out)
        calls = []

        def replace_late(source: Any, target: Any, **keywords: Any) -> None:
            calls.append(target)  # noqa: B023
            if len(calls) == number + 1:  # noqa: B023
                with monkeypatch.context() as others:
                    others.setattr(os, "replace", real)
                    assert build_shard(task).clipping_shift is not None  # noqa: B023
                if end == "dies":
                    raise _Killed
                if end == "fails":
                    raise OSError(errno.EACCES, os.strerror(errno.EACCES))
            real(source, target, **keywords)

        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", replace_late)
            try:
                build_shard(task)
                assert end == "goes on" or len(calls) <= number
            except (_Killed, DegradeError):
                assert end != "goes on"
        assert is_committed(out, task.spec)
        assert contents(out) == expected
        if len(calls) <= number:
            break
    assert number >= 2


@pytest.mark.parametrize("format", FORMATS)
def test_build_shard_leaves_a_committed_one_alone(
    tmp_path: Path, scenes: Path, pool: Path, format: str
) -> None:
    task = shard_task(tmp_path / "pairs", scenes, pool, format)
    receipt = build_shard(task)
    (tmp_path / "pairs").rename(tmp_path / "moved")
    for photo in scenes.iterdir():
        photo.unlink()
    task = replace(task, place=place_at(tmp_path / "moved"))
    before = {path: path.stat().st_ino for path in (tmp_path / "moved").rglob("*")}
    again = build_shard(task)
    assert (again.index, again.pairs, again.clipping_shift) == (0, receipt.pairs, None)
    assert {path: path.stat().st_ino for path in (tmp_path / "moved").rglob("*")} == before


def test_build_shard_of_a_run_that_was_given_up_adds_nothing(
    tmp_path: Path, scenes: Path, pool: Path
) -> None:
    task = shard_task(tmp_path / "pairs", scenes, pool)
    for content in (b'{"config_hash": "another"}', b"", b"[]"):
        task.place.write(RUN_FILE, content)
        with pytest.raises(DegradeError, match=r"run\.json: not of the run that shard-00000"):
            build_shard(task)
        assert task.place.names() == [RUN_FILE]
    task.place.remove(RUN_FILE)
    with pytest.raises(DegradeError, match=r"run\.json: not of the run"):
        build_shard(task)


@pytest.mark.parametrize(("failures", "is_made"), [(1, True), (2, False)])
def test_build_shard_tries_a_failing_disk_once_more(
    tmp_path: Path,
    scenes: Path,
    pool: Path,
    monkeypatch: pytest.MonkeyPatch,
    failures: int,
    is_made: bool,
) -> None:
    task = shard_task(tmp_path / "pairs", scenes, pool)
    tries = []

    def fail(self: LocalPlace, files: Any, *, publish: Any = LocalPlace.publish) -> None:
        tries.append(files)
        if len(tries) <= failures:
            try:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            except OSError as error:
                raise DegradeError("the disk failed") from error
        publish(self, files)

    monkeypatch.setattr(LocalPlace, "publish", fail)
    if is_made:
        build_shard(task)
    else:
        with pytest.raises(DegradeError, match="the disk failed"):
            build_shard(task)
    assert is_committed(task.place, task.spec) == is_made
    assert len(tries) == failures + is_made


def test_shard_task_is_small_whatever_the_pool_holds(tmp_path: Path, scenes: Path) -> None:
    sizes = []
    for patches in (2, 60):
        pool = fill_pool(tmp_path / f"pool {patches:02d}", patches=patches).path
        sizes.append(len(pickle.dumps(shard_task(tmp_path / "pairs", scenes, pool))))
    assert abs(sizes[1] - sizes[0]) <= 4  # the digits of pool_end


def test_build_shard_opens_the_pool_once_and_as_it_was(
    tmp_path: Path, scenes: Path, pool: Path
) -> None:
    first = shard_task(tmp_path / "first", scenes, pool)
    second = shard_task(tmp_path / "second", scenes, pool)
    shard_building._open_snapshot.cache_clear()
    build_shard(first)
    fill_pool(pool, kernels=9, patches=20)
    build_shard(second)
    assert shard_building._open_snapshot.cache_info().misses == 1
    assert contents(tmp_path / "second") == contents(tmp_path / "first")
    shard_building._open_snapshot.cache_clear()
    build_shard(replace(second, place=shard_task(tmp_path / "third", scenes, pool).place))
    assert contents(tmp_path / "third") == contents(tmp_path / "first")


@pytest.mark.parametrize("count", [1, 9_999, 10_000, 10_001, 100_001])
def test_pair_keys_ascend_however_many_a_photo_has(count: int) -> None:
    photo = PlannedPhoto(Path("a.png"), "a.png", "0f" * 32, "a-0f", ((0, 0, 8, 8),) * count)
    keys = pair_keys(photo)
    assert len(set(keys)) == count and keys == sorted(keys)
    # What was built of fewer goes by the names that it had.
    assert keys[0] == "a-0f_" + "0" * (4 if count <= 10_000 else len(str(count - 1)))


@pytest.mark.slow
def test_build_shard_makes_ten_thousand_pairs_of_a_photo(tmp_path: Path, pool: Path) -> None:
    scenes = tmp_path / "large"
    write_png(scenes / "large.png", np.zeros((404, 404, 3), np.uint8))
    task = shard_task(tmp_path / "pairs", scenes, pool, hr_size=4)
    assert build_shard(task).pairs == 101 * 101

"""Disks that fail, are full or cannot be written: one clear line, and nothing half ever counts."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from degrade.errors import DegradeError
from degrade.pairs import open_pairs
from pipelines import BuildPairsConfig, build_pairs
from pipelines.pairs.build_shard import build_shard
from pipelines.pairs.checks import verify
from tests.pipelines.pairs.test_build_shard import contents, shard_task

FORMATS: tuple[str, ...] = ("hdf5", "lmdb")

# The number of calls of one kind at which each process fails. Before it builds, a child makes so
# many vain calls that this is the one to fail: a single strace sweeps all calls of all kinds.
_WHEN = 150

_SWEEP = """
import errno, os, pickle, sys, traceback
from dataclasses import replace
from pathlib import Path

import cv2, h5py, lmdb
from degrade.errors import DegradeError
from degrade.pairs import LocalPlace, verify_pairs
from pipelines.pairs import shard_runs
from pipelines.pairs.build_shard import build_shard
from tests.making import is_committed
from tests.pipelines.pairs.test_build_shard import at_place, contents

work, when = Path(sys.argv[1]), int(sys.argv[2])
task, expected = pickle.loads((work / "work").read_bytes())
cv2.setNumThreads(1)
null = os.open(os.devnull, os.O_RDWR)
vain = {
    "fsync": lambda: os.fsync(null),
    "fdatasync": lambda: os.fdatasync(null),
    "rename": lambda: os.rename("/none/a", "/none/b"),
    "mkdir": lambda: os.mkdir("/none/a"),
    "unlink": lambda: os.unlink("/none/a"),
    "ftruncate": lambda: os.ftruncate(-1, 0),
    "write": lambda: os.write(-1, b""),
    "pwrite64": lambda: os.pwrite(-1, b"", 0),
}

def call(kind):
    try:
        vain[kind]()
    except OSError as error:
        return error.errno == errno.EIO
    return False

def is_whole(task, out):
    if not is_committed(task.place, task.spec):
        return False
    assert [r.shard for r in verify_pairs(task.place) if r.problem] == ["manifest.json"]
    return True

def try_once(task, kind, number, once):
    out = task.place.folder
    assert not any(call(kind) for _ in range(when - number))
    shard_runs._may_pass = lambda _: not once
    error = None
    try:
        build_shard(task)
    except DegradeError as caught:
        error = str(caught)
    is_over = any(call(kind) for _ in range(when))
    whole = is_whole(task, out)
    if once:  # a failure that is not tried again: named on one line, and it does not count
        assert whole or error, "no shard and no word"
        assert error is None or ("shard-00000" in error or str(out) in error) and "\\n" not in error
    else:
        assert whole and error is None, error
    build_shard(task)
    assert contents(out) == expected
    return 40 if is_over else 41 if error else 42

def in_child(function, *arguments):
    # Calls are counted in each process anew.
    child = os.fork()
    if child == 0:
        try:
            os._exit(function(*arguments))
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

def take(task, place):
    at_place(task, place.folder)
    return 0

lines = []
for once in (True, False):
    for kind in vain if once else ("rename",):
        failed = 0
        for number in range(1, when):
            place = LocalPlace(work / f"{kind} {number} {once}")
            assert in_child(take, task, place) == 0
            status = in_child(try_once, replace(task, place=place), kind, number, once)
            if status not in (40, 41, 42):
                sys.exit(f"{kind} {number} {once}: {status}")
            failed += status == 41
            if status == 40:
                break
        lines.append(f"{kind} {number - 1} {failed} {once}")
in_child(lambda: print(*lines, sep="\\n", flush=True) or 0)
"""


@pytest.fixture
def strace() -> list[str]:
    if shutil.which("strace") is None:
        pytest.skip("strace, which makes system calls fail, is not installed")
    probe = ["strace", "-f", "--seccomp-bpf", "-o", os.devnull, "-e", "inject=fsync:error=EIO"]
    if subprocess.run([*probe, "true"], capture_output=True, check=False).returncode:
        pytest.skip("strace may not trace processes here")
    return probe[:3]


@pytest.mark.slow
@pytest.mark.parametrize("format", FORMATS)
def test_build_shard_survives_every_failing_call(
    tmp_path: Path, scenes: Path, pool: Path, strace: list[str], format: str
) -> None:
    """Every fsync, rename, write… in turn gives EIO: tried again, or named; it never counts."""
    task = shard_task(tmp_path / "alone", scenes, pool, format, hr_size=128)
    build_shard(task)
    (tmp_path / "work").write_bytes(pickle.dumps((task, contents(tmp_path / "alone"))))
    kinds = ["fsync", "fdatasync", "rename", "mkdir", "unlink", "ftruncate", "write", "pwrite64"]
    command = [*strace, "-qq", "-o", os.devnull, f"--trace={','.join(kinds)}"]
    command += [f"--inject={kind}:error=EIO:when={_WHEN}" for kind in kinds]
    command += [sys.executable, "-B", "-c", _SWEEP, str(tmp_path), str(_WHEN)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    counts = {
        (kind, once == "True"): (int(calls), int(failed))
        for kind, calls, failed, once in map(str.split, done.stdout.splitlines())
    }
    for kind in ("fsync", "fdatasync", "rename", "write", "pwrite64"):
        calls, failed = counts[kind, True]
        assert failed == calls, f"{calls - failed} failing calls of {kind} were passed over"
    assert counts["rename", True][0] >= 2 and counts["fsync", True][0] >= 3
    assert counts["rename", False] == (counts["rename", True][0], 0)


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Path]:
    """Return a file system of its own, of 20 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=20m", "degrade-test", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk needs root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def _config(out: Path, scenes: Path, pool: Path, format: str) -> BuildPairsConfig:
    return BuildPairsConfig(
        pool=pool, out=out, hr=(scenes,), format=format, scale=2, hr_size=64, shard_mib=1
    )


_BUILD = """
import pickle, shutil, sys
from degrade.errors import DegradeError
from pipelines import build_pairs
config, disk, rooms = pickle.load(open(sys.argv[1], "rb"))
ballast = disk / "ballast"
for room in rooms:
    ballast.unlink(missing_ok=True)
    try:
        ballast.write_bytes(bytes(max(shutil.disk_usage(disk).free - room, 0)))
    except OSError:
        pass  # as full as can be
    try:
        print("done:", build_pairs(config).done)
    except DegradeError as error:
        print("failed:", error)
    left = [path.name for path in disk.rglob("*")]
    assert not [name for name in left if name.endswith(".tmp") or name == ".lock"], left
"""


@pytest.mark.parametrize("format", FORMATS)
def test_build_pairs_on_a_full_disk_says_so_and_goes_on_later(
    tmp_path: Path, scenes: Path, pool: Path, mounted: Path, format: str
) -> None:
    config = _config(mounted / "pairs", scenes, pool, format)
    build_pairs(replace(config, out=tmp_path / "reference"))
    expected = contents(tmp_path / "reference")
    rooms = (0, 200_000, 1_200_000, 2_000_000, 2_800_000, 19_000_000)
    (tmp_path / "work").write_bytes(pickle.dumps((config, mounted, rooms)))
    # In a process of its own: a library that writes into a map of a full disk would end it.
    command = [sys.executable, "-c", _BUILD, str(tmp_path / "work")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    outcomes = [line.partition(":")[0] for line in done.stdout.splitlines()]
    for line in done.stdout.splitlines():
        if line.startswith("failed"):
            assert f"{mounted / 'pairs'}" in line and "the disk is full" in line
    assert outcomes[:2] == ["failed", "failed"] and outcomes[-1] == "done"
    assert contents(Path(config.out)) == expected


@pytest.mark.parametrize("format", FORMATS)
def test_pairs_on_a_read_only_disk_are_read_but_not_added_to(
    scenes: Path, pool: Path, mounted: Path, format: str
) -> None:
    config = _config(mounted / "pairs", scenes, pool, format)
    count = build_pairs(config).done
    subprocess.run(["mount", "-o", "remount,ro", str(mounted)], check=True)
    assert verify(config.out).done == count
    with open_pairs(config.out) as reader:
        reader.read(len(reader) - 1)
    with pytest.raises(DegradeError, match=r"\.lock: cannot be written \(Read-only file system\)"):
        build_pairs(config)
    with pytest.raises(DegradeError, match="more: cannot be made"):
        build_pairs(replace(config, out=mounted / "more"))


def test_build_pairs_does_not_look_at_clocks(tmp_path: Path, scenes: Path, pool: Path) -> None:
    config = _config(tmp_path / "pairs", scenes, pool, "hdf5")
    report = build_pairs(config)
    before = contents(Path(config.out))
    for number, path in enumerate(sorted([*tmp_path.rglob("*")])):
        moment = (0, 2**32)[number % 2]
        os.utime(path, (moment, moment))
    again = build_pairs(config)
    assert (again.done, again.skipped) == (0, report.done)
    assert contents(Path(config.out)) == before


_RUN = """
import sys
from pathlib import Path
from degrade.errors import DegradeError
from pipelines import BuildPairsConfig, build_pairs
pool, hr, out = map(Path, sys.argv[1:])
config = BuildPairsConfig(pool=pool, out=out, hr=(hr,), scale=2, hr_size=64, shard_mib=1)
print("ready", flush=True)
sys.stdin.readline()
try:
    print("done", build_pairs(config).done)
except DegradeError as error:
    print(type(error).__name__, error)
"""


def test_build_pairs_by_two_runs_at_once_is_done_by_one(
    tmp_path: Path, scenes: Path, pool: Path
) -> None:
    out = tmp_path / "pairs"
    command = [sys.executable, "-c", _RUN, str(pool), str(scenes), str(out)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    runs = [subprocess.Popen(command, **pipes) for _ in range(2)]  # type: ignore[call-overload]
    for run in runs:
        assert run.stdout.readline() == "ready\n"
    for run in runs:
        run.stdin.write("\n")
        run.stdin.flush()
    lines = sorted(run.communicate()[0] for run in runs)
    # The slower one may come when the faster has ended; it finds nothing to do then.
    assert lines[1].startswith("done ")
    assert lines[0].startswith(("FolderInUseError", "done 0")), lines
    build_pairs(_config(tmp_path / "alone", scenes, pool, "hdf5"))
    assert contents(out) == contents(tmp_path / "alone")

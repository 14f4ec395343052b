"""A run that was interrupted, goes on, or meets another one ends with the same pairs."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from degrade.disk.locks import folder_lock
from degrade.errors import ChangedConfigError, DegradeError, FolderInUseError
from pipelines import build_pairs
from tests.making import fill_pool
from tests.pipelines.pairs.building import FORMATS, config_for, digests

_CHILD = """
import sys
from pathlib import Path
from pipelines import BuildPairsConfig, build_pairs
from pipelines.executors import make_executor
pool, hr, out, format, jobs = sys.argv[1:]
config = BuildPairsConfig(pool=Path(pool), out=Path(out), hr=(Path(hr),), format=format, scale=2,
                          hr_size=64, shard_mib=1, seed=7)
build_pairs(config, executor=make_executor(int(jobs)))
"""


def _holds_lock(pid: int, out: Path) -> bool:
    """Tell whether a process is at work in ``out``, past its imports."""
    with contextlib.suppress(OSError, ValueError):
        return bool(json.loads((out / ".lock").read_bytes())["pid"] == pid)
    return False


@pytest.mark.parametrize("format", FORMATS)
def test_build_pairs_after_kill_gives_the_same_bytes(
    tmp_path: Path, scenes: Path, pool: Path, format: str
) -> None:
    reference = config_for(tmp_path, scenes, pool, format, "reference")
    build_pairs(reference)
    expected = digests(reference.out)
    out = tmp_path / "killed"
    command = [sys.executable, "-c", _CHILD, str(pool), str(scenes), str(out), format, "1"]
    moments = random.Random(11)
    killed, longest = 0, 0.2
    for attempt in range(20):
        child = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)
        while child.poll() is None and not _holds_lock(child.pid, out):
            time.sleep(0.002)
        time.sleep(moments.uniform(0.0, longest))
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        killed += child.wait() == -signal.SIGKILL
        if (out / "manifest.json").exists():  # too late: the next child begins anew, for less long
            shutil.rmtree(out)
            longest /= 2
        if killed and attempt >= 3:
            break
    assert killed, "every child had ended before it could be killed"
    build_pairs(replace(reference, out=out))
    assert digests(out) == expected
    assert not [path for path in out.rglob("*") if ".tmp" in path.name]


def test_build_pairs_again_makes_nothing_and_changes_nothing(
    tmp_path: Path, scenes: Path, pool: Path
) -> None:
    config = config_for(tmp_path, scenes, pool)
    first = build_pairs(config)
    before = digests(config.out)
    again = build_pairs(config)
    assert (again.done, again.skipped) == (0, first.done)
    assert digests(config.out) == before


def test_build_pairs_draws_from_the_pool_that_it_began_with(
    tmp_path: Path, scenes: Path, pool: Path
) -> None:
    config = config_for(tmp_path, scenes, pool)
    build_pairs(config)

    def add_kernels(_done: int, _total: int) -> None:
        fill_pool(pool, kernels=9, patches=20)

    build_pairs(replace(config, out=tmp_path / "meanwhile"), on_progress=add_kernels)
    assert digests(tmp_path / "meanwhile") == digests(config.out)


def test_build_pairs_refuses_to_resume_with_other_settings(
    tmp_path: Path, scenes: Path, pool: Path
) -> None:
    config = config_for(tmp_path, scenes, pool)
    build_pairs(config)
    with pytest.raises(ChangedConfigError, match="`seed`: 7 -> 8"):
        build_pairs(replace(config, seed=8))
    (scenes / "scene 0.png").unlink()
    with pytest.raises(ChangedConfigError, match=r"photos: 7 photos.* -> 6 photos"):
        build_pairs(config)


def test_build_pairs_refuses_a_folder_in_use(tmp_path: Path, scenes: Path, pool: Path) -> None:
    config = config_for(tmp_path, scenes, pool)
    config.out.mkdir()
    with folder_lock(config.out), pytest.raises(FolderInUseError, match="in use by process"):
        build_pairs(config)


def test_build_pairs_leaves_runs_of_the_first_version_alone(
    tmp_path: Path, scenes: Path, pool: Path
) -> None:
    """Its pixels are the same, its sidecars are not: a set has plans of one version."""
    config = config_for(tmp_path, scenes, pool)
    build_pairs(config)
    run = tmp_path / "pairs" / "run.json"
    content = json.loads(run.read_bytes())
    content["settings"]["version"] = 1
    run.write_text(json.dumps(content))
    (tmp_path / "pairs" / "shard-00001.json").unlink()
    before = digests(config.out)
    with pytest.raises(DegradeError, match="begun by another version of degrade"):
        build_pairs(config)
    assert digests(config.out) == before

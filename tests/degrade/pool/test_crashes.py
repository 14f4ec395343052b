"""A pool is sound whenever its writer is killed."""

from __future__ import annotations

import itertools
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from degrade.pool import DegradationPool
from tests.degrade.pool.parts import (
    PROVENANCE,
    fork,
    found_patches,
    make_kernel,
    make_patch,
    make_photo,
)


def _add_singly(pool: DegradationPool, seed: int) -> None:
    pool.add_noise(make_patch(seed, size=16), PROVENANCE)
    pool.add_kernel(make_kernel(seed), PROVENANCE)


def _add_photo(pool: DegradationPool, seed: int) -> None:
    patches = [make_patch(6 * seed + n, size=16) for n in range(6)]
    pool.add_findings(make_photo("a", f"{seed:064x}"), [found_patches(*patches)])


@pytest.mark.parametrize("add", [_add_singly, _add_photo])
def test_a_kill_at_any_moment_leaves_a_sound_pool(
    pool: DegradationPool, rng: np.random.Generator, add: Callable[[DegradationPool, int], None]
) -> None:
    def add_for_ever() -> None:
        mine = DegradationPool.open(pool.path)
        with mine.writing():
            for seed in itertools.count():
                add(mine, seed)

    counts, longest = [0], 0.08
    for _ in range(15):
        child = fork(add_for_ever)
        # A busy machine may add nothing in so short a time.
        longest = longest if counts[-1] else 1.5 * longest
        time.sleep(float(rng.uniform(0.005, longest)))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status)
        found = DegradationPool.open(pool.path)
        # At most the files of what was being added are there without their lines.
        strays = [problem for problem in found.verify() if "not in index.jsonl" in problem]
        assert found.verify() == strays and len(strays) <= 6
        counts.append(len(found.noise) + len(found.kernels))
    assert counts == sorted(counts) and counts[-1] > 0
    # The next writer takes the dead one's lock over and clears away what it left.
    pool.add_noise(make_patch(size=24), PROVENANCE)
    assert not list((pool.path / "noise").glob("*.tmp"))
    assert len(DegradationPool.open(pool.path).noise) == len(pool.noise)


def _die_at(step: int) -> None:
    """Let this process kill itself at its ``step``-th call that changes or flushes the disk."""
    steps = itertools.count()

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def counting(*arguments: Any) -> Any:
            if next(steps) == step:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments)

        return counting

    os.fsync, os.write = counted(os.fsync), counted(os.write)
    Path.replace = counted(Path.replace)  # type: ignore[method-assign]


def test_a_kill_at_each_step_of_adding_a_photo_leaves_a_sound_pool(tmp_path: Path) -> None:
    photo = make_photo()
    findings = [
        found_patches(*(make_patch(seed) for seed in range(2))),
        found_patches(make_patch(2), kind="other"),
    ]
    whole = DegradationPool.create(tmp_path / "whole")
    whole.add_findings(photo, findings)
    index = (whole.path / "index.jsonl").read_bytes()

    def add_and_die(path: Path, step: int) -> None:
        mine = DegradationPool.open(path)
        with mine.writing():
            _die_at(step)
            mine.add_findings(photo, findings)
            os._exit(0)

    for step in itertools.count():
        pool = DegradationPool.create(tmp_path / str(step))
        _, status = os.waitpid(fork(lambda path=pool.path, at=step: add_and_die(path, at)), 0)  # type: ignore[misc]
        found = DegradationPool.open(pool.path)
        assert all("not in index.jsonl" in problem for problem in found.verify())
        assert index.startswith((pool.path / "index.jsonl").read_bytes())
        found.add_findings(photo, findings)
        assert (pool.path / "index.jsonl").read_bytes() == index
        assert DegradationPool.open(pool.path).verify() == []
        assert not list(pool.path.rglob("*.tmp"))
        if not os.WIFSIGNALED(status):
            break
    # Three flushes and renames, the folder, the line and its flush.
    assert step == 3 + 3 + 1 + 2

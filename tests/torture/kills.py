"""SIGKILL: at random moments, at each step that changes the disk, and of the workers of a run."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from degrade.errors import DegradeError
from pipelines.executors import ProcessExecutor
from tests.torture.children import Child, in_child, wait_until
from tests.torture.jobs import JOBS, Job
from tests.torture.parts import Cases, Part, Rounds, spread
from tests.torture.trials import Trial, changed, require_quiet


def kill_at_random(job: Job, rounds: Rounds, folder: Path) -> Cases:
    """Kill a job at any millisecond, also while it goes on after a kill; then let it finish."""
    trial, chance = Trial.of(job, folder), rounds.chance("kill", job.name)
    left = rounds.kills
    while left > 0:
        out = trial.new_folder()
        finished: Mapping[str, object] = {}
        moments = []
        for _ in range(min(left, chance.randint(1, 4))):
            left -= 1
            child = Child(partial(job.run, trial.material, out))
            moments.append(round(1000 * chance.uniform(0, 1.05 * trial.expected.seconds)))
            if not child.ends_within(moments[-1] / 1000):
                child.kill()
            end = child.end()
            flaw, now = trial.look(out)
            complaint = end.complaint if end.error else flaw or changed(finished, now)
            finished = now
            if complaint:
                break
            yield None
        else:
            complaint = trial.finish(out, finished)
        if complaint:
            yield f"{job.name} killed after {moments} ms (seed {rounds.seed}): {complaint}"


_STEPS = (
    "fsync",
    "write",
    "replace",
    "rename",
    "mkdir",
    "unlink",
    "remove",
    "rmdir",
    "link",
    "ftruncate",
    "open",
)


def count_steps(act: Callable[[int], None] | None = None) -> Callable[[], int]:
    """Count this process's calls that change the disk; call ``act`` with each one's number."""
    steps = itertools.count()
    last = [0]

    def counted(call: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
        last[0] = next(steps)
        if act is not None:
            act(last[0])
        return call(*arguments, **keywords)

    for name in _STEPS:
        setattr(os, name, partial(counted, getattr(os, name)))
    return lambda: next(steps)


def _steps_of(job: Job, material: Path, out: Path) -> int:
    total = count_steps()
    job.run(material, out)
    return total()


def _run_until_step(job: Job, material: Path, out: Path, step: int) -> None:
    def die_at(number: int) -> None:
        if number == step:
            os.kill(os.getpid(), signal.SIGKILL)

    count_steps(die_at)
    job.run(material, out)


def kill_at_steps(job: Job, rounds: Rounds, folder: Path) -> Cases:
    """Kill a job just before a step, for steps spread over all of them; then let it finish."""
    trial, chance = Trial.of(job, folder), rounds.chance("step", job.name)
    end = in_child(partial(_steps_of, job, trial.material, trial.new_folder()))
    require_quiet(end.complaint)
    for step in spread(end.value, rounds.kills, chance):
        out = trial.new_folder()
        end = in_child(partial(_run_until_step, job, trial.material, out, step))
        complaint = None if end.killed_by == signal.SIGKILL else end.trace or "was not killed"
        complaint = complaint or trial.finish(out)
        yield complaint and f"{job.name} killed at step {step}: {complaint}"


def _children_of(pid: int) -> list[int]:
    try:
        return [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def kill_workers(job: Job, rounds: Rounds, folder: Path) -> Cases:
    """Kill workers of a run of two; it must go on, and say what it could not do."""
    trial, chance = Trial.of(job, folder), rounds.chance("workers", job.name)
    left, longest = rounds.worker_kills, 1.5
    while left > 0:
        out = trial.new_folder()
        child = Child(partial(_run_in_parallel, job, trial.material, out))
        killed = 0
        for _ in range(min(left, 4)):
            wait_until(lambda: child.ends_within(0) or bool(_children_of(child.pid)))  # noqa: B023
            if child.ends_within(chance.uniform(longest / 15, longest)):
                break
            for pid in _children_of(child.pid)[:1]:
                with contextlib.suppress(ProcessLookupError):  # it has just ended
                    os.kill(pid, signal.SIGKILL)
                    killed += 1
                    yield None
        if not killed:
            longest /= 2  # this machine is faster than that
            if longest < 1e-4:
                yield f"{job.name}: no worker could be killed"
                return
        left -= killed
        end = child.end()
        complaint = end.complaint or trial.finish(out)
        if complaint:
            yield f"{job.name} with {killed} workers killed (seed {rounds.seed}): {complaint}"


def _run_in_parallel(job: Job, material: Path, out: Path) -> None:
    try:
        job.run(material, out, ProcessExecutor(2))
    except DegradeError as error:
        # A task whose worker was killed twice is given up by name.
        if "killed" not in str(error):
            raise


def parts() -> Iterator[Part]:
    moments, steps = "kill -9 at random moments", "kill -9 at each step"
    for job in JOBS:
        yield Part("kills", moments, "1", job.name, partial(kill_at_random, job))
    for job in JOBS:
        yield Part("steps", steps, "1", job.name, partial(kill_at_steps, job))
    for job in JOBS:
        if job.name in ("build-pairs hdf5", "extract-noise", "export basicsr-lmdb"):
            yield Part("workers", "kill -9 of workers", "2", job.name, partial(kill_workers, job))

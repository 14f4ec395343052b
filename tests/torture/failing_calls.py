"""Every system call of a job failing in turn, or killing it: strace injects what the disk would do.

strace counts the calls of each process anew, and makes the one of a fixed number fail. A child
that makes so many vain calls beforehand that this number comes up where it is wanted therefore
needs no strace of its own: a single one traces all the cases of a job.
"""

from __future__ import annotations

import errno
import json
import mmap
import os
import pickle
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from degrade.errors import DegradeError
from tests.torture.children import Ended, in_child
from tests.torture.jobs import JOBS, Job, load_everything
from tests.torture.parts import Cases, Part, Rounds, SkippedError, spread
from tests.torture.trials import Trial

_ROOT = Path(__file__).parents[2]
_CLOSED = 2**20
"""A descriptor that is not open."""

VAIN: dict[str, Callable[[], object]] = {
    "fsync": lambda: os.fsync(_CLOSED),
    "fdatasync": lambda: os.fdatasync(_CLOSED),
    "rename": lambda: os.rename("/none/a", "/none/b"),  # noqa: PTH104
    "link": lambda: os.link("/none/a", "/none/b"),
    "mkdir": lambda: os.mkdir("/none/a"),  # noqa: PTH102
    "unlink": lambda: os.unlink("/none/a"),  # noqa: PTH108
    "ftruncate": lambda: os.ftruncate(_CLOSED, 0),
    "write": lambda: os.write(_CLOSED, b""),
    "pwrite64": lambda: os.pwrite(_CLOSED, b"", 0),
    "openat": lambda: os.open("/none/a", os.O_RDONLY),
    "read": lambda: os.read(_CLOSED, 1),
    "pread64": lambda: os.pread(_CLOSED, 1, 0),
}
"""A call of each kind that does nothing but fail, in another way than the injected one."""

_LIKE_OTHERS = ("build-pairs lmdb-raw", "import-pairs lmdb", "import-pairs lmdb-raw")
_READING = ("openat", "read", "pread64")

_OF_LIBRARIES = ("write", "pwrite64", "ftruncate", "fdatasync")
"""Where HDF5 and LMDB write by themselves; other steps are killed in :mod:`kills`."""


def _when(kind: str) -> int:
    """Return the number of the call that fails; no job, nor the imports, make so many."""
    return 4000 if kind in _READING else 400


def _fails_by_order(kind: str) -> bool:
    try:
        VAIN[kind]()
    except OSError as error:
        return error.errno == errno.EIO
    return False


def _count(trial: Trial, kind: str) -> int:
    """Return how many calls of a kind a job makes."""
    passed = mmap.mmap(-1, 8)  # shared: the call that is meant may end the child
    out = trial.new_folder()

    def run() -> None:
        trial.job.run(trial.material, out)
        for number in range(_when(kind)):
            passed[:] = number.to_bytes(8, "little")
            if _fails_by_order(kind):
                return
        raise RuntimeError(f"strace lets every {kind} pass")

    end = in_child(run)
    if end.error is not None:
        raise RuntimeError(end.trace)
    return _when(kind) - 1 - int.from_bytes(passed[:], "little")


def _run_until(trial: Trial, kind: str, number: int, out: Path) -> str | None:
    """Run a job whose ``number``-th call of a kind is the one; return what it says of that."""
    if any(_fails_by_order(kind) for _ in range(_when(kind) - 1 - number)):
        raise RuntimeError("a vain call failed too early")
    try:
        trial.job.run(trial.material, out)
    except DegradeError as error:
        return str(error)
    return None


def _sweep(trial: Trial, kind: str, is_kill: bool, rounds: Rounds) -> Cases:
    """Let each call of one kind fail, or kill."""
    chance = rounds.chance("calls", trial.job_name, kind)
    limit = rounds.calls or (10 if is_kill or kind in _READING else 0)
    for number in spread(_count(trial, kind), limit, chance):
        out = trial.new_folder()
        end = in_child(partial(_run_until, trial, kind, number, out))
        complaint = _wrong_end(end, is_kill) or trial.finish(out)
        what = "kills" if is_kill else "fails"
        yield complaint and f"{trial.job_name} whose {kind} {number} {what}: {complaint}"


def _wrong_end(end: Ended, is_kill: bool) -> str | None:
    if is_kill:
        return None if end.killed_by == signal.SIGKILL else end.complaint or "was not killed"
    if end.complaint or end.value is None:
        return end.complaint
    return None if "\n" not in end.value else f"said: {end.value}"


def _main(place: str, is_kill: str) -> None:
    """Sweep over all kinds of calls, under strace; write a line of JSON a case."""
    trial, rounds = pickle.loads(Path(place).read_bytes())
    load_everything()
    for kind in _OF_LIBRARIES if is_kill == "kill" else VAIN:
        for complaint in _sweep(trial, kind, is_kill == "kill", rounds):
            sys.stdout.write(json.dumps(complaint) + "\n")
            sys.stdout.flush()


def _strace(is_kill: bool) -> list[str]:
    if shutil.which("strace") is None:
        raise SkippedError("strace, which makes system calls fail, is not installed")
    probe = ["strace", "-f", "-o", os.devnull, "-e", "inject=fsync:error=EIO"]
    if subprocess.run([*probe, "true"], capture_output=True, check=False).returncode:
        raise SkippedError("strace may not trace processes here")
    return ["strace", "-f", *([] if is_kill else ["--seccomp-bpf"])]  # there no signal comes


def sweep_calls(job: Job, is_kill: bool, rounds: Rounds, folder: Path) -> Cases:
    """Run :func:`_main` in a process of its own and pass its cases on."""
    command = [*_strace(is_kill), "-qq", "-o", os.devnull, f"--trace={','.join(VAIN)}"]
    fault = "signal=KILL" if is_kill else "error=EIO"
    command += [f"--inject={kind}:{fault}:when={_when(kind)}" for kind in VAIN]
    (folder / "trial").write_bytes(pickle.dumps((Trial.of(job, folder), rounds)))
    command += [sys.executable, "-m", "tests.torture.failing_calls", str(folder / "trial")]
    command += ["kill" if is_kill else "fail"]
    with (
        (folder / "errors").open("w+") as errors,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, cwd=_ROOT
        ) as sweeper,
    ):
        try:
            assert sweeper.stdout is not None
            for line in sweeper.stdout:
                yield json.loads(line)
        except BaseException:
            sweeper.kill()
            raise
        if sweeper.wait():
            errors.seek(0)
            yield f"{job.name}: the sweep itself failed: {errors.read()}"


def parts() -> Iterator[Part]:
    """Yield two parts for each job whose calls are not those of another."""
    fails, kills = "EIO from each system call (strace)", "kill -9 at calls of HDF5, LMDB (strace)"
    jobs = [job for job in JOBS if job.name not in _LIKE_OTHERS]
    for job in jobs:
        yield Part("calls", fails, "4", job.name, partial(sweep_calls, job, False))
    for job in jobs:
        if any(word in job.name for word in ("hdf5", "lmdb", "h5")):
            yield Part("fatal", kills, "1", job.name, partial(sweep_calls, job, True))


if __name__ == "__main__":
    _main(*sys.argv[1:])

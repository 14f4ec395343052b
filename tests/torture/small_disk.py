"""A disk of 20 MB on which jobs run out of space, and one that cannot be written."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from degrade.errors import DegradeError
from tests.torture.children import in_child
from tests.torture.jobs import JOBS, Job, files_below
from tests.torture.parts import Cases, Part, Rounds, SkippedError
from tests.torture.trials import Trial

_MIB = 2**20


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """Mount a file system of 20 MB.

    Raises
    ------
    SkippedError
        Only root can, and not everywhere.
    """
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=20m", "degrade-test", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        raise SkippedError("mounting a small disk needs root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(disk: Path, room: int) -> None:
    """Leave so many bytes free."""
    ballast = disk / "ballast"
    ballast.unlink(missing_ok=True)
    free = shutil.disk_usage(disk).free
    with ballast.open("wb") as file, contextlib.suppress(OSError):
        for size in (max(free - room, 0) // _MIB * [_MIB]) + [max(free - room, 0) % _MIB]:
            file.write(bytes(size))


def _run_on(job: Job, material: Path, out: Path) -> str | None:
    """Return the one clear line with which a job gives up; None when it is done."""
    try:
        job.run(material, out)
    except DegradeError as error:
        return str(error)
    return None


def run_out_of_space(job: Job, rounds: Rounds, folder: Path) -> Cases:
    """Begin and go on with ever more room; nothing half may count, the end must be the usual."""
    trial = Trial.of(job, folder)
    with small_disk(folder / "disk") as disk:
        out, was_full = disk / "out", False
        most = 2 * trial.expected.bytes + job.kind.spare
        for number in range(rounds.rooms):
            fill(disk, most * number // rounds.rooms)
            end = in_child(partial(_run_on, job, trial.material, out))
            complaint = end.complaint or _wrong_words(end.value, disk)
            complaint = complaint or trial.look(out)[0] or _left_over(out)
            was_full |= end.value is not None
            yield complaint and f"{job.name} with room {number}/{rounds.rooms}: {complaint}"
        fill(disk, 10 * most)
        complaint = trial.finish(out) or (None if was_full else "the disk was never full")
        yield complaint and f"{job.name} with room again: {complaint}"


def _wrong_words(said: str | None, disk: Path) -> str | None:
    if said is None:
        return None
    is_clear = "\n" not in said and str(disk) in said and "disk is full" in said
    return None if is_clear and any(c.isdigit() for c in said) else f"said: {said}"


def _left_over(out: Path) -> str | None:
    found = files_below(out) if out.exists() else {}
    # What an export has so far is kept, to go on with; the temporary files of single steps are not.
    names = [name for name in found if not name.startswith(".partial/")]
    left = [name for name in names if name.endswith((".tmp", ".lock", ".stale"))]
    return f"{left} are left over" if left else None


def parts() -> Iterator[Part]:
    for job in JOBS:
        yield Part("disk", "disk full (20 MB tmpfs)", "3", job.name, partial(run_out_of_space, job))

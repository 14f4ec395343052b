"""One job under torture: what it gives undisturbed, and how to tell that nothing was lost."""

from __future__ import annotations

import atexit
import errno
import functools
import itertools
import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tests.torture.children import in_child
from tests.torture.jobs import (
    JOBS,
    Contents,
    Job,
    bytes_below,
    difference,
    load_everything,
    result_of,
)
from tests.torture.material import make_material


@functools.cache
def shared_material() -> Path:
    """Return a folder of :func:`make_material`, made once; nobody writes into it."""
    load_everything()
    root = Path(tempfile.mkdtemp(prefix="torture-material-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)  # children end without it
    require_quiet(in_child(partial(make_material, root)).complaint)
    return root


@dataclass(frozen=True)
class Undisturbed:
    """What comes of a job when nothing happens to it, how large it is and how long it takes."""

    contents: Contents
    bytes: int
    seconds: float


@functools.cache
def undisturbed(job: Job) -> Undisturbed:
    """Run a job in peace."""
    material = shared_material()
    with tempfile.TemporaryDirectory(prefix="torture-") as folder:
        out = Path(folder) / "expected"
        started = time.monotonic()
        end = in_child(partial(result_of, job, material, out))
        seconds = time.monotonic() - started
        require_quiet(end.complaint)
        return Undisturbed(end.value, bytes_below(out), seconds)


def require_quiet(complaint: str | None) -> None:
    """Raise when what nothing disturbs fails: then nothing can be said of disturbances."""
    if complaint is not None:
        raise RuntimeError(f"the undisturbed run fails: {complaint}")


@dataclass
class Trial:
    """A job, and new folders to run it in."""

    job_name: str
    folder: Path
    material: Path
    expected: Undisturbed
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    @classmethod
    def of(cls, job: Job, folder: Path) -> Trial:
        """Prepare a trial whose folders lie in ``folder``."""
        return cls(job.name, folder, shared_material(), undisturbed(job))

    @property
    def job(self) -> Job:
        """The job."""
        return next(job for job in JOBS if job.name == self.job_name)

    def new_folder(self) -> Path:
        """Return a path where nothing is."""
        return self.folder / f"out {next(self.numbers)}"

    def look(self, out: Path) -> tuple[str | None, Mapping[str, object]]:
        """Return what is wrong with a run's remains, and what of them is finished."""
        end = in_child(lambda: self._look(out))
        found: tuple[str | None, Mapping[str, object]] = end.value or (end.complaint, {})
        return found

    def _look(self, out: Path) -> tuple[str | None, Mapping[str, object]]:
        kind = self.job.kind
        return (kind.flaw(out), dict(kind.kept(out))) if out.exists() else (None, {})

    def finish(self, out: Path, finished: Mapping[str, object] | None = None) -> str | None:
        """Run the job undisturbed where it was ended, and remove the folder.

        Parameters
        ----------
        out : Path
        finished : mapping or None
            What :meth:`look` found finished; None: look first.

        Returns
        -------
        str or None
            What differs from a first run, or was not left alone.
        """
        end = in_child(lambda: self._finish(out, finished))
        return end.value or (end.complaint and f"cannot be finished: {end.complaint}")

    def _finish(self, out: Path, finished: Mapping[str, object] | None) -> str | None:
        flaw = None
        if finished is None:
            flaw, finished = self._look(out)
        if flaw is not None or has_passed_over(out):
            return flaw
        found = result_of(self.job, self.material, out)
        touched = changed(finished, self.job.kind.kept(out))
        shutil.rmtree(out)
        return difference(found, self.expected.contents) or touched


def has_passed_over(out: Path) -> bool:
    """Tell whether a run ended without an input that its disk refused to give, and named it."""
    rejects = out / "rejects.jsonl"
    return rejects.exists() and os.strerror(errno.EIO) in rejects.read_text()


def changed(before: Mapping[str, object], now: Mapping[str, object]) -> str | None:
    """Return a finished thing that somebody touched."""
    for name, state in before.items():
        if now.get(name) != state:
            return f"{name} was finished and was touched"
    return None

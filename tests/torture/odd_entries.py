"""What a job finds in its folder is a pipe, a folder, a link out or in a circle, or nothing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from degrade.errors import DegradeError
from tests.torture.children import in_child
from tests.torture.jobs import JOBS, Export, Job, identity
from tests.torture.parts import Cases, Part, Rounds, spread
from tests.torture.trials import Trial

_PATIENCE = 20.0


def _circle(path: Path, _outside: Path) -> None:
    path.symlink_to(path.name)


_ODD: Mapping[str, Callable[[Path, Path], object]] = {
    "a pipe": lambda path, _: os.mkfifo(path),
    "a folder": lambda path, _: path.mkdir(),
    "a link to another file": lambda path, outside: path.symlink_to(outside),
    "a link in a circle": _circle,
    "empty": lambda path, _: path.touch(),
    "missing": lambda path, _: None,
}


def put_odd_entries(job: Job, rounds: Rounds, folder: Path) -> Cases:
    """Put something odd in the place of each file, and run the job again and its readers."""
    trial, chance = Trial.of(job, folder), rounds.chance("odd", job.name)
    whole = folder / "whole"
    in_child(partial(job.run, trial.material, whole))
    outside = folder / "outside"
    outside.write_bytes(b"not yours")
    before = identity(outside)
    names = [str(path.relative_to(whole)) for path in whole.rglob("*") if path.is_file()]
    cases = [(name, what) for name in sorted([*names, ".lock"]) for what in _ODD]
    for number in spread(len(cases), rounds.odd, chance):
        name, what = cases[number]
        out = trial.new_folder()
        shutil.copytree(whole, out)
        (out / name).unlink(missing_ok=True)
        _ODD[what](out / name, outside)
        end = in_child(partial(_run_and_look, job, trial.material, out), _PATIENCE)
        complaint = end.complaint or end.value
        if identity(outside) != before:
            complaint = "the file that the link leads to was written"
        yield complaint and f"{job.name} where {name} is {what}: {complaint}"
        shutil.rmtree(out)


def _run_and_look(job: Job, material: Path, out: Path) -> str | None:
    """Return what is wrong with what a job says."""
    said = []
    for work in (partial(job.kind.flaw, out), partial(job.run, material, out)):
        try:
            work()
        except DegradeError as error:
            said.append(str(error))
    wrong = [text for text in said if "\n" in text or str(out) not in text]
    return f"said: {wrong}" if wrong else None


def parts() -> Iterator[Part]:
    """Yield a part for each job."""
    for job in JOBS:
        if not (isinstance(job.kind, Export) and "png" in job.name):  # as kair
            run = partial(put_odd_entries, job)
            yield Part("odd", "pipes, links and folders for files", "14 15", job.name, run)

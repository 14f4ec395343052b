"""The frame that every job stands in: clock, progress, signals, rejects, facts, report."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from degrade.errors import printable
from degrade.images.sources import Reject, passed_over
from degrade.wording import counted
from pipelines.shared.folder_kinds import FOLDER_KINDS
from pipelines.shared.interrupts import interrupt_signal
from pipelines.shared.reports import (
    REJECTS_NAME,
    Fact,
    ProgressCallback,
    RunReport,
    no_progress,
)

__all__ = ["Job"]

_UNTOLD = frozenset({"rotated"})
"""What decoding changes in most photos, and nobody need know."""


_KINDS = 6
"""Endings that are told of by name when files are passed over."""


class Job:
    """One call of a job: it collects what is to be reported, and makes the report of it.

    Parameters
    ----------
    name : str
        The command's name, such as ``build-pairs``.
    unit : str
        What is counted, in the singular.
    on_progress : callable or None
        Called with (done, total).
    goes_on : bool
        Whether a job that was stopped goes on when it is called again.

    Attributes
    ----------
    rejects : list of Reject
        Inputs that could not be used.
    facts : list of Fact
        What was found, in the order of the report.
    photo_notes : Counter
        What decoding changed, such as ``converted from Display P3``, and in how many photos.
    interrupted : int or None
        The signal that ended :meth:`stoppable` early.
    """

    def __init__(
        self,
        name: str,
        unit: str,
        on_progress: ProgressCallback | None = None,
        *,
        goes_on: bool = True,
    ) -> None:
        self.rejects: list[Reject] = []
        self.facts: list[Fact] = []
        self.photo_notes: Counter[str] = Counter()
        self.interrupted: int | None = None
        self.progress = on_progress or no_progress
        self._name, self._unit, self._goes_on = name, unit, goes_on
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        """How long the job has run."""
        return time.monotonic() - self._started

    @contextlib.contextmanager
    def stoppable(self) -> Iterator[None]:
        """Let Ctrl-C and SIGTERM end the block, and the job go on to its report."""
        try:
            yield
        except KeyboardInterrupt as error:
            self.interrupted = interrupt_signal(error)

    def found(self, kind: str, words: str, **values: Any) -> None:
        """Report one more fact; see :class:`pipelines.shared.reports.Fact`."""
        self.facts.append(Fact(kind, words, values))

    def tell_passed_over(self, sources: Sequence[Path]) -> None:
        """Report which files in the folders of ``sources`` have no photo's ending, by kind.

        Those that jobs put there themselves, beside enlarged photos, are nobody's concern.
        """
        counts = passed_over(sources, besides={REJECTS_NAME, *FOLDER_KINDS})
        if counts:
            kinds = [f"{n} {printable(kind) or 'without ending'}" for kind, n in counts.items()]
            rest = f", {len(kinds) - _KINDS} more kinds" if len(kinds) > _KINDS else ""
            words = f"passed over: {', '.join(kinds[:_KINDS])}{rest}"
            self.found("passed_over", words, files=counts)

    def tell_copies(self, files: int, photos: int) -> None:
        """Report how many of the files hold the very bytes of another one, and so count once."""
        if copies := files - photos:
            words = f"with the very content of another, and passed over: {counted(copies, 'file')}"
            self.found("copies", words, files=copies)

    def note_facts(self) -> tuple[Fact, ...]:
        """Return what decoding changed, with the number of photos that it changed."""
        return tuple(
            Fact("note", f"{counted(number, 'photo')}: {note}", {"note": note, "photos": number})
            for note, number in self.photo_notes.items()
            if note not in _UNTOLD
        )

    def report(
        self,
        done: int,
        *,
        skipped: int = 0,
        parts: Sequence[RunReport] = (),
        rejects_file: str = "",
    ) -> RunReport:
        """Return what has been reported up to now, as the outcome of the job."""
        return RunReport(
            job=self._name,
            done=done,
            skipped=skipped,
            unit=self._unit,
            seconds=self.seconds,
            rejects=tuple(self.rejects),
            rejects_file=rejects_file,
            facts=(*self.facts, *self.note_facts()),
            parts=tuple(parts),
            interrupted=self.interrupted,
            goes_on=self._goes_on,
        )

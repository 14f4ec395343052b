"""What a job did, in the form that people, scripts and exit codes need."""

from __future__ import annotations

import json
import math
import os
import re
import signal
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import Any, TypeAlias

from degrade.disk.files import read_file
from degrade.disk.journal import Journal
from degrade.disk.results import refuse_unless, write_over
from degrade.errors import DegradeError, printable
from degrade.images.sources import Reject
from degrade.pairs import LocalPlace, Place
from degrade.wording import counted
from pipelines.shared.speech import said

__all__ = [
    "REJECTS_NAME",
    "REPORT_MARK",
    "STANDARD_OUTPUT",
    "Fact",
    "ProgressCallback",
    "ReportedError",
    "RunReport",
    "check_rejects",
    "check_rejects_at",
    "check_report_path",
    "encode_rejects",
    "no_progress",
    "read_rejects",
    "similar_rejects",
    "usual_reason",
    "write_rejects",
    "write_report",
]

REJECTS_NAME = "rejects.jsonl"

STANDARD_OUTPUT = Path("-")

REPORT_MARK = {"format": "degrade-report", "version": 1}

_EXAMPLES = 3
_MOST_LINES, _FIRST_LINES = 12, 8

_ANOTHER_REPORT, _ANOTHER_FOLDER = (
    "choose another `report`",
    "move it away, or choose another folder",
)

_NUMBER = re.compile(r"\d+(\.\d+)?")

ProgressCallback: TypeAlias = Callable[[int, int], None]
"""Called with (done, total) as a job moves on."""


def _said(reject: Reject) -> dict[str, str]:
    return replace(reject, reason=said(reject.reason), remedy=said(reject.remedy)).to_json()


def no_progress(_done: int, _total: int) -> None:
    """Report progress to nobody."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that a job found.

    Attributes
    ----------
    kind : str
        What it tells of, such as ``kernel``: facts of one kind have the same values.
    words : str
        One line for people. Settings stand in backquotes; the command line names its options.
    values : mapping
        The same for programs, of JSON's types; empty when there is nothing but words.
    """

    kind: str
    words: str
    values: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the fact as plain values."""
        return {"kind": self.kind, "words": said(self.words), **self.values}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """The outcome of one job.

    Attributes
    ----------
    job : str
        Such as ``build-pairs``.
    done, skipped : int
        Items made in this run, and items that an earlier one had made.
    unit : str
        What is counted, in the singular.
    seconds : float or None
        None for one of several jobs that were done at once: only the whole has a time.
    rejects : tuple of Reject
        Inputs that could not be used.
    rejects_file : str
        Where all of them can be read; empty when nowhere but here.
    facts : tuple of Fact
        What was found, one line of words each.
    parts : tuple of RunReport
        The jobs that this one consists of, whose counts are named instead of its own.
    interrupted : int or None
        The signal that ended the job early.
    goes_on : bool
        Whether the same command goes on where it was stopped; False: it begins anew.
    is_brief : bool
        Whether the summary tells of many facts of one kind, a line a photo, the first ones alone.
    """

    job: str
    done: int
    skipped: int = 0
    unit: str
    seconds: float | None
    rejects: tuple[Reject, ...] = ()
    rejects_file: str = ""
    facts: tuple[Fact, ...] = ()
    parts: tuple[RunReport, ...] = ()
    interrupted: int | None = None
    goes_on: bool = True
    is_brief: bool = False

    @property
    def lines(self) -> tuple[str, ...]:
        """The words of all facts."""
        return tuple(fact.words for fact in self.facts)

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain values, as ``degrade --report FILE`` writes it."""
        return {
            "job": self.job,
            "unit": self.unit,
            "done": self.done,
            "skipped": self.skipped,
            "seconds": self.seconds,
            "exit_code": self.exit_code,
            "interrupted": self.interrupted,
            "facts": [fact.to_json() for fact in self.facts],
            "rejects": [_said(reject) for reject in self.rejects],
            "rejects_file": self.rejects_file,
            "parts": [part.to_json() for part in self.parts],
        }

    @property
    def exit_code(self) -> int:
        """0 all done; 3 finished, some inputs rejected; 128 + signal when interrupted."""
        if self.interrupted is not None:
            return 128 + self.interrupted
        return 3 if self.rejects else 0

    def summary(self) -> str:
        """Return the text that ends a run, without a final newline."""
        # Several measurements count photos.
        counts = [*dict.fromkeys(counted(p.done, p.unit) for p in self.parts or (self,))]
        if self.skipped:
            counts.append(f"{self.skipped} already there")
        if self.rejects:
            counts.append(f"{len(self.rejects)} rejected")
        head = f"{self.job}: {', '.join(counts)}"
        if self.seconds is not None:
            head += f" in {self.seconds:.1f} s"
        if self.interrupted is not None:
            name = signal.Signals(self.interrupted).name
            head += f"; stopped by {name}: run the same command again{' to go on' * self.goes_on}"
        below = [line for part in self.parts for line in part.summary().splitlines()]
        own = self._first_lines() if self.is_brief else self.lines
        return "\n".join([head, *(f"  {line}" for line in (*below, *own))])

    def _first_lines(self) -> list[str]:
        """Return the words of all facts, but of more than twelve of a kind eight."""
        lines = []
        for _, group in groupby(self.facts, key=lambda fact: fact.kind):
            words = [fact.words for fact in group]
            if len(words) > _MOST_LINES:
                words[_FIRST_LINES:] = [f"and {len(words) - _FIRST_LINES} more: `report` tells all"]
            lines += words
        return lines

    def reject_lines(self) -> list[str]:
        """Return a line for each reject; of many for one reason three and how many more there are.

        All of them when no file has them.
        """
        lines = []
        for group in similar_rejects(self.rejects):
            if not self.rejects_file or len(group) <= _EXAMPLES + 1:
                lines += [f"rejected: {reject}" for reject in group]
                continue
            lines.append(f"rejected: {len(group)} for one reason, all in {self.rejects_file}:")
            lines += [f"  {reject}" for reject in group[:_EXAMPLES]]
            lines.append(f"  and {len(group) - _EXAMPLES} more")
        return lines


class ReportedError(DegradeError):
    """A job found nothing of what it was for; ``report`` is what it would have returned."""

    def __init__(self, text: str, report: RunReport) -> None:
        super().__init__(text)
        self.report = report


def _finite(value: Any) -> Any:
    """Return values as JSON has them: no number is null, where something cannot be told."""
    if isinstance(value, Mapping):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_report(path: Path, values: Mapping[str, Any]) -> None:
    """Write what :meth:`RunReport.to_json` gives, or less where a command has no such report.

    An older report is replaced, and nothing else is; ``-`` is standard output.

    Raises
    ------
    DegradeError
        The file is there and is no report, or cannot be written.
    """
    check_report_path(path)
    text = json.dumps(_finite({**REPORT_MARK, **values}), indent=1, allow_nan=False) + "\n"
    if path == STANDARD_OUTPUT:
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    write_over(path, text.encode("ascii"), is_own=_is_report, remedy=_ANOTHER_REPORT)


def check_report_path(path: Path) -> None:
    """Refuse, DegradeError, to replace a file that is no report, or a place without a folder."""
    if path == STANDARD_OUTPUT:
        return
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise DegradeError(
            f"{printable(path)} cannot be written: its folder is not there or not writable; "
            "choose another `report`"
        )
    refuse_unless(path, _is_report, _ANOTHER_REPORT)


def _is_report(path: Path) -> bool:
    try:
        found = json.loads(read_file(path))
    except (DegradeError, ValueError, RecursionError):
        return False
    return isinstance(found, dict) and found.items() >= REPORT_MARK.items()


def usual_reason(rejects: Sequence[Reject]) -> str:
    """Return a reject for the most frequent reason, and how many others have it."""
    group = max(similar_rejects(rejects), key=len)
    others = len(group) - 1
    return f"{group[0]} (and {others} more for this reason)" if others else str(group[0])


def similar_rejects(rejects: Sequence[Reject]) -> list[list[Reject]]:
    """Group rejects whose texts differ in numbers alone; in the order of the first of each."""
    groups: dict[tuple[str, str], list[Reject]] = defaultdict(list)
    for reject in rejects:
        groups[_NUMBER.sub("#", reject.reason), _NUMBER.sub("#", reject.remedy)].append(reject)
    return list(groups.values())


def write_rejects(folder: Path, rejects: Sequence[Reject]) -> None:
    """Write ``folder/rejects.jsonl``: what :func:`encode_rejects` gives.

    Raises
    ------
    DegradeError
        As :func:`check_rejects`, or it cannot be written.
    """
    path, content = folder / REJECTS_NAME, encode_rejects(rejects)
    write_over(path, content, is_own=_is_list, remedy=_ANOTHER_FOLDER)


def check_rejects(folder: Path) -> None:
    """Refuse, DegradeError, to replace a ``rejects.jsonl`` that no job has written."""
    refuse_unless(folder / REJECTS_NAME, _is_list, _ANOTHER_FOLDER)


def check_rejects_at(place: Place) -> None:
    """Do what :func:`check_rejects` does in a folder or in an object store."""
    if isinstance(place, LocalPlace):
        check_rejects(place.folder)
    elif place.size(REJECTS_NAME) is not None and not _are_rejects(place.read(REJECTS_NAME)):
        raise DegradeError(
            f"{place.shown(REJECTS_NAME)} is there and was not made by this command; "
            "move it away, or choose another place"
        )


def _is_list(path: Path) -> bool:
    return _are_rejects(read_file(path))


def _are_rejects(content: bytes) -> bool:
    """Tell whether each line is a reject; an empty file has nothing to lose."""
    names = Reject("", "").to_json().keys()
    try:
        lines = [json.loads(line) for line in content.splitlines()]
    except (ValueError, RecursionError):
        return False
    return all(isinstance(line, dict) and line.keys() == names for line in lines)


def read_rejects(folder: Path) -> list[Reject]:
    """Return what ``rejects.jsonl`` of a folder holds; nothing where there is none."""
    path, names = folder / REJECTS_NAME, Reject("", "").to_json().keys()
    found = []
    for record in Journal(path).read():
        if isinstance(record, dict) and record.keys() == names:
            found.append(Reject(**{name: str(value) for name, value in record.items()}))
    return found


def encode_rejects(rejects: Sequence[Reject]) -> bytes:
    """Return one line of JSON a rejected input, no line when there is none."""
    ordered = sorted(rejects, key=lambda reject: (reject.path, reject.reason))
    # Escaped to ASCII: a file name may hold bytes that are no text.
    lines = [json.dumps(_said(reject), sort_keys=True) + "\n" for reject in ordered]
    return "".join(lines).encode("ascii")

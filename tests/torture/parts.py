"""What every kind of torture shares: how much of it, one part of it, and the table at the end."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

Cases = Iterator[str | None]
"""One item a case: None, or what went wrong and how to see it again."""


class SkippedError(Exception):
    """This machine cannot do a part; the text says why."""


@dataclass(frozen=True, kw_only=True)
class Rounds:
    """How much is done of each part.

    Attributes
    ----------
    kills : int
        Kills at random moments, and at chosen steps, of each job.
    worker_kills : int
        Kills of workers in a parallel run.
    rooms : int
        Amounts of free space on a full disk.
    calls : int
        Calls of each kind that fail in turn; 0: every one.
    flips : int
        Flipped bytes of each kind of file.
    fuzz : int
        Damaged files for each reader are numbered up to this.
    odd : int
        Odd things in the place of files; 0: each thing for each file.
    signals : int
        Signals to each command.
    first : int
        The damaged file to begin with, to see one again.
    seed : int
    """

    kills: int
    worker_kills: int
    rooms: int
    calls: int
    flips: int
    fuzz: int
    odd: int
    signals: int
    first: int = 0
    seed: int = 0

    def chance(self, *what: object) -> random.Random:
        """Return the dice for one purpose; the same for the same seed."""
        return random.Random(f"{self.seed} {what}")


SHORT = Rounds(kills=3, worker_kills=2, rooms=4, calls=2, flips=40, fuzz=40, odd=6, signals=1)
LONG = Rounds(
    kills=25, worker_kills=12, rooms=40, calls=0, flips=1000, fuzz=2000, odd=60, signals=20
)


@dataclass(frozen=True)
class Part:
    """One fault, brought upon one subject.

    Attributes
    ----------
    group : str
        What ``--only`` chooses by.
    fault, subject : str
        For people.
    rows : str
        Of the fault matrix.
    run : callable
        Called with the rounds and an empty folder.
    """

    group: str
    fault: str
    rows: str
    subject: str
    run: Callable[[Rounds, Path], Cases]


@dataclass
class Outcome:
    """What came of a part."""

    part: Part
    cases: int = 0
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0
    skipped: str = ""

    def describe(self) -> str:
        head = f"{self.part.fault}: {self.part.subject}"
        if self.skipped:
            return f"{head}: skipped, {self.skipped}"
        return f"{head}: {self.cases} cases, {len(self.failures)} failures, {self.seconds:.0f} s"


OnCase = Callable[[Outcome, str | None], None]


def run_part(part: Part, rounds: Rounds, on_case: OnCase) -> Outcome:
    """Run a part in a folder that is gone afterwards."""
    outcome, started = Outcome(part), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="torture-", ignore_cleanup_errors=True) as folder:
        cases = part.run(rounds, Path(folder))
        try:
            for failure in cases:
                outcome.cases += 1
                outcome.seconds = time.monotonic() - started
                if failure is not None:
                    outcome.failures.append(failure)
                on_case(outcome, failure)
        except (SkippedError, pytest.skip.Exception) as reason:
            outcome.skipped = str(reason)
        finally:
            cases.close()  # type: ignore[attr-defined]
    outcome.seconds = time.monotonic() - started
    return outcome


def spread(total: int, wanted: int, chance: random.Random) -> list[int]:
    """Return ``wanted`` of the numbers below ``total``, the ends among them; all if 0."""
    if not 0 < wanted < total:
        return list(range(total))
    return sorted({0, total - 1, *chance.sample(range(total), max(wanted - 2, 0))})


def table(outcomes: Sequence[Outcome]) -> str:
    """Return one line for each fault: fault, rows, cases, failures, seconds."""
    heads = ("fault", "rows", "cases", "failures", "seconds")
    lines: dict[tuple[str, str], list[float]] = {}
    for outcome in outcomes:
        sums = lines.setdefault((outcome.part.fault, outcome.part.rows), [0, 0, 0])
        sums[0] += outcome.cases
        sums[1] += len(outcome.failures)
        sums[2] += outcome.seconds
    rows = [heads, *((*names, *(f"{n:.0f}" for n in sums)) for names, sums in lines.items())]
    widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
    return "\n".join(
        "  ".join(
            text.ljust(width) if column < 2 else text.rjust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )

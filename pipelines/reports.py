"""What a job did, in the form that people, scripts and exit codes need."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from degrade.files import write_atomically
from degrade.sources import Reject

__all__ = [
    "REJECTS_NAME",
    "ProgressCallback",
    "RunReport",
    "encode_rejects",
    "no_progress",
    "write_rejects",
]

REJECTS_NAME = "rejects.jsonl"

ProgressCallback: TypeAlias = Callable[[int, int], None]
"""Called with (done, total) as a job moves on."""


def no_progress(_done: int, _total: int) -> None:
    """Report progress to nobody."""


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
        What is counted, in the plural.
    seconds : float
    rejects : tuple of Reject
        Inputs that could not be used.
    lines : tuple of str
        What else a person wants to read, one fact a line.
    interrupted : int or None
        The signal that ended the job early.
    """

    job: str
    done: int
    skipped: int = 0
    unit: str
    seconds: float
    rejects: tuple[Reject, ...] = ()
    lines: tuple[str, ...] = ()
    interrupted: int | None = None

    @property
    def exit_code(self) -> int:
        """0 all done; 3 finished, some inputs rejected; 128 + signal when interrupted."""
        if self.interrupted is not None:
            return 128 + self.interrupted
        return 3 if self.rejects else 0

    def summary(self) -> str:
        """Return the text that ends a run, without a final newline."""
        counts = [f"{self.done} {self.unit}"]
        if self.skipped:
            counts.append(f"{self.skipped} already there")
        if self.rejects:
            counts.append(f"{len(self.rejects)} rejected")
        head = f"{self.job}: {', '.join(counts)} in {self.seconds:.1f} s"
        if self.interrupted is not None:
            name = signal.Signals(self.interrupted).name
            head += f"; stopped by {name}: run the same command again to go on"
        return "\n".join([head, *(f"  {line}" for line in self.lines)])


def write_rejects(folder: Path, rejects: Sequence[Reject]) -> None:
    """Write ``folder/rejects.jsonl``: what :func:`encode_rejects` gives."""
    write_atomically(folder / REJECTS_NAME, encode_rejects(rejects))


def encode_rejects(rejects: Sequence[Reject]) -> bytes:
    """Return one line of JSON a rejected input, no line when there is none."""
    ordered = sorted(rejects, key=lambda reject: (reject.path, reject.reason))
    # Escaped to ASCII: a file name may hold bytes that are no text.
    lines = [json.dumps(reject.to_json(), sort_keys=True) + "\n" for reject in ordered]
    return "".join(lines).encode("ascii")

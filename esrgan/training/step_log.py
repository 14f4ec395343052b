"""``log.jsonl``: the losses of every step, a line each."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from degrade.disk.journal import Journal
from degrade.errors import DegradeError, write_failure

__all__ = ["StepLog"]


class StepLog:
    """A log that is on disk as soon as a step is done; a context manager while it is written.

    Parameters
    ----------
    path : Path
        Made when missing, else gone on with.
    """

    def __init__(self, path: Path) -> None:
        self._journal = Journal(path)

    def __enter__(self) -> StepLog:
        with self._named_errors():
            self._journal.open()
        return self

    def __exit__(self, *_exc: object) -> None:
        with self._named_errors():
            self._journal.close()

    def append(self, step: int, losses: Mapping[str, float]) -> None:
        """Write one step; a loss without a finite value becomes null, since JSON has no NaN."""
        plain = {name: value if math.isfinite(value) else None for name, value in losses.items()}
        with self._named_errors():
            self._journal.append({"step": step, **plain})

    def require_own(self) -> None:
        """Refuse a file that is no such log; see :meth:`degrade.disk.journal.Journal.require_own`.

        Raises
        ------
        DegradeError
            It is another program's, or a link.
        """
        self._journal.require_own(lambda record: isinstance(record, dict) and "step" in record)

    def forget_after(self, step: int) -> None:
        """Drop the lines of later steps, which are going to be done again, and torn ones."""

        def is_earlier(record: Any) -> bool:
            known = record.get("step") if isinstance(record, dict) else None
            return isinstance(known, int) and known <= step

        self._journal.keep(is_earlier)

    @contextlib.contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise DegradeError(write_failure(self._journal.path, 0, error)) from error

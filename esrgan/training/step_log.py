"""``log.jsonl``: the losses of every step, a line each."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path

from degrade.disk.files import write_atomically
from degrade.errors import DegradeError, printable

__all__ = ["StepLog"]


class StepLog:
    """A log that is on disk as soon as a step is done; a context manager while it is written.

    Parameters
    ----------
    path : Path
        Made when missing, else gone on with.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> StepLog:
        with self._named_errors():
            self._file = self._path.open("a", buffering=1, encoding="ascii")
        return self

    def __exit__(self, *_exc: object) -> None:
        with self._named_errors():
            self._file.close()

    def append(self, step: int, losses: Mapping[str, float]) -> None:
        """Write one step; a loss without a finite value becomes null, since JSON has no NaN."""
        plain = {name: value if math.isfinite(value) else None for name, value in losses.items()}
        with self._named_errors():
            self._file.write(json.dumps({"step": step, **plain}) + "\n")

    def forget_after(self, step: int) -> None:
        """Drop the lines of later steps, which are going to be done again, and torn ones."""
        if not self._path.is_file():
            return
        kept = []
        for line in self._path.read_bytes().splitlines(keepends=True):
            with contextlib.suppress(ValueError, KeyError, TypeError):
                if json.loads(line)["step"] <= step:
                    kept.append(line)
        write_atomically(self._path, b"".join(kept))

    @contextlib.contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            where = printable(self._path)
            raise DegradeError(f"{where}: cannot be written ({error.strerror})") from error

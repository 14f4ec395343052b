"""The file ``votes.db``: SQLite that has votes on the disk when it says so, and trusts no value."""

from __future__ import annotations

import contextlib
import math
import re
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from degrade.errors import CorruptDataError, DegradeError, printable

__all__ = ["VOTES_NAME", "VotesFile"]

VOTES_NAME = "votes.db"

_VERSION = 1

_PATIENCE_S, _NEXT_TRY_S = 5.0, 0.01
"""How long another that writes is waited for."""

_SCHEMA = """
CREATE TABLE raters (
    number INTEGER PRIMARY KEY, secret_sha256 TEXT NOT NULL UNIQUE, begun REAL NOT NULL,
    trials INTEGER NOT NULL, answered INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE trials (
    rater INTEGER NOT NULL, number INTEGER NOT NULL, image INTEGER NOT NULL,
    first INTEGER NOT NULL, second INTEGER NOT NULL, role TEXT NOT NULL, of INTEGER NOT NULL,
    PRIMARY KEY (rater, number)
) WITHOUT ROWID;
CREATE TABLE votes (
    id INTEGER PRIMARY KEY, rater INTEGER NOT NULL, trial INTEGER NOT NULL,
    question INTEGER NOT NULL, answer INTEGER NOT NULL, key TEXT NOT NULL, at REAL NOT NULL,
    seconds REAL NOT NULL, UNIQUE (rater, trial, question, key)
);
CREATE INDEX votes_by_trial ON votes (rater, trial, question, id);
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""

_LACKING = re.compile("no such |table .* has no column |.* may not be ")
"""How SQLite says, as an operational error, that the file has not what was made in it."""


def _place_of(path: Path) -> tuple[int, int] | None:
    """Return which file is at a path: its device and its number there; None where none is."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


class VotesFile:
    """The file in which votes are kept, opened.

    Several threads may use it: what they ask is done one after the other. A transaction that has
    ended is on the disk (write-ahead log, ``synchronous=FULL``). A file that was moved away or
    replaced meanwhile is refused each time it is used.

    Parameters
    ----------
    path : Path
        ``votes.db``; made when missing.

    Raises
    ------
    DegradeError
        It cannot be opened.
    CorruptDataError
        It is no such file, or of another version.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        if path.exists() and not path.is_file():
            raise CorruptDataError(f"{printable(path)} is no file; move it away")
        with self._said():
            # Transactions are begun and ended here, not by the module.
            self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            # The module's own words for a text that is no UTF-8 are those of a failing disk.
            self._connection.text_factory = bytes.decode
            try:
                self._connection.execute(f"PRAGMA busy_timeout = {_PATIENCE_S * 1000:.0f}")
                self._connection.execute("PRAGMA synchronous = FULL")
                # First: what is no file of votes is refused before a byte of it is changed.
                self._make()
                self._log_ahead()
                self._place = _place_of(path)
            except BaseException:
                self._connection.close()
                raise

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    @contextlib.contextmanager
    def transaction(self, begin: str = "BEGIN IMMEDIATE") -> Iterator[sqlite3.Connection]:
        """Give the connection within a transaction: what it does is kept whole, or not at all.

        Parameters
        ----------
        begin : str
            How it begins: to write, at once; by ``BEGIN`` all that is read is of one moment.
        """
        with self.reading() as connection:
            connection.execute(begin)
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give the connection; refuse a file that lies elsewhere by now: votes would be lost."""
        with self._said(), self._lock:
            if _place_of(self.path) != self._place:
                raise DegradeError(
                    f"{printable(self.path)} was moved away or replaced while it was in use; put "
                    "it back, or start `degrade study serve` again"
                )
            yield self._connection

    def checked(self, rows: list[Any], types: tuple[type, ...]) -> list[Any]:
        """Return rows whose values are of these types, and finite.

        Raises
        ------
        CorruptDataError
            One is not: no such value was written here.
        """
        for row in rows:
            if tuple(map(type, row)) != types or math.inf in row or -math.inf in row:
                raise self.damaged("a value of another type")
        return rows

    def damaged(self, what: str) -> CorruptDataError:
        """Return the error that names the file, what is damaged there, and what to do."""
        return CorruptDataError(
            f"{printable(self.path)} is damaged ({what}); restore it from a copy"
        )

    def _log_ahead(self) -> None:
        """Let changes be written ahead, into a log.

        While another does the same in a new file SQLite refuses at once, and waits for nobody.
        """
        started = time.monotonic()
        while True:
            try:
                self._connection.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                # The lowest byte: what it is busy with stands above.
                code = getattr(error, "sqlite_errorcode", 0) & 0xFF
                if code != sqlite3.SQLITE_BUSY or time.monotonic() - started > _PATIENCE_S:
                    raise
            time.sleep(_NEXT_TRY_S)

    def _make(self) -> None:
        """Make what a new file lacks; of several that find it new at once one does."""
        if self._version() == _VERSION:
            return
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            if self._version() != _VERSION:
                self._require_new()
                for statement in _SCHEMA.split(";"):
                    self._connection.execute(statement)
                self._connection.execute(f"PRAGMA user_version = {_VERSION}")
            self._connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise

    def _version(self) -> int:
        return int(self._connection.execute("PRAGMA user_version").fetchone()[0])

    def _require_new(self) -> None:
        has_tables = self._connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]
        if self._version() != 0 or has_tables:
            raise CorruptDataError(
                f"{printable(self.path)} holds no votes that this degrade reads; move it away"
            )

    @contextlib.contextmanager
    def _said(self) -> Iterator[None]:
        try:
            yield
        except UnicodeDecodeError as error:  # of a value, or of an error that holds a damaged name
            raise self.damaged("a text that is no UTF-8") from error
        except sqlite3.DatabaseError as error:
            what = printable(str(error))
            if isinstance(error, sqlite3.OperationalError) and not _LACKING.match(what):
                remedy = "check the folder, its permissions and its disk"
                raise DegradeError(f"{printable(self.path)}: {what}; {remedy}") from error
            raise self.damaged(what) from error

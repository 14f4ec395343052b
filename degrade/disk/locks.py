"""Locks that keep two runs out of one folder, and that end with the process that holds them."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from degrade.disk.files import clear_left_over, read_file
from degrade.disk.processes import process_start, unique_token
from degrade.errors import (
    DegradeError,
    FolderInUseError,
    InputError,
    printable,
    write_failure,
)

__all__ = ["folder_lock", "lock_content", "require_stale"]

_TURN_S = 2.0
"""How long a process waits for others of this machine that look at the same lock just now."""


@contextlib.contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Hold ``folder/.lock`` so that two runs cannot write into one folder.

    The lock names host, process and that process's start. A lock whose process is gone from this
    host is stale and is taken over; one from another host is never guessed about. Temporary files
    of processes that are gone from this host are removed from the folder.

    Raises
    ------
    FolderInUseError
        Another run holds the lock.
    DegradeError
        The folder is missing or cannot be written to.
    """
    lock = folder / ".lock"
    _take_lock(lock, lock_content())
    try:
        clear_left_over(folder)
        yield
    finally:
        with contextlib.suppress(OSError):
            lock.unlink(missing_ok=True)


def lock_content() -> bytes:
    """Return what a lock of this process says: host, process, that process's start, time."""
    mine = {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "process_start": process_start(os.getpid()),
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    return json.dumps(mine).encode()


def _take_lock(lock: Path, content: bytes) -> None:
    # The content is complete before the name exists (a link, not open + write), so that another
    # run never reads a half-written lock and takes it for a stale one.
    temporary = lock.with_name(f".lock.{unique_token()}.tmp")
    try:
        temporary.write_bytes(content)
        with _one_at_a_time(lock.parent):
            for _ in range(2):
                try:
                    _link_or_create(temporary, lock)
                    return
                except FileExistsError:
                    _clear_if_stale(lock)
        raise FolderInUseError(
            f"{printable(lock.parent)}: another run has just taken this folder; wait for it"
        )
    except OSError as error:
        raise DegradeError(write_failure(lock, len(content), error)) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Keep other processes of this machine from looking at the folder's lock meanwhile.

    Of several that found a stale one at once, two could take it. Only this machine takes over what
    is stale here. Where a file system cannot do this, or somebody does it for long, none waits.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        yield
        return
    try:
        _wait_for_turn(descriptor)
        yield
    finally:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)  # forked processes may have the descriptor, too
        os.close(descriptor)


def _wait_for_turn(descriptor: int) -> None:
    end = time.monotonic() + _TURN_S
    with contextlib.suppress(OSError):
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() > end:
                    return
                time.sleep(0.001)


def _link_or_create(temporary: Path, lock: Path) -> None:
    try:
        os.link(temporary, lock)
    except FileExistsError:
        raise
    except OSError:
        # exFAT and some network file systems have no links. A lock that is still empty when
        # another run reads it names no process there and counts as held.
        content = temporary.read_bytes()
        with lock.open("xb") as file:
            file.write(content)


def _clear_if_stale(lock: Path) -> None:
    try:
        content = read_file(lock)
    except InputError:
        if not os.path.lexists(lock):
            return
        content = b""  # such as a pipe: nothing tells that its maker is gone
    require_stale(content, printable(lock.parent), printable(lock))
    _remove_stale(lock, content)


def require_stale(content: bytes, where: str, lock: str) -> None:
    """Refuse to take over a lock unless the process that wrote it is gone from this host.

    Parameters
    ----------
    content : bytes
        What :func:`lock_content` gave to its holder.
    where, lock : str
        What is locked, and by which file; for the message.

    Raises
    ------
    FolderInUseError
        The lock's process runs, or it cannot be known whether it does.
    """
    try:
        holder = json.loads(content)
        host, pid, start = holder["host"], int(holder["pid"]), holder["process_start"]
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        holder, host, pid, start = {}, None, 0, None
    if host == socket.gethostname() and process_start(pid) != start:
        return
    said = printable(f"process {pid} on {host} since {holder.get('since')}")[:200]
    raise FolderInUseError(
        f"{where} is in use by {said}; wait for it, or delete {lock} if that run is dead"
    )


def _remove_stale(lock: Path, content: bytes) -> None:
    """Remove a lock that held ``content``, unless another run has taken it over since."""
    aside = lock.with_name(f".lock.{unique_token()}.stale")
    try:
        lock.rename(aside)
    except FileNotFoundError:
        return
    try:
        if aside.read_bytes() != content:
            with contextlib.suppress(FileExistsError):
                _link_or_create(aside, lock)
    finally:
        aside.unlink()

"""Writing files so that a kill, a full disk or a second run cannot leave half of one behind."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from degrade.errors import DegradeError, FolderInUseError, printable

__all__ = ["commit_file", "folder_lock", "fsync_folder", "resolve_inside", "write_atomically"]


def write_atomically(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path`` such that a reader sees the old file or the whole new one.

    Raises
    ------
    DegradeError
        The file cannot be written (full disk, missing folder, no permission); nothing is left.
    """
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        commit_file(temporary, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise DegradeError(_write_failure(path, len(data), error)) from error


def commit_file(temporary: Path, path: Path) -> None:
    """Rename a closed, fsynced temporary over ``path`` and make the rename itself durable."""
    temporary.replace(path)
    fsync_folder(path.parent)


def fsync_folder(folder: Path) -> None:
    """Flush a folder's entries to disk; file systems that cannot do so are left alone."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def _write_failure(path: Path, size: int, error: OSError) -> str:
    where = printable(path)
    if error.errno == errno.ENOSPC:
        return f"{where}: the disk is full; {size} bytes are needed here: free some and run again"
    return f"{where}: cannot be written ({error.strerror}); check the folder and its permissions"


def resolve_inside(root: Path, relative: str) -> Path:
    """Return ``root / relative`` if that stays inside ``root`` when links are followed.

    Raises
    ------
    DegradeError
        The name is absolute, climbs out with ``..`` or leads out through a symbolic link.
    """
    base = root.resolve()
    target = (base / relative).resolve()
    if Path(relative).is_absolute() or not target.is_relative_to(base):
        raise DegradeError(f"{printable(relative)}: leads outside {printable(root)}; refused")
    return target


@contextlib.contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Hold ``folder/.lock`` so that two runs cannot write into one folder.

    The lock names host, process and that process's start. A lock whose process is gone from this
    host is stale and is taken over; one from another host is never guessed about.

    Raises
    ------
    FolderInUseError
        Another run holds the lock.
    """
    lock = folder / ".lock"
    mine = {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "process_start": _process_start(os.getpid()),
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    _take_lock(lock, json.dumps(mine).encode())
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)


def _take_lock(lock: Path, content: bytes) -> None:
    # The content is complete before the name exists (a link, not open + write), so that another
    # run never reads a half-written lock and takes it for a stale one.
    temporary = lock.with_name(f".lock.{os.getpid()}.tmp")
    temporary.write_bytes(content)
    try:
        for _ in range(2):
            try:
                os.link(temporary, lock)
                return
            except FileExistsError:
                _clear_if_stale(lock)
        raise FolderInUseError(f"{printable(lock.parent)}: another run has just taken this folder")
    finally:
        temporary.unlink(missing_ok=True)


def _clear_if_stale(lock: Path) -> None:
    try:
        holder = json.loads(lock.read_bytes())
        host, pid, start = holder["host"], int(holder["pid"]), holder["process_start"]
    except FileNotFoundError:
        return
    except (ValueError, KeyError, TypeError):
        holder, host, pid, start = {}, None, 0, None
    if host == socket.gethostname() and _process_start(pid) != start:
        lock.unlink(missing_ok=True)
        return
    raise FolderInUseError(
        f"{printable(lock.parent)} is in use by process {pid} on {host} since "
        f"{holder.get('since')}; wait for it, or delete {printable(lock)} if that run is dead"
    )


def _process_start(pid: int) -> str | None:
    """Return something that differs between two processes that had the same id, None if gone."""
    try:
        # Field 22 of /proc/PID/stat, counted after the parenthesised name, which may hold spaces.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        pass
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except OSError:
        return "unknown"
    return "unknown"

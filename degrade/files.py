"""Reading files that may be anything, and writing so that no half file is ever left behind."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BufferedReader
from pathlib import Path

from degrade.errors import DegradeError, FolderInUseError, InputError, printable

__all__ = [
    "commit_file",
    "folder_lock",
    "fsync_folder",
    "open_regular",
    "read_file",
    "resolve_inside",
    "write_atomically",
]

_MAX_FILE_BYTES = 2**31
"""Above what 200 million 16-bit RGBA pixels take uncompressed: no input that is of use."""


def open_regular(path: Path) -> BufferedReader:
    """Open a regular file for reading; never hangs on a FIFO or a device.

    Raises
    ------
    InputError
        The path is missing, unreadable or no regular file.
    """
    try:
        # A FIFO without a writer would block an ordinary open for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(path, f"cannot be read ({reason})", "check path and permissions") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise InputError(path, "not a regular file")
    return os.fdopen(descriptor, "rb")


def read_file(path: Path) -> bytes:
    """Return a regular file's bytes.

    Raises
    ------
    InputError
        As :func:`open_regular`, or the file is too large to be an image.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > _MAX_FILE_BYTES:
            raise InputError(path, f"{size} bytes are more than the {_MAX_FILE_BYTES} allowed")
        try:
            return file.read()
        except OSError as error:
            raise InputError(
                path, f"cannot be read ({error.strerror})", "copy it again from its source"
            ) from None


def write_atomically(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path`` such that a reader sees the old file or the whole new one.

    Raises
    ------
    DegradeError
        The file cannot be written (full disk, missing folder, no permission); nothing is left.
    """
    # Cut, because a name may be as long as the file system allows already.
    stem = os.fsdecode(os.fsencode(path.name)[:200])
    temporary = path.with_name(f"{stem}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        commit_file(temporary, path)
    except OSError as error:
        raise DegradeError(_write_failure(path, len(data), error)) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


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
        The name is absolute, climbs out with ``..``, leads out through a symbolic link, or its
        links go in a circle.
    """
    base = root.resolve()
    try:
        target = (base / relative).resolve()
    except (OSError, RuntimeError, ValueError):  # links in a circle, names that cannot be
        raise DegradeError(f"{printable(relative)}: leads nowhere; refused") from None
    if Path(relative).is_absolute() or not target.is_relative_to(base):
        raise DegradeError(f"{printable(relative)}: leads outside {printable(root)}; refused")
    return target


FOLDER_MARKS = {
    "pool.json": "a degradation pool",
    "run.json": "a run of build-pairs",
    "training.json": "a training",
}
"""The file by which each kind of folder is known."""


def claim_folder(folder: Path, mark: str) -> None:
    """Make a folder for one kind of content, ``mark`` of :data:`FOLDER_MARKS`.

    Raises
    ------
    DegradeError
        The folder cannot be made, or holds content of another kind, which would be mixed up.
    """
    where = printable(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DegradeError(f"{where}: cannot be made ({error.strerror})") from None
    for other, content in FOLDER_MARKS.items():
        if other != mark and (folder / other).exists():
            raise DegradeError(f"{where} holds {content}; choose another folder")


@contextlib.contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Hold ``folder/.lock`` so that two runs cannot write into one folder.

    The lock names host, process and that process's start. A lock whose process is gone from this
    host is stale and is taken over; one from another host is never guessed about.

    Raises
    ------
    FolderInUseError
        Another run holds the lock.
    DegradeError
        The folder is missing or cannot be written to.
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
        with contextlib.suppress(OSError):
            lock.unlink(missing_ok=True)


def _take_lock(lock: Path, content: bytes) -> None:
    # The content is complete before the name exists (a link, not open + write), so that another
    # run never reads a half-written lock and takes it for a stale one.
    temporary = lock.with_name(f".lock.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content)
        for _ in range(2):
            try:
                _link_or_create(temporary, lock)
                return
            except FileExistsError:
                _clear_if_stale(lock)
        raise FolderInUseError(f"{printable(lock.parent)}: another run has just taken this folder")
    except OSError as error:
        raise DegradeError(_write_failure(lock, len(content), error)) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _link_or_create(temporary: Path, lock: Path) -> None:
    try:
        os.link(temporary, lock)
    except FileExistsError:
        raise
    except OSError:
        # exFAT and some network file systems have no links. A lock that is still empty when
        # another run reads it names no process there and counts as held.
        with lock.open("xb") as file:
            file.write(temporary.read_bytes())


def _clear_if_stale(lock: Path) -> None:
    try:
        content = lock.read_bytes()
        holder = json.loads(content)
        host, pid, start = holder["host"], int(holder["pid"]), holder["process_start"]
    except FileNotFoundError:
        return
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        content, holder, host, pid, start = b"", {}, None, 0, None
    if host == socket.gethostname() and _process_start(pid) != start:
        _remove_stale(lock, content)
        return
    raise FolderInUseError(
        f"{printable(lock.parent)} is in use by process {pid} on {host} since "
        f"{holder.get('since')}; wait for it, or delete {printable(lock)} if that run is dead"
    )


def _remove_stale(lock: Path, content: bytes) -> None:
    """Remove a lock that held ``content``, unless another run has taken it over since."""
    aside = lock.with_name(f".lock.{os.getpid()}.stale")
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


def _process_start(pid: int) -> str | None:
    """Return something that differs between two processes that had the same id, None if gone."""
    try:
        # Fields 3 and 22 of /proc/PID/stat, counted after the parenthesised name, which may hold
        # spaces. A zombie (Z) has ended; only its parent has not noticed yet.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return None if fields[0] == "Z" else fields[19]
    except (OSError, IndexError):
        pass
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return None
    except OSError:
        return "unknown"
    return "unknown"

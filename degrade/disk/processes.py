"""The process itself: names that only it has, whether another is still there, its memory."""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import re
import secrets
import socket
import zlib
from pathlib import Path

__all__ = ["is_left_over", "is_temporary", "keep_freed_memory", "process_start", "unique_token"]

# What unique_token gives, of this project's two kinds of temporary files.
_TEMPORARY = re.compile(r".*\.([0-9a-f]{8})-(\d+)-[0-9a-f]{8}\.(?:tmp|stale)", re.DOTALL)

_NUMBERS = itertools.count(secrets.randbits(32))
"""Counted, so that a process has each once; from a random one on, as process numbers come again."""


def unique_token() -> str:
    """Return a part of a name that no other process, thread or machine uses at this time."""
    return f"{_host_mark()}-{os.getpid()}-{next(_NUMBERS) & 0xFFFFFFFF:08x}"


def _host_mark() -> str:
    return f"{zlib.crc32(socket.gethostname().encode()):08x}"


def is_temporary(name: str) -> bool:
    """Tell whether a name is one that :func:`unique_token` was put into."""
    return _TEMPORARY.fullmatch(name) is not None


def is_left_over(name: str) -> bool:
    """Tell whether a file's name is a temporary one of a process that is gone from this host."""
    found = _TEMPORARY.fullmatch(name)
    if found is None or found[1] != _host_mark():
        return False
    return process_start(int(found[2])) is None


def process_start(pid: int) -> str | None:
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


_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of mallopt(3)
_KEPT_BYTES = 64 << 20
_OLD_LIMIT = 32 << 20  # before glibc 2.35 a higher threshold for mmap is refused


def keep_freed_memory() -> None:
    """Let this process keep freed memory: 64 MiB at the heap's end, and all that lies before it.

    glibc gives large arrays back to the system at once, and the fresh pages of the next ones cost
    a tenth of the time of building pairs. Elsewhere nothing changes.
    """
    with contextlib.suppress(AttributeError, OSError, TypeError):
        libc = ctypes.CDLL(None)
        # Either call ends glibc's own adaptation, so one alone would make things worse.
        if libc.mallopt(_MMAP_THRESHOLD, _KEPT_BYTES) or libc.mallopt(_MMAP_THRESHOLD, _OLD_LIMIT):
            libc.mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)

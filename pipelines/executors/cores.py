"""How many processes this machine can carry."""

from __future__ import annotations

import os

from degrade.errors import InvalidValueError

__all__ = ["available_cores", "check_process_count"]

_MOST_PER_CORE = 16
"""Some wait for disks or networks; but hundreds only fill the memory, until the system kills."""


def available_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check_process_count(count: int, option: str) -> None:
    """Refuse numbers of processes that were never meant.

    Raises
    ------
    InvalidValueError
        ``count`` is more than 16 for each core; the text names ``option``.
    """
    most = _MOST_PER_CORE * available_cores()
    if count > most:
        raise InvalidValueError(
            f"{option} {count} is more than {_MOST_PER_CORE} processes for each core; "
            f"use at most {most} here"
        )

"""Running out of memory, said in one line."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import torch

from degrade.errors import DegradeError

__all__ = ["memory_of", "naming_lack_of_memory"]

_CGROUP_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


def memory_of(device: str) -> int:
    """Return the bytes that a device has in all; of a CPU what the machine or container has."""
    if torch.device(device).type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in _CGROUP_LIMITS:
        with suppress(OSError, ValueError):  # absent, or "max"
            there = min(there, int(path.read_text()))
    return there


@contextmanager
def naming_lack_of_memory(advice: str) -> Iterator[None]:
    """Turn PyTorch's ways of running out of memory into a DegradeError that ends with advice."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise DegradeError(f"out of memory: {advice}") from error
    except RuntimeError as error:
        # The allocator for CPUs has no exception of its own.
        if "can't allocate memory" not in str(error):
            raise
        raise DegradeError(f"out of memory: {advice}") from error

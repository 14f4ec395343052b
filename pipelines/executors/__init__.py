"""Where tasks run: here, on this machine's cores, or on a Dask cluster.

Results never depend on the choice. ``base`` has the interface and what happens when a worker dies.
"""

from __future__ import annotations

import os

from degrade.errors import InvalidValueError
from pipelines.executors.base import Executor, TaskResult, WorkerDiedError
from pipelines.executors.dask_cluster import DaskExecutor
from pipelines.executors.in_process import InProcessExecutor
from pipelines.executors.processes import ProcessExecutor

__all__ = [
    "DaskExecutor",
    "Executor",
    "InProcessExecutor",
    "ProcessExecutor",
    "TaskResult",
    "WorkerDiedError",
    "available_cores",
    "make_executor",
]


def available_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def make_executor(jobs: int | None) -> Executor:
    """Return the executor for ``--jobs``: 1 runs in this process, None on every available core."""
    if jobs is not None and jobs < 1:
        raise InvalidValueError(f"jobs must be at least 1, got {jobs}")
    count = jobs or available_cores()
    return InProcessExecutor() if count == 1 else ProcessExecutor(count)

"""Where tasks run: here, on this machine's cores, or on a Dask cluster.

Results never depend on the choice. ``base`` has the interface and what happens when a worker dies.
"""

from __future__ import annotations

from degrade.errors import InvalidValueError
from pipelines.executors.base import Executor, TaskResult, WorkerDiedError
from pipelines.executors.cores import available_cores, check_process_count
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
    "check_process_count",
    "make_executor",
]


def make_executor(jobs: int | None) -> Executor:
    """Return the executor for ``--jobs``: 1 runs in this process, None on every available core."""
    if jobs is not None and jobs < 1:
        raise InvalidValueError(f"jobs must be at least 1, got {jobs}")
    check_process_count(jobs or 1, "`jobs`")
    count = jobs or available_cores()
    return InProcessExecutor() if count == 1 else ProcessExecutor(count)

"""The other end of :class:`DaskExecutor`: what its tasks do on a worker."""

from __future__ import annotations

import functools
import pickle
import socket
import sys
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from degrade.errors import DegradeError, InputError
from pipelines.executors.base import TaskResult, attempt

__all__ = ["attempt_on_worker", "describe_differences", "examine", "local_software", "paths_in"]


@functools.cache
def local_software() -> Mapping[str, str]:
    """Return the versions that decide whether tasks can be exchanged and give the same bytes."""
    import cv2
    import numpy
    import scipy

    import degrade

    return {
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "degrade": degrade.__version__,
        "numpy": numpy.__version__,
        "scipy": scipy.__version__,
        "opencv": cv2.__version__,
    }


def describe_differences(there: Mapping[str, str], here: Mapping[str, str]) -> str:
    """Return such as ``numpy 1.26.4 (here 2.4.0)``; nothing when all agree."""
    return ", ".join(
        f"{name} {there.get(name, 'missing')} (here {version})"
        for name, version in here.items()
        if there.get(name) != version
    )


def paths_in(task: object, most: int) -> list[Path]:
    """Return the first paths in the fields of a task, its own before those of its parts."""
    found: list[Path] = []
    queue: deque[Any] = deque([task])
    while queue and len(found) < most:
        item = queue.popleft()
        if isinstance(item, Path):
            found.append(item)
        elif is_dataclass(item):
            queue.extend(getattr(item, field.name) for field in fields(item))
        elif isinstance(item, list | tuple):
            queue.extend(item[:most])
    return found


def examine(paths: Iterable[Path]) -> tuple[Mapping[str, str], str, list[Path]]:
    """Return this worker's versions, its host's name, and which of ``paths`` it does not see."""
    return local_software(), socket.gethostname(), [path for path in paths if not path.exists()]


def attempt_on_worker(software: Mapping[str, str], call: bytes) -> TaskResult[Any]:
    """Run one task as :func:`attempt` does, with one library thread.

    Raises
    ------
    DegradeError
        The versions here are not ``software``: a worker that came after the run had begun.
    """
    host = socket.gethostname()
    differences = describe_differences(local_software(), software)
    if differences:
        raise DegradeError(
            f"a worker on {host} has {differences}; install the same versions everywhere"
        )
    # The client's own bytes: whoever may send tasks to a cluster may run any code there.
    function, index, task = pickle.loads(call)
    _use_one_thread()
    result = attempt(function, index, task)
    return result if result.error is None else replace(result, error=_at_host(result.error, host))


@functools.cache
def _use_one_thread() -> None:
    """Hold the libraries that the task's module has loaded to one thread, once for this process.

    The nanny has set OMP_NUM_THREADS and its kin to 1 for those that are loaded later.
    """
    import cv2
    from threadpoolctl import threadpool_limits

    cv2.setNumThreads(1)
    threadpool_limits(1)


def _at_host(error: DegradeError, host: str) -> DegradeError:
    """Say where an error came up; a missing file may be there on other machines."""
    if isinstance(error, InputError) and not Path(error.path).exists():
        remedy = "every worker must see the same files under the same paths"
        return InputError(error.path, f"{error.reason} on the worker {host}", remedy)
    error.add_note(f"(on the worker {host})")
    return error

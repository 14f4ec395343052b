"""Tasks in this very process: nothing to start, nothing to pickle."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from pipelines.executors.base import Task, TaskResult, Value, attempt

__all__ = ["InProcessExecutor"]


class InProcessExecutor:
    """Runs the tasks one after the other in this process."""

    def run(
        self, function: Callable[[Task], Value], tasks: Sequence[Task]
    ) -> Iterator[TaskResult[Value]]:
        """Yield the results in the tasks' order."""
        for index, task in enumerate(tasks):
            yield attempt(function, index, task)

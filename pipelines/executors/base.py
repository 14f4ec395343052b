"""What every executor shares: its interface, one attempt at a task, and what a death means.

When a worker dies, by a task's fault or by no fault of theirs, the run goes on without it: the
tasks that it held become suspects. At the end the suspects are run again, one at a time and with
nothing beside them. Only a task that kills its worker then too ends with
:class:`WorkerDiedError`; the run loses nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeAlias, TypeVar, cast

from degrade.errors import DegradeError

__all__ = ["Executor", "TaskResult", "Wave", "WorkerDiedError", "attempt", "run_suspects_last"]

Task = TypeVar("Task")
Value = TypeVar("Value")


class WorkerDiedError(DegradeError):
    """The process that worked on a task was killed, most often for want of memory."""


@dataclass(frozen=True, slots=True)
class TaskResult(Generic[Value]):
    """The end of one task.

    Attributes
    ----------
    index : int
        The task's place in the sequence that was handed over.
    value : object or None
        What the function returned.
    error : DegradeError or None
        What it raised on purpose. Any other exception is a bug and ends the run.
    """

    index: int
    value: Value | None
    error: DegradeError | None = None

    def get(self) -> Value:
        """Return the value, or raise the error."""
        if self.error is not None:
            raise self.error
        return cast(Value, self.value)


class Executor(Protocol):
    """Runs a function over tasks and yields results in the order in which they end."""

    def run(
        self, function: Callable[[Task], Value], tasks: Sequence[Task]
    ) -> Iterator[TaskResult[Value]]:
        """Yield one result per task; the function must be importable and the tasks picklable."""
        ...


def attempt(function: Callable[[Task], Value], index: int, task: Task) -> TaskResult[Value]:
    """Run one task; an error that is raised on purpose becomes its result."""
    try:
        return TaskResult(index, function(task))
    except DegradeError as error:
        return TaskResult(index, None, error)


Wave: TypeAlias = Callable[[Sequence[int]], Iterator[TaskResult[Value]]]
"""Runs the tasks of these indices side by side; what a dead worker held ends with
WorkerDiedError."""


def run_suspects_last(wave: Wave[Value], count: int) -> Iterator[TaskResult[Value]]:
    """Yield the result of each of ``count`` tasks; see the module's text for the policy."""
    suspects = []
    for result in wave(range(count)):
        if isinstance(result.error, WorkerDiedError):
            suspects.append(result.index)
        else:
            yield result
    for index in suspects:
        yield from wave([index])

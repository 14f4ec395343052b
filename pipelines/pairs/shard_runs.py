"""A run that makes shards: which of them are missing, making those, and what ends the run."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar

from degrade.errors import DegradeError, UnreachableError
from degrade.images.sources import Reject
from degrade.pairs import (
    Place,
    ShardHead,
    ShardSpec,
    check_shard_list,
    find_committed,
    write_shard_list,
)
from degrade.wording import counted
from pipelines.executors import Executor, WorkerDiedError
from pipelines.shared.job import Job
from pipelines.shared.reports import REJECTS_NAME, check_rejects_at, encode_rejects

__all__ = [
    "CommittedShards",
    "RunProgress",
    "ShardReceipt",
    "check_ends",
    "ensure_shard",
    "finish_run",
    "group_by_size",
    "missing_shards",
    "run_shards",
]

_ASKED_AT_ONCE = 16


class _Task(Protocol):
    """What a worker needs to make one shard."""

    @property
    def place(self) -> Place: ...

    @property
    def spec(self) -> ShardSpec: ...

    def input_paths(self) -> Mapping[str, str]:
        """Return the paths of the inputs, by what the shard's rejects call them."""
        ...


Task = TypeVar("Task", bound=_Task)
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class ShardReceipt:
    """What a worker reports of a committed shard.

    ``clipping_shift`` is how far clipping moved the mean of LR, in 8-bit grey levels; None when
    that is not known: the shard was there already, or its LR was not made here. ``photo_notes``
    counts what decoding changed in its photos.
    """

    index: int
    pairs: int
    clipping_shift: float | None = None
    photo_notes: Mapping[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class RunProgress:
    """What one call has done so far; ``shift_pairs`` are those whose clipping is known."""

    pairs: int = 0
    shift_pairs: int = 0
    shift_sum: float = 0.0
    failure: DegradeError | None = None

    def add(self, receipt: ShardReceipt) -> None:
        """Count a committed shard."""
        self.pairs += receipt.pairs
        if receipt.clipping_shift is not None:
            self.shift_pairs += receipt.pairs
            self.shift_sum += receipt.pairs * receipt.clipping_shift


@dataclass(slots=True)
class CommittedShards:
    """What is there when a run ends: shards and their pairs."""

    shards: int = 0
    pairs: int = 0


def check_ends(place: Place) -> None:
    """Refuse to begin where the files that end a run are somebody else's.

    Raises
    ------
    DegradeError
        ``rejects.jsonl`` or ``manifest.json`` was written by no run.
    """
    check_rejects_at(place)
    check_shard_list(place)


def group_by_size(items: Sequence[Item], sizes: Sequence[int], most: int) -> list[list[Item]]:
    """Group items, in order, so that no group takes over ``most`` bytes, but for a single item.

    Parameters
    ----------
    items : sequence
    sizes : sequence of int
        Bytes of each item.
    most : int
        Bytes of a group.
    """
    groups: list[list[Item]] = [[]]
    filled = 0
    for item, size in zip(items, sizes, strict=True):
        if groups[-1] and filled + size > most:
            groups.append([])
            filled = 0
        groups[-1].append(item)
        filled += size
    return groups


def missing_shards(place: Place, tasks: Sequence[Task]) -> list[Task]:
    """Return the tasks whose shards are not there; sidecars that do not count are removed.

    Here, where the place is held, so that workers never have to remove one: see
    :mod:`degrade.pairs.shards`.
    """
    names = set(place.names())
    maybe = [task for task in tasks if task.spec.sidecar_name in names]
    found = {head.spec.index for head in _find_committed(place, maybe) if head is not None}
    for task in maybe:
        if task.spec.index not in found:
            place.remove(task.spec.sidecar_name)
    return [task for task in tasks if task.spec.index not in found]


def _find_committed(place: Place, tasks: Iterable[_Task]) -> Iterator[ShardHead | None]:
    """Look up shards, several at once since a store is far away; few are in memory at a time."""
    asked = iter(tasks)
    with ThreadPoolExecutor(_ASKED_AT_ONCE) as threads:
        while batch := list(itertools.islice(asked, _ASKED_AT_ONCE)):
            yield from threads.map(lambda task: find_committed(place, task.spec), batch)


def ensure_shard(task: Task, make: Callable[[Task], ShardReceipt]) -> ShardReceipt:
    """Make a shard on a worker, unless it is committed; a disk that fails is tried once more."""
    done = find_committed(task.place, task.spec)
    if done is not None:
        return ShardReceipt(task.spec.index, done.pairs)
    try:
        return make(task)
    except DegradeError as error:
        if not _may_pass(error):
            raise
    return make(task)


def _may_pass(error: DegradeError) -> bool:
    """Return whether the disk failed in a way that need not last."""
    cause = error.__cause__
    return getattr(cause, "errno", None) == errno.EIO or os.strerror(errno.EIO) in str(cause)


def run_shards(
    make: Callable[[Task], ShardReceipt],
    todo: Sequence[Task],
    total: int,
    *,
    executor: Executor,
    job: Job,
    hopeless: tuple[type[DegradeError], ...] = (UnreachableError,),
) -> RunProgress:
    """Make the shards ``todo`` of ``total``; the first failure is kept until all had their turn.

    One of a ``hopeless`` type ends the run at once.
    """
    progress = RunProgress()
    done = total - len(todo)
    with job.stoppable():
        job.progress(done, total)
        for result in executor.run(make, todo):
            try:
                receipt = result.get()
            except DegradeError as error:
                if isinstance(error, WorkerDiedError):
                    error = WorkerDiedError(f"{todo[result.index].spec.name}: {error}")
                progress.failure = progress.failure or error
                if isinstance(error, hopeless):  # the others would wait in vain too
                    break
                continue
            progress.add(receipt)
            job.photo_notes.update(receipt.photo_notes)
            done += 1
            job.progress(done, total)
    return progress


def finish_run(
    place: Place,
    run: Mapping[str, Any],
    tasks: Sequence[_Task],
    progress: RunProgress,
    *,
    job: Job,
    why_nothing: Callable[[Sequence[Reject]], str],
) -> CommittedShards:
    """Write rejects.jsonl and, when every shard is there, the manifest; the job learns the rejects.

    Parameters
    ----------
    place : Place
    run : mapping
        The run's settings, for the manifest.
    tasks : sequence
        All of the run.
    progress : RunProgress
    job : Job
        With the inputs that were refused before there were tasks; those of the shards are added.
    why_nothing : callable
        Gives the text of the error when there is no pair, from all rejects.

    Raises
    ------
    DegradeError
        A shard could not be made, is gone, or none has a pair.
    """
    if isinstance(progress.failure, UnreachableError):
        raise progress.failure
    there = CommittedShards()
    for task, head in zip(tasks, _find_committed(place, tasks), strict=True):
        if head is not None:
            there.shards += 1
            there.pairs += head.pairs
            job.rejects += _with_paths(head.rejects, task)
    place.write(REJECTS_NAME, encode_rejects(job.rejects))
    if progress.failure is not None:
        raise progress.failure
    if there.shards == len(tasks):
        if not there.pairs:
            raise DegradeError(why_nothing(job.rejects))
        # A worker that was given up may be writing there still; it cannot publish anything new.
        with contextlib.suppress(DegradeError):
            place.clear_unfinished()
        write_shard_list(place, run)
    elif job.interrupted is None:
        raise DegradeError(
            f"{place.shown()}: {counted(len(tasks) - there.shards, 'finished shard')} disappeared; "
            "see who removes them, then run the same command again"
        )
    return there


def _with_paths(rejects: Sequence[Reject], task: _Task) -> list[Reject]:
    """Name by their paths the inputs that a shard names so that its bytes depend on no place."""
    paths = task.input_paths() if rejects else {}
    return [replace(reject, path=paths.get(reject.path, reject.path)) for reject in rejects]

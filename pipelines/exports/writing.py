"""Encoding pairs on any executor and writing them in order."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from degrade.disk.failures import require_space
from degrade.disk.files import read_file, write_atomically
from degrade.disk.structs import Whole, parse_struct
from degrade.errors import CorruptDataError, InputError
from degrade.exchange import EncodedPair, ExportSet, ExportWriter, encode_pair, open_writer
from degrade.pairs import PairReader, open_pairs
from pipelines.executors import Executor, TaskResult
from pipelines.shared.job import Job

__all__ = ["PROGRESS_FILE", "EncodeTask", "Progress", "encode_pairs", "plan_tasks", "write_export"]

PROGRESS_FILE = "progress.json"
_TASK_BYTES = 2**23
_CHECKPOINT_BYTES = 2**27
_MOST_EARLY = 64
"""Results that are kept until an earlier one comes: at most 512 MiB."""


@dataclass(frozen=True, slots=True)
class EncodeTask:
    """Which pairs to encode; ``digest`` names the set's content."""

    pairs: Path
    digest: str
    format: str
    rows: tuple[int, ...]


class Progress(msgspec.Struct, frozen=True):
    """How far an export has come.

    Attributes
    ----------
    pairs : int
        How many leading pairs are on disk for good.
    closed : bool
        Whether all files are complete.
    """

    pairs: Whole = 0
    closed: bool = False

    @classmethod
    def read(cls, work: Path) -> Progress:
        """Return what an interrupted run has left; nothing when that is damaged."""
        try:
            return parse_struct(read_file(work / PROGRESS_FILE), cls, PROGRESS_FILE)
        except (InputError, CorruptDataError):
            return cls()

    def write(self, work: Path) -> None:
        """Keep it for a later run."""
        content = json.dumps(msgspec.structs.asdict(self))
        write_atomically(work / PROGRESS_FILE, content.encode())


def plan_tasks(
    pairs: Path, digest: str, exported: ExportSet, rows: Sequence[int], done: int
) -> list[EncodeTask]:
    """Group the pairs after the first ``done`` into tasks of some 8 MiB of pixels.

    ``rows`` are the numbers in the folder of the exported records, in their order.
    """
    tasks: list[list[int]] = []
    filled = 0
    for row, record in zip(rows[done:], exported.records[done:], strict=True):
        size = sum(3 * height * width for height, width, _ in (record.hr_shape, record.lr_shape))
        if not tasks or filled + size > _TASK_BYTES:
            tasks.append([])
            filled = 0
        tasks[-1].append(row)
        filled += size
    return [EncodeTask(pairs, digest, exported.format, tuple(group)) for group in tasks]


def encode_pairs(task: EncodeTask) -> list[EncodedPair]:
    """Return the pairs of a task as their format stores them; run by an executor.

    Raises
    ------
    CorruptDataError
        A shard is damaged; names it.
    """
    reader = _open(task.pairs, task.digest)
    return [encode_pair(task.format, reader.records[i], *reader.read(i)) for i in task.rows]


@functools.lru_cache(maxsize=1)
def _open(pairs: Path, digest: str) -> PairReader:
    """Open a folder once per process and content: a worker outlives the run."""
    del digest
    return open_pairs(pairs)


def write_export(
    work: Path,
    exported: ExportSet,
    tasks: Sequence[EncodeTask],
    *,
    executor: Executor,
    job: Job,
) -> int:
    """Write the pairs that ``work`` lacks and complete its files, unless a signal ends that.

    Parameters
    ----------
    work : Path
        The working folder.
    exported : ExportSet
    tasks : sequence of EncodeTask
        The pairs beyond what :meth:`Progress.read` tells, in order.
    executor : Executor
    job : Job
        Learns the progress, and the signal that ended the work early.

    Returns
    -------
    int
        How many pairs are written.

    Raises
    ------
    DegradeError
        A shard is damaged, or the disk is full or fails.
    """
    total, progress = len(exported.records), Progress.read(work)
    count = safe = progress.pairs
    job.progress(count, total)
    if progress.closed:
        return count
    require_space(work, 0)
    writer = open_writer(work, exported, count)
    unsaved = 0
    try:
        with job.stoppable():
            for pair in _in_order(executor.run(encode_pairs, tasks), tasks):
                require_space(work, pair.size)
                writer.append(pair)
                count += 1
                unsaved += pair.size
                if unsaved >= _CHECKPOINT_BYTES:
                    safe, unsaved = _save(work, writer, safe), 0
                job.progress(count, total)
        if job.interrupted is not None:
            _save(work, writer, safe)
            writer.discard()
            return count
        writer.close()
        Progress(total, closed=True).write(work)
    except BaseException:
        writer.discard()
        raise
    finally:
        _open.cache_clear()
    return count


def _in_order(
    results: Iterator[TaskResult[list[EncodedPair]]], tasks: Sequence[EncodeTask]
) -> Iterator[EncodedPair]:
    """Yield the pairs of all tasks in the tasks' order; results come in any."""
    early: dict[int, list[EncodedPair]] = {}
    place = 0
    for result in results:
        if result.index < place:
            continue
        early[result.index] = result.get()
        if len(early) > _MOST_EARLY and place not in early:
            # Its worker has died, so it would come last, when all others are in memory.
            early[place] = encode_pairs(tasks[place])
        while place in early:
            yield from early.pop(place)
            place += 1


def _save(work: Path, writer: ExportWriter, before: int) -> int:
    """Bring to disk what can be kept, and remember how much that is."""
    safe = writer.checkpoint()
    if safe > before:
        Progress(safe).write(work)
    return safe

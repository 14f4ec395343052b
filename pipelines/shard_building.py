"""One shard of pairs: the unit of work of ``build-pairs``, run by any executor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from degrade.arrays import FloatArray
from degrade.degradation import (
    DegradationConfig,
    DegradationPlan,
    Pair,
    PoolIndex,
    clean_up,
    make_pair,
    plan_degradation,
)
from degrade.errors import DegradeError, InputError
from degrade.noise import Box
from degrade.pairs import ShardSpec, create_shard
from degrade.pool import DegradationPool
from degrade.rng import rng_for
from degrade.sources import Reject, hash_file
from pipelines.photo_scan import read_scanned

__all__ = ["PlannedPhoto", "ShardReceipt", "ShardTask", "build_shard", "rebuild_pair"]


@dataclass(frozen=True, slots=True)
class PlannedPhoto:
    """A photo and the HR patches that are cut from it; ``key`` begins every pair's key."""

    path: Path
    name: str
    sha256: str
    key: str
    boxes: tuple[Box, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardTask:
    """Everything that a worker needs to make one shard; picklable.

    ``index`` is what the run began with: the pool may grow while shards are made.
    """

    folder: Path
    spec: ShardSpec
    photos: tuple[PlannedPhoto, ...]
    pool: Path
    index: PoolIndex
    degradation: DegradationConfig
    seed: int
    max_pixels: int


@dataclass(frozen=True, slots=True)
class ShardReceipt:
    """What a worker reports of a committed shard.

    ``clipping_shift`` is how far clipping moved the mean of LR, in 8-bit grey levels.
    """

    index: int
    pairs: int
    clipping_shift: float


def build_shard(task: ShardTask) -> ShardReceipt:
    """Make and commit one shard. A photo that cannot be read is recorded there; the rest goes on.

    Raises
    ------
    DegradeError
        The pool is damaged, the shard cannot be written, or a photo is no longer what it was when
        the run began; nothing is committed.
    """
    pool = DegradationPool.open(task.pool)
    rejects: list[Reject] = []
    count, shift = 0, 0.0
    with create_shard(task.folder, task.spec) as shard:
        for photo in task.photos:
            try:
                for pair in _pairs_of(photo, task, pool):
                    shard.add(pair)
                    count += 1
                    shift += pair.clipping_shift
            except InputError as error:
                if not _is_as_planned(photo):
                    # It may come back; a committed shard would do without it for good.
                    raise DegradeError(str(error)) from error
                # By its key: where the photo lies must not change the shard's bytes.
                rejects.append(Reject(photo.key, error.reason, error.remedy))
        sources = [{"key": p.key, "name": p.name, "sha256": p.sha256} for p in task.photos]
        shard.commit(sources=sources, rejects=rejects)
    return ShardReceipt(task.spec.index, count, shift / max(count, 1))


def _is_as_planned(photo: PlannedPhoto) -> bool:
    try:
        return hash_file(photo.path) == photo.sha256
    except InputError:
        return False


def _pairs_of(photo: PlannedPhoto, task: ShardTask, pool: DegradationPool) -> Iterator[Pair]:
    hr = _read_hr(photo.path, photo.sha256, task.degradation.clean_up, task.max_pixels)
    for number, box in enumerate(photo.boxes):
        # Keyed by the photo's content and the place in it: a renamed photo keeps its degradations.
        rng = rng_for(task.seed, "pairs", photo.sha256, *box)
        key = f"{photo.key}_{number:04d}"
        plan = plan_degradation(key, photo.sha256, box, task.index, task.degradation, rng=rng)
        yield _apply(hr, plan, pool)


def _read_hr(path: Path, sha256: str, factor: int, max_pixels: int) -> FloatArray:
    return clean_up(read_scanned(path, sha256, max_pixels=max_pixels).as_float(), factor)


def _apply(hr: FloatArray, plan: DegradationPlan, pool: DegradationPool) -> Pair:
    noise = None if plan.noise_id is None else pool.read_residual(plan.noise_id)
    return make_pair(hr, plan, pool.read_kernel(plan.kernel_id), noise)


def rebuild_pair(
    plan: DegradationPlan, path: Path, pool: DegradationPool, *, max_pixels: int
) -> Pair:
    """Make a pair again from its plan, byte for byte.

    Raises
    ------
    InputError
        The photo at ``path`` is not the one of the plan, or cannot be read.
    """
    return _apply(_read_hr(path, plan.source_sha256, plan.clean_up, max_pixels), plan, pool)

"""One shard of pairs: the unit of work of ``build-pairs``, run by any executor."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from degrade.arrays import Box, U8Array
from degrade.degradation import (
    DegradationConfig,
    DegradationPlan,
    Pair,
    PoolIndex,
    clean_up,
    make_pair,
    plan_degradation,
    prepare_hr,
)
from degrade.degradation.steps import PoolParts
from degrade.disk.structs import Text, parse_struct
from degrade.errors import CorruptDataError, DegradeError, InputError
from degrade.geometry import Scale
from degrade.images.sources import Reject
from degrade.pairs import Place, ShardSpec, create_shard
from degrade.pool import DegradationPool
from degrade.rng import rng_for
from pipelines.pairs.shard_runs import ShardReceipt, ensure_shard
from pipelines.shared.photo_scan import fails_again, read_scanned
from pipelines.shared.run_settings import RUN_FILE

__all__ = [
    "LostPhotoError",
    "PlannedPhoto",
    "ShardTask",
    "build_shard",
    "pair_keys",
    "rebuild_pair",
]


class LostPhotoError(DegradeError):
    """A photo cannot be read as it was when the run began."""


class _Run(msgspec.Struct, frozen=True):
    """What a shard needs to know of its run's file."""

    config_hash: Text


@dataclass(frozen=True, slots=True)
class PlannedPhoto:
    """A photo and the HR patches that are cut from it; ``key`` begins every pair's key.

    ``crc32`` is that of its file, when this run has scanned it.
    """

    path: Path
    name: str
    sha256: str
    key: str
    boxes: tuple[Box, ...]
    crc32: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardTask:
    """Everything that a worker needs to make one shard; picklable, and small for any pool.

    ``pool_end`` is where the pool's index ended when the run began: the pool may grow meanwhile.
    """

    place: Place
    spec: ShardSpec
    photos: tuple[PlannedPhoto, ...]
    pool: Path | None
    pool_end: int
    degradation: DegradationConfig
    seed: int
    max_pixels: int

    def input_paths(self) -> dict[str, str]:
        """Return the photos' paths by their keys."""
        return {photo.key: str(photo.path) for photo in self.photos}


def build_shard(task: ShardTask) -> ShardReceipt:
    """Make and commit one shard. A photo that cannot be read is recorded there; the rest goes on.

    A shard that is committed already, by an earlier try or by another worker, is left as it is, so
    that a task may run any number of times, also at once. A disk that fails is tried once more.

    Raises
    ------
    LostPhotoError
        A photo is no longer what it was when the run began; nothing is committed.
    DegradeError
        The pool is damaged, the shard cannot be written, or the place belongs to another run by
        now; nothing is committed.
    """
    return ensure_shard(task, _make_shard)


def _make_shard(task: ShardTask) -> ShardReceipt:
    pool, index = _snapshot(task)
    rejects: list[Reject] = []
    notes: Counter[str] = Counter()
    count, shift = 0, 0.0
    with create_shard(task.place, task.spec) as shard:
        for photo in task.photos:
            try:
                for pair in _pairs_of(photo, task, pool, index, notes):
                    shard.add(pair)
                    count += 1
                    shift += pair.clipping_shift
            except InputError as error:
                if not fails_again(photo.path, photo.sha256, max_pixels=task.max_pixels):
                    # It may come back; a committed shard would do without it for good.
                    raise LostPhotoError(str(error)) from error
                # By its key: where the photo lies must not change the shard's bytes.
                rejects.append(Reject(photo.key, error.reason, error.remedy))
        _require_same_run(task)
        sources = [{"key": p.key, "name": p.name, "sha256": p.sha256} for p in task.photos]
        shard.commit(sources=sources, rejects=rejects)
    return ShardReceipt(task.spec.index, count, shift / max(count, 1), notes)


def _require_same_run(task: ShardTask) -> None:
    """Keep a worker whose run was given up out of the run that has the place now.

    Shards of one run are the same bytes whoever makes them; those of another are not.
    """
    try:
        run = parse_struct(task.place.read(RUN_FILE), _Run, RUN_FILE)
        is_same = run.config_hash == task.spec.config_hash
    except CorruptDataError:
        is_same = False
    if not is_same:
        raise DegradeError(
            f"{task.place.shown(RUN_FILE)}: not of the run that {task.spec.name} was made for, "
            "so the shard is not added; run build-pairs again"
        )


class _KeptKernels:
    """A pool that keeps the kernels that were read last in memory."""

    def __init__(self, pool: DegradationPool) -> None:
        self.read_kernel = functools.lru_cache(maxsize=1024)(pool.read_kernel)
        self.read_residual_crop = pool.read_residual_crop


def _snapshot(task: ShardTask) -> tuple[PoolParts, PoolIndex]:
    """Return the pool as it was when the run began, and what plans may draw from."""
    spec, kinds = task.spec, task.degradation.measured_kinds
    return _open_snapshot(task.pool, task.pool_end, spec.scale, kinds, spec.config_hash)


# The hash stands for the pool's content: another pool may come to lie at the same path.
@functools.lru_cache(maxsize=1)
def _open_snapshot(
    path: Path | None, end: int, scale: Scale, kinds: tuple[str, ...], _config_hash: str
) -> tuple[PoolParts, PoolIndex]:
    pool = DegradationPool.open(path, until=end)
    return _KeptKernels(pool), pool.index(scale, kinds)


def _pairs_of(
    photo: PlannedPhoto,
    task: ShardTask,
    pool: PoolParts,
    index: PoolIndex,
    notes: Counter[str],
) -> Iterator[Pair]:
    """Make the pairs of a photo; what decoding changed in it is counted in ``notes``."""
    decoded = read_scanned(photo.path, photo.sha256, crc32=photo.crc32, max_pixels=task.max_pixels)
    notes.update(decoded.notes)
    hr_u8 = clean_up(decoded.as_u8(), task.degradation.clean_up)
    del decoded
    plans = []
    for key, box in zip(pair_keys(photo), photo.boxes, strict=True):
        # Keyed by the photo's content and the place in it: a renamed photo keeps its degradations.
        rng = rng_for(task.seed, "pairs", photo.sha256, *box)
        plans.append(plan_degradation(key, photo.sha256, box, index, task.degradation, rng=rng))
    yield from _apply(hr_u8, plans, pool)


def pair_keys(photo: PlannedPhoto) -> list[str]:
    """Return a key for each of a photo's boxes; in their order, they ascend as text."""
    count = len(photo.boxes)
    digits = max(4, len(str(count - 1)))  # of ten thousand boxes and more, each has more
    return [f"{photo.key}_{number:0{digits}d}" for number in range(count)]


def _apply(hr_u8: U8Array, plans: Sequence[DegradationPlan], pool: PoolParts) -> Iterator[Pair]:
    """Make the pairs of one photo."""
    hr = prepare_hr(hr_u8, plans, pool)
    for plan in plans:
        yield make_pair(hr, plan, pool)


def rebuild_pair(plan: DegradationPlan, path: Path, pool: PoolParts, *, max_pixels: int) -> Pair:
    """Make a pair again from its plan, byte for byte.

    Raises
    ------
    InputError
        The photo at ``path`` is not the one of the plan, or cannot be read.
    """
    photo = read_scanned(path, plan.source_sha256, max_pixels=max_pixels)
    hr_u8 = clean_up(photo.as_u8(), plan.clean_up)
    return next(_apply(hr_u8, [plan], pool))

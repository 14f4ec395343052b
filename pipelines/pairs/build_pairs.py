"""Build LR/HR pairs: apply the pool's kernels and noise to clean photos, shard by shard.

Everything random is planned from the seed and from what is made, so the bytes on disk do not
depend on the number of workers, the order of the photos, or how often the run was interrupted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from degrade.degradation.recipes import NOISE_SOURCES
from degrade.degradation.steps import Blur
from degrade.errors import DegradeError, UnreachableError, as_typed, printable
from degrade.geometry import scale_to_json
from degrade.images.image_io import DECODING_VERSION
from degrade.images.sources import Reject
from degrade.pairs import Place, place_at
from degrade.pool import DegradationPool
from degrade.wording import counted
from pipelines.executors import Executor, InProcessExecutor
from pipelines.pairs.build_findings import (
    FROM_PATCHES,
    tell_clipping,
    tell_noise,
    tell_recipe,
    tell_spectral,
)
from pipelines.pairs.build_shard import LostPhotoError, PlannedPhoto, ShardTask, build_shard
from pipelines.pairs.hr_photos import DISTRUSTED, HRPhotos, distrusted_in, find_hr_photos
from pipelines.pairs.planning import BuildPairsConfig, fit_hr_size, plan_photos, plan_shards
from pipelines.pairs.shard_runs import (
    RunProgress,
    check_ends,
    finish_run,
    missing_shards,
    run_shards,
)
from pipelines.shared.clean_up import choose_clean_up
from pipelines.shared.finding_photos import no_photo_error
from pipelines.shared.folder_kinds import FOLDER_KINDS
from pipelines.shared.job import Job
from pipelines.shared.recipes import lacking
from pipelines.shared.reports import (
    REJECTS_NAME,
    ProgressCallback,
    RunReport,
    usual_reason,
)
from pipelines.shared.run_settings import RUN_FILE, begin_anew, begin_or_resume, hash_settings

__all__ = ["BuildPairsConfig", "build_pairs"]

_FORMAT_VERSION = 5
"""Of the sidecars and of ``run.json``: since 2 plans are lists of steps, since 3 the settings hold
the recipe, since 4 kernels are rounded less, since 5 files have a CRC-32. A set has one version:
the bytes of its files depend on its settings alone."""


def build_pairs(
    config: BuildPairsConfig,
    *,
    executor: Executor | None = None,
    on_progress: ProgressCallback | None = None,
    on_scan: ProgressCallback | None = None,
) -> RunReport:
    """Build the pairs of ``config``, or what is missing of them.

    Parameters
    ----------
    config : BuildPairsConfig
    executor : Executor or None
        Where the shards are made; None: in this process.
    on_progress : callable or None
        Called with (shards committed, shards in all).
    on_scan : callable or None
        Called before that with (photos scanned, photos in all).

    Returns
    -------
    RunReport
        Counts pairs. ``interrupted`` is set when a signal ended the run: what is committed stays,
        and the same call goes on from there.

    Raises
    ------
    DegradeError
        Nothing can be built: no usable photo, a pool without kernels of the scale or without
        noise to bake in, another run in the same folder, a full disk.
    ChangedConfigError
        ``config.out`` was begun with other settings, photos or another pool.
    """
    job = Job("build-pairs", "pair", on_progress)
    executor = executor or InProcessExecutor()
    place = place_at(config.out)
    pool = DegradationPool.open(config.pool)
    if pool.is_fingerprint:
        config = _without_patches(pool, config)
    _check_pool(pool, config)
    is_open = bool(config.hr) and config.clean_up is None
    clean_up = choose_clean_up(job, pool, config.degradation, is_open=is_open)
    config = replace(config, clean_up=clean_up)
    photos = find_hr_photos(pool, config, distrusted_in(place), executor, on_scan)
    job.tell_passed_over(config.hr or ())
    usable = [*photos.trusted, *photos.scanned]
    job.tell_copies(len(usable), len({photo.sha256 for photo in usable}))
    is_fitted = config.hr_size == "auto"
    config = fit_hr_size(config, usable)
    run = _plan(pool, config, place, photos, job)
    place.claim(RUN_FILE, FOLDER_KINDS)
    with place.hold():
        check_ends(place)
        run, progress = _make(run, pool, config, photos, executor=executor, job=job)
        why_nothing = partial(_nothing_to_build, 0)
        there = finish_run(place, run.record, run.tasks, progress, job=job, why_nothing=why_nothing)
    shards = f"{there.shards} of {counted(len(run.tasks), 'shard')}"
    words = f"{counted(there.pairs, 'pair')} in {shards} in {place.shown()}"
    job.found("pairs", words, pairs=there.pairs, shards=there.shards, place=place.shown())
    if is_fitted:
        words = f"HR patches of {config.patch_side} px, the largest that nearly all photos hold"
        job.found("hr_size", words, pixels=config.patch_side)
    tell_recipe(job, config)
    tell_spectral(job, pool, config)
    tell_noise(job, pool, config)
    if progress.shift_pairs:
        tell_clipping(job, config, progress.shift_sum / progress.shift_pairs)
    return job.report(
        progress.pairs,
        skipped=there.pairs - progress.pairs,
        rejects_file=place.shown(REJECTS_NAME),
    )


def _without_patches(pool: DegradationPool, config: BuildPairsConfig) -> BuildPairsConfig:
    """Return the settings for a fingerprint: it has no noise patches, but the model of the noise.

    Raises
    ------
    DegradeError
        They need the photos of the pool, or noise patches.
    """
    where = printable(pool.path)
    if not config.hr:
        raise DegradeError(
            f"{where} is a fingerprint, which holds no photos: give clean ones with `hr`"
        )
    if config.noise_from in ("patches", "scaled"):
        raise DegradeError(
            f"{where} is a fingerprint, which holds no noise patches: use `noise_from=model`"
        )
    drawn = {entry.kind for entry in config.degradation.recipe.possible}
    return replace(config, noise_from="model") if drawn & {*NOISE_SOURCES.values()} else config


def _check_pool(pool: DegradationPool, config: BuildPairsConfig) -> None:
    where, typed = printable(pool.path), as_typed(pool.path)
    drawn = config.degradation
    index = pool.index(config.scale, drawn.measured_kinds)
    kinds = {entry.kind for entry in drawn.recipe.possible}
    if Blur.kind in kinds and not index.kernel_ids:
        scales = sorted({kernel.scale for kernel in pool.kernels})
        others = f"only of scale {', '.join(map(str, scales))}" if scales else "nor any other"
        raise DegradeError(
            f"{where} has no ×{config.scale} kernel ({others}); run: "
            f"`degrade estimate-kernels SRC scale={config.scale} pool={typed}`"
        )
    if kinds & FROM_PATCHES and not index.noise:
        raise DegradeError(
            f"{where} has no noise patch; run: `degrade extract-noise SRC pool={typed}` "
            "or build pairs without noise: `noise=none`"
        )
    missing = lacking(drawn.recipe, index)
    if missing:
        raise DegradeError(f"{where} cannot give {missing[0]}")


@dataclass(frozen=True, slots=True)
class _Run:
    """What ``run.json`` says of a run, and its tasks."""

    place: Place
    record: dict[str, Any]
    tasks: list[ShardTask]


def _plan(
    pool: DegradationPool, config: BuildPairsConfig, place: Place, photos: HRPhotos, job: Job
) -> _Run:
    """Plan a run; the job learns what cannot be used."""
    planned, unfit = plan_photos([*photos.trusted, *photos.scanned], config)
    job.rejects = [*photos.rejects, *unfit]
    if not photos.count and config.hr:
        raise no_photo_error(config.hr, [])
    if not planned:
        raise DegradeError(_nothing_to_build(photos.count, job.rejects))
    record = _run_settings(config, pool, planned)
    if photos.distrusted:
        record[DISTRUSTED] = list(photos.distrusted)
    tasks = plan_shards(config, place.absolute(), pool.index_end, planned, record["config_hash"])
    return _Run(place, record, tasks)


def _make(
    run: _Run,
    pool: DegradationPool,
    config: BuildPairsConfig,
    photos: HRPhotos,
    *,
    executor: Executor,
    job: Job,
) -> tuple[_Run, RunProgress]:
    """Make the shards that are missing; return the run as it became.

    A photo of the pool that looked unchanged and is not what it was ends the run. Then all of them
    are looked at, and a run that was new begins anew without those that are lost.
    """
    is_new = not any(name.startswith("shard-") for name in run.place.names())
    begin_or_resume(run.place, run.record)
    progress = _run_missing(run, executor, job, stops_at_lost=bool(photos.trusted) and is_new)
    if not photos.trusted or not isinstance(progress.failure, LostPhotoError):
        return run, progress
    known = len(photos.rejects)
    photos = photos.looked_at(config.max_pixels, executor)
    if photos.distrusted and not is_new:
        raise _begun_with(photos.rejects[known], run.place)
    again = _plan(pool, config, run.place, photos, job)
    if photos.distrusted:
        begin_anew(run.place, again.record)
        for task in run.tasks[len(again.tasks) :]:
            for name in (task.spec.sidecar_name, *task.spec.file_names):
                run.place.remove(name)
    return again, _run_missing(again, executor, job)


def _run_missing(
    run: _Run, executor: Executor, job: Job, *, stops_at_lost: bool = False
) -> RunProgress:
    todo = missing_shards(run.place, run.tasks)
    hopeless = (UnreachableError, LostPhotoError) if stops_at_lost else (UnreachableError,)
    return run_shards(
        build_shard, todo, len(run.tasks), executor=executor, job=job, hopeless=hopeless
    )


def _begun_with(lost: Reject, place: Place) -> DegradeError:
    return DegradeError(
        f"{printable(lost.path)}: {lost.reason}; {place.shown()} was begun with it: restore it, "
        "or choose another `out` to build without it"
    )


def _nothing_to_build(files: int, rejects: Sequence[Reject]) -> str:
    return f"no HR photo of {files or len(rejects)} can be used: {usual_reason(rejects)}"


def _run_settings(
    config: BuildPairsConfig, pool: DegradationPool, planned: Sequence[PlannedPhoto]
) -> dict[str, Any]:
    """Return what must not change between a run and its resumption."""
    photos = hashlib.sha256()
    for number, p in enumerate(planned):  # piecewise: of a million photos it is long
        photos.update((", " if number else "[").encode())
        photos.update(json.dumps([p.key, p.sha256, p.boxes]).encode())
    photos.update(b"]")
    settings: dict[str, Any] = {
        "version": _FORMAT_VERSION,
        "format": config.format,
        "scale": scale_to_json(config.scale),
        "hr_size": config.patch_side or "full",
        "noise": config.noise,
        "recipe": config.degradation.recipe.to_json(),
        "clean_up": config.degradation.clean_up,
        "seed": config.seed,
        "shard_mib": config.shard_mib or "auto",
        "pool_digest": pool.digest(config.scale, config.degradation.measured_kinds),
        "photos": f"{len(planned)} photos, {photos.hexdigest()[:16]}",
    }
    # Outside the settings: where things were, as a hint for `replay`; they may move.
    pool_path = None if config.pool is None else str(config.pool.resolve())
    places = {"pool": pool_path, "hr": [str(p.resolve()) for p in config.hr]}
    return {
        "settings": settings,
        "config_hash": hash_settings(settings),
        "max_pixels": config.max_pixels,
        "decoding": DECODING_VERSION,
        **places,
    }

"""Build LR/HR pairs: apply the pool's kernels and noise to clean photos, shard by shard.

Everything random is planned from the seed and from what is made, so the bytes on disk do not
depend on the number of workers, the order of the photos, or how often the run was interrupted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from degrade.degradation.steps import find_step
from degrade.errors import DegradeError, InvalidValueError, as_typed, printable
from degrade.images.sources import Reject, SourceFile, find_images
from degrade.pairs import place_at
from degrade.pool import DegradationPool
from degrade.rng import rng_for
from degrade.wording import counted
from pipelines.executors import Executor, InProcessExecutor
from pipelines.pairs.build_shard import PlannedPhoto, build_shard
from pipelines.pairs.planning import BuildPairsConfig, plan_photos, plan_shards
from pipelines.pairs.shard_runs import finish_run, missing_shards, run_shards
from pipelines.shared.folder_kinds import FOLDER_KINDS
from pipelines.shared.job import Job
from pipelines.shared.photo_scan import ScannedPhoto, is_unchanged, scan_photos
from pipelines.shared.reports import REJECTS_NAME, ProgressCallback, RunReport, usual_reason
from pipelines.shared.run_settings import RUN_FILE, begin_or_resume, hash_settings

__all__ = ["BuildPairsConfig", "build_pairs"]

_FORMAT_VERSION = 2
"""Of the sidecars: since 2 their plans are lists of steps. A set has one version: the bytes of its
files depend on its settings alone."""


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
    _check_pool(pool, config)
    known, files, job.rejects = _source_files(pool, config)
    photos, unreadable = scan_photos(
        files, max_pixels=config.max_pixels, executor=executor, on_progress=on_scan
    )
    photos += known
    job.rejects += unreadable
    planned, unfit = plan_photos(photos, config)
    job.rejects += unfit
    if not planned:
        raise DegradeError(_nothing_to_build(len(files) + len(known), job.rejects))
    place.claim(RUN_FILE, FOLDER_KINDS)
    with place.hold():
        run = _run_settings(config, pool, planned)
        begin_or_resume(place, run)
        tasks = plan_shards(config, place.absolute(), pool.index_end, planned, run["config_hash"])
        todo = missing_shards(place, tasks)
        progress = run_shards(build_shard, todo, len(tasks), executor=executor, job=job)
        there = finish_run(
            place, run, tasks, progress, job=job, why_nothing=partial(_nothing_to_build, 0)
        )
    shards = f"{there.shards} of {counted(len(tasks), 'shard')}"
    words = f"{counted(there.pairs, 'pair')} in {shards} in {place.shown()}"
    job.found("pairs", words, pairs=there.pairs, shards=there.shards, place=place.shown())
    if config.noise == "bake" and progress.shift_pairs:
        shift = progress.shift_sum / progress.shift_pairs
        words = f"clipping the noise moved LR's mean by {shift:+.3f} grey levels"
        job.found("clipping", words, grey_levels=shift)
    return job.report(
        progress.pairs,
        skipped=there.pairs - progress.pairs,
        rejects_file=place.shown(REJECTS_NAME),
    )


def _check_pool(pool: DegradationPool, config: BuildPairsConfig) -> None:
    where, typed = printable(config.pool), as_typed(config.pool)
    index = pool.index(config.scale, config.degradation.measured_kinds)
    if not index.kernel_ids:
        scales = sorted({kernel.scale for kernel in pool.kernels})
        others = f"only of scale {', '.join(map(str, scales))}" if scales else "nor any other"
        raise DegradeError(
            f"{where} has no ×{config.scale} kernel ({others}); run: "
            f"`degrade estimate-kernels SRC scale={config.scale} pool={typed}`"
        )
    if config.noise != "none" and not index.noise:
        raise DegradeError(
            f"{where} has no noise patch; run: `degrade extract-noise SRC pool={typed}` "
            "(small or busy photos: with a smaller patch size, such as 64), "
            "or build pairs without noise: `noise=none`"
        )
    for kind in (*config.degradation.kinds, *config.degradation.deferred_kinds):
        try:
            find_step(kind).draw(index, (1, 1), rng_for(0))
        except InvalidValueError as error:
            raise DegradeError(f"{where} cannot give {kind}: {error}") from None


def _source_files(
    pool: DegradationPool, config: BuildPairsConfig
) -> tuple[list[ScannedPhoto], list[SourceFile], list[Reject]]:
    """Return photos whose size and hash the pool knows, files to scan, and rejects."""
    if config.hr:
        # Absolute: a worker may have another current folder.
        return [], *find_images([path.absolute() for path in config.hr])
    if not pool.photos:
        raise DegradeError(
            f"{printable(config.pool)} does not know the photos that it was measured on; "
            "give clean HR photos: `hr=DIR`"
        )
    known, files = [], []
    for record in pool.photos:
        if is_unchanged(record) and record.height * record.width <= config.max_pixels:
            known.append(ScannedPhoto.from_record(record))
        else:  # gone, written since, or too large: the scan says so, or finds it the same
            files.append(SourceFile(Path(record.path), record.name, record.sha256))
    return known, files, []


def _nothing_to_build(files: int, rejects: Sequence[Reject]) -> str:
    if not files and not rejects:
        return "no image was found among the HR photos; check the path and the file name endings"
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
        "scale": config.scale,
        "hr_size": config.hr_size or "full",
        "noise": config.noise,
        "clean_up": config.degradation.clean_up,
        "further": list(config.degradation.further),
        "seed": config.seed,
        "shard_mib": config.shard_mib or "auto",
        "pool_digest": pool.digest(config.scale, config.degradation.measured_kinds),
        "photos": f"{len(planned)} photos, {photos.hexdigest()[:16]}",
    }
    # Outside the settings: where things were, as a hint for `replay`; they may move.
    places = {"pool": str(config.pool.resolve()), "hr": [str(p.resolve()) for p in config.hr]}
    return {
        "settings": settings,
        "config_hash": hash_settings(settings),
        "max_pixels": config.max_pixels,
        **places,
    }

"""Build LR/HR pairs: apply the pool's kernels and noise to clean photos, shard by shard.

Everything random is planned from the seed and from what is made, so the bytes on disk do not
depend on the number of workers, the order of the photos, or how often the run was interrupted.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from degrade.errors import (
    ChangedConfigError,
    CorruptDataError,
    DegradeError,
    printable,
)
from degrade.files import claim_folder, folder_lock, write_atomically
from degrade.pairs import is_committed, read_sidecar, write_manifest
from degrade.pool import DegradationPool
from degrade.sources import Reject, SourceFile, find_images
from pipelines.executors import Executor, InProcessExecutor
from pipelines.interrupts import interrupt_signal
from pipelines.pair_planning import BuildPairsConfig, plan_photos, plan_shards
from pipelines.photo_scan import scan_photos
from pipelines.reports import (
    ProgressCallback,
    RunReport,
    no_progress,
    write_rejects,
)
from pipelines.shard_building import PlannedPhoto, ShardTask, build_shard

__all__ = ["BuildPairsConfig", "build_pairs"]

_RUN_FILE = "run.json"
_FORMAT_VERSION = 1


def build_pairs(
    config: BuildPairsConfig,
    *,
    executor: Executor | None = None,
    on_progress: ProgressCallback | None = None,
) -> RunReport:
    """Build the pairs of ``config``, or what is missing of them.

    Parameters
    ----------
    config : BuildPairsConfig
    executor : Executor or None
        Where the shards are made; None: in this process.
    on_progress : callable or None
        Called with (shards committed, shards in all).

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
    started = time.monotonic()
    pool = DegradationPool.open(config.pool)
    _check_pool(pool, config)
    files, rejects = _source_files(pool, config)
    photos, unreadable = scan_photos(files, max_pixels=config.max_pixels)
    rejects += unreadable
    planned, unfit = plan_photos(photos, config)
    rejects += unfit
    if not planned:
        raise DegradeError(_nothing_to_build(files, rejects))
    claim_folder(config.out, _RUN_FILE)
    with folder_lock(config.out):
        run = _run_settings(config, pool, planned)
        _begin_or_resume(config.out, run)
        tasks = plan_shards(config, pool.index(config.scale), planned, run["config_hash"])
        todo = [task for task in tasks if not is_committed(config.out, task.spec)]
        progress = _run_shards(tasks, todo, executor or InProcessExecutor(), on_progress)
        return _finish(config, run, tasks, progress, rejects, time.monotonic() - started)


def _check_pool(pool: DegradationPool, config: BuildPairsConfig) -> None:
    where = printable(config.pool)
    index = pool.index(config.scale)
    if not index.kernel_ids:
        scales = sorted({kernel.scale for kernel in pool.kernels})
        have = f"only of scale {', '.join(map(str, scales))}" if scales else "at all"
        what = f"has no ×{config.scale} kernel ({have})" if scales else "has no kernel"
        raise DegradeError(
            f"{where} {what}; run: "
            f"degrade estimate-kernels SRC --scale {config.scale} --pool {where}"
        )
    if config.noise != "none" and not index.noise:
        raise DegradeError(
            f"{where} has no noise patch; run: degrade extract-noise SRC --pool {where} "
            "(small or busy photos: with --patch-size 64), "
            "or build pairs without noise: --noise none"
        )


def _source_files(
    pool: DegradationPool, config: BuildPairsConfig
) -> tuple[list[SourceFile], list[Reject]]:
    if config.hr:
        return find_images(config.hr)
    if not pool.sources:
        raise DegradeError(
            f"{printable(config.pool)} does not know the photos that it was measured on; "
            "give clean HR photos: --hr DIR"
        )
    return [SourceFile(Path(s.path), s.name, s.sha256) for s in pool.sources], []


def _nothing_to_build(files: Sequence[SourceFile], rejects: Sequence[Reject]) -> str:
    if not files and not rejects:
        return "no image was found among the HR photos; check the path and the file name endings"
    count = len(files) or len(rejects)
    return f"none of the {count} HR photos can be used; the first: {rejects[0]}"


def _run_settings(
    config: BuildPairsConfig, pool: DegradationPool, planned: Sequence[PlannedPhoto]
) -> dict[str, Any]:
    """Return what must not change between a run and its resumption."""
    photos = hashlib.sha256(json.dumps([[p.key, p.sha256, p.boxes] for p in planned]).encode())
    settings: dict[str, Any] = {
        "version": _FORMAT_VERSION,
        "format": config.format,
        "scale": config.scale,
        "hr_size": config.hr_size or "full",
        "noise": config.noise,
        "clean_up": config.degradation.clean_up,
        "seed": config.seed,
        "shard_mib": config.shard_mib or "auto",
        "pool_digest": pool.digest(config.scale),
        "photos": f"{len(planned)} photos, {photos.hexdigest()[:16]}",
    }
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
    # Outside the settings: where things were, as a hint for `replay`; they may move.
    places = {"pool": str(config.pool.resolve()), "hr": [str(p.resolve()) for p in config.hr]}
    return {
        "settings": settings, "config_hash": digest, "max_pixels": config.max_pixels, **places
    }  # fmt: skip


def _begin_or_resume(out: Path, run: dict[str, Any]) -> None:
    """Record the settings of a new run; refuse to mix them with those of an earlier one."""
    for left_over in out.glob("*.json*.tmp"):  # of a run that was killed while writing
        left_over.unlink()
    path = out / _RUN_FILE
    if not path.exists():
        if any(out.glob("shard-*")):
            raise DegradeError(
                f"{printable(out)} holds shards of another kind of run; choose another folder"
            )
        write_atomically(path, json.dumps(run, indent=1, sort_keys=True).encode())
        return
    try:
        then = json.loads(path.read_bytes())["settings"]
        differences = {
            name: (str(then.get(name)), str(now))
            for name, now in run["settings"].items()
            if then.get(name) != now
        }
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        raise CorruptDataError(
            f"{printable(path)} is damaged; choose another output folder or delete this one"
        ) from None
    if differences:
        raise ChangedConfigError(out, differences)


@dataclass(slots=True)
class _Progress:
    """What one call has done so far."""

    pairs: int = 0
    shift_sum: float = 0.0
    failure: DegradeError | None = None
    interrupted: int | None = None


def _run_shards(
    tasks: Sequence[ShardTask],
    todo: Sequence[ShardTask],
    executor: Executor,
    on_progress: ProgressCallback | None,
) -> _Progress:
    """Run the missing shards; the first failure is kept until the others have had their turn."""
    progress = _Progress()
    done = len(tasks) - len(todo)
    report = on_progress or no_progress
    try:
        report(done, len(tasks))
        for result in executor.run(build_shard, todo):
            try:
                receipt = result.get()
            except DegradeError as error:
                progress.failure = progress.failure or error
                continue
            done += 1
            progress.pairs += receipt.pairs
            progress.shift_sum += receipt.pairs * receipt.clipping_shift
            report(done, len(tasks))
    except KeyboardInterrupt as error:
        progress.interrupted = interrupt_signal(error)
    return progress


def _finish(
    config: BuildPairsConfig,
    run: dict[str, Any],
    tasks: Sequence[ShardTask],
    progress: _Progress,
    rejects: list[Reject],
    seconds: float,
) -> RunReport:
    """Write rejects.jsonl and, when every shard is there, the manifest."""
    committed = [task for task in tasks if is_committed(config.out, task.spec)]
    sidecars = [read_sidecar(config.out, task.spec.index) for task in committed]
    paths = {photo.key: str(photo.path) for task in tasks for photo in task.photos}
    rejects = rejects + [
        replace(reject, path=paths.get(reject.path, reject.path))
        for sidecar in sidecars
        for reject in sidecar.rejects
    ]
    write_rejects(config.out, rejects)
    total = sum(len(sidecar.records) for sidecar in sidecars)
    if progress.failure is not None:
        raise progress.failure
    lines = [f"{total} pairs in {len(committed)} of {len(tasks)} shards in {printable(config.out)}"]
    if len(committed) == len(tasks):
        if not total:
            raise DegradeError(_nothing_to_build([], rejects))
        write_manifest(config.out, run)
    if config.noise == "bake" and progress.pairs:
        shift = progress.shift_sum / progress.pairs
        lines.append(f"clipping the noise moved LR's mean by {shift:+.3f} grey levels")
    return RunReport(
        job="build-pairs", done=progress.pairs, skipped=total - progress.pairs, unit="pairs",
        seconds=seconds, rejects=tuple(rejects), lines=tuple(lines),
        interrupted=progress.interrupted,
    )  # fmt: skip

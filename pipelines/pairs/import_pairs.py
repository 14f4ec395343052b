"""Bring existing HR and LR images into a folder of pairs that the other commands read."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from degrade.errors import DegradeError, InvalidValueError, printable
from degrade.images.image_io import MAX_PIXELS
from degrade.images.sources import Reject, find_images
from degrade.pairs import STORES, Place, ShardSpec, place_at
from degrade.wording import counted
from pipelines.executors import Executor, InProcessExecutor
from pipelines.pairs.image_matching import MatchedImages, match_images
from pipelines.pairs.import_shards import ImportTask, import_shard
from pipelines.pairs.shard_runs import finish_run, missing_shards, run_shards
from pipelines.shared.folder_kinds import FOLDER_KINDS
from pipelines.shared.job import Job
from pipelines.shared.photo_scan import scan_photos
from pipelines.shared.reports import REJECTS_NAME, ProgressCallback, RunReport, usual_reason
from pipelines.shared.run_settings import RUN_FILE, begin_or_resume, hash_settings

__all__ = ["ImportPairsConfig", "import_pairs"]

_VERSION = 1
_SHARD_BYTES = 256 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPairsConfig:
    """The settings of ``degrade import-pairs``.

    Attributes
    ----------
    hr, lr : Path
        Folders or manifests of images.
    out : Path or str
        The folder of the pairs; made when missing. A text with ``://`` is a URL.
    format : str
        A name in :data:`degrade.pairs.STORES`.
    scale : int or None
        HR size over LR size; None: what most of the images have.
    max_pixels : int
        Larger images are rejected before they are decoded.
    """

    hr: Path
    lr: Path
    out: Path | str
    format: str = "hdf5"
    scale: int | None = None
    max_pixels: int = MAX_PIXELS

    def __post_init__(self) -> None:
        if self.format not in STORES:
            known = ", ".join(STORES)
            raise InvalidValueError(f"format must be one of {known}, got {self.format!r}")
        if self.scale is not None and self.scale < 2:
            raise InvalidValueError(f"scale must be at least 2, got {self.scale}")


def import_pairs(
    config: ImportPairsConfig,
    *,
    executor: Executor | None = None,
    on_progress: ProgressCallback | None = None,
) -> RunReport:
    """Import the pairs of ``config``, or what is missing of them.

    The same images give the same bytes, however often the run was interrupted.

    Parameters
    ----------
    config : ImportPairsConfig
    executor : Executor or None
        Where the shards are made; None: in this process.
    on_progress : callable or None
        Called with (shards committed, shards in all).

    Returns
    -------
    RunReport
        Counts pairs; images without a partner or of a wrong size are rejected by name.

    Raises
    ------
    DegradeError
        Nothing can be imported, another run uses the folder, or the disk is full.
    ChangedConfigError
        ``config.out`` was begun with other settings or images.
    """
    job = Job("import-pairs", "pair", on_progress)
    matched, job.rejects = _matched(config, executor)
    scale = config.scale or _usual_scale(matched)
    fitting = [pair for pair in matched if pair.scale == scale]
    job.rejects += [pair.misfit(scale) for pair in matched if pair.scale != scale]
    if scale is None or not fitting:
        raise DegradeError(_nothing_to_import(config, job.rejects))
    place = place_at(config.out)
    place.claim(RUN_FILE, FOLDER_KINDS)
    with place.hold():
        run = _run_settings(config, scale, fitting)
        begin_or_resume(place, run)
        tasks = _plan(config, place, scale, fitting, run["config_hash"])
        progress = run_shards(
            import_shard,
            missing_shards(place, tasks),
            len(tasks),
            executor=executor or InProcessExecutor(),
            job=job,
        )
        there = finish_run(
            place,
            run,
            tasks,
            progress,
            job=job,
            why_nothing=partial(_nothing_to_import, config),
        )
    words = f"{counted(there.pairs, 'pair')} ×{scale} in {place.shown()}"
    job.found("pairs", words, pairs=there.pairs, scale=scale, place=place.shown())
    return job.report(
        progress.pairs,
        skipped=there.pairs - progress.pairs,
        rejects_file=place.shown(REJECTS_NAME),
    )


def _matched(
    config: ImportPairsConfig, executor: Executor | None
) -> tuple[list[MatchedImages], list[Reject]]:
    rejects: list[Reject] = []
    sides, unusable = [], []
    for source in (config.hr, config.lr):
        files, missing = find_images([source])
        photos, unreadable = scan_photos(files, max_pixels=config.max_pixels, executor=executor)
        rejects += missing + unreadable
        sides.append(photos)
        paths = {reject.path for reject in unreadable}
        unusable.append([file for file in files if str(file.path) in paths])
    matched, unmatched = match_images(*sides, unusable_hr=unusable[0], unusable_lr=unusable[1])
    return matched, rejects + unmatched


def _usual_scale(matched: Sequence[MatchedImages]) -> int | None:
    counts = Counter(pair.scale for pair in matched if pair.scale is not None)
    return max(counts, key=lambda scale: (counts[scale], -scale), default=None)


def _nothing_to_import(config: ImportPairsConfig, rejects: Sequence[Reject]) -> str:
    where = f"{printable(config.hr)} and {printable(config.lr)}"
    if rejects:
        return f"no pair in {where}, {len(rejects)} rejected: {usual_reason(rejects)}"
    return f"no image in {where}; check the paths"


def _run_settings(
    config: ImportPairsConfig, scale: int, fitting: Sequence[MatchedImages]
) -> dict[str, Any]:
    content = [[pair.key, pair.hr.sha256, pair.lr.sha256] for pair in fitting]
    digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()
    settings = {
        "version": _VERSION,
        "method": "import",
        "format": config.format,
        "scale": scale,
        "images": f"{len(fitting)} pairs, {digest[:16]}",
    }
    places = {"hr": [str(config.hr.resolve())], "lr": [str(config.lr.resolve())]}
    return {"settings": settings, "config_hash": hash_settings(settings), **places}


def _plan(
    config: ImportPairsConfig,
    place: Place,
    scale: int,
    fitting: Sequence[MatchedImages],
    config_hash: str,
) -> list[ImportTask]:
    """Group the pairs, in order, into shards."""
    sizes = {(pair.hr.height, pair.hr.width) for pair in fitting}
    side = fitting[0].hr.height
    groups: list[list[MatchedImages]] = []
    filled = 0
    for pair in fitting:
        size = 3 * sum(image.height * image.width for image in (pair.hr, pair.lr))
        if not groups or filled + size > _SHARD_BYTES:
            groups.append([])
            filled = 0
        groups[-1].append(pair)
        filled += size
    return [
        ImportTask(
            place=place,
            spec=ShardSpec(
                index=number,
                format=config.format,
                scale=scale,
                hr_size=side if sizes == {(side, side)} else None,
                config_hash=config_hash,
            ),
            pairs=tuple(group),
            max_pixels=config.max_pixels,
        )
        for number, group in enumerate(groups)
    ]

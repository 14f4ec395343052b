"""Export pairs to the formats that other trainers read, with option files that name them.

Everything is written into ``.partial`` inside the output folder and moved into place at the end;
``export.json`` comes last and says that the export is complete.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from degrade.disk.files import claim_folder
from degrade.disk.locks import folder_lock
from degrade.disk.processes import is_temporary
from degrade.disk.results import refuse_taken
from degrade.errors import DegradeError, InvalidValueError, printable
from degrade.exchange import EXPORT_FORMATS, ExportSet, entry_names
from degrade.geometry import scale_to_json
from degrade.pairs import open_pairs, place_at
from pipelines.executors import Executor, InProcessExecutor
from pipelines.exports.finishing import (
    EXPORT_MARK,
    Beside,
    add_kernels,
    clear_work,
    finish_export,
    plan_beside,
    require_entries,
    require_free,
)
from pipelines.exports.writing import Progress, plan_tasks, write_export
from pipelines.shared.folder_kinds import FOLDER_KINDS
from pipelines.shared.job import Job
from pipelines.shared.reports import ProgressCallback, RunReport
from pipelines.shared.run_settings import begin_or_resume

__all__ = ["ExportConfig", "export_pairs"]

_WORK = ".partial"
_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportConfig:
    """The settings of ``degrade export``.

    Attributes
    ----------
    pairs : Path
        A finished folder of pairs.
    out : Path
        Where the export goes; made when missing.
    format : str
        A name in :data:`degrade.exchange.EXPORT_FORMATS`.
    allow_clean_lr : bool
        Export pairs whose noise was left to the training (``--noise defer``) without any.
    pool : Path or None
        Where the pool of the pairs is now, for KAIR's kernels; None: where the run had it.
    """

    pairs: Path
    out: Path
    format: str
    allow_clean_lr: bool = False
    pool: Path | None = None

    def __post_init__(self) -> None:
        if self.format not in EXPORT_FORMATS:
            known = ", ".join(EXPORT_FORMATS)
            raise InvalidValueError(f"the format must be one of {known}, got {self.format!r}")

    @property
    def work(self) -> Path:
        """Where the export is made before it is moved into place."""
        return self.out / _WORK


def export_pairs(
    config: ExportConfig,
    *,
    executor: Executor | None = None,
    on_progress: ProgressCallback | None = None,
) -> RunReport:
    """Export the pairs of ``config``, or what is missing of them.

    Parameters
    ----------
    config : ExportConfig
    executor : Executor or None
        Where the images are encoded; None: in this process.
    on_progress : callable or None
        Called with (pairs written, pairs in all).

    Returns
    -------
    RunReport
        ``interrupted`` is set when a signal ended the run; the same call then goes on (PNG, KAIR,
        WebDataset) or begins anew (the single files of LMDB and HDF5).

    Raises
    ------
    DegradeError
        The pairs are unfinished or have no noise yet, the folder holds something else, or the
        disk is full.
    CorruptDataError
        A shard is damaged; names it. Nothing is moved into place.
    ChangedConfigError
        ``config.out`` was begun with other pairs or another format.
    """
    job = Job("export", "pair", on_progress)
    with open_pairs(config.pairs) as reader:
        run, order = reader.run, sorted(range(len(reader)), key=lambda i: reader.records[i].key)
        exported = ExportSet(
            format=config.format,
            name=_plain_name(config.pairs),
            scale=reader.scale,
            hr_size=reader.hr_size,
            records=[reader.records[i] for i in order],
        )
    _check_noise(run, config)
    if config.out.resolve().is_relative_to(config.pairs.resolve()):
        raise DegradeError(
            f"{printable(config.out)} is the pairs' own folder, or lies in it; choose another one"
        )
    settings, pool = _settings(exported), config.pool or run.get("pool")
    claim_folder(config.out, EXPORT_MARK, FOLDER_KINDS)
    with folder_lock(config.out):
        if os.path.lexists(config.out / EXPORT_MARK):
            begin_or_resume(place_at(config.out), {"settings": settings}, name=EXPORT_MARK)
            require_entries(config.out, exported)
            clear_work(config.work)  # of a run that was killed at its end
            job.facts += add_kernels(config.out, exported, pool)
            return job.report(0, skipped=len(order))
        beside = plan_beside(config.out, exported, pool)
        done = _begin(config, exported, settings, beside)
        tasks = plan_tasks(config.pairs, settings["pairs"], exported, order, done)
        count = write_export(
            config.work,
            exported,
            tasks,
            executor=executor or InProcessExecutor(),
            job=job,
        )
        if job.interrupted is None:
            job.facts += finish_export(config.work, config.out, exported, settings, beside)
    return job.report(count - done, skipped=done)


def _plain_name(pairs: Path) -> str:
    # Short enough for a file name with the endings that it gets.
    return re.sub(r"[^A-Za-z0-9_-]+", "-", pairs.resolve().name)[:200].strip("-") or "pairs"


def _check_noise(run: Mapping[str, Any], config: ExportConfig) -> None:
    settings = run.get("settings")
    deferred = isinstance(settings, Mapping) and settings.get("noise") == "defer"
    if deferred and not config.allow_clean_lr:
        raise DegradeError(
            f"{printable(config.pairs)} leaves the noise to the training, which other trainers "
            "know nothing of; build the pairs with it: `degrade build-pairs noise=bake`, or export "
            "LR without noise: `allow_clean_lr`"
        )


def _settings(exported: ExportSet) -> dict[str, Any]:
    digest = hashlib.sha256()
    for record in exported.records:
        digest.update(f"{record.key} {record.hr_shape} {record.crc32}\n".encode())
    return {
        "version": _VERSION,
        "format": exported.format,
        "name": exported.name,
        "scale": scale_to_json(exported.scale),
        "pairs": f"{len(exported.records)} {digest.hexdigest()[:32]}",
    }


def _begin(
    config: ExportConfig, exported: ExportSet, settings: Mapping[str, Any], beside: Beside
) -> int:
    """Begin a new export or find one that was interrupted; return how many pairs it has."""
    _claim_work(config.work)
    progress = Progress.read(config.work)
    names = entry_names(exported)
    if progress.closed:  # what is not in the working folder any more was moved
        names = tuple(name for name in names if os.path.lexists(config.work / name))
    require_free(config.out, names, beside)
    claim_folder(config.work, EXPORT_MARK, FOLDER_KINDS)
    run = {"settings": settings}
    begin_or_resume(place_at(config.work), run, name=EXPORT_MARK, folder=config.out)
    return min(Progress.read(config.work).pairs, len(exported.records))


def _claim_work(work: Path) -> None:
    """Refuse a working folder that no export has made: its files would come to lie among ours."""
    taken = []
    if work.is_symlink() or (work.exists() and not work.is_dir()):
        taken = [work]
    elif work.exists() and not (work / EXPORT_MARK).is_file():
        taken = [path for path in sorted(work.iterdir()) if not is_temporary(path.name)]
    refuse_taken(taken, "move it away, or choose another folder")

"""Collect the noise of photos: find their flat patches and keep them in the pool."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import degrade
from degrade.errors import InputError
from degrade.images.image_io import MAX_PIXELS
from degrade.images.sources import Reject
from degrade.jpeg.blocks import block_steps
from degrade.noise import NoisePatch, NoiseSelection, search_noise_patches, take_patches
from degrade.pool import DegradationPool, Provenance, SearchRecord
from degrade.wording import counted
from pipelines.executors import Executor, InProcessExecutor, WorkerDiedError
from pipelines.measuring.noise_findings import NoiseTally, PhotoFindings
from pipelines.shared.interrupts import interrupt_signal
from pipelines.shared.photo_scan import ScannedPhoto, find_photos, read_scanned
from pipelines.shared.reports import (
    REJECTS_NAME,
    Fact,
    ProgressCallback,
    ReportedError,
    RunReport,
    no_progress,
    usual_reason,
    write_rejects,
)

__all__ = ["ExtractNoiseConfig", "NoNoiseError", "extract_noise"]

_BLOCKY_NOTE = "JPEG blocks"


class NoNoiseError(ReportedError):
    """No photo has a noise patch; the text tells which setting would have found some."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractNoiseConfig:
    """The settings of ``degrade extract-noise``.

    Attributes
    ----------
    sources : tuple of Path
        Photos: files, folders, manifests.
    pool : Path
        Where the patches go; made when missing.
    selection : NoiseSelection
    max_pixels : int
        Larger photos are rejected before they are decoded.
    """

    sources: tuple[Path, ...]
    pool: Path
    selection: NoiseSelection = field(default_factory=NoiseSelection)
    max_pixels: int = MAX_PIXELS

    @property
    def settings(self) -> str:
        """Canonical JSON of what decides which patches a photo gives."""
        return json.dumps({"method": "variance", **asdict(self.selection)}, sort_keys=True)


@dataclass(frozen=True, slots=True)
class _Task:
    photo: ScannedPhoto
    selection: NoiseSelection
    max_pixels: int


def _extract(task: _Task) -> tuple[PhotoFindings, list[NoisePatch]]:
    photo, size = task.photo, task.selection.patch_size
    if min(photo.height, photo.width) < size:
        raise InputError(
            photo.path,
            f"{photo.width}×{photo.height} is smaller than a noise patch of {size} pixels",
            _remedy_for_small(photo),
        )
    pixels = read_scanned(photo.path, photo.sha256, max_pixels=task.max_pixels).pixels
    search = search_noise_patches(pixels, task.selection)
    patches = take_patches(pixels, search, source=photo.name)
    return PhotoFindings.of(search, block_steps(patches)), patches


def _remedy_for_small(photo: ScannedPhoto) -> str:
    side = min(photo.height, photo.width)
    return f"use --patch-size {side} or less" if side >= 8 else "use a larger photo"


def extract_noise(
    config: ExtractNoiseConfig,
    *,
    executor: Executor | None = None,
    on_progress: ProgressCallback | None = None,
) -> RunReport:
    """Fill the pool with the noise patches of all photos.

    Parameters
    ----------
    config : ExtractNoiseConfig
    executor : Executor or None
        Where the photos are searched; None: in this process.
    on_progress : callable or None
        Called with (photos done, photos in all).

    Returns
    -------
    RunReport
        Counts patches; each line tells of one photo what was found and why the rest was refused.

    Raises
    ------
    NoNoiseError
        No photo has a noise patch: the text tells the variances that were met and the setting
        that would have found some.
    DegradeError
        No photo can be used, or the pool is damaged or in use.
    """
    started = time.monotonic()
    photos, rejects = find_photos(config.sources, max_pixels=config.max_pixels)
    pool = DegradationPool.create(config.pool)
    before = len(pool.noise)
    tally, interrupted = NoiseTally(), None
    report = on_progress or no_progress
    searched = 0
    try:
        with pool.writing():
            before = len(pool.noise)  # another run may have added some until now
            todo = _take_known(pool, photos, config, tally)
            searched = len(photos) - len(todo)
            report(searched, len(photos))
            tasks = [_Task(photo, config.selection, config.max_pixels) for photo in todo]
            results = (executor or InProcessExecutor()).run(_extract, tasks)
            for count, result in enumerate(results, searched + 1):
                photo = todo[result.index]
                try:
                    findings, patches = result.get()
                except InputError as error:
                    rejects.append(Reject.from_error(error))
                except WorkerDiedError as error:
                    rejects.append(Reject(str(photo.path), str(error)))
                else:
                    _keep(pool, photo, findings, patches, config)
                    tally.add(photo.name, findings)
                report(count, len(photos))
    except KeyboardInterrupt as error:
        interrupted = interrupt_signal(error)
    write_rejects(config.pool, rejects)
    added = len(pool.noise) - before
    lines = [*sorted(tally.lines), *tally.notes()]
    if searched:
        lines.append(f"{counted(searched, 'photo')} searched before with these settings")
    outcome = RunReport(
        job="extract-noise",
        done=added,
        skipped=tally.found - added,
        unit="noise patch",
        seconds=time.monotonic() - started,
        rejects=tuple(rejects),
        rejects_file=str(config.pool / REJECTS_NAME),
        facts=tuple(Fact("noise", line) for line in lines),
        interrupted=interrupted,
    )
    if not tally.found and interrupted is None:
        raise NoNoiseError(_nothing_found(tally, rejects, config.selection), outcome)
    return outcome


def _take_known(
    pool: DegradationPool,
    photos: Sequence[ScannedPhoto],
    config: ExtractNoiseConfig,
    tally: NoiseTally,
) -> list[ScannedPhoto]:
    """Tally what the pool knows already; return the photos that are to be searched.

    A photo is searched again when one of its patches is damaged or gone: that mends it.
    """
    known = pool.searches(config.settings)
    todo = []
    for photo in photos:
        findings = PhotoFindings.from_text(known.get(photo.sha256, ""))
        if findings is None or not all(map(pool.has_sound, findings.patch_ids)):
            todo.append(photo)
        else:
            pool.add_source(photo.as_record())  # it may lie elsewhere now
            tally.add(photo.name, findings)
    return todo


def _keep(
    pool: DegradationPool,
    photo: ScannedPhoto,
    findings: PhotoFindings,
    patches: Sequence[NoisePatch],
    config: ExtractNoiseConfig,
) -> None:
    settings = config.settings
    common = {} if findings.block_steps is None else {"block_steps": findings.block_steps}
    notes = (_BLOCKY_NOTE,) if findings.is_blocky else ()

    def search(ids: tuple[str, ...]) -> SearchRecord:
        return SearchRecord(photo.sha256, settings, replace(findings, patch_ids=ids).to_text())

    pool.add_photo(
        photo.as_record(),
        (
            (
                patch,
                Provenance(
                    source_name=photo.name,
                    source_sha256=photo.sha256,
                    box=patch.box,
                    method="variance",
                    settings=settings,
                    tool_version=degrade.__version__,
                    statistics={
                        "variance": patch.variance,
                        "brightness": patch.brightness,
                        **common,
                    },
                    notes=notes,
                ),
            )
            for patch in patches
        ),
        search,
    )


def _nothing_found(tally: NoiseTally, rejects: Sequence[Reject], selection: NoiseSelection) -> str:
    if tally.lines:
        return tally.why_nothing(selection)
    return (
        f"no noise patch found, {counted(len(rejects), 'photo')} rejected: {usual_reason(rejects)}"
    )

"""Collect the noise of photos: find their flat patches and keep them in the pool."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

import degrade
from degrade.errors import DegradeError, InputError, printable
from degrade.image_io import MAX_PIXELS
from degrade.noise import (
    NoisePatch,
    NoiseSearch,
    NoiseSelection,
    search_noise_patches,
    suggest_max_variance,
    take_patches,
)
from degrade.pool import DegradationPool, Provenance
from degrade.sources import Reject
from pipelines.executors import Executor, InProcessExecutor, WorkerDiedError
from pipelines.interrupts import interrupt_signal
from pipelines.photo_scan import ScannedPhoto, find_photos, read_scanned
from pipelines.reports import (
    ProgressCallback,
    RunReport,
    no_progress,
    write_rejects,
)

__all__ = ["ExtractNoiseConfig", "NoNoiseError", "run_noise_extraction"]

_MOST_NOISE = 100.0
"""Grey variance up to which a patch may well be noise (sigma 10 grey levels)."""


class NoNoiseError(DegradeError):
    """No photo has a noise patch; the text tells which setting would have found some.

    ``rejects`` are the photos that could not be searched.
    """

    def __init__(self, text: str, rejects: Sequence[Reject] = ()) -> None:
        super().__init__(text)
        self.rejects = tuple(rejects)


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
    config: ExtractNoiseConfig


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    search: NoiseSearch
    patches: list[NoisePatch]


def _extract(task: _Task) -> _Found:
    photo, config = task.photo, task.config
    size = config.selection.patch_size
    if min(photo.height, photo.width) < size:
        raise InputError(
            photo.path,
            f"{photo.width}×{photo.height} is smaller than a noise patch of {size} pixels",
            f"use --patch-size {min(photo.height, photo.width)} or less",
        )
    pixels = read_scanned(photo.path, photo.sha256, max_pixels=config.max_pixels).pixels
    search = search_noise_patches(pixels, config.selection)
    return _Found(search, take_patches(pixels, search, source=photo.name))


def run_noise_extraction(
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
    found, interrupted = 0, None
    searches: list[tuple[str, NoiseSearch]] = []
    report = on_progress or no_progress
    try:
        with pool.writing():
            report(0, len(photos))
            tasks = [_Task(photo, config) for photo in photos]
            results = (executor or InProcessExecutor()).run(_extract, tasks)
            for count, result in enumerate(results, 1):
                photo = photos[result.index]
                try:
                    outcome = result.get()
                except InputError as error:
                    rejects.append(Reject.from_error(error))
                except WorkerDiedError as error:
                    rejects.append(Reject(str(photo.path), str(error)))
                else:
                    _keep(pool, photo, outcome, config)
                    found += len(outcome.patches)
                    searches.append((photo.name, outcome.search))
                report(count, len(photos))
    except KeyboardInterrupt as error:
        interrupted = interrupt_signal(error)
    write_rejects(config.pool, rejects)
    if not found and interrupted is None:
        text = _nothing_found([search for _, search in searches], rejects, config.selection)
        raise NoNoiseError(text, rejects)
    added = len(pool.noise) - before
    return RunReport(
        job="extract-noise", done=added, skipped=found - added, unit="noise patches",
        seconds=time.monotonic() - started, rejects=tuple(rejects),
        lines=tuple(sorted(_describe(name, search) for name, search in searches)),
        interrupted=interrupted,
    )  # fmt: skip


def _keep(
    pool: DegradationPool, photo: ScannedPhoto, found: _Found, config: ExtractNoiseConfig
) -> None:
    pool.add_source(photo.as_record())
    for patch in found.patches:
        pool.add_noise(
            patch,
            Provenance(
                source_name=photo.name, source_sha256=photo.sha256, box=patch.box,
                method="variance", settings=config.settings, tool_version=degrade.__version__,
                statistics={"variance": patch.variance, "brightness": patch.brightness},
            ),
        )  # fmt: skip


def _describe(name: str, search: NoiseSearch) -> str:
    refused = ", ".join(f"{gate} {count}" for gate, count in search.refused.items() if count)
    line = f"{printable(name)}: {len(search.boxes)} of {search.accepted.size} positions"
    if refused:
        line += f"; refused: {refused}"
    wanted = None if search.boxes else suggest_max_variance([search])
    if wanted is not None and wanted <= _MOST_NOISE:
        line += f"; --max-variance {wanted:g} would find some"
    return line


def _nothing_found(
    searches: Sequence[NoiseSearch], rejects: Sequence[Reject], selection: NoiseSelection
) -> str:
    """Say in one line what variances there were and what would have found some noise."""
    if not searches:
        return f"no noise patch found, {len(rejects)} photos rejected; the first: {rejects[0]}"
    variances = np.concatenate([search.variances for search in searches])
    edges = [0.0, 1.0, 5.0, 20.0, 50.0, 100.0, 500.0, np.inf]
    counts, _ = np.histogram(variances, edges)
    bars = ", ".join(
        f"{low:g}–{high:g}: {count}" if np.isfinite(high) else f"above {low:g}: {count}"
        for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True)
        if count
    )
    wanted = suggest_max_variance(searches)
    if wanted is not None:
        remedy = f"--max-variance {wanted:g} would find some"
        if wanted > _MOST_NOISE:
            remedy += f", but rather scene than noise: try --patch-size {selection.patch_size // 4}"
    else:
        gates = Counter[str]()
        for search in searches:
            gates.update(search.refused)
        reasons = ", ".join(f"{gate} {count}" for gate, count in gates.most_common() if count)
        is_dark = gates.most_common(1)[0][0] == "dark"
        other = "a lower --min-mean" if is_dark else f"--patch-size {selection.patch_size // 2}"
        remedy = f"refused as {reasons}: try {other}"
    return (
        f"no noise patch found in {len(searches)} photos at --max-variance "
        f"{selection.max_variance:g}; positions by grey variance: {bars}; {remedy}"
    )

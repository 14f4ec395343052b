"""Collect the noise of photos: find their flat patches and keep them in the pool."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

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
    selection: NoiseSelection
    max_pixels: int


_BIN_EDGES = (0.0, 1.0, 5.0, 20.0, 50.0, 100.0, 500.0, np.inf)
"""Grey variances between which the positions of a run without any noise are counted."""


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """What a worker found in one photo; short, however many positions were looked at.

    Attributes
    ----------
    patches : list of NoisePatch
    line : str
        Tells a person of the photo.
    bins : int array
        Positions by grey variance, between :data:`_BIN_EDGES`.
    refused : dict of str to int
        Positions by the gate that they failed first.
    wanted : float or None
        The ``max_variance`` that would have accepted some position more.
    """

    patches: list[NoisePatch]
    line: str
    bins: npt.NDArray[np.int64]
    refused: dict[str, int]
    wanted: float | None


@dataclass(slots=True, eq=False)
class _Tally:
    """The sum over all photos searched."""

    found: int = 0
    lines: list[str] = field(default_factory=list)
    bins: npt.NDArray[np.int64] = field(
        default_factory=lambda: np.zeros(len(_BIN_EDGES) - 1, dtype=np.int64)
    )
    refused: Counter[str] = field(default_factory=Counter)
    wanted: float = np.inf

    def add(self, photo: _Found) -> None:
        self.found += len(photo.patches)
        self.lines.append(photo.line)
        self.bins += photo.bins
        self.refused.update(photo.refused)
        if photo.wanted is not None:
            self.wanted = min(self.wanted, photo.wanted)


def _extract(task: _Task) -> _Found:
    photo, size = task.photo, task.selection.patch_size
    if min(photo.height, photo.width) < size:
        raise InputError(
            photo.path,
            f"{photo.width}×{photo.height} is smaller than a noise patch of {size} pixels",
            f"use --patch-size {min(photo.height, photo.width)} or less",
        )
    pixels = read_scanned(photo.path, photo.sha256, max_pixels=task.max_pixels).pixels
    search = search_noise_patches(pixels, task.selection)
    bins, _ = np.histogram(search.variances, _BIN_EDGES)
    wanted = suggest_max_variance([search])
    return _Found(
        take_patches(pixels, search, source=photo.name),
        _describe(photo.name, search, wanted), bins, search.refused, wanted,
    )  # fmt: skip


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
    tally, interrupted = _Tally(), None
    report = on_progress or no_progress
    try:
        with pool.writing():
            report(0, len(photos))
            tasks = [_Task(photo, config.selection, config.max_pixels) for photo in photos]
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
                    _keep(pool, photo, outcome.patches, config)
                    tally.add(outcome)
                report(count, len(photos))
    except KeyboardInterrupt as error:
        interrupted = interrupt_signal(error)
    write_rejects(config.pool, rejects)
    if not tally.found and interrupted is None:
        raise NoNoiseError(_nothing_found(tally, rejects, config.selection), rejects)
    added = len(pool.noise) - before
    return RunReport(
        job="extract-noise", done=added, skipped=tally.found - added, unit="noise patches",
        seconds=time.monotonic() - started, rejects=tuple(rejects),
        lines=tuple(sorted(tally.lines)), interrupted=interrupted,
    )  # fmt: skip


def _keep(
    pool: DegradationPool,
    photo: ScannedPhoto,
    patches: Sequence[NoisePatch],
    config: ExtractNoiseConfig,
) -> None:
    settings = config.settings
    pool.add_photo(
        photo.as_record(),
        (
            (
                patch,
                Provenance(
                    source_name=photo.name, source_sha256=photo.sha256, box=patch.box,
                    method="variance", settings=settings, tool_version=degrade.__version__,
                    statistics={"variance": patch.variance, "brightness": patch.brightness},
                ),
            )
            for patch in patches
        ),
    )  # fmt: skip


def _describe(name: str, search: NoiseSearch, wanted: float | None) -> str:
    accepted = int(search.accepted.sum())
    line = f"{printable(name)}: {accepted} of {search.accepted.size} positions"
    if accepted > len(search.boxes):
        line += f", of which {len(search.boxes)} are kept"
    refused = ", ".join(f"{gate} {count}" for gate, count in search.refused.items() if count)
    if refused:
        line += f"; refused: {refused}"
    if not search.boxes and wanted is not None and wanted <= _MOST_NOISE:
        line += f"; --max-variance {wanted:g} would find some"
    return line


def _nothing_found(tally: _Tally, rejects: Sequence[Reject], selection: NoiseSelection) -> str:
    """Say in one line what variances there were and what would have found some noise."""
    if not tally.lines:
        return f"no noise patch found, {len(rejects)} photos rejected; the first: {rejects[0]}"
    bars = ", ".join(
        f"{low:g}–{high:g}: {count}" if np.isfinite(high) else f"above {low:g}: {count}"
        for (low, high), count in zip(pairwise(_BIN_EDGES), tally.bins, strict=True)
        if count
    )
    return (
        f"no noise patch found in {len(tally.lines)} photos at --max-variance "
        f"{selection.max_variance:g}; positions by grey variance: {bars}; "
        f"{_remedy(tally, selection)}"
    )


def _remedy(tally: _Tally, selection: NoiseSelection) -> str:
    if np.isfinite(tally.wanted):
        remedy = f"--max-variance {tally.wanted:g} would find some"
        if tally.wanted > _MOST_NOISE:
            remedy += f", but rather scene than noise: try --patch-size {selection.patch_size // 4}"
        return remedy
    gates = tally.refused.most_common()
    reasons = ", ".join(f"{gate} {count}" for gate, count in gates if count)
    is_dark = gates[0][0] == "dark"
    other = "a lower --min-mean" if is_dark else f"--patch-size {selection.patch_size // 2}"
    return f"refused as {reasons}: try {other}"

"""Check pairs on disk: hash them again, or make one again from its plan."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from degrade.degradation import DegradationPlan
from degrade.errors import DegradeError, InputError, printable
from degrade.image_io import MAX_PIXELS, write_png
from degrade.pairs import Location, open_pairs, place_at, verify_pairs
from degrade.pairs.manifest import MANIFEST_NAME
from degrade.pool import DegradationPool
from degrade.sources import SourceFile, find_images, hash_file
from pipelines.reports import ProgressCallback, RunReport, no_progress
from pipelines.shard_building import rebuild_pair

__all__ = ["ReplayConfig", "ReplayReport", "replay_pair", "verify"]


def verify(where: Location, *, on_progress: ProgressCallback | None = None) -> RunReport:
    """Re-hash every pair of a folder, or of a URL, shard by shard.

    Raises
    ------
    DegradeError
        Some pair is not what was written; the text names the first places and every shard.
    """
    started = time.monotonic()
    report = on_progress or no_progress
    checked, problems, shards = 0, [], set()
    lines: tuple[str, ...] = ()
    pairs = place_at(where)
    for result in verify_pairs(pairs):
        if result.problem is None:
            checked += 1
            lines = lines or (f"the first is {result.key}",)
            report(checked, checked)
        else:
            place = result.shard
            shards.add(place)
            if result.row is not None:
                place += f", row {result.row} ({result.key})"
            problems.append(f"{place}: {result.problem}")
    if shards == {MANIFEST_NAME} and MANIFEST_NAME not in pairs.names():
        raise DegradeError(
            f"{pairs.shown()}: {checked} pairs are sound, but its run has not ended (there is no "
            f"{MANIFEST_NAME}); run the command that began it again to finish"
        )
    if problems:
        more = f"; and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise DegradeError(
            f"{pairs.shown()} is damaged, {checked} pairs are sound: "
            f"{'; '.join(problems[:3])}{more}; delete what is damaged and build it again: "
            f"{', '.join(sorted(shards))}"
        )
    return RunReport(
        job="verify", done=checked, unit="pairs are sound", seconds=time.monotonic() - started,
        lines=lines,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayConfig:
    """Which pair to make again, and from what.

    Attributes
    ----------
    pairs : Path
        The folder of pairs.
    key : str
        The pair's key.
    hr : tuple of Path
        Where the HR photos are now. Empty: where the pool or the run had them.
    pool : Path or None
        None: where the run had it.
    out : Path or None
        A folder for ``<key>_LR.png`` and ``<key>_HR.png``.
    """

    pairs: Path
    key: str
    hr: tuple[Path, ...] = ()
    pool: Path | None = None
    out: Path | None = None


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """The plan that was replayed, and whether the bytes are those on disk."""

    plan: DegradationPlan
    identical: bool


def replay_pair(config: ReplayConfig) -> ReplayReport:
    """Make one pair again from its plan and compare it with the one on disk.

    Raises
    ------
    DegradeError
        The key is unknown, or the photo or the pool cannot be found as they were.
    """
    with open_pairs(config.pairs) as reader:
        row = reader.find(config.key)
        stored_lr, stored_hr = reader.read(row)
        plan = reader.records[row].plan
        run = reader.run
    if plan is None:
        raise DegradeError(f"{printable(config.key)} was imported: there is no plan to replay")
    pool = DegradationPool.open(config.pool or Path(str(run["pool"])))
    recorded = [Path(str(path)) for path in run.get("hr", [])]
    path = _find_photo(plan.source_sha256, config.hr or tuple(recorded), pool)
    pair = rebuild_pair(plan, path, pool, max_pixels=max(MAX_PIXELS, int(run["max_pixels"])))
    if config.out is not None:
        write_png(config.out / f"{config.key}_LR.png", pair.lr_u8)
        write_png(config.out / f"{config.key}_HR.png", pair.hr_u8)
    same = np.array_equal(pair.lr_u8, stored_lr) and np.array_equal(pair.hr_u8, stored_hr)
    return ReplayReport(plan, bool(same))


def _find_photo(sha256: str, places: Sequence[Path], pool: DegradationPool) -> Path:
    """Return the file with the content ``sha256``; names may have changed, content may not."""
    files: list[SourceFile]
    if places:
        files, _ = find_images(places)
    else:
        files = [SourceFile(Path(s.path), s.name) for s in pool.sources if s.sha256 == sha256]
    for file in files:
        try:
            if hash_file(file.path) == sha256:
                return file.path
        except InputError:
            continue
    raise DegradeError(
        f"the pair's HR photo (sha256 {sha256[:16]}…) is not among the {len(files)} files looked "
        "at; say where the photos are now: --hr DIR"
    )

"""Check pairs on disk: hash them again, or make one again from its plan."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from degrade.degradation import DegradationPlan
from degrade.disk.files import make_folder
from degrade.disk.processes import is_temporary
from degrade.disk.results import Results
from degrade.errors import DegradeError, InputError, printable
from degrade.images.image_io import DECODING_VERSION, MAX_PIXELS, encode_png
from degrade.images.sources import SourceFile, find_images, hash_file
from degrade.pairs import (
    Location,
    Place,
    VerifyResult,
    open_pairs,
    place_at,
    verify_pairs,
)
from degrade.pairs.shard_list import SHARD_LIST_NAME
from degrade.pool import DegradationPool
from degrade.wording import counted
from pipelines.pairs.build_shard import rebuild_pair
from pipelines.shared.finding_photos import no_photo_error
from pipelines.shared.folder_kinds import FOLDER_KINDS
from pipelines.shared.job import Job
from pipelines.shared.pool_of_pairs import open_pool_of_pairs
from pipelines.shared.reports import REJECTS_NAME, ProgressCallback, RunReport

__all__ = ["ReplayConfig", "ReplayReport", "replay_pair", "verify"]

_SHARDS_NAMED = 3

_SIDECAR = re.compile(r"shard-\d+\.json")


def verify(where: Location, *, on_progress: ProgressCallback | None = None) -> RunReport:
    """Re-hash every pair of a folder, or of a URL, shard by shard.

    Raises
    ------
    DegradeError
        Some pair is not what was written; the text names the first places and every shard.
    """
    job = Job("verify", "sound pair", on_progress)
    checked, problems = 0, defaultdict[str, list[VerifyResult]](list)
    pairs = place_at(where)
    for result in verify_pairs(pairs):
        if result.problem is None:
            checked += 1
            if checked == 1:
                words = f"the first key, as replay takes it: {result.key}"
                job.found("first_key", words, key=result.key)
            job.progress(checked, checked)
        else:
            problems[result.shard].append(result)
    if problems.keys() == {SHARD_LIST_NAME} and SHARD_LIST_NAME not in pairs.names():
        raise DegradeError(
            f"{pairs.shown()}: {counted(checked, 'sound pair')}, but its run has not ended: there "
            f"is no {SHARD_LIST_NAME}; run the command that began it again to finish"
        )
    if problems:
        raise DegradeError(
            f"{pairs.shown()} is damaged, with {counted(checked, 'sound pair')}: "
            f"{_summarise(problems, pairs)}; delete what is damaged and build it again: "
            f"{', '.join(sorted(problems))}"
        )
    foreign = _foreign(pairs)
    if foreign:
        shown = ", ".join(map(printable, foreign[:_SHARDS_NAMED]))
        more = f" and {len(foreign) - _SHARDS_NAMED} more" if len(foreign) > _SHARDS_NAMED else ""
        job.found("foreign", f"not of these pairs, passed over: {shown}{more}", names=foreign)
    return job.report(checked)


def _foreign(pairs: Place) -> list[str]:
    """Return the names of what lies beside the pairs and is none of their files."""
    names = set(pairs.names())
    shards = tuple(name.removesuffix(".json") for name in names if _SIDECAR.fullmatch(name))
    own = {SHARD_LIST_NAME, REJECTS_NAME, *FOLDER_KINDS}
    return sorted(
        name for name in names - own if not (name.startswith((".", *shards)) or is_temporary(name))
    )


def _summarise(problems: Mapping[str, Sequence[VerifyResult]], pairs: Place) -> str:
    """Return the first problem of each of a few shards, and how many others there are.

    Of what is wrong in a shard its rows come first: they say more than the file's hash.
    """
    texts = []
    for shard, found in sorted(problems.items())[:_SHARDS_NAMED]:
        first = min(found, key=lambda result: result.row is None)
        # The folder is said once for all, and a problem mostly names the shard's file itself.
        said = str(first.problem).replace(pairs.shown("x").removesuffix("x"), "")
        where = "" if said.startswith(shard) else f"{shard}: "
        if first.row is not None and str(first.key) not in said:
            where += f"row {first.row}, key {first.key}: "
        more = f" (and {len(found) - 1} more there)" if len(found) > 1 else ""
        texts.append(f"{where}{said}{more}")
    if len(problems) > _SHARDS_NAMED:
        texts.append(f"and {counted(len(problems) - _SHARDS_NAMED, 'shard')} more")
    return "; ".join(texts)


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
    overwrite : bool
        Replace files of these names that no replay has made.
    """

    pairs: Path
    key: str
    hr: tuple[Path, ...] = ()
    pool: Path | None = None
    out: Path | None = None
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """The plan that was replayed, and whether the bytes are those on disk.

    ``decoded_alike`` is False when the pairs were made by a version that decodes some photos to
    other pixels.
    """

    plan: DegradationPlan
    identical: bool
    decoded_alike: bool = True


def replay_pair(config: ReplayConfig) -> ReplayReport:
    """Make one pair again from its plan and compare it with the one on disk.

    Raises
    ------
    DegradeError
        The key is unknown, the photo or the pool cannot be found as they were, or an image cannot
        be written or would replace what no replay has made.
    """
    with open_pairs(config.pairs) as reader:
        row = reader.find(config.key)
        stored_lr, stored_hr = reader.read(row)
        plan = reader.records[row].plan
        run = reader.run
    if plan is None:
        raise DegradeError(f"{printable(config.key)} was imported: there is no plan to replay")
    pool = _open_pool(config, run)
    results = None if config.out is None else _results(config.out, config)
    recorded = [Path(str(path)) for path in run.get("hr", [])]
    path = _find_photo(plan.source_sha256, config.hr or tuple(recorded), pool)
    pair = rebuild_pair(plan, path, pool, max_pixels=max(MAX_PIXELS, int(run["max_pixels"])))
    if results is not None:
        make_folder(results.folder)
        for path, pixels in zip(
            _images(results.folder, config), (pair.lr_u8, pair.hr_u8), strict=True
        ):
            results.write(path, encode_png(pixels))
    same = np.array_equal(pair.lr_u8, stored_lr) and np.array_equal(pair.hr_u8, stored_hr)
    return ReplayReport(plan, bool(same), run.get("decoding") == DECODING_VERSION)


def _results(out: Path, config: ReplayConfig) -> Results:
    results = Results(out, "replay", overwrite=config.overwrite)
    results.require_free(_images(out, config))
    return results


def _images(out: Path, config: ReplayConfig) -> list[Path]:
    return [out / f"{config.key}_{side}.png" for side in ("LR", "HR")]


def _open_pool(config: ReplayConfig, run: Mapping[str, Any]) -> DegradationPool:
    """Open the pool where it is now, or where the run had it."""
    recorded = run["pool"]
    return open_pool_of_pairs(config.pool or (None if recorded is None else Path(str(recorded))))


def _find_photo(sha256: str, places: Sequence[Path], pool: DegradationPool) -> Path:
    """Return the file with the content ``sha256``; names may have changed, content may not."""
    files: list[SourceFile]
    if places:
        files, rejects = find_images(places)
        if not files:
            why = str(no_photo_error(places, rejects))
            raise DegradeError(f"{why}; say where the photos of the pairs are now: `hr=DIR`")
    else:
        files = [SourceFile(Path(p.path), p.name) for p in pool.photos if p.sha256 == sha256]
    for file in files:
        try:
            if hash_file(file.path) == sha256:
                return file.path
        except InputError:
            continue
    looked_at = "the only file" if len(files) == 1 else f"among the {len(files)} files"
    raise DegradeError(
        f"the pair's HR photo (sha256 {sha256[:16]}…) is not {looked_at} looked at; say where the "
        "photos are now: `hr=DIR`"
    )

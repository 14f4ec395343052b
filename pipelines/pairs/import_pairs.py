"""Bring existing HR and LR images into a folder of pairs that the other commands read."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from math import ceil, floor
from pathlib import Path
from typing import Any

from degrade.errors import DegradeError, InvalidValueError, printable
from degrade.field_names import parse_name
from degrade.geometry import Scale, as_scale, scale_number, scale_to_json
from degrade.images.image_io import DECODING_VERSION, MAX_PIXELS
from degrade.images.sources import Reject, find_images
from degrade.pairs import STORES, Place, ShardSpec, place_at
from degrade.wording import counted
from pipelines.executors import Executor, InProcessExecutor
from pipelines.pairs.image_matching import (
    LR_SIDE,
    Matching,
    MatchRules,
    OtherSide,
    match_images,
)
from pipelines.pairs.import_shards import ImportTask, import_shard
from pipelines.pairs.lr_names import LrName
from pipelines.pairs.matched_images import MatchedImages
from pipelines.pairs.shard_runs import (
    check_ends,
    finish_run,
    group_by_size,
    missing_shards,
    run_shards,
)
from pipelines.shared.finding_photos import scan_photos
from pipelines.shared.folder_kinds import FOLDER_KINDS
from pipelines.shared.job import Job
from pipelines.shared.reports import (
    REJECTS_NAME,
    ProgressCallback,
    RunReport,
    usual_reason,
)
from pipelines.shared.run_settings import RUN_FILE, begin_or_resume, hash_settings

__all__ = ["ImportPairsConfig", "import_pairs"]

_VERSION = 2
"""Of the sidecars and of ``run.json``: since 2 files have a CRC-32."""
_SHARD_BYTES = 256 << 20

_ROUNDINGS: tuple[tuple[str, Callable[[tuple[Fraction, int]], bool]], ...] = (
    ("rounded", lambda side: abs(side[0] - side[1]) <= Fraction(1, 2)),
    ("rounded down", lambda side: floor(side[0]) == side[1]),
    ("rounded up", lambda side: ceil(side[0]) == side[1]),
)
"""How LR's sides come of HR's over the scale."""


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
    scale : Scale or None
        HR size over LR size; None: what most of the images have. Of several LR images of one HR
        image those are taken that are named for it.
    lr_name : str or None
        How LR images are called; see :class:`pipelines.pairs.lr_names.LrName`. None: as in the
        field's sets.
    all_variants : bool
        Make a pair of each LR image of an HR image.
    max_pixels : int
        Larger images are rejected before they are decoded.
    """

    hr: Path
    lr: Path
    out: Path | str
    format: str = "hdf5"
    scale: Scale | None = None
    lr_name: str | None = None
    all_variants: bool = False
    max_pixels: int = MAX_PIXELS

    def __post_init__(self) -> None:
        if self.format not in STORES:
            known = ", ".join(STORES)
            raise InvalidValueError(f"format must be one of {known}, got {self.format!r}")
        if self.scale is not None:
            object.__setattr__(self, "scale", as_scale(self.scale))
        self.rules()

    def rules(self) -> MatchRules:
        """Return what is said of the names."""
        return MatchRules(
            scale=self.scale,
            stated=parse_name(f"{self.lr.resolve().name}/any").scale,
            lr_name=None if self.lr_name is None else LrName(self.lr_name),
            all_variants=self.all_variants,
        )


def import_pairs(
    config: ImportPairsConfig,
    *,
    executor: Executor | None = None,
    on_progress: ProgressCallback | None = None,
    side: OtherSide = LR_SIDE,
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
    side : OtherSide
        How LR is spoken of: rejects advise the settings that it names.

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
    matching = _match(config, executor, job, side)
    scale, fitting, others = _of_one_scale(config, matching.matched, job)
    if scale is None or not fitting:
        job.rejects += [pair.misfit(scale) for pair in others]
        no_lr = config.hr.is_dir() and matching.alone_hr == len(job.rejects) > 0
        raise DegradeError(_nothing_to_import(config, job.rejects, no_lr=no_lr))
    place = place_at(config.out)
    place.claim(RUN_FILE, FOLDER_KINDS)
    with place.hold():
        check_ends(place)
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
    job.found("pairs", words, pairs=there.pairs, scale=scale_number(scale), place=place.shown())
    _tell_of_names(job, matching, fitting, others)
    _tell_of_sizes(job, scale, fitting)
    return job.report(
        progress.pairs,
        skipped=there.pairs - progress.pairs,
        rejects_file=place.shown(REJECTS_NAME),
    )


def _match(
    config: ImportPairsConfig, executor: Executor | None, job: Job, side: OtherSide
) -> Matching:
    sides, unusable = [], []
    for source in (config.hr, config.lr):
        files, missing = find_images([source])
        job.tell_passed_over([source])
        photos, unreadable = scan_photos(files, max_pixels=config.max_pixels, executor=executor)
        job.rejects += missing + unreadable
        sides.append(photos)
        paths = {reject.path for reject in unreadable}
        unusable.append([file for file in files if str(file.path) in paths])
    hr, lr = sides
    rules = replace(config.rules(), other=side)
    matching = match_images(hr, lr, rules, unusable_hr=unusable[0], unusable_lr=unusable[1])
    job.rejects += matching.rejects
    return matching


def _of_one_scale(
    config: ImportPairsConfig, matched: Sequence[MatchedImages], job: Job
) -> tuple[Scale | None, list[MatchedImages], list[MatchedImages]]:
    """Return the scale, the pairs of it, and those that names and sizes say to be of another one.

    The last are rejected when the user has not said which scale is wanted; what is of no scale is
    in any case.
    """
    scale = config.scale or _usual_scale(matched)
    fitting, others = [], []
    for pair in matched:
        # Who gives the scale has looked at the sizes.
        sure = config.scale is not None
        if pair.scale is not None and pair.scale == scale and (sure or not pair.contradicts):
            fitting.append(pair)
        elif sure and pair.scale is not None and pair.scale == pair.stated:
            others.append(pair)
        else:
            job.rejects.append(pair.misfit(scale))
    return scale, fitting, others


def _tell_of_names(
    job: Job,
    matching: Matching,
    fitting: Sequence[MatchedImages],
    others: Sequence[MatchedImages],
) -> None:
    if matching.alone_hr or matching.alone_lr:
        words = f"without a partner: {matching.alone_hr} HR, {matching.alone_lr} LR"
        job.found("alone", words, hr=matching.alone_hr, lr=matching.alone_lr)
    if unused := len(matching.passed_over):
        words = f"passed over, another image of their photo was chosen: {counted(unused, 'image')}"
        job.found("passed_over", words, images=unused)
    if matching.repeated:
        words = f"passed over, the same two images again: {counted(matching.repeated, 'pair')}"
        job.found("repeated", words, pairs=matching.repeated)
    if others:
        scales = ", ".join(f"×{scale}" for scale in sorted({pair.scale or 0 for pair in others}))
        words = f"passed over, of another scale ({scales}): {counted(len(others), 'pair')}"
        job.found("other_scales", words, pairs=len(others))
    if wrong := [pair for pair in fitting if pair.contradicts]:
        words = (
            f"named for another scale than `scale`: {counted(len(wrong), 'pair')}, such as "
            f"{printable(wrong[0].lr.name)}"
        )
        job.found("contradicting_names", words, pairs=len(wrong))


def _tell_of_sizes(job: Job, scale: Scale, fitting: Sequence[MatchedImages]) -> None:
    """Say which pairs were cut to sides that fit the scale, and how LR's were rounded."""
    cut = [pair for pair in fitting if pair.cut(scale) != pair.sizes]
    if not cut:
        return
    sides = [both for pair in cut for both in zip(*pair.sizes, strict=True)]
    exact = [(Fraction(hr) / scale, lr) for hr, lr in sides]
    rule = next(
        (name for name, holds in _ROUNDINGS if all(map(holds, exact))), "rounded down or up"
    )
    kept = [side for pair in cut for side in pair.cut(scale)[0]]
    lost = max(hr - left for (hr, _), left in zip(sides, kept, strict=True))
    off = max(abs(hr / lr - float(scale)) * lr for hr, lr in sides)
    words = (
        f"LR is HR over {scale}, its sides {rule}: {counted(len(cut), 'pair')}, cut at the right "
        f"and bottom by {lost} HR px at most; LR that was stretched to its size lies up to "
        f"{off:.1f} HR px off there, which `degrade audit` tells"
    )
    job.found("cut", words, pairs=len(cut), rule=rule, most=lost)


def _usual_scale(matched: Sequence[MatchedImages]) -> Scale | None:
    counts = Counter(pair.scale for pair in matched if pair.scale is not None)
    return max(counts, key=lambda scale: (counts[scale], -scale), default=None)


def _nothing_to_import(
    config: ImportPairsConfig, rejects: Sequence[Reject], *, no_lr: bool = False
) -> str:
    where = f"{printable(config.hr)} and {printable(config.lr)}"
    if no_lr and config.hr.resolve() == config.lr.resolve():
        return (
            f"no pair in {printable(config.hr)}, which was given for HR and LR both: there the LR "
            "images are known by their endings, such as x4 or _LR; give each side its own folder"
        )
    if rejects:
        return f"no pair in {where}, {len(rejects)} rejected: {usual_reason(rejects)}"
    return f"no image in {where}; check the paths"


def _run_settings(
    config: ImportPairsConfig, scale: Scale, fitting: Sequence[MatchedImages]
) -> dict[str, Any]:
    content = [[pair.key, pair.hr.sha256, pair.lr.sha256] for pair in fitting]
    digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()
    settings = {
        "version": _VERSION,
        "method": "import",
        "format": config.format,
        "scale": scale_to_json(scale),
        "images": f"{len(fitting)} pairs, {digest[:16]}",
    }
    places = {"hr": [str(config.hr.resolve())], "lr": [str(config.lr.resolve())]}
    config_hash = hash_settings(settings)
    return {
        "settings": settings,
        "config_hash": config_hash,
        "decoding": DECODING_VERSION,
        **places,
    }


def _plan(
    config: ImportPairsConfig,
    place: Place,
    scale: Scale,
    fitting: Sequence[MatchedImages],
    config_hash: str,
) -> list[ImportTask]:
    """Group the pairs, in order, into shards."""
    taken = [pair.cut(scale) for pair in fitting]
    sizes = {hr for hr, _ in taken}
    side = taken[0][0][0]
    bytes_of = [3 * sum(height * width for height, width in pair) for pair in taken]
    groups = group_by_size(fitting, bytes_of, _SHARD_BYTES)
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

"""``degrade audit``: whether pairs match photos, and LR its HR."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from degrade.audit.alignment import Agreement, summarise_agreement
from degrade.audit.comparison import Comparison, compare_sets
from degrade.audit.features import PhotoFeatures
from degrade.audit.two_sample import LEAST_PAIRS
from degrade.degradation import recipe_of_run
from degrade.degradation.steps import Jpeg
from degrade.errors import InvalidValueError, printable
from degrade.images.image_io import MAX_PIXELS
from degrade.pairs import PairReader, open_pairs
from degrade.rng import rng_for
from degrade.wording import counted
from pipelines.executors import Executor
from pipelines.matching.diff import refuse_single, tell_cameras
from pipelines.matching.findings import CHANGES, comparison_values, tell_comparison, tell_spectra
from pipelines.matching.pair_figures import (
    BICUBIC,
    GAUSSIAN,
    LR,
    PairFigures,
    choose_pairs,
    measure_pairs,
)
from pipelines.matching.photo_sets import MeasuredSet, find_set, measure_set, window_for
from pipelines.shared.job import Job
from pipelines.shared.reports import ProgressCallback, ReportedError, RunReport

__all__ = ["AuditConfig", "AuditResult", "MisalignedPairsError", "advice_for", "audit_pairs"]

_MANY = 0.2
"""A share of pairs off, as measured, from which on it is told why the set does not fail."""

_NAMED = 3
"""So many pairs that lie off are told by name; JSON has all."""


class MisalignedPairsError(ReportedError):
    """LR does not lie where HR lies: whatever else is right, training on this blurs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditConfig:
    """The settings of ``degrade audit``.

    Attributes
    ----------
    pairs : Path
        A folder of pairs, built or imported.
    photos : tuple of Path
        The photos that LR shall look like: files, folders, manifests.
    seed : int
        Of folds, intervals and the null.
    max_pixels : int
        Larger photos are rejected before they are decoded.
    """

    pairs: Path
    photos: tuple[Path, ...]
    seed: int = 0
    max_pixels: int = MAX_PIXELS


@dataclass(frozen=True, slots=True)
class AuditResult:
    """The report, and what a picture is drawn of: the photos, and each kind of LR."""

    report: RunReport
    comparison: Comparison
    photos: tuple[PhotoFeatures, ...]
    lr: dict[str, tuple[PhotoFeatures, ...]]


def audit_pairs(
    config: AuditConfig,
    *,
    executor: Executor | None = None,
    on_progress: ProgressCallback | None = None,
) -> AuditResult:
    """Compare the LR of pairs with photos, and LR with HR.

    Parameters
    ----------
    config : AuditConfig
    executor : Executor or None
        Where photos and pairs are measured; None: every core when there are many.
    on_progress : callable or None
        Called with (photos done, photos in all), those of pairs included.

    Raises
    ------
    MisalignedPairsError
        LR of all pairs, or of some for sure, lies off by more than 0.05 LR pixels; with the whole
        report.
    DegradeError
        There are no pairs or photos that can be used, or fewer than two of either.
    """
    job = Job("audit", "photo", on_progress)
    with open_pairs(config.pairs) as reader:
        groups = choose_pairs(reader)
        lr_side = window_for([min(record.lr_shape[:2]) for record in reader.records])
        tell_pairs(job, reader)
        changes = advice_for(reader.run)
    photos = find_set(job, config.photos, max_pixels=config.max_pixels)
    side = min(lr_side, window_for([min(photo.height, photo.width) for photo in photos]))
    total = len(groups) + len(photos)
    figures = measure_pairs(job, config.pairs, groups, side, executor=executor, done=0, total=total)
    measured = measure_set(
        job,
        photos,
        side,
        max_pixels=config.max_pixels,
        executor=executor,
        done=len(groups),
        total=total,
    )
    refuse_single(job, printable(config.pairs), len(figures))
    where = ", ".join(printable(path) for path in config.photos)
    refuse_single(job, where, len(measured.keys))
    tell_cameras(job, where, measured)
    comparison = _compare(measured, figures, LR, config.seed)
    tell_comparison(job, comparison, subject="LR", changes=changes)
    _tell_beside(job, measured, figures, config.seed)
    agreements = {key: each for figure in figures for key, each in figure.agreements.items()}
    agreement = summarise_agreement(list(agreements.values()))
    off = [key for key, each in agreements.items() if each.surely_off]
    _tell_agreement(job, agreement, off)
    lr = {
        name: tuple(figure.features[name] for figure in figures) for name in (LR, BICUBIC, GAUSSIAN)
    }
    tell_spectra(job, {"photos": measured.features, **lr})
    report = job.report(len(figures) + len(measured.keys))
    if agreement.lies_off:
        raise MisalignedPairsError(
            f"{printable(config.pairs)}: LR lies off HR, {_shift_words(agreement, off)}; "
            "a model trained on this learns to blur or to move",
            report,
        )
    return AuditResult(report, comparison, measured.features, lr)


def tell_pairs(job: Job, reader: PairReader) -> None:
    """Report what keeps LR from being what training sees."""
    settings = reader.run.get("settings", {})
    if isinstance(settings, dict) and settings.get("noise") == "defer":
        job.found(
            "deferred",
            "noise was left to training, so these LR have none: judge a set with `noise=bake`",
        )


def advice_for(run: Mapping[str, Any]) -> dict[str, str]:
    """Return what to change by what is found; where a run's pairs have JPEG, none is advised."""
    settings = run.get("settings")
    try:
        entries = recipe_of_run(settings if isinstance(settings, dict) else {}).entries
    except InvalidValueError:  # of another version, or damaged
        entries = ()
    if not any(entry.kind == Jpeg.kind and entry.probability > 0 for entry in entries):
        return dict(CHANGES)
    kept = {name: words for name, words in CHANGES.items() if name != "fewer JPEG blocks"}
    return kept | {"sharper colours": CHANGES["sharper colours"].partition(";")[0]}


def _compare(
    measured: MeasuredSet, figures: Sequence[PairFigures], name: str, seed: int
) -> Comparison:
    return compare_sets(
        measured.features,
        [figure.features[name] for figure in figures],
        rng_for(seed, "audit", name),
        first_keys=measured.keys,
        second_keys=[figure.key for figure in figures],
    )


def _tell_beside(
    job: Job, measured: MeasuredSet, figures: Sequence[PairFigures], seed: int
) -> None:
    """Report what the same classifier says of other LR, and of the photos among themselves."""
    others = {
        f"{name} LR of the same HR": _compare(measured, figures, name, seed)
        for name in (BICUBIC, GAUSSIAN)
    }
    count = len(measured.features)
    if count >= 2 * LEAST_PAIRS:
        order = rng_for(seed, "audit", "halves").permutation(count)
        halves = [
            [measured.features[i] for i in sorted(part)] for part in (order[::2], order[1::2])
        ]
        others["one half of the photos against the other"] = compare_sets(
            halves[0], halves[1], rng_for(seed, "audit", "floor")
        )
    for name, found in others.items():
        job.found(
            "beside", f"beside it, {name}: {found.verdict}", of=name, **comparison_values(found)
        )


def _tell_agreement(job: Job, found: Agreement, off: Sequence[str]) -> None:
    judged = "fails" if found.lies_off else "as it should be" if found.known else "not known"
    job.found(
        "alignment",
        f"alignment {judged}: {_shift_words(found, off)}",
        shift=list(found.shift) if found.known else None,
        shifted=found.shifted if found.known else None,
        pairs=found.pairs,
        known=found.known,
        off=list(off),
        fails=found.lies_off,
    )
    bias = ", ".join(f"{name} {b:+.2f}" for name, b in zip("RGB", found.bias, strict=True))
    judged = "off" if found.is_biased else "as it should be"
    words = f"brightness and colours {judged}: LR less HR {bias} grey levels"
    job.found("bias", words, bias=list(found.bias), fails=found.is_biased)
    judged = "too much of it" if found.is_clipped else "as it should be"
    words = f"clipping {judged}: {found.clipped:.2%} of LR's values, where HR is not clipped"
    job.found("clipping", words, clipped=found.clipped, fails=found.is_clipped)


def _shift_words(found: Agreement, off: Sequence[str]) -> str:
    if not found.known:
        return f"of {counted(found.pairs, 'pair')} none has enough in it to be registered"
    rows, columns = found.shift
    words = (
        f"median shift {rows:+.3f} rows and {columns:+.3f} columns (LR pixels), "
        f"{found.shifted:.0%} of {counted(found.known, 'pair')} beyond 0.05"
    )
    if off:
        named = ", ".join(printable(key) for key in off[:_NAMED])
        more = f" and {len(off) - _NAMED} more" if len(off) > _NAMED else ""
        return f"{words}, for sure {named}{more}"
    if found.shifted > _MANY and not found.lies_off:
        return f"{words}, by no more than noise moves what is measured"
    return words

"""``degrade match``: a recipe whose LR looks like the camera's photos, made by a closed loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from degrade.audit.closed_loop import Gain, gap_doubt, mean_response
from degrade.audit.comparison import Comparison
from degrade.audit.directions import response_by_direction
from degrade.audit.features import PhotoFeatures
from degrade.degradation import Recipe
from degrade.errors import DegradeError, InvalidValueError, printable
from degrade.kernels import BlurKernel
from degrade.pool import DegradationPool
from degrade.pool.records import KernelRecord
from pipelines.executors import Executor
from pipelines.matching.camera_gains import (
    cameras_of_kernels,
    directions_by_camera,
    gains_by_camera,
)
from pipelines.matching.diff import without_common
from pipelines.matching.findings import comparison_values, tell_comparison, tell_spectra
from pipelines.matching.hr_patches import measure_bicubic
from pipelines.matching.match_bench import Bench, make_recipe, training_recipe
from pipelines.matching.match_directions import DirectedResult
from pipelines.matching.match_given import MatchConfig, kernels_of, make_bench
from pipelines.matching.match_kernels import RecipeKernels, recipe_kernels
from pipelines.matching.match_loop import LoopResult, close_loop, gaps_of
from pipelines.matching.match_refine import KernelGroups, Refinement, refine
from pipelines.matching.match_tails import choose_tail, possible_tails
from pipelines.matching.match_words import (
    direction_values,
    figures_of,
    tell_doubt,
    tell_few_colours,
    tell_moves,
    tell_recipe,
    tell_rounds,
    tell_sharpness,
    tell_unchanged,
    tell_uncorrected,
)
from pipelines.matching.photo_sets import find_set
from pipelines.shared.job import Job
from pipelines.shared.reports import ProgressCallback, RunReport
from report.match_sheet import MatchCurves

__all__ = ["MatchConfig", "MatchResult", "match_photos"]

_MOST_RESPONSE = 1.6
"""A kernel that keeps more of a frequency than this sharpens: HR then is softer than the photos."""

_FAR_APART = 1.0
"""dB: so far apart no spectra of scenes are that are matched, from a dozen of each on."""

_SOFT_BANDS = slice(6, 20)


@dataclass(frozen=True, slots=True, eq=False)
class MatchResult:
    """The report, and what a picture is drawn of.

    Attributes
    ----------
    report : RunReport
    recipe : Recipe
    before, after : Comparison
        Of the photos with LR by kernels as they were estimated, and by those of the recipe.
    photos, lr_before, lr_after : tuple of PhotoFeatures
    responses : (2, 24) float64 array
        Mean amplitude that the kernels keep, before and after.
    gaps : tuple of float
        dB, round by round.
    directed : tuple of DirectedResult
        What photos show of direction, each camera's; empty where it was not asked.
    """

    report: RunReport
    recipe: Recipe
    before: Comparison
    after: Comparison
    photos: tuple[PhotoFeatures, ...]
    lr_before: tuple[PhotoFeatures, ...]
    lr_after: tuple[PhotoFeatures, ...]
    responses: tuple[Gain, Gain]
    gaps: tuple[float, ...]
    directed: tuple[DirectedResult, ...]

    def drawn(self) -> MatchCurves:
        """Return what a picture of it is drawn of."""
        sets = {
            "photos": self.photos,
            "LR after": self.lr_after,
            "LR before": self.lr_before,
        }
        shown = max(self.directed, key=lambda one: (one.corrected, len(one.kernels)), default=None)
        by_direction = None if shown is None else (shown.responses[1], shown.gaps)
        comparisons = self.before, self.after
        return MatchCurves(sets, comparisons, self.responses, self.gaps, by_direction)


def match_photos(
    config: MatchConfig,
    *,
    executor: Executor | None = None,
    on_progress: ProgressCallback | None = None,
    on_round: Callable[[str], None] | None = None,
) -> MatchResult:
    """Correct what a pool has measured until LR of clean photos looks like the camera's.

    Nothing is written before all is known; then the kernels and the recipe are added to the pool at
    once, in the place of an earlier match of the scale. The pool is held from the beginning: no
    other run takes it meanwhile. The same inputs give the same recipe.

    Parameters
    ----------
    config : MatchConfig
    executor : Executor or None
        Where photos are measured; None: every core when there are many.
    on_progress : callable or None
        Called with (photos done, photos in all).
    on_round : callable or None
        Told each round as it ends, in words.

    Raises
    ------
    DegradeError
        Photos or HR are too few, the same, too small or show other things; HR is softer than the
        photos; or the pool has no kernel of the scale, is a fingerprint, in use or not writable.
    """
    job = Job("match", "photo", on_progress)
    pool = DegradationPool.open(config.pool)
    if pool.is_fingerprint:
        raise InvalidValueError(
            f"{printable(config.pool)} is a fingerprint, and nothing can be added to it"
        )
    with pool.writing():
        return _match(job, pool, config, executor, on_round)


def _match(
    job: Job,
    pool: DegradationPool,
    config: MatchConfig,
    executor: Executor | None,
    on_round: Callable[[str], None] | None,
) -> MatchResult:
    photos = find_set(job, config.photos, max_pixels=config.max_pixels)
    clean = find_set(job, config.hr, max_pixels=config.max_pixels)
    photos, clean = without_common(job, photos, clean, (config.photos[0], config.hr[0]))
    records = kernels_of(job, pool, config, photos)
    bench = make_bench(job, pool, config, photos, clean, executor)
    kernels = {record.id: pool.read_kernel(record.id) for record in records}
    found = _closed(job, bench, kernels, on_round)
    lr_before = bench.lr(kernels, found.tail)
    found = gains_by_camera(job, bench, kernels, found, records, on_round)
    begun: Mapping[str, BlurKernel] = kernels
    refinement: Refinement | None = None
    if config.aim == "match":
        refinement, moved, found = _refined(job, bench, found, records, on_round)
        begun = moved if refinement.changes else kernels  # of what the gains are
    directed: tuple[DirectedResult, ...] = ()
    if config.directions == "auto":
        found, directed = directions_by_camera(job, bench, begun, found, records, on_round)
    tell_uncorrected(job, records, [key for key in begun if found.kernels[key] is begun[key]])
    lr_after = found.lr or tuple(bench.lr(found.kernels, found.behind_blur))
    doubt = gap_doubt(*bench.matched(lr_after))
    drawn = recipe_kernels(job, bench, records, kernels, found.kernels, config, doubt)
    told = [found.kernels[record.id] for record in records]
    _refuse_soft(job, bench, told, [kernel for kernel, _ in drawn.corrected], config)
    outcome = _Outcome(
        kernels, tuple(lr_before), found, refinement, directed, lr_after, doubt, drawn
    )
    return _finished(job, pool, config, bench, outcome)


@dataclass(frozen=True, slots=True, eq=False)
class _Outcome:
    """What a match has come to, before anything is written."""

    kernels: Mapping[str, BlurKernel]
    """As they were estimated, as ``lr_before`` is of them."""

    lr_before: tuple[PhotoFeatures, ...]
    found: LoopResult
    refinement: Refinement | None
    directed: tuple[DirectedResult, ...]
    lr_after: tuple[PhotoFeatures, ...]
    doubt: Gain
    drawn: RecipeKernels


def _closed(
    job: Job,
    bench: Bench,
    kernels: Mapping[str, BlurKernel],
    on_round: Callable[[str], None] | None,
) -> LoopResult:
    """Choose what follows the blur, and correct kernels."""
    tails = possible_tails(bench.pool, bench.scale)
    tail = choose_tail(bench, kernels, tails)
    found = close_loop(bench, kernels, tail, on_round=on_round)
    again = choose_tail(bench, found.kernels, tails, found.colours)
    if again != tail:  # with corrected kernels noise is judged better; it wants its own loop
        found = close_loop(bench, kernels, again, on_round=on_round)
    tell_rounds(job, found)
    return found


def _refined(
    job: Job,
    bench: Bench,
    found: LoopResult,
    records: Sequence[KernelRecord],
    on_round: Callable[[str], None] | None,
) -> tuple[Refinement, Mapping[str, BlurKernel], LoopResult]:
    """Correct what rounds cannot, and go on with rounds; return kernels before their gain too."""
    photos = {one.id: one.provenance.source_sha256 or one.id for one in records}
    groups = KernelGroups(cameras_of_kernels(bench, records), photos)
    refinement, moved, refined = refine(bench, found, groups, on_round)
    tell_rounds(job, refined, after=len(found.rounds))
    job.found("refined", refinement.words(), **refinement.values())
    if refinement.towards_mean:
        left = [key for key in moved if moved[key] is found.kernels[key]]
        tell_unchanged(job, "unmoved", "moved nearer to the mean", records, left)
    return refinement, moved, refined


def _refuse_soft(
    job: Job,
    bench: Bench,
    corrected: Sequence[BlurKernel],
    drawn: Sequence[BlurKernel],
    config: MatchConfig,
) -> None:
    """Tell how sharp HR is, and refuse HR that would have to be sharpened.

    Parameters
    ----------
    job : Job
    bench : Bench
    corrected, drawn : sequences of BlurKernel
        By which LR looks like the photos; and those for training, moved and made sharper.
    config : MatchConfig
    """
    bicubic = measure_bicubic(bench.hr, bench.scale)
    words = tell_sharpness(job, bench.photos, bicubic)
    smaller = "halve it: `clean_up=2`" if config.clean_up == 1 else "make it smaller first"
    most = _most_kept(corrected)
    if most > _MOST_RESPONSE:
        raise DegradeError(
            f"HR is softer than the photos: LR looks like them only when HR is sharpened "
            f"×{most:.1f}; {words}. Give sharper HR, or {smaller}"
        )
    most = _most_kept(drawn)
    if most > _MOST_RESPONSE:
        raise DegradeError(
            f"kernels for training would sharpen HR ×{most:.1f}, more than ×{_MOST_RESPONSE:g}; "
            f"{words}. Give a smaller `sharper`, or sharper HR, or {smaller}"
        )


def _most_kept(kernels: Sequence[BlurKernel]) -> float:
    """Return the most amplitude that kernels keep in the mean, of any direction and frequency."""
    # Of all directions: HR that moved is soft along one alone.
    response = np.mean([response_by_direction(kernel) for kernel in kernels], axis=0)
    return float(response[:, _SOFT_BANDS].max())


def _finished(
    job: Job, pool: DegradationPool, config: MatchConfig, bench: Bench, outcome: _Outcome
) -> MatchResult:
    """Tell what LR is like now, and add kernels and recipe to the pool."""
    found, kernels, lr_after = outcome.found, outcome.kernels, outcome.lr_after
    before, after = bench.compared(outcome.lr_before), bench.compared(lr_after)
    trains = config.aim == "train"
    of = "before, kernels as they were estimated"
    job.found("before", f"{of}: {before.verdict}", of=of, **comparison_values(before))
    tell_comparison(job, after, subject="LR", of=f"after, {figures_of(config.aim)}")
    tell_spectra(
        job, {"photos": bench.photos, "LR after": lr_after, "LR before": outcome.lr_before}
    )
    tell_doubt(job, outcome.doubt, config.sharper)
    tell_moves(job, outcome.drawn.moves)
    tell_few_colours(job, *bench.matched(lr_after))
    recipe = (training_recipe if trains else make_recipe)(found.behind_blur)
    gap, colour_gap = gaps_of(bench, lr_after)
    if gap > _FAR_APART:
        words = (
            f"spectra stay {gap:.1f} dB apart: no gain makes such LR of this HR. It may be softer "
            "than the photos, enlarged, or show other things"
        )
        job.found("stays_apart", words, gap=round(gap, 4))
    facts: dict[str, Any] = {
        "aim": config.aim,
        "photos": len(bench.photos),
        "hr": len(bench.hr.keys),
        "gap": round(gap, 4),
        "colour_gap": round(colour_gap, 4),
        "figures_of": f"LR by {figures_of(config.aim)}",
        "directions": [direction_values(each) for each in outcome.directed if each.corrected],
    }
    if outcome.refinement is not None:
        facts["refined"] = outcome.refinement.values()
    if config.clean_up != 1:
        facts["clean_up"] = config.clean_up
    if config.sharper:
        facts["sharper"] = config.sharper
    if trains:
        facts["prior"] = config.prior
    match = pool.add_match(outcome.drawn.described(config), recipe, config.scale, facts)
    tell_recipe(
        job,
        recipe,
        len(match.values["kernels"]),
        own=bool(outcome.drawn.own),
        pool=config.pool,
        hr=config.hr,
        scale=config.scale,
    )
    return MatchResult(
        job.report(len(bench.photos)),
        recipe,
        before,
        after,
        bench.photos,
        outcome.lr_before,
        lr_after,
        (mean_response([*kernels.values()]), mean_response([*found.kernels.values()])),
        tuple(one.gap for one in found.rounds),
        outcome.directed,
    )

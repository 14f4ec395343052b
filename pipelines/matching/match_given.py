"""What a match is given: its settings, the kernels that it begins with, photos and HR measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from degrade.audit.features import LARGEST_WINDOW, SMALLEST_SIDE
from degrade.audit.two_sample import LEAST_PAIRS
from degrade.degradation.index import MATCHED
from degrade.errors import DegradeError, InvalidValueError, as_typed, printable
from degrade.geometry import Scale, as_scale, lr_side, lr_unit
from degrade.images.image_io import MAX_PIXELS
from degrade.pool import DegradationPool
from degrade.pool.records import KernelRecord
from degrade.wording import counted
from pipelines.executors import Executor
from pipelines.matching.diff import tell_cameras
from pipelines.matching.hr_patches import HRPatches, cut_patches
from pipelines.matching.match_bench import Bench
from pipelines.matching.photo_sets import MeasuredSet, measure_set, why_fewer, window_for
from pipelines.shared.job import Job
from pipelines.shared.photo_scan import ScannedPhoto
from pipelines.shared.reports import read_rejects, usual_reason

__all__ = ["MOST_SHARPER", "MatchConfig", "kernels_of", "make_bench"]

MOST_SHARPER = 4.0
"""Standard errors: beyond it kernels are no longer those of the photos."""

_REACH = 5
"""LR pixels that corrected kernels reach at most, beyond those of larger ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchConfig:
    """The settings of ``degrade match``.

    Attributes
    ----------
    photos : tuple of Path
        The photos that LR shall look like.
    pool : Path
        What `build-pool` has measured in them; the recipe is kept there.
    hr : tuple of Path
        Clean photos of other scenes, as pairs will be made of.
    scale : Scale
    aim : {"train", "match"}
        ``match``: LR that cannot be told from the photos. ``train``: half of it with kernels as
        they were estimated, light that adds up, and white noise of 2 grey levels, the error of the
        model: what can be told, and helps training.
    directions : {"auto", "none"}
        Whether kernels get more gain in some directions than in others, where photos show it.
    prior : {"cameras", "none"}
        ``cameras``: kernels for training that are softer than cameras usually are go a third of
        the way there, for spectra of other scenes may err by as much; those of photos far softer
        than any camera's stay. ``none``: kernels keep what spectra tell.
    clean_up : int
        1 takes HR as it is, 2 halves it first; what uses the match does the same.
    sharper : float
        Kernels for training keep more by so many standard errors of what spectra tell, 0 to
        :data:`MOST_SHARPER`.
    seed : int
    max_pixels : int
        Larger photos are rejected before they are decoded.
    """

    photos: tuple[Path, ...]
    pool: Path
    hr: tuple[Path, ...]
    scale: Scale = 4
    aim: Literal["train", "match"] = "train"
    directions: Literal["auto", "none"] = "auto"
    prior: Literal["cameras", "none"] = "cameras"
    clean_up: int = 1
    sharper: float = 0.0
    seed: int = 0
    max_pixels: int = MAX_PIXELS

    def __post_init__(self) -> None:
        object.__setattr__(self, "scale", as_scale(self.scale))
        if self.aim not in ("train", "match"):
            raise InvalidValueError(f"aim must be train or match, got {self.aim!r}")
        if self.directions not in ("auto", "none"):
            raise InvalidValueError(f"directions must be auto or none, got {self.directions!r}")
        if self.prior not in ("cameras", "none"):
            raise InvalidValueError(f"prior must be cameras or none, got {self.prior!r}")
        if self.clean_up not in (1, 2):
            raise InvalidValueError(f"clean_up must be 1 or 2, got {self.clean_up}")
        if not 0 <= self.sharper <= MOST_SHARPER:
            raise InvalidValueError(f"sharper must be 0 to {MOST_SHARPER:g}, got {self.sharper:g}")
        if self.sharper and self.aim == "match":
            raise InvalidValueError(
                "`sharper` is for training: LR by `aim=match` is as sharp as the photos"
            )


def kernels_of(
    job: Job, pool: DegradationPool, config: MatchConfig, photos: Sequence[ScannedPhoto]
) -> list[KernelRecord]:
    """Return the kernels of these photos; of none, all of the scale."""
    estimated = [
        record
        for record in pool.kernels
        if record.scale == config.scale and record.provenance.method != MATCHED
    ]
    if not estimated:
        names = {photo.name for photo in photos}
        refused = [one for one in read_rejects(config.pool) if Path(one.path).name in names]
        if names <= {Path(one.path).name for one in refused}:  # to measure them again is no help
            raise DegradeError(
                f"{printable(config.pool)} has no ×{config.scale} kernel to begin with, and the "
                f"last run refused all of these photos: {usual_reason(refused)}"
            )
        raise DegradeError(
            f"{printable(config.pool)} has no ×{config.scale} kernel to begin with: run "
            f"`degrade build-pool {as_typed(config.photos[0])} scale={config.scale} "
            f"pool={as_typed(config.pool)}`"
        )
    known = {photo.sha256 for photo in photos}
    own = [record for record in estimated if record.provenance.source_sha256 in known]
    if not own:
        words = (
            f"no kernel of the pool is of these photos: the {counted(len(estimated), 'kernel')} "
            "that it has are begun with"
        )
        job.found("begun_with", words, kernels=len(estimated))
        return estimated
    measured = len(known & {record.provenance.source_sha256 for record in own})
    if measured < len(known):
        words = (
            f"the pool has kernels of {measured} of the {counted(len(known), 'photo')}: LR is made "
            "with these alone, and looks like all; `degrade build-pool` measures the others"
        )
        job.found("begun_with", words, kernels=len(own), photos=measured)
    return own


def make_bench(
    job: Job,
    pool: DegradationPool,
    config: MatchConfig,
    photos: Sequence[ScannedPhoto],
    clean: Sequence[ScannedPhoto],
    executor: Executor | None,
) -> Bench:
    """Measure the photos, and cut HR."""
    for what, given in (("photo", photos), ("HR photo", clean)):
        if len(given) < LEAST_PAIRS:
            raise DegradeError(
                f"{counted(len(given), what)}: at least {LEAST_PAIRS} are needed, and some tens "
                f"for a match that one can rely on{why_fewer(job)}"
            )
    side = _side(config, photos, clean)
    kwargs = {"max_pixels": config.max_pixels}
    measured = measure_set(
        job, photos, side, executor=executor, done=0, total=len(photos), **kwargs
    )
    tell_cameras(job, "the photos", measured)
    if config.clean_up == 2:
        job.found("clean_up", "HR photos are halved first (`clean_up=2`)", clean_up=2)
    largest = max(record.size for record in pool.kernels) // 2
    # Each gain that a kernel is given may centre it anew, which takes a tap more to each side.
    reach = max(round(_REACH * float(config.scale)), largest) + 8 * lr_unit(config.scale)
    hr = cut_patches(job, clean, side, config.scale, reach, config.clean_up, **kwargs)
    _refuse_few(job, measured, hr)
    return Bench(pool, hr, measured.features, measured.keys, config.scale, config.seed)


def _side(
    config: MatchConfig, photos: Sequence[ScannedPhoto], clean: Sequence[ScannedPhoto]
) -> int:
    """Return the side of LR, and of the photos' windows, in LR pixels."""
    of_photos = window_for([min(photo.height, photo.width) for photo in photos])
    smallest = [min(photo.height, photo.width) // config.clean_up for photo in clean]
    sides = sorted(lr_side(each, config.scale) for each in smallest)
    large = [side for side in sides if side >= SMALLEST_SIDE] or sides[-1:]
    side = min(of_photos, LARGEST_WINDOW, large[len(large) // 10])
    side -= side % lr_unit(config.scale)
    if side < SMALLEST_SIDE:
        least = SMALLEST_SIDE * float(config.scale) * config.clean_up
        halved = ", halved first (`clean_up=2`)" if config.clean_up == 2 else ""
        raise DegradeError(
            f"HR photos are too small: LR of {side} pixels, at least {SMALLEST_SIDE} are needed, "
            f"which takes HR of {least:.0f}{halved}"
        )
    return side


def _refuse_few(job: Job, measured: MeasuredSet, hr: HRPatches) -> None:
    for what, count in (("photos", len(measured.keys)), ("HR photos", len(hr.keys))):
        if count < LEAST_PAIRS:
            raise DegradeError(
                f"only {count} of the {what} can be used, at least {LEAST_PAIRS} are needed"
                f"{why_fewer(job)}"
            )

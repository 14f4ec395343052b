"""The kernels of a match's recipe: corrected; for training moved towards what cameras keep."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

import degrade
from degrade.audit.camera_prior import LEAST_AMPLITUDE, MOST_SHARE, CameraMove, towards_cameras
from degrade.audit.closed_loop import FIXED_BANDS, NO_GAIN, Gain, corrected_kernel, mean_response
from degrade.degradation.index import MATCHED
from degrade.kernels import BlurKernel
from degrade.pool.camera_groups import CameraGroup
from degrade.pool.records import KernelRecord, Provenance
from degrade.pool.region_records import REGION_VALUES
from pipelines.matching.camera_gains import cameras_of_kernels
from pipelines.matching.match_bench import Bench
from pipelines.matching.match_given import MatchConfig
from pipelines.matching.match_words import tell_unchanged
from pipelines.shared.job import Job

__all__ = ["RecipeKernels", "recipe_kernels"]

_OWN_WAY = 0.5
"""Of the way to where the corrected ones are that kernels as estimated go: their mean errs, too, by
other causes, and networks learn more where kernels differ. Less where the move is less than a
whole one."""


@dataclass(frozen=True, slots=True, eq=False)
class RecipeKernels:
    """The kernels that a recipe draws.

    Attributes
    ----------
    corrected : tuple of (BlurKernel, KernelRecord)
        With the record that each comes of.
    own : tuple of (BlurKernel, KernelRecord)
        As they were estimated, but for what all of them are given.
    moves : tuple of (str, CameraMove)
        Towards what cameras keep: of which camera, by its name, or "" for all others.
    """

    corrected: tuple[tuple[BlurKernel, KernelRecord], ...]
    own: tuple[tuple[BlurKernel, KernelRecord], ...] = ()
    moves: tuple[tuple[str, CameraMove], ...] = ()

    def described(self, config: MatchConfig) -> list[tuple[BlurKernel, Provenance]]:
        """Return all of them, with what a pool keeps of where each is from."""
        return [(made, _provenance(record, config)) for made, record in self.corrected + self.own]


def recipe_kernels(
    job: Job,
    bench: Bench,
    records: Sequence[KernelRecord],
    estimated: Mapping[str, BlurKernel],
    corrected: Mapping[str, BlurKernel],
    config: MatchConfig,
    doubt: Gain,
) -> RecipeKernels:
    """Return the kernels that a recipe draws.

    To look like the photos: corrected ones. For training: these, and those of the matched photos as
    they were estimated, for networks learn more where kernels differ more; both are moved towards
    what cameras keep, camera by camera, and made sharper, where that is asked.

    Parameters
    ----------
    job : Job
        Told of kernels that could not be changed.
    bench : Bench
    records : sequence of KernelRecord
    estimated, corrected : mapping of str to BlurKernel
        By the ids of the records.
    config : MatchConfig
    doubt : (24,) float64 array
        As :func:`degrade.audit.closed_loop.gap_doubt` gives it.
    """
    made = [(corrected[record.id], record) for record in records]
    if config.aim == "match":
        return RecipeKernels(tuple(made))
    known = set(bench.keys)  # kernels of other photos would be of another blur
    own = [
        (corrected_kernel(estimated[one.id], NO_GAIN), one)  # of whole taps
        for one in records
        if one.provenance.source_sha256 in known
    ]
    gains = _Gains(dict.fromkeys(corrected, NO_GAIN), dict.fromkeys(corrected, NO_GAIN))
    if config.prior == "cameras":
        gains = _towards_cameras(cameras_of_kernels(bench, records), estimated, corrected)
    more = config.sharper * doubt
    stay: set[str] = set()

    def changed(kernel: BlurKernel, record: KernelRecord, gain: Gain) -> BlurKernel:
        if not gain.any():
            return kernel
        moved = corrected_kernel(kernel, gain)
        if moved is kernel:
            stay.add(record.id)
        return moved

    drawn = RecipeKernels(
        tuple((changed(each, one, gains.corrected[one.id] + more), one) for each, one in made),
        tuple((changed(each, one, gains.own[one.id] + more), one) for each, one in own),
        tuple(gains.moves),
    )
    tell_unchanged(job, "unmoved", "moved, or made sharper", records, sorted(stay))
    return drawn


@dataclass(frozen=True, slots=True, eq=False)
class _Gains:
    """By kernels' ids; and the moves that they are of."""

    corrected: dict[str, Gain]
    own: dict[str, Gain]
    moves: list[tuple[str, CameraMove]] = field(default_factory=list)


def _towards_cameras(
    cameras: Mapping[str, CameraGroup],
    estimated: Mapping[str, BlurKernel],
    corrected: Mapping[str, BlurKernel],
) -> _Gains:
    """Return gains that move kernels, each camera's by its own; of others one for all."""
    groups: Mapping[CameraGroup | None, list[str]] = defaultdict(list)
    for key in corrected:
        groups[cameras.get(key)].append(key)
    found = _Gains({}, {})
    for group, keys in groups.items():
        response, estimate = (
            np.maximum(mean_response([each[key] for key in keys]), LEAST_AMPLITUDE)
            for each in (corrected, estimated)
        )
        move = towards_cameras(response)
        own = NO_GAIN
        if move.share:
            wanted = move.gain + np.log(response / estimate)
            own = _OWN_WAY * move.share / MOST_SHARE * wanted
            own[:FIXED_BANDS] = 0
        found.corrected.update(dict.fromkeys(keys, move.gain))
        found.own.update(dict.fromkeys(keys, own))
        found.moves.append(("" if group is None else group.name, move))
    return found


def _provenance(record: KernelRecord, config: MatchConfig) -> Provenance:
    known = record.provenance
    settings: dict[str, str | float] = {"kernel": record.id, "aim": config.aim}
    if config.aim == "train":
        settings["prior"] = config.prior
    if config.sharper:
        settings["sharper"] = config.sharper
    return Provenance(
        source_name=known.source_name,
        source_sha256=known.source_sha256,
        box=known.box,
        method=MATCHED,
        settings=settings,
        tool_version=degrade.__version__,
        # Where a region is, so that a photo's regions keep the chance of one kernel.
        values={name: known.values[name] for name in REGION_VALUES if name in known.values},
    )

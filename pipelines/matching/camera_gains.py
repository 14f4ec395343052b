"""Gains for each camera of a set: two cameras' photos have no common error that one gain mends."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from degrade.errors import DegradeError, printable
from degrade.kernels import BlurKernel
from degrade.pool.camera_groups import CameraGroup
from degrade.pool.camera_kernels import cameras_of
from degrade.pool.records import KernelRecord
from pipelines.matching.match_bench import Bench
from pipelines.matching.match_directions import DirectedResult, correct_directions
from pipelines.matching.match_loop import LoopResult, Start, close_loop, gaps_of
from pipelines.matching.match_words import tell_direction
from pipelines.shared.job import Job

__all__ = ["cameras_of_kernels", "directions_by_camera", "gains_by_camera"]

LEAST_PHOTOS = 20
"""Photos of a camera, and kernels of these, from which on it has a gain of its own: with 16 against
16 scenes spectra differ by half a dB by chance."""


def gains_by_camera(
    job: Job,
    bench: Bench,
    begun: Mapping[str, BlurKernel],
    found: LoopResult,
    records: Sequence[KernelRecord],
    on_round: Callable[[str], None] | None,
) -> LoopResult:
    """Return a match whose kernels have the gain of their camera, where it has photos enough.

    Photos are of one camera as the pool groups them: make, model, lens, focal length, class of ISO
    and size; or as the user named them. Kernels of others keep the gain of all.

    Parameters
    ----------
    job : Job
        Told of each camera.
    bench : Bench
    begun : mapping of str to BlurKernel
        The kernels that the match began with, by id.
    found : LoopResult
        With one gain for all.
    records : sequence of KernelRecord
        Of the kernels that the match began with.
    on_round : callable or None
        Told each round, in words.
    """
    groups = _large_groups(bench, records)
    if len(groups) < 2:
        _tell_one_for_all(job, bench, len(groups))
        return found
    kernels, gains = dict(found.kernels), dict(found.gains)
    for group, photos in groups.items():
        own = _of_photos(bench, photos)
        name = printable(group.name)
        ids = [one.id for one in records if one.provenance.source_sha256 in photos]
        own_kernels = {key: begun[key] for key in ids}
        tell = None if on_round is None else _prefixed(on_round, name)
        common = {key: found.kernels[key] for key in ids}
        try:
            with_common = gaps_of(own, own.lr(common, found.behind_blur))[0]
            start = Start(colours=found.colours, keeps_colours=True)
            loop = close_loop(own, own_kernels, found.tail, start=start, on_round=tell)
        except DegradeError as error:  # too few of them show what HR shows
            job.found("camera_gain", f"{name} keeps the gain of all: {error}", camera=group.name)
            continue
        with_own = min(one.gap for one in loop.rounds)
        is_better = with_own < with_common
        has = "a gain" if is_better else "no gain"
        words = (
            f"{name}, {len(own.keys)} photos: {has} of its own, spectra {with_own:.2f} dB apart "
            f"with it, {with_common:.2f} with that of all"
        )
        gaps = {"own": with_own, "common": with_common}
        job.found("camera_gain", words, camera=group.name, photos=len(own.keys), **gaps)
        if is_better:
            kernels.update(loop.kernels)
            gains.update(loop.gains)
    return replace(found, kernels=kernels, gains=gains, lr=None)


def directions_by_camera(
    job: Job,
    bench: Bench,
    begun: Mapping[str, BlurKernel],
    found: LoopResult,
    records: Sequence[KernelRecord],
    on_round: Callable[[str], None] | None,
) -> tuple[LoopResult, tuple[DirectedResult, ...]]:
    """Return a match whose kernels have more gain in some directions, where photos show it.

    Each camera that has photos enough for a gain of its own is asked by itself; of fewer than two,
    all photos together.

    Parameters
    ----------
    job, bench, begun, found, records, on_round
        As for :func:`gains_by_camera`.
    """
    groups = _large_groups(bench, records)
    parts: list[tuple[str, Bench, set[str]]] = [("", bench, set(found.kernels))]
    if len(groups) >= 2:
        parts = []
        for group, photos in groups.items():
            own = {one.id for one in records if one.provenance.source_sha256 in photos}
            parts.append((printable(group.name), _of_photos(bench, photos), own))
    kernels, results = dict(found.kernels), []
    for name, own_bench, keys in parts:
        own_kernels = {key: begun[key] for key in sorted(keys)}
        tell = _prefixed(on_round, name) if on_round is not None and name else on_round
        try:
            result = correct_directions(
                own_bench, own_kernels, found.gains, found.behind_blur, tell
            )
        except DegradeError as error:  # too few of them show what HR shows
            words = f"direction not known: {error}"
            told = f"{name}: {words}" if name else words
            job.found("direction", told, camera=name or None)
            continue
        tell_direction(job, result, name)
        kernels.update(result.kernels)
        results.append(result)
    return replace(found, kernels=kernels, lr=None), tuple(results)


def cameras_of_kernels(bench: Bench, records: Sequence[KernelRecord]) -> dict[str, CameraGroup]:
    """Return the cameras of kernels whose camera has photos enough for a gain of its own.

    Parameters
    ----------
    bench, records
        As for :func:`gains_by_camera`.
    """
    groups = _large_groups(bench, records)
    camera_of = {photo: group for group, photos in groups.items() for photo in photos}
    sources = {record.id: record.provenance.source_sha256 for record in records}
    return {key: camera_of[source] for key, source in sources.items() if source in camera_of}


def _tell_one_for_all(job: Job, bench: Bench, large: int) -> None:
    """Tell that cameras, or settings, share one gain, for too few have photos enough."""
    cameras = cameras_of(bench.pool)
    groups = {cameras[key] for key in bench.keys if key in cameras}
    if len(groups) < 2:
        return
    enough = "one of them has" if large else "none of them has"
    words = (
        f"photos are of {len(groups)} cameras or settings (lens, focal length, ISO, size), and "
        f"{enough} {LEAST_PHOTOS} with a kernel: one gain for all; where they differ, match each "
        "by itself, or give more photos of each"
    )
    job.found("camera_gain", words, cameras=len(groups), large=large)


def _large_groups(
    bench: Bench, records: Sequence[KernelRecord]
) -> dict[CameraGroup, frozenset[str]]:
    """Return the cameras that have photos and kernels enough, by name, each with its photos."""
    cameras = cameras_of(bench.pool)
    photos: Mapping[CameraGroup, set[str]] = defaultdict(set)
    for key in bench.keys:
        if key in cameras:
            photos[cameras[key]].add(key)
    with_kernel = {record.provenance.source_sha256 for record in records}
    return {
        group: frozenset(keys)
        for group, keys in sorted(photos.items(), key=lambda item: (item[0].name, item[0].facts))
        if len(keys & with_kernel) >= LEAST_PHOTOS
    }


def _of_photos(bench: Bench, photos: frozenset[str]) -> Bench:
    kept = [i for i, key in enumerate(bench.keys) if key in photos]
    return replace(
        bench,
        photos=tuple(bench.photos[i] for i in kept),
        keys=tuple(bench.keys[i] for i in kept),
    )


def _prefixed(on_round: Callable[[str], None], name: str) -> Callable[[str], None]:
    return lambda words: on_round(f"{name}: {words}")

"""The photos of a set, each measured in windows of one size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from degrade.audit.features import (
    LARGEST_WINDOW,
    SMALLEST_SIDE,
    PhotoFeatures,
    measure_features,
    windows_of,
)
from degrade.errors import DegradeError, InputError
from degrade.images.sources import Reject, find_images
from degrade.wording import counted
from pipelines.executors import Executor, make_executor
from pipelines.shared.finding_photos import no_photo_error, once_each, scan_photos
from pipelines.shared.job import Job
from pipelines.shared.photo_scan import ScannedPhoto, read_scanned
from pipelines.shared.reports import usual_reason

__all__ = [
    "MOST_PHOTOS",
    "MeasuredSet",
    "even_choice",
    "find_set",
    "measure_set",
    "why_fewer",
    "window_for",
]

MOST_PHOTOS = 400
"""Of larger sets an even choice is measured: more make no statement that these do not."""

_WORTH_WORKERS = 24
_SMALL_SHARE = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredSet:
    """The figures of a set's photos.

    Attributes
    ----------
    keys : tuple of str
        One for each photo: its content's hash.
    features : tuple of PhotoFeatures
    cameras : Counter of str
        How many photos are of which camera, as far as that is known.
    """

    keys: tuple[str, ...]
    features: tuple[PhotoFeatures, ...]
    cameras: Counter[str]


@dataclass(frozen=True, slots=True)
class _Task:
    photo: ScannedPhoto
    side: int
    max_pixels: int


def find_set(job: Job, sources: Sequence[Path], *, max_pixels: int) -> list[ScannedPhoto]:
    """Return an even choice of the photos of ``sources``; what cannot be used goes to the rejects.

    Raises
    ------
    DegradeError
        No photo can be used.
    """
    files, rejects = find_images(sources)
    photos, unreadable = scan_photos(files, max_pixels=max_pixels)
    rejects += unreadable
    if not photos:
        raise no_photo_error(sources, rejects)
    job.rejects += rejects
    job.tell_passed_over(sources)
    found, photos = len(photos), once_each(photos)
    job.tell_copies(found, len(photos))
    if len(photos) > MOST_PHOTOS:
        words = f"of {len(photos)} photos an even choice of {MOST_PHOTOS} is looked at"
        job.found("chosen", words, photos=len(photos), chosen=MOST_PHOTOS)
        photos = [photos[i] for i in even_choice(len(photos), MOST_PHOTOS)]
    return photos


def why_fewer(job: Job) -> str:
    """Return why some of what was given does not count, to end an error with; empty: all does."""
    return f"; refused: {usual_reason(job.rejects)}" if job.rejects else ""


def even_choice(count: int, most: int) -> list[int]:
    """Return at most ``most`` of the numbers below ``count``, evenly spread."""
    chosen = np.unique(np.linspace(0, count - 1, min(count, most)).astype(int))
    return [int(number) for number in chosen]


def window_for(sides: Sequence[int]) -> int:
    """Return the side of the windows for photos with these smaller sides.

    Nine of ten photos that are large enough have at least one window; sets are compared by windows
    of one size.

    Raises
    ------
    DegradeError
        All photos are too small.
    """
    large = [side for side in sides if side >= SMALLEST_SIDE]
    if not large:
        raise DegradeError(
            f"images of {counted(max(sides), 'pixel')} are too small to compare: at least "
            f"{SMALLEST_SIDE} a side are needed"
        )
    return min(int(np.quantile(large, _SMALL_SHARE, method="lower")), LARGEST_WINDOW)


def measure_set(
    job: Job,
    photos: Sequence[ScannedPhoto],
    side: int,
    *,
    max_pixels: int,
    executor: Executor | None,
    done: int,
    total: int,
) -> MeasuredSet:
    """Measure each photo; those that cannot be decoded or are smaller go to the rejects.

    Parameters
    ----------
    job : Job
    photos : sequence of ScannedPhoto
    side : int
        Of the windows.
    max_pixels : int
    executor : Executor or None
        None: every core when there are many photos.
    done, total : int
        What the progress starts from, and what it is of.

    Raises
    ------
    DegradeError
        None is left.
    """
    executor = executor or make_executor(1 if len(photos) < _WORTH_WORKERS else None)
    tasks = [_Task(photo, side, max_pixels) for photo in photos]
    found: dict[int, PhotoFeatures] = {}
    rejects = []
    for number, result in enumerate(executor.run(_measure, tasks), 1):
        photo = photos[result.index]
        try:
            found[result.index] = result.get()
        except InputError as error:
            rejects.append(Reject.from_error(error))
        except DegradeError as error:
            rejects.append(Reject(str(photo.path), str(error)))
        job.progress(done + number, total)
    job.rejects += sorted(rejects, key=lambda reject: reject.path)
    if not found:
        raise DegradeError(
            f"no photo can be used, {counted(len(rejects), 'photo')} rejected: {rejects[0]}"
        )
    order = sorted(found)
    return MeasuredSet(
        keys=tuple(photos[i].sha256 for i in order),
        features=tuple(found[i] for i in order),
        cameras=Counter(photos[i].camera or "unknown" for i in order),
    )


def _measure(task: _Task) -> PhotoFeatures:
    known = task.photo
    if (shorter := min(known.height, known.width)) < task.side:
        size = f"{known.width}×{known.height} pixels are"
        if shorter < SMALLEST_SIDE:
            why, what = f"too few to compare: {SMALLEST_SIDE} a side at least", "give larger photos"
        else:
            why = f"less than the windows of {task.side} in which most photos are compared"
            what = "leave it out"
        raise InputError(known.path, f"{size} {why}", what)
    photo = read_scanned(known.path, known.sha256, max_pixels=task.max_pixels).as_u8()
    return PhotoFeatures.mean_of([measure_features(w) for w in windows_of(photo, task.side)])

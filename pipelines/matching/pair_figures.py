"""The figures of pairs: of LR, of what other degradations make of HR, and how both agree."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

from degrade.arrays import U8Array, round_to_u8
from degrade.audit.alignment import PairAgreement, measure_agreement
from degrade.audit.features import PhotoFeatures, measure_features, windows_of
from degrade.errors import DegradeError
from degrade.images.sources import Reject
from degrade.pairs import PairReader, PairRecord, open_pairs
from degrade.resample import imresize
from pipelines.executors import Executor, make_executor
from pipelines.matching.photo_sets import MOST_PHOTOS, even_choice
from pipelines.shared.job import Job

__all__ = ["BICUBIC", "GAUSSIAN", "LR", "PairFigures", "choose_pairs", "measure_pairs"]

LR, BICUBIC, GAUSSIAN = "LR", "bicubic", "Gaussian"

GAUSSIAN_SIGMA = 0.6
"""LR pixels: what papers blur by."""

_PAIRS_A_PHOTO = 3
_MOST_AGREEMENTS = 64
_CHUNK = 8
_WORTH_WORKERS = 4


@dataclass(frozen=True, slots=True, eq=False)
class PairFigures:
    """The figures of one photo's pairs.

    Attributes
    ----------
    key : str
        The photo's hash, or the pair's key where pairs were imported.
    features : dict of str to PhotoFeatures
        Of LR as it is, and of HR made smaller in other ways.
    agreements : dict of str to PairAgreement
        By the keys of pairs.
    """

    key: str
    features: dict[str, PhotoFeatures]
    agreements: dict[str, PairAgreement]


@dataclass(frozen=True, slots=True)
class _Task:
    folder: Path
    groups: tuple[tuple[str, tuple[int, ...]], ...]
    side: int
    agree: bool


_Problem = tuple[str, str]


def photo_key(record: PairRecord) -> str:
    """Return what tells pairs of one photo from those of others."""
    return record.key if record.plan is None else record.plan.source_sha256


def choose_pairs(reader: PairReader) -> list[tuple[str, tuple[int, ...]]]:
    """Return an even choice of photos and, of each, of its pairs."""
    groups: dict[str, list[int]] = defaultdict(list)
    for number, record in enumerate(reader.records):
        groups[photo_key(record)].append(number)
    names = list(groups)
    chosen = [(names[i], groups[names[i]]) for i in even_choice(len(names), MOST_PHOTOS)]
    return [
        (name, tuple(numbers[i] for i in even_choice(len(numbers), _PAIRS_A_PHOTO)))
        for name, numbers in chosen
    ]


def measure_pairs(
    job: Job,
    folder: Path,
    groups: Sequence[tuple[str, tuple[int, ...]]],
    side: int,
    *,
    executor: Executor | None,
    done: int,
    total: int,
) -> list[PairFigures]:
    """Measure the pairs of each photo; damaged pairs go to the rejects.

    Parameters
    ----------
    job : Job
    folder : Path
    groups : sequence of (str, tuple of int)
        What :func:`choose_pairs` gave.
    side : int
        Of the windows of LR.
    executor : Executor or None
    done, total : int
        What the progress starts from, and what it is of.

    Raises
    ------
    DegradeError
        No pair is left.
    """
    step = max(len(groups) // _MOST_AGREEMENTS, 1)
    tasks = [
        _Task(folder, tuple(groups[i : i + _CHUNK]), side, (i // _CHUNK) % step == 0)
        for i in range(0, len(groups), _CHUNK)
    ]
    executor = executor or make_executor(1 if len(tasks) < _WORTH_WORKERS else None)
    found: dict[int, list[PairFigures]] = {}
    problems: list[_Problem] = []
    for result in executor.run(_measure, tasks):
        task = tasks[result.index]
        if result.value is None:
            problems += [(f"{folder}: {key}", str(result.error)) for key, _ in task.groups]
        else:
            found[result.index] = result.value[0]
            problems += result.value[1]
        done += len(task.groups)
        job.progress(done, total)
    job.rejects += [Reject(where, why) for where, why in sorted(problems)]
    figures = [each for index in sorted(found) for each in found[index]]
    if not figures:
        raise DegradeError(f"no pair can be read: {problems[0][1]}")
    return figures


def _measure(task: _Task) -> tuple[list[PairFigures], list[_Problem]]:
    figures, problems = [], []
    with open_pairs(task.folder) as reader:
        for key, numbers in task.groups:
            parts: dict[str, list[PhotoFeatures]] = defaultdict(list)
            agreements: dict[str, PairAgreement] = {}
            for number in numbers:
                try:
                    lr, hr = reader.read(number)
                except DegradeError as error:
                    problems.append((str(task.folder), str(error)))
                    continue
                if min(lr.shape[:2]) < task.side:
                    height, width = lr.shape[:2]
                    problems.append(
                        (
                            f"{task.folder}: {key}",
                            f"LR of {width}×{height} pixels is less than the windows of "
                            f"{task.side} in which this set is compared",
                        )
                    )
                    continue
                for name, image in {LR: lr, **_twins(lr, hr)}.items():
                    parts[name] += [measure_features(w) for w in windows_of(image, task.side)]
                if task.agree and not agreements:
                    agreements[reader.records[number].key] = measure_agreement(lr, hr)
            if parts:
                means = {name: PhotoFeatures.mean_of(each) for name, each in parts.items()}
                figures.append(PairFigures(key, means, agreements))
    return figures, problems


def _twins(lr: U8Array, hr: U8Array) -> dict[str, U8Array]:
    """Return what bicubic interpolation and a Gaussian make of HR."""
    scale = hr.shape[0] / lr.shape[0]
    levels = hr.astype(np.float32)
    sigma = GAUSSIAN_SIGMA * scale
    blurred = ndimage.gaussian_filter(levels, (sigma, sigma, 0), mode="mirror")
    made = {
        BICUBIC: imresize(levels, 1 / scale),
        GAUSSIAN: imresize(np.asarray(blurred, np.float32), 1 / scale, antialias=False),
    }
    height, width = lr.shape[:2]
    return {name: round_to_u8(each[:height, :width]) for name, each in made.items()}

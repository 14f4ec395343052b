"""``degrade study make``: results of several methods, prepared to be judged by people."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from degrade.arrays import U8Array
from degrade.disk.files import claim_folder, write_atomically
from degrade.disk.locks import folder_lock
from degrade.errors import DegradeError, InputError, InvalidValueError, printable
from degrade.images.image_io import MAX_PIXELS, read_photo
from degrade.images.sources import Reject, SourceFile, hash_file
from degrade.opinions import Kind, plan_trials
from degrade.resample import imresize
from degrade.studies import (
    MOS_QUESTION,
    PAIR_QUESTIONS,
    REFERENCE,
    STUDY_NAME,
    StudyDefinition,
    StudyImage,
    decoy_of,
    encode_definition,
    read_definition,
    write_picture,
)
from degrade.wording import counted
from pipelines.executors import Executor, InProcessExecutor
from pipelines.shared.folder_kinds import FOLDER_KINDS
from pipelines.shared.job import Job
from pipelines.shared.reports import ProgressCallback, RunReport, usual_reason
from pipelines.study.matching import match_sides

__all__ = ["MakeStudyConfig", "make_study"]

_MOST_DECOYS = 32
_LONG = 150
"""Trials from which on few raters come to the end."""

_SECONDS = {"mos": 6, "pairs": 12}
"""That a rater takes for a trial, about."""

_INPUT = "input"
_LONGEST_NAME, _LONGEST_QUESTION = 60, 120


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeStudyConfig:
    """The settings of ``degrade study make``.

    Attributes
    ----------
    study : Path
        The folder to make.
    kind : str
        ``mos``: raters score each result from 1 to 5; ``pairs``: they compare two at a time.
    results : tuple of (str, Path)
        Methods by name, and the folders of their results.
    reference : Path or None
        HR of the same size.
    lr : Path or None
        What the results were made of, shown beside them.
    show_reference : bool
        Show HR beside the results; False: in a study of scores it is judged as one of the methods.
    questions : tuple of str
        What is asked; empty: the usual.
    per_rater : int or None
        Trials of a rater; None: all there are.
    check_every : int
        Trials for each check of attention; 0: none.
    seed, max_pixels : int
    """

    study: Path
    kind: Kind
    results: tuple[tuple[str, Path], ...]
    reference: Path | None = None
    lr: Path | None = None
    show_reference: bool = False
    questions: tuple[str, ...] = ()
    per_rater: int | None = None
    check_every: int = 15
    seed: int = 0
    max_pixels: int = MAX_PIXELS

    def __post_init__(self) -> None:
        names = [name for name, _ in self.results]
        for name in names:
            if not name or len(name) > _LONGEST_NAME or name.casefold() in (REFERENCE, _INPUT):
                raise InvalidValueError(
                    f"`results` must be named by 1 to {_LONGEST_NAME} letters other than "
                    f"'{REFERENCE}' and '{_INPUT}', got {printable(name)[:80]!r}"
                )
            if names.count(name) > 1:
                raise InvalidValueError(f"two of the `results` are named {printable(name)}")
        least = 2 if self.kind == "pairs" else 1
        if len(names) < least:
            raise InvalidValueError(
                f"a study of {self.kind} needs the `results` of {counted(least, 'method')}, "
                f"got {len(names)}"
            )
        if self.show_reference and self.reference is None:
            raise InvalidValueError("`show_reference` needs a `reference` to be shown")
        if self.kind == "mos" and len(self.questions) > 1:
            raise InvalidValueError("a study of scores asks one of the `questions`")
        for question in self.questions:
            if not question.strip() or len(question) > _LONGEST_QUESTION:
                raise InvalidValueError(f"`questions` must have 1 to {_LONGEST_QUESTION} letters")


def make_study(
    config: MakeStudyConfig,
    *,
    executor: Executor | None = None,
    on_progress: ProgressCallback | None = None,
) -> RunReport:
    """Match results by name, and write their pictures and what is asked.

    Given again with the same files and settings, what is there stays, votes included.

    Raises
    ------
    DegradeError
        No image can be used, the folder holds something else or a study made otherwise, or a file
        cannot be written.
    """
    job = Job("study make", "image", on_progress)
    sides = dict(config.results)
    if config.reference is not None:
        sides[REFERENCE] = config.reference
    if config.lr is not None:
        sides[_INPUT] = config.lr
    matched = match_sides(job, sides)
    settings_sha256 = _settings_hash(config, matched)
    claim_folder(config.study, STUDY_NAME, FOLDER_KINDS)
    with folder_lock(config.study):
        if (config.study / STUDY_NAME).exists():
            definition = read_definition(config.study)
            if definition.settings_sha256 != settings_sha256:
                raise DegradeError(
                    f"{printable(config.study)} is a study of other files or settings, whose votes "
                    "would not fit; choose another folder"
                )
            _tell(job, definition)
            return job.report(0, skipped=len(definition.images))
        images: dict[int, StudyImage] = {}
        with job.stoppable():
            decoyed = _decoyed(config, len(matched))
            tasks = [
                _Task(config.study, name, files, n in decoyed, config.max_pixels)
                for n, (name, files) in enumerate(matched)
            ]
            for done, result in enumerate((executor or InProcessExecutor()).run(_make, tasks), 1):
                try:
                    images[result.index] = result.get()
                except InputError as error:
                    job.rejects.append(Reject.from_error(error))
                job.progress(done, len(tasks))
        job.rejects.sort(key=lambda reject: reject.path)
        if job.interrupted is None:
            if not images:
                raise DegradeError(f"no image can be used: {usual_reason(job.rejects)}")
            made = [images[number] for number in sorted(images)]
            definition = _definition(config, made, settings_sha256)
            write_atomically(config.study / STUDY_NAME, encode_definition(definition))
            _tell(job, definition)
    return job.report(len(images))


@dataclass(frozen=True, slots=True)
class _Task:
    study: Path
    name: str
    files: Mapping[str, SourceFile]
    with_decoy: bool
    max_pixels: int


def _decoyed(config: MakeStudyConfig, count: int) -> set[int]:
    if config.check_every == 0:
        return set()
    return set(np.linspace(0, count - 1, min(count, _MOST_DECOYS)).astype(int).tolist())


def _make(task: _Task) -> StudyImage:
    """Write the pictures of one image."""
    pictures = {
        side: read_photo(file.path, max_pixels=task.max_pixels).as_u8()
        for side, file in task.files.items()
    }
    first = next(iter(pictures))
    height, width = pictures[first].shape[:2]
    for side, picture in pictures.items():
        if side == _INPUT:
            pictures[side] = _enlarged(task, picture, (height, width))
        elif picture.shape != pictures[first].shape:
            size = f"{picture.shape[1]}×{picture.shape[0]}"
            raise InputError(
                task.files[side].path,
                f"{size} pixels, and {printable(task.files[first].path)} {width}×{height}",
                "give results of one size; crop the reference to it",
            )
    hashes = {side: write_picture(task.study, picture) for side, picture in pictures.items()}
    decoy = None
    if task.with_decoy:
        squares = decoy_of(pictures.get(REFERENCE, pictures[first]))
        decoy = None if squares is None else write_picture(task.study, squares)
    return StudyImage(
        name=task.name,
        width=width,
        height=height,
        results=tuple(h for side, h in hashes.items() if side not in (REFERENCE, _INPUT)),
        reference=hashes.get(REFERENCE),
        lr=hashes.get(_INPUT),
        decoy=decoy,
    )


def _enlarged(task: _Task, lr: U8Array, size: tuple[int, int]) -> U8Array:
    """Return LR at the results' size, by bicubic interpolation."""
    scales = [large / small for large, small in zip(size, lr.shape[:2], strict=True)]
    scale = max(scales)
    # A pixel less of LR is what cropping HR to whole LR pixels may leave.
    apart = abs(scales[0] - scales[1]) * min(lr.shape[:2])
    if scale < 1 or apart > scale:
        raise InputError(
            task.files[_INPUT].path,
            f"{lr.shape[1]}×{lr.shape[0]} pixels cannot be enlarged to {size[1]}×{size[0]}",
            "give the LR that the results were made of",
        )
    large = imresize(lr.astype(np.float32), scale)
    pixels = np.rint(np.clip(large, 0, 255)).astype(np.uint8)
    return np.ascontiguousarray(pixels[: size[0], : size[1]])


def _settings_hash(
    config: MakeStudyConfig, matched: Sequence[tuple[str, Mapping[str, SourceFile]]]
) -> str:
    """Return the hash of what a study is made of."""
    files = [
        [name, {side: _hashed(file) for side, file in files.items()}] for name, files in matched
    ]
    settings = [config.kind, config.show_reference, config.questions, config.per_rater]
    text = json.dumps([*settings, config.check_every, config.seed, files])
    return hashlib.sha256(text.encode()).hexdigest()


def _hashed(file: SourceFile) -> str:
    try:
        return hash_file(file.path)
    except InputError:
        return ""  # reading it says what is wrong


def _definition(
    config: MakeStudyConfig, images: Sequence[StudyImage], settings_sha256: str
) -> StudyDefinition:
    methods = [name for name, _ in config.results]
    if config.kind == "mos" and config.reference is not None and not config.show_reference:
        methods.append(REFERENCE)
        images = [_with_reference(image) for image in images]
    usual = (MOS_QUESTION,) if config.kind == "mos" else PAIR_QUESTIONS
    return StudyDefinition(
        kind=config.kind,
        methods=tuple(methods),
        questions=config.questions or usual,
        images=tuple(images),
        shows_reference=config.show_reference,
        seed=config.seed,
        per_rater=config.per_rater,
        check_every=config.check_every,
        settings_sha256=settings_sha256,
    )


def _with_reference(image: StudyImage) -> StudyImage:
    """Return an image whose reference is judged, too."""
    return msgspec.structs.replace(image, results=(*image.results, image.reference or ""))


def _tell(job: Job, definition: StudyDefinition) -> None:
    design = definition.design
    trials = plan_trials(design, 0)
    minutes = round(len(trials) * _SECONDS[design.kind] / 60)
    what = "score" if design.kind == "mos" else "pair"
    job.found(
        "study",
        f"{counted(len(definition.methods), 'method')} of {counted(design.images, 'image')}: a "
        f"rater judges {counted(design.votes, what)} and {len(trials) - design.votes} checks of "
        f"attention, in about {counted(max(minutes, 1), 'minute')}",
        methods=list(definition.methods),
        images=design.images,
        trials=design.votes,
        checks=len(trials) - design.votes,
    )
    if len(trials) > _LONG:
        job.found(
            "long",
            "few raters come to the end of so many: `per_rater=100` gives each a part, and all "
            "parts are seen equally often",
        )

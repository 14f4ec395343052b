"""``degrade evaluate``: how near results are to HR, and which method's are nearer."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from degrade.disk.files import make_folder
from degrade.disk.results import Results
from degrade.errors import DegradeError, InputError, InvalidValueError, printable
from degrade.geometry import border_of
from degrade.images.sources import Reject
from degrade.metrics.intervals import Mean
from degrade.metrics.measures import MEASURES, Measure
from degrade.metrics.naturalness import NaturalModel, PatchStatistics, describe_patches, fit_natural
from degrade.pairs import PairReader, open_pairs
from degrade.wording import counted
from pipelines.evaluation.items import Item, PairRef, match_results
from pipelines.evaluation.models import outside_name
from pipelines.evaluation.scoring import BICUBIC, ItemScores, ScoreTask, score_item
from pipelines.evaluation.settings import EvaluateConfig
from pipelines.evaluation.table import Compared, Row, compare, encode_csv, table_lines
from pipelines.evaluation.worst import choose_worst, draw_tiles
from pipelines.executors import Executor, InProcessExecutor, make_executor
from pipelines.pairs.image_matching import LR_SIDE
from pipelines.pairs.import_pairs import ImportPairsConfig, import_pairs
from pipelines.pairs.inspect_pairs import holds_pairs
from pipelines.shared.finding_photos import find_photos
from pipelines.shared.interrupts import Interrupted
from pipelines.shared.job import Job
from pipelines.shared.photo_scan import ScannedPhoto, read_scanned
from pipelines.shared.reports import ProgressCallback, RunReport
from report.evaluation_sheet import check_evaluation_sheet, draw_evaluation_sheet

__all__ = ["EvaluateConfig", "evaluate"]

_LR_SIDE = replace(LR_SIDE, takes_all="")
"""Each HR image is compared once, so there is no setting that takes several LR images of it."""

_WORTH_WORKERS = 8
_NAMED = 3
_NEARLY_EQUAL = 45.0
"""dB: images that are as near have no error that a shift could explain."""

_LIES_OFF = 0.1
"""Pixels: a median shift from which on plain figures mislead."""


def evaluate(
    config: EvaluateConfig,
    *,
    executor: Executor | None = None,
    on_progress: ProgressCallback | None = None,
) -> RunReport:
    """Compare results with HR, image by image; figures do not depend on who computes them.

    Parameters
    ----------
    config : EvaluateConfig
    executor : Executor or None
        Where images are compared; None: every core when there are many. Networks on a GPU compute
        in this process.
    on_progress : callable or None
        Called with (images done, images in all).

    Returns
    -------
    RunReport
        Counts HR images; its lines are the table. What cannot be compared is rejected by name.

    Raises
    ------
    DegradeError
        Nothing can be compared, or a file cannot be written.
    """
    _check_files(config)
    job = Job("evaluate", "image", on_progress, goes_on=False)
    measures = MEASURES | _outside(job, config)
    with _tasks(job, config, executor) as (tasks, names):
        if executor is None:
            executor = make_executor(1 if len(tasks) < _WORTH_WORKERS else None)
        if config.weights and _device(config.device) != "cpu":
            executor = InProcessExecutor()
        rows: dict[int, Row] = {}
        with job.stoppable():
            for number, scores in _scored(job, tasks, executor):
                rows[number] = Row(tasks[number].item.name, scores)
        for number in sorted(rows):
            job.rejects += rows[number].scores.rejects
        order = [number for number in sorted(rows) if any(rows[number].scores.values)]
        found = [rows[number] for number in order]
        if not found and job.interrupted is None:
            first = f": {job.rejects[0]}" if job.rejects else ""
            raise DegradeError(f"no image can be compared{first}")
        job.rejects.sort(key=lambda reject: (reject.path, reject.reason))
        _tell(job, found, names, measures, tasks[0].border)
        if job.interrupted is None:
            _write(config, found, [tasks[number] for number in order], names, measures)
        elif config.csv or config.sheet:
            job.found("stopped", "stopped early: table and picture are not written")
    return job.report(len(found))


def _check_files(config: EvaluateConfig) -> None:
    """Refuse to begin where a file stands that no such run has made."""
    if config.csv is not None:
        Results.at(config.csv, "evaluate", overwrite=config.overwrite)
    if config.sheet is not None:
        check_evaluation_sheet(config.sheet, overwrite=config.overwrite)


def _device(name: str) -> str:
    from esrgan.devices import choose_device

    return choose_device(name)


@contextlib.contextmanager
def _tasks(
    job: Job, config: EvaluateConfig, executor: Executor | None
) -> Iterator[tuple[list[ScoreTask], list[str]]]:
    """Yield what is to be compared, and what the methods are called."""
    natural = _natural(job, config, executor) if config.niqe_from else None
    common: dict[str, Any] = {
        "natural": natural,
        "learned": _learned(config),
        "outside": config.pyiqa,
        "max_pixels": config.max_pixels,
    }
    if config.sr:
        items, border = match_results(job, config)
        yield (
            [ScoreTask(item, border, (), device="cpu", **common) for item in items],
            _names(config.sr),
        )
        return
    with _pairs(job, config) as folder:
        with open_pairs(folder) as reader:
            border = border_of(reader.scale) if config.border is None else config.border
            # Pairs of a folder are called by their keys, as everywhere; of images people know
            # the files alone.
            files = {} if config.lr is None else _hr_names(reader)
            items = [
                Item(files.get(record.key, record.key), PairRef(folder, number))
                for number, record in enumerate(reader.records)
            ]
        common |= {"device": _device(config.device)}
        weights = (None, *config.weights)
        yield (
            [ScoreTask(item, border, weights, **common) for item in items],
            [BICUBIC, *_names(config.weights)],
        )


def _learned(config: EvaluateConfig) -> tuple[tuple[str, tuple[Path, ...]], ...]:
    """Return the learned measures that are wanted; their weights are read once to be sure."""
    chosen: tuple[tuple[Literal["lpips", "dists"], tuple[Path, ...]], ...] = (
        ("lpips", config.lpips),
        ("dists", config.dists),
    )
    wanted = tuple((kind, files) for kind, files in chosen if files)
    if wanted:
        from esrgan.perceptual import read_perceptual

        for kind, files in wanted:
            read_perceptual(kind, files)
    return wanted


@contextlib.contextmanager
def _pairs(job: Job, config: EvaluateConfig) -> Iterator[Path]:
    """Yield a folder of pairs; images of both sides are imported to where they are forgotten."""
    if config.lr is None:
        if not holds_pairs(config.hr):
            raise InvalidValueError(
                f"{printable(config.hr)} is no folder of pairs; for a model give one, or LR "
                "images too: `lr=DIR`"
            )
        yield config.hr
        return
    with tempfile.TemporaryDirectory(prefix="degrade-evaluate-") as folder:
        out = Path(folder) / "pairs"
        settings = ImportPairsConfig(
            hr=config.hr,
            lr=config.lr,
            out=out,
            scale=config.scale,
            lr_name=config.lr_name,
            max_pixels=config.max_pixels,
        )
        found = import_pairs(settings, side=_LR_SIDE)
        if found.interrupted is not None:
            raise Interrupted(found.interrupted)
        job.rejects += found.rejects
        # What was left out, cut or taken against its name; where the pairs lie concerns nobody.
        job.facts += [fact for fact in found.facts if fact.kind != "pairs"]
        yield out


def _hr_names(reader: PairReader) -> dict[str, str]:
    """Return what the HR images of imported pairs are called, by the pairs' keys."""
    return {source["key"]: source["hr_name"] for source in reader.sources}


def _names(paths: Sequence[Path]) -> list[str]:
    """Return what methods are called: their folder's or file's name, or more where these agree."""
    short = [path.resolve().name for path in paths]
    if len(set(short)) == len(short):
        return short
    whole = [str(path) for path in paths]
    if len(set(whole)) == len(whole):
        return whole
    twice = next(path for path in paths if paths.count(path) > 1)
    raise InvalidValueError(f"{printable(twice)} is given twice as results; leave one of them out")


def _natural(job: Job, config: EvaluateConfig, executor: Executor | None) -> NaturalModel:
    """Fit NIQE's model to clean photos."""
    photos, rejects = find_photos(config.niqe_from, max_pixels=config.max_pixels)
    job.rejects += rejects
    executor = executor or make_executor(1 if len(photos) < _WORTH_WORKERS else None)
    found: dict[int, PatchStatistics] = {}
    for result in executor.run(_described, [(photo, config.max_pixels) for photo in photos]):
        try:
            found[result.index] = result.get()
        except InputError as error:
            job.rejects.append(Reject.from_error(error))
        except DegradeError as error:
            job.rejects.append(Reject(str(photos[result.index].path), str(error)))
    described = [found[number] for number in sorted(found)]
    try:
        model = fit_natural(described)
    except InvalidValueError as error:
        raise DegradeError(
            f"NIQE cannot be fitted to {counted(len(described), 'photo')}: {error}; give more or "
            "larger ones"
        ) from None
    words = f"NIQE is fitted to {model.patches} patches of {counted(len(described), 'photo')}"
    job.found("natural", words, patches=model.patches, photos=len(described))
    return model


def _described(task: tuple[ScannedPhoto, int]) -> PatchStatistics:
    photo, max_pixels = task
    pixels = read_scanned(photo.path, photo.sha256, max_pixels=max_pixels).as_u8()
    return describe_patches(pixels)


def _scored(
    job: Job, tasks: Sequence[ScoreTask], executor: Executor
) -> Iterator[tuple[int, ItemScores]]:
    job.progress(0, len(tasks))
    for done, result in enumerate(executor.run(score_item, tasks), 1):
        try:
            yield result.index, result.get()
        except InputError as error:
            job.rejects.append(Reject.from_error(error))
        except DegradeError as error:
            job.rejects.append(Reject(tasks[result.index].item.name, str(error)))
        job.progress(done, len(tasks))


def _outside(job: Job, config: EvaluateConfig) -> dict[str, Measure]:
    """Return the measures of pyiqa that are wanted, and tell of its licence."""
    if not config.pyiqa:
        return {}
    from esrgan.perceptual.outside import LICENCE, find_outside_measure

    wanted = [find_outside_measure(name, _device(config.device)) for name in config.pyiqa]
    job.found("licence", LICENCE)
    return {
        outside_name(each.name): Measure(
            outside_name(each.name),
            f"{each.name} (pyiqa)",
            higher_is_better=each.higher_is_better,
            of_reference=each.of_reference,
        )
        for each in wanted
    }


def _tell(
    job: Job,
    rows: Sequence[Row],
    names: Sequence[str],
    measures: Mapping[str, Measure],
    border: int,
) -> None:
    """Report the table, how the images lie, and the worst of them."""
    if not rows:
        return
    compared = compare(rows, len(names), measures)
    words = f"without a border of {counted(border, 'pixel')}; Y is that of BT.601, 16 to 235"
    if compared:
        words += f"; over the {counted(compared[0].means[0].count, 'image')} of all"
    job.found("border", words, border=border, results=list(names))
    head, *lines = table_lines(compared, names)
    job.found("columns", head)
    for each, line in zip(compared, lines, strict=True):
        job.found("measure", line, **_values(each, names))
    for number, name in enumerate(names):
        _tell_of_result(job, rows, number, name)


def _tell_of_result(job: Job, rows: Sequence[Row], number: int, name: str) -> None:
    shown = printable(name)
    have = [(row.name, found) for row in rows if (found := row.scores.values[number])]
    if not have:
        return
    worst = sorted(have, key=lambda item: (item[1]["psnr"], item[0]))[:_NAMED]
    each = ", ".join(f"{printable(image)} {found['psnr']:.2f}" for image, found in worst)
    listed = [{"image": image, "psnr": found["psnr"]} for image, found in worst]
    if all(np.isfinite(found["psnr"]) for _, found in worst):
        job.found("lowest", f"{shown}: lowest PSNR, {each} dB", result=name, images=listed)
    if equal := sum(found["psnr"] == np.inf for _, found in have):
        words = f"{shown}: {counted(equal, 'image')} equal to HR, counted as 100 dB"
        job.found("equal", words, result=name, images=equal)
    if cropped := sum(row.scores.cropped[number] for row in rows):
        words = (
            f"{shown}: {counted(cropped, 'image')} not of HR's size by a few pixels, compared "
            "without the last rows and columns"
        )
        job.found("cropped", words, result=name, images=cropped)
    shifts = [
        np.median([found[way] for _, found in have]) for way in ("shift_rows", "shift_columns")
    ]
    quality = float(np.median([found["psnr"] for _, found in have]))
    if float(np.hypot(*shifts)) > _LIES_OFF and quality < _NEARLY_EQUAL:
        words = (
            f"{shown}: lies off HR by {-shifts[0]:+.2f} rows and {-shifts[1]:+.2f} columns: "
            "PSNR and SSIM count that as error; read the aligned figures"
        )
        values = {"rows": float(-shifts[0]), "columns": float(-shifts[1])}
        job.found("lies_off", words, result=name, **values)


def _values(found: Compared, names: Sequence[str]) -> dict[str, Any]:
    measure = found.measure
    means = [
        {"result": name, **_mean_values(mean)}
        for name, mean in zip(names, found.means, strict=True)
    ]
    differences = [
        {"result": name, "against": names[0], **_mean_values(gap), "better": better}
        for name, gap, better in zip(names[1:], found.differences, found.better, strict=True)
    ]
    return {
        "measure": measure.name,
        "unit": measure.unit,
        "higher_is_better": measure.higher_is_better,
        "means": means,
        "differences": differences,
    }


def _mean_values(found: Mean) -> dict[str, Any]:
    interval = None if found.interval is None else list(found.interval)
    return {"mean": found.mean, "interval": interval, "images": found.count}


def _write(
    config: EvaluateConfig,
    rows: Sequence[Row],
    tasks: Sequence[ScoreTask],
    names: Sequence[str],
    measures: Mapping[str, Measure],
) -> None:
    if config.csv is not None:
        results = Results.at(config.csv, "evaluate", overwrite=config.overwrite)
        make_folder(config.csv.parent)
        results.write(config.csv, encode_csv(rows, names, measures))
    if config.sheet is not None:
        worst = choose_worst(rows, len(names))
        chosen = [rows[number] for number in worst], [tasks[number] for number in worst]
        tiles = draw_tiles(*(chosen), names)
        draw_evaluation_sheet(tiles, config.sheet, overwrite=config.overwrite)

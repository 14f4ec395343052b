"""``degrade finetune-artifacts``: a GAN tuned on what it should have drawn where it broke."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial, reduce
from operator import add
from pathlib import Path
from typing import Any

import numpy as np

from degrade.disk.files import make_folder, read_file
from degrade.disk.journal import Journal
from degrade.disk.locks import folder_lock
from degrade.disk.results import Results
from degrade.errors import DegradeError, InputError, InvalidValueError, line_of, printable
from degrade.images.sources import SourceFile, find_images, hash_file
from degrade.pairs import open_pairs
from degrade.rng import rng_for, seed_for
from degrade.wording import counted
from esrgan.devices import choose_device
from esrgan.distributed import ALONE
from esrgan.losses import find_vgg19_weights
from esrgan.networks import Generator
from esrgan.out_of_memory import naming_lack_of_memory
from esrgan.training.batches import check_memory, check_shares
from esrgan.training.config import TrainingConfig
from esrgan.training.construction import check_networks
from esrgan.training.state import create_state
from esrgan.upscaling.upscaler import upscale
from esrgan.weights.files import read_network, read_weights
from esrgan.weights.finding import find_weights
from esrgan.weights.identification import NetworkSpec, network_from_state_dict
from pipelines.artifacts.enlarging import enlarge_by_both
from pipelines.artifacts.finetune_settings import FinetuneConfig
from pipelines.artifacts.judged_photos import EnlargedPhoto, Judge, JudgedPhoto, read_enlarged
from pipelines.artifacts.repair_results import best_views, encode_table, tell_photo
from pipelines.artifacts.tuning import RepairValidation, make_samples
from pipelines.shared.interrupts import deferred_signals
from pipelines.shared.job import Job
from pipelines.shared.reports import ProgressCallback, RunReport
from pipelines.training.file_names import BEST, GENERATOR, SCORES_FILE
from pipelines.training.inputs import read_features
from pipelines.training.plan import Stage
from pipelines.training.record import claim_training, record_of_stage
from pipelines.training.stage import StageRun, StageSettings
from pipelines.upscaling.results import choose_results
from report.repair_sheet import encode_repair_sheet

__all__ = ["FinetuneConfig", "finetune_artifacts"]

TABLE, PICTURE, TRAINING = "finetune.csv", "before_after.png", "training"

_HELD_OUT_SHARE = 3
"""One of so many photos with artefacts is held out, where the user does not say which."""

_MOST_PAIRS = 200
_PATIENCE = 5
"""Validations in a row without a better one, after which tuning ends."""

_WITH_LESS_MEMORY = "use a smaller `batch_size` or `hr_patch`"


def finetune_artifacts(
    config: FinetuneConfig,
    *,
    on_enlarge: ProgressCallback | None = None,
    on_progress: ProgressCallback | None = None,
    on_losses: Callable[[Mapping[str, float]], None] | None = None,
    on_stage: Callable[[str], None] | None = None,
) -> RunReport:
    """Tune the GAN, or go on tuning it, and tell what that has changed on photos held out.

    Parameters
    ----------
    config : FinetuneConfig
    on_enlarge : callable or None
        Called while both networks enlarge the photos with (pixels done, pixels to do).
    on_progress, on_losses, on_stage : callable or None
        As for :func:`pipelines.training.train.train`.

    Returns
    -------
    RunReport
        Counts steps. Where nothing is flagged there is nothing to do, and it says so.

    Raises
    ------
    DegradeError
        The weights are unfit or of different scales, too few photos have artefacts to hold one
        out, or a file cannot be written.
    ChangedConfigError
        The folder was begun with other settings or photos.
    """
    job = Job("finetune-artifacts", "step", on_enlarge)
    device = choose_device(config.device)
    spec, generator = _read_both(config)
    training = config.training(spec)
    _check(training, spec.scale, device)
    files, job.rejects = find_images([*config.sources, *config.held_out, *config.clean])
    if not files:
        raise DegradeError(f"no photo was found; {'; '.join(map(str, job.rejects[:1]))}")
    make_folder(config.out)
    with folder_lock(config.out), naming_lack_of_memory(_WITH_LESS_MEMORY):
        results = Results(config.out, "finetune-artifacts")
        results.require_free([config.out / name for name in (GENERATOR, TABLE, PICTURE)])
        claim_training(config.out / TRAINING)
        lr_patch = training.hr_patch // spec.scale
        photos = _enlarge(config, job, files, spec.scale, lr_patch)
        parts = _judge(config, job, photos)
        if parts is None:
            return job.report(0)
        if config.pairs is not None:
            parts.pairs = _read_pairs(config, job, generator, parts.judge, device, lr_patch)
        run, validation = _begin(config, training, spec, generator, parts, device)
        job.progress = on_progress or (lambda _done, _total: None)
        _tune(config, run, job, training, on_losses, on_stage)
        done = run.state.step - run.first_step
        if job.interrupted is None and (_is_stale(run) or run.state.step >= training.steps):
            _finish(config, job, results, spec, validation, parts)
        elif job.interrupted is None:
            words = f"stopped at step {run.state.step} of {training.steps}: run it again to go on"
            job.found("stopped", words, step=run.state.step)
    return job.report(done, skipped=run.first_step)


@dataclass(frozen=True, slots=True, eq=False)
class _Pairs:
    """LR images of pairs with results that are computed at each start.

    Attributes
    ----------
    found : list of JudgedPhoto
        Those without artefacts.
    record : dict
        What they come from: devices and threads may compute other pixels of the same.
    """

    found: list[JudgedPhoto] = field(default_factory=list)
    record: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class _Parts:
    """The photos by what they are for."""

    judge: Judge
    repaired: list[JudgedPhoto]
    held_out: list[JudgedPhoto]
    others: list[JudgedPhoto]
    pairs: _Pairs = field(default_factory=_Pairs)


def _read_both(config: FinetuneConfig) -> tuple[NetworkSpec, Generator]:
    """Return the GAN's generator; make sure that the MSE network enlarges as much."""
    mse, gan = (read_weights(path) for path in (config.mse, config.gan))
    for path, weights in ((config.mse, mse), (config.gan, gan)):
        channels = [weights.spec.arguments.get(n, 3) for n in ("in_channels", "out_channels")]
        if channels != [3, 3]:
            raise InputError(path, "no generator for RGB images", "give one for RGB images")
    if mse.spec.scale != gan.spec.scale:
        raise InputError(
            config.mse,
            f"enlarges ×{mse.spec.scale}, and {printable(config.gan)} ×{gan.spec.scale}",
            "give two networks of one scale",
        )
    return gan.spec, network_from_state_dict(gan.state, scale=gan.spec.scale)


def _check(training: TrainingConfig, scale: int, device: str) -> None:
    check_shares(training, ALONE)
    check_networks(training, scale)
    check_memory(training, scale, device, ALONE)


def _enlarge(
    config: FinetuneConfig, job: Job, files: Sequence[SourceFile], scale: int, lr_patch: int
) -> list[EnlargedPhoto]:
    """Return the photos with both results; those to tune on are as large as a crop."""
    held_files = _identities(config.held_out)
    folders = enlarge_by_both(
        [*config.sources, *config.held_out, *config.clean],
        config.mse,
        config.gan,
        config.out,
        job=job,
        device=config.device,
        mirror=config.mirror,
        max_memory=config.max_memory,
        max_pixels=config.max_pixels,
        smallest=lambda photo: 1 if _identity(photo.path) in held_files else lr_patch,
    )
    mse, gan = (choose_results(folder, files, suffix="", ending=".png") for folder in folders)
    rejected = {reject.path for reject in job.rejects}
    usable = [file for file in files if str(file.path) not in rejected]
    photos = read_enlarged(job, usable, (mse, gan), scale, config.max_pixels)
    if not photos:
        raise DegradeError(f"no photo can be used: {job.rejects[-1]}")
    return photos


def _judge(config: FinetuneConfig, job: Job, photos: Sequence[EnlargedPhoto]) -> _Parts | None:
    """Find what is flagged, and choose what is held out; None where nothing is flagged."""
    clean_files, held_files = (_identities(paths) for paths in (config.clean, config.held_out))
    clean = [photo for photo in photos if _identity(photo.path) in clean_files]
    judge = Judge(config.detection, clean)
    judged = [judge.judge(photo) for photo in photos if _identity(photo.path) not in clean_files]
    held_paths = {photo.path for photo in photos if _identity(photo.path) in held_files}
    broken = [each for each in judged if each.regions]
    areas = sum(len(each.regions) for each in broken)
    if not broken:
        words = f"nothing is flagged in {counted(len(judged), 'photo')}: there is nothing to tune"
        job.found("nothing", words, photos=len(judged))
        return None
    pixels = sum(each.flagged.size for each in judged)
    flagged = sum(int(each.flagged.sum()) for each in judged)
    job.found(
        "flagged",
        f"{counted(areas, 'area')} flagged in {len(broken)} of {counted(len(judged), 'photo')}: "
        f"{flagged / pixels:.2%} of all pixels",
        areas=areas,
        share=flagged / pixels,
    )
    held_out = [each for each in broken if each.photo.path in held_paths]
    if not config.held_out:
        order = rng_for(config.seed, "held out").permutation(len(broken))
        held_out = [broken[i] for i in sorted(order[: max(len(broken) // _HELD_OUT_SHARE, 1)])]
    repaired = [
        each for each in broken if each not in held_out and each.photo.path not in held_paths
    ]
    if not held_out or not repaired:
        where = "those held out" if repaired else "those to tune on"
        raise DegradeError(
            f"artefacts were found in {counted(len(broken), 'photo')}, and none of {where} has "
            "any: at least two photos must have some, one to tune on and one to hold out"
        )
    job.found(
        "held_out",
        f"held out: {', '.join(line_of(each.photo.name) for each in held_out[:8])}"
        + (f" and {len(held_out) - 8} more" if len(held_out) > 8 else ""),
        photos=[each.photo.name for each in held_out],
    )
    used = {id(each) for each in (*repaired, *held_out)}
    others = [each for each in judged if id(each) not in used and each.photo.path not in held_paths]
    others += [_unflagged(photo) for photo in clean]
    return _Parts(judge, repaired, held_out, others)


def _identities(paths: Sequence[Path]) -> set[tuple[int, int]]:
    return {_identity(file.path) for file in find_images(paths)[0]}


def _identity(path: Path) -> tuple[int, int]:
    """Return what every name of a file shares: the search for photos keeps one of its names."""
    try:
        status = path.stat()
    except OSError as error:
        raise InputError(path, f"cannot be read ({error.strerror})", "restore it") from None
    return status.st_dev, status.st_ino


def _unflagged(photo: EnlargedPhoto) -> JudgedPhoto:
    return JudgedPhoto(photo, np.zeros(photo.gan.shape[:2], bool), (), photo.gan)


def _read_pairs(
    config: FinetuneConfig,
    job: Job,
    generator: Generator,
    judge: Judge,
    device: str,
    lr_patch: int,
) -> _Pairs:
    """Return LR images of pairs with the GAN's own results, those without artefacts."""
    found: list[JudgedPhoto] = []
    content: list[Any] = []
    with open_pairs(config.pairs or Path()) as reader:
        if reader.scale != generator.scale:
            raise InvalidValueError(
                f"{printable(reader.folder)}: the pairs are ×{reader.scale}, the networks "
                f"×{generator.scale}"
            )
        order = rng_for(config.seed, "pairs", reader.folder.name).permutation(len(reader))
        mse = read_network(config.mse)
        for number in sorted(order[:_MOST_PAIRS].tolist()):
            lr, _ = reader.read(number)
            pair = reader.records[number]
            content.append([pair.key, pair.crc32])
            photo = EnlargedPhoto(
                pair.key,
                reader.folder,
                lr,
                *(
                    upscale(lr, network, device=device, mirror=config.mirror)
                    for network in (mse, generator)
                ),
            )
            if min(lr.shape[:2]) >= lr_patch and not judge.flagged(photo.mse, photo.gan).any():
                found.append(_unflagged(photo))
    words = f"{counted(len(found), 'pair')} without artefacts: what the GAN makes of them is kept"
    job.found("pairs", words, pairs=len(found))
    record = {
        "pairs": hashlib.sha256(json.dumps(content).encode()).hexdigest(),
        "mse": hash_file(find_weights(config.mse)),
        "threshold": config.threshold,
        "min_area": config.min_area,
    }
    return _Pairs(found, record)


def _begin(
    config: FinetuneConfig,
    training: TrainingConfig,
    spec: NetworkSpec,
    generator: Generator,
    parts: _Parts,
    device: str,
) -> tuple[StageRun, RepairValidation]:
    make = partial(
        make_samples,
        parts.repaired,
        share=config.share,
        hr_patch=training.hr_patch,
        scale=spec.scale,
        seed=seed_for(config.seed, "samples"),
    )
    dataset = make([*parts.others, *parts.pairs.found])
    validation = RepairValidation(
        parts.held_out,
        parts.judge,
        tolerance=config.tolerance,
        device=device,
        mirror=config.mirror,
    )
    stage = Stage("finetune-artifacts", training)
    vgg = find_vgg19_weights(None) if training.needs_features == "vgg19" else None
    state = create_state(
        training,
        scale=spec.scale,
        seed=config.seed,
        device=device,
        init=generator,
        features=read_features(training, vgg),
    )
    record = record_of_stage(
        stage,
        seed=config.seed,
        samples=make(parts.others).fingerprint,
        hashes={"init": hash_file(find_weights(config.gan)), "vgg_weights": None},
    )
    settings = StageSettings(
        folder=config.out / TRAINING,
        workers=0,
        save_every=config.save_every,
        keep=2,
        keep_best=1,
        tensorboard=False,
        record=record
        | parts.pairs.record
        | {
            "held_out": validation.fingerprint,
            "tolerance": config.tolerance,
            "save_every": config.save_every,
        },
    )
    return StageRun(stage, settings, dataset, validation, state, ALONE), validation


def _tune(
    config: FinetuneConfig,
    run: StageRun,
    job: Job,
    training: TrainingConfig,
    on_losses: Callable[[Mapping[str, float]], None] | None,
    on_stage: Callable[[str], None] | None,
) -> None:
    """Train to the end, until nothing gets better, or until asked to stop."""
    if _is_stale(run):
        return
    if on_stage:
        on_stage(run.announce())
    job.progress(run.first_step, training.steps)
    with deferred_signals() as caught:

        def on_step(step: int, losses: Mapping[str, float]) -> None:
            job.progress(step, training.steps)
            if on_losses:
                on_losses(losses)

        def should_stop() -> bool:
            late = config.max_minutes is not None and job.seconds > 60 * config.max_minutes
            at_validation = run.state.step % config.save_every == 0
            return bool(caught) or late or (at_validation and _is_stale(run))

        run.train_to_end(on_step, should_stop)
    if caught and run.state.step < training.steps and not _is_stale(run):
        job.interrupted = caught[0]


def _is_stale(run: StageRun) -> bool:
    """Tell whether so many validations in a row were no better than one before."""
    scores = [
        record["score"]
        for record in Journal(run.settings.folder / SCORES_FILE).read()
        if isinstance(record, dict) and isinstance(record.get("score"), int | float)
    ]
    if not scores:
        return False
    return len(scores) - 1 - scores.index(max(scores)) >= _PATIENCE


def _finish(
    config: FinetuneConfig,
    job: Job,
    results: Results,
    spec: NetworkSpec,
    validation: RepairValidation,
    parts: _Parts,
) -> None:
    """Write the best weights, the table and the picture, and tell what they say."""
    best = config.out / TRAINING / BEST
    data = read_file(best)
    compared = validation.compared(read_network(best, scale=spec.scale))
    rows = [
        (each.photo.name, scores)
        for each, (scores, _) in zip(parts.held_out, compared, strict=True)
    ]
    total = reduce(add, (scores for _, scores in rows))
    results.write(config.out / TABLE, encode_table([*rows, ("all", total)]))
    afters = [after for _, after in compared]
    views = best_views(parts.held_out, afters, spec.scale)
    results.write(config.out / PICTURE, encode_repair_sheet(views))
    for name, scores in [*rows[:12], ("all held out", total)]:
        tell_photo(job, name, scores)
    if total.score(config.tolerance) <= 0:
        job.found(
            "no_better",
            "no step was better than the network before; give more photos, or other settings",
        )
        return
    results.write(config.out / GENERATOR, data)
    where = printable(config.out / GENERATOR)
    job.found("weights", f"tuned weights: {where}", path=str(config.out / GENERATOR))

"""``degrade finetune-artifacts``: a GAN tuned on what it should have drawn where it broke."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial, reduce
from operator import add

from degrade.disk.files import make_folder, read_file
from degrade.disk.journal import Journal
from degrade.disk.locks import folder_lock
from degrade.disk.results import Results
from degrade.errors import DegradeError, InputError, printable
from degrade.images.sources import find_images, hash_file
from degrade.rng import seed_for
from esrgan.devices import choose_device
from esrgan.distributed import ALONE
from esrgan.losses import find_vgg19_weights
from esrgan.networks import Generator
from esrgan.out_of_memory import naming_lack_of_memory
from esrgan.training.batches import check_memory, check_shares
from esrgan.training.config import TrainingConfig
from esrgan.training.construction import check_networks
from esrgan.training.state import create_state
from esrgan.weights.files import read_network, read_weights
from esrgan.weights.finding import find_weights
from esrgan.weights.identification import NetworkSpec, network_from_state_dict
from pipelines.artifacts.finetune_settings import FinetuneConfig
from pipelines.artifacts.repair_results import best_views, encode_table, tell_photo
from pipelines.artifacts.tuning import RepairValidation, make_samples
from pipelines.artifacts.tuning_photos import (
    TuningPhotos,
    enlarge_photos,
    read_pairs,
    sort_photos,
)
from pipelines.shared.interrupts import deferred_signals
from pipelines.shared.job import Job
from pipelines.shared.reports import ProgressCallback, RunReport
from pipelines.training.file_names import BEST, GENERATOR, SCORES_FILE
from pipelines.training.inputs import read_features
from pipelines.training.plan import Stage
from pipelines.training.record import claim_training, record_of_stage
from pipelines.training.stage import StageRun, StageSettings
from report.repair_sheet import encode_repair_sheet

__all__ = ["FinetuneConfig", "finetune_artifacts"]

TABLE, PICTURE, TRAINING = "finetune.csv", "before_after.png", "training"

_PATIENCE = 10
"""Validations in a row without a better one, after which tuning ends. Of a GAN that breaks nearly
everywhere five in a row had too little texture, and one after them was better than all before."""

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
        photos = enlarge_photos(config, job, files, spec.scale, lr_patch)
        parts = sort_photos(config, job, photos)
        if parts is None:
            return job.report(0)
        if config.pairs is not None:
            parts.pairs = read_pairs(config, job, generator, parts.judge, device, lr_patch)
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


def _begin(
    config: FinetuneConfig,
    training: TrainingConfig,
    spec: NetworkSpec,
    generator: Generator,
    parts: TuningPhotos,
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
    # At the last step, too: enlarging once more and judging takes minutes.
    job.interrupted = caught[0] if caught else None


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
    parts: TuningPhotos,
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

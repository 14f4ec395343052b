"""Train a super-resolution network on a folder of pairs; stop and go on at any time."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from degrade.disk.files import claim_folder, remove_if_empty, resolve_inside
from degrade.disk.locks import folder_lock
from degrade.errors import printable
from degrade.images.decoded_photos import DecodedPhoto
from degrade.images.sources import Reject, hash_file
from degrade.pairs import open_pairs
from degrade.wording import byte_text, counted
from esrgan.devices import choose_device
from esrgan.distributed import World, join_world
from esrgan.out_of_memory import naming_lack_of_memory
from esrgan.training.checkpoints import newest_step
from esrgan.training.discriminator_watch import DiscriminatorWatch
from esrgan.training.state import create_state
from esrgan.training.validation import PairValidation
from esrgan.weights.finding import find_weights
from pipelines.shared.clean_up import choose_clean_up
from pipelines.shared.folder_kinds import FOLDER_KINDS
from pipelines.shared.interrupts import deferred_signals
from pipelines.shared.job import Job
from pipelines.shared.reports import ProgressCallback, RunReport, check_rejects, write_rejects
from pipelines.training.file_names import DISCRIMINATOR, GENERATOR, RUN_FILE
from pipelines.training.hr_photos import decode_photos, known_photos
from pipelines.training.inputs import (
    TrainingInputs,
    check_settings,
    judged_stage,
    open_inputs,
    open_pool,
    read_features,
    read_init,
    read_init_discriminator,
)
from pipelines.training.plan import Stage
from pipelines.training.record import check_record, claim_training, record_of_stage
from pipelines.training.settings import TrainConfig
from pipelines.training.stage import StageRun, StageSettings

__all__ = ["LossesCallback", "TrainConfig", "train"]

LossesCallback = Callable[[Mapping[str, float]], None]

_WITH_LESS_MEMORY = (
    "compute a step in parts (`accumulation=2`), or use a smaller `batch_size` or `hr_patch`"
)


def train(
    config: TrainConfig,
    *,
    on_progress: ProgressCallback | None = None,
    on_losses: LossesCallback | None = None,
    on_stage: Callable[[str], None] | None = None,
    on_decode: ProgressCallback | None = None,
) -> RunReport:
    """Train, or go on training from the newest checkpoint in ``config.out``.

    Parameters
    ----------
    config : TrainConfig
    on_progress : callable or None
        Called with (steps done, steps in all), over all stages.
    on_losses : callable or None
        Called with each step's losses.
    on_stage : callable or None
        Called with a line that says what a stage is going to do, when it begins.
    on_decode : callable or None
        Called before that with (photos decoded, photos in all), where photos are degraded on the
        fly.

    Returns
    -------
    RunReport
        Counts steps. ``interrupted`` is set when SIGINT or SIGTERM ended the run: the step in work
        was finished and saved, and the same call goes on from there, bit by bit the same on a
        CPU. A second signal ends it at once.

    Raises
    ------
    DegradeError
        VGG weights, initial weights or pairs cannot be used (in this order, before anything is
        written; photos are decoded first), the folder holds other files, a pair is damaged, memory
        does not suffice, or the loss stayed without a finite value.
    ChangedConfigError
        The folder was begun with other settings or pairs.

    Notes
    -----
    Started by ``torchrun``, every process calls this with the same settings and the same folders.
    """
    job = Job("train", "step", on_progress)
    chosen = choose_device(config.device)
    stages = config.plan()
    with join_world(chosen) as (world, device), contextlib.ExitStack() as stack:
        stack.enter_context(naming_lack_of_memory(_WITH_LESS_MEMORY))
        check_settings(config, stages, world)
        photos: list[DecodedPhoto] = []
        if config.hr:  # they are decoded into the folder, so that is claimed first
            pool = open_pool(config)
            is_open = config.clean_up is None
            clean_up = choose_clean_up(job, pool, config.degradation, is_open=is_open)
            config = replace(config, clean_up=clean_up)
            if world.rank == 0:
                _claim(config, stages, stack)
                photos, job.rejects = _decode(config, job, on_decode)
            world.wait()
            if world.rank:
                photos = known_photos(config.hr, config.photo_store)
        inputs = open_inputs(config, stages, world, device, photos)
        if world.rank == 0 and not config.hr:
            _claim(config, stages, stack)
        world.wait()
        _tell_trained_on(config, job)
        caught = stack.enter_context(deferred_signals())
        run = _Run(config, stages, inputs, world, device, job)
        run.train_stages(on_losses, on_stage, caught)
        job.rejects += [_too_small(*reject) for reject in inputs.too_small]
        if world.rank == 0:
            write_rejects(config.out, job.rejects)
    job.interrupted = caught[0] if caught and run.done < run.total else None
    return job.report(run.done - run.first, skipped=run.first)


def _tell_trained_on(config: TrainConfig, job: Job) -> None:
    """Say how many photos of the validation are trained on: it tells nothing of others then."""
    if config.validation is None or config.pairs is None:
        return
    with open_pairs(config.validation) as held_out, open_pairs(config.pairs) as trained_on:
        judged = held_out.hr_photos
        both = len(judged & trained_on.hr_photos)
        if both:
            words = (
                f"{both} of the {counted(len(judged), 'photo')} for validation are trained on, "
                "too: it tells little of others; build pairs of others for it"
            )
            job.found("validation_trained_on", words, photos=both, of=len(judged))


def _claim(config: TrainConfig, stages: Sequence[Stage], stack: contextlib.ExitStack) -> None:
    """Take the folder of the results, and refuse one that holds anything but this training."""
    if not config.out.exists():  # a training that cannot begin leaves nothing
        stack.callback(remove_if_empty, config.out)
    claim_folder(config.out, RUN_FILE, FOLDER_KINDS)
    stack.enter_context(folder_lock(config.out))
    folders = _folders(config, stages)
    for folder in dict.fromkeys([config.out, *folders[_latest(folders) :]]):
        resolve_inside(config.out, str(folder.relative_to(config.out)))
        claim_training(folder)
    check_rejects(config.out)
    if len(stages) > 1:
        check_record(config.out, {"stages": [stage.name for stage in stages]})


def _decode(
    config: TrainConfig, job: Job, on_decode: ProgressCallback | None
) -> tuple[list[DecodedPhoto], list[Reject]]:
    """Decode the photos that are not decoded yet, and report what decoding changed."""
    store = config.photo_store
    job.tell_passed_over(config.hr)
    found = decode_photos(
        config.hr,
        store,
        workers=config.workers,
        on_progress=on_decode,
        on_copies=job.tell_copies,
    )
    photos = found[0]
    job.photo_notes.update(note for photo in photos for note in photo.notes)
    size = sum(3 * photo.height * photo.width for photo in photos)
    where = printable(store.folder)
    words = f"{counted(len(photos), 'photo')} decoded in {where} ({byte_text(size)})"
    job.found("photos", words, photos=len(photos), bytes=size, folder=str(store.folder))
    return found


def _too_small(name: str, why: str) -> Reject:
    return Reject(name, why, "use a smaller `hr_patch`")


def _folders(config: TrainConfig, stages: Sequence[Stage]) -> list[Path]:
    """Return the stages' folders."""
    if len(stages) == 1:
        return [config.out]
    return [config.out / f"{number}-{stage.name}" for number, stage in enumerate(stages, 1)]


def _latest(folders: Sequence[Path]) -> int:
    """Return the last stage that has begun; those before it stay as they are."""
    begun = [n for n, folder in enumerate(folders) if newest_step(folder) is not None]
    return max(begun, default=0)


class _Run:
    """The stages of one call of :func:`train`."""

    def __init__(
        self,
        config: TrainConfig,
        stages: Sequence[Stage],
        inputs: TrainingInputs,
        world: World,
        device: str,
        job: Job,
    ) -> None:
        self._config, self._stages, self._inputs = config, stages, inputs
        self._world, self._device, self._job = world, device, job
        self._folders = _folders(config, stages)
        self._latest = _latest(self._folders)
        self.total = sum(stage.config.steps for stage in stages)
        self.done = self.first = 0

    def train_stages(
        self,
        on_losses: LossesCallback | None,
        on_stage: Callable[[str], None] | None,
        caught: Sequence[int],
    ) -> None:
        """Train stage after stage until the end, a signal or the end of the time."""
        limit = self._config.max_minutes
        for number, stage in enumerate(self._stages):
            before = self.done
            if number < self._latest:
                self._pass_over(number)
                continue
            run = self._begin(number)
            self.first += run.first_step

            def on_step(step: int, losses: Mapping[str, float], before: int = before) -> None:
                self._job.progress(before + step, self.total)
                if on_losses:
                    on_losses(losses)

            def should_stop() -> bool:
                late = limit is not None and self._job.seconds > 60 * limit
                return bool(caught) or late

            if on_stage:
                on_stage(run.announce())
            self._job.progress(before + run.first_step, self.total)
            run.train_to_end(on_step, should_stop)
            self.done += run.state.step
            self._describe(stage, run.describe())
            if run.state.step < stage.config.steps:
                if limit is not None and not caught:
                    words = (
                        f"stopped after {limit:g} minutes (`max_minutes`) at step "
                        f"{run.state.step} of {stage.config.steps}: run the same command again "
                        "to go on"
                    )
                    self._job.found("stopped", words, step=run.state.step)
                return

    def _pass_over(self, number: int) -> None:
        """Leave a stage as it is, because the next one has begun from its weights."""
        stage, following = self._stages[number], self._stages[number + 1]
        if self._world.rank == 0:
            check_record(self._folders[number], self._record(number))
        self.done += stage.config.steps
        self.first += stage.config.steps
        ended = newest_step(self._folders[number])
        if ended is not None and ended < stage.config.steps:
            self._describe(
                stage, [f"stays at step {ended}, from whose weights {following.name} has begun"]
            )

    def _begin(self, number: int) -> StageRun:
        """Make a stage's networks and take up what is in its folder."""
        config, stage, dataset = self._config, self._stages[number], self._inputs.datasets[number]
        start = self._start(number)
        init = read_init(start, dataset.scale) if number and start else self._inputs.init
        judge_file = self._judge_file(number)
        judge = None
        if judge_file is not None:
            judge = read_init_discriminator(judge_file, stage.config)
        state = create_state(
            stage.config,
            scale=dataset.scale,
            seed=config.seed,
            device=self._device,
            init=init,
            init_discriminator=judge,
            features=read_features(stage.config, self._inputs.vgg_file),
            world=self._world,
        )
        if config.compile:
            state.compile()
        settings = StageSettings(
            folder=self._folders[number],
            workers=config.workers,
            save_every=config.save_every,
            keep=config.keep,
            keep_best=config.keep_best,
            tensorboard=config.tensorboard,
            record=self._record(number),
        )
        validation = watch = None
        if self._inputs.held_out is not None:
            validation = PairValidation(
                self._inputs.held_out,
                device=state.device,
                world=self._world,
                best_by=config.best_by,
                learned=self._inputs.learned,
            )
            watch = DiscriminatorWatch(self._inputs.held_out, dataset, stage.config)
        return StageRun(stage, settings, dataset, validation, state, self._world, watch)

    def _start(self, number: int) -> Path | None:
        """Return the file that a stage starts from."""
        if number:
            return self._folders[number - 1] / GENERATOR
        return None if self._config.init is None else find_weights(self._config.init)

    def _judge_file(self, number: int) -> Path | None:
        """Return the file of the discriminator that a stage starts from."""
        first = number == judged_stage(self._stages)
        file = self._config.init_discriminator if first else None
        return file / DISCRIMINATOR if file is not None and file.is_dir() else file

    def _record(self, number: int) -> dict[str, Any]:
        stage = self._stages[number]
        vgg = self._inputs.vgg_file if stage.config.needs_features == "vgg19" else None
        files = {
            "init": self._start(number),
            "init_discriminator": self._judge_file(number),
            "vgg_weights": vgg,
        }
        return record_of_stage(
            stage,
            seed=self._config.seed,
            samples=self._inputs.datasets[number].fingerprint,
            hashes={name: hash_file(path) if path else None for name, path in files.items()},
        )

    def _describe(self, stage: Stage, lines: Iterable[str]) -> None:
        several = len(self._stages) > 1
        for line in lines:
            words = f"{stage.name}: {line}" if several else line
            self._job.found("stage", words, stage=stage.name, says=line)

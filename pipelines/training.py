"""Train a super-resolution network on a folder of pairs; stop and go on at any time."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from degrade.files import claim_folder
from degrade.locks import folder_lock
from degrade.sources import Reject, hash_file
from esrgan.distributed import World, join_world
from esrgan.losses import FeatureNetwork, GaborFeatures, load_vgg19
from esrgan.networks import check_device
from esrgan.state import create_state
from pipelines.interrupts import deferred_signals
from pipelines.reports import ProgressCallback, RunReport, no_progress, write_rejects
from pipelines.training_inputs import TrainingInputs, open_inputs, read_init
from pipelines.training_plan import Stage
from pipelines.training_settings import TrainRunConfig
from pipelines.training_stage import RUN_FILE, StageRun, StageSettings, check_settings

__all__ = ["LossesCallback", "TrainRunConfig", "run_training"]

LossesCallback = Callable[[Mapping[str, float]], None]


def run_training(
    config: TrainRunConfig,
    *,
    on_progress: ProgressCallback | None = None,
    on_losses: LossesCallback | None = None,
) -> RunReport:
    """Train, or go on training from the newest checkpoint in ``config.out``.

    Parameters
    ----------
    config : TrainRunConfig
    on_progress : callable or None
        Called with (steps done, steps in all), over all stages.
    on_losses : callable or None
        Called with each step's losses.

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
        written), a pair is damaged, or the loss stayed without a finite value.
    ChangedConfigError
        The folder was begun with other settings or pairs.

    Notes
    -----
    Started by ``torchrun``, every process calls this with the same settings and the same folders.
    """
    started = time.monotonic()
    check_device(config.device)
    stages = config.plan()
    with join_world(config.device) as (world, device), contextlib.ExitStack() as stack:
        inputs = open_inputs(config, stages, world)
        if world.rank == 0:
            claim_folder(config.out, RUN_FILE)
            stack.enter_context(folder_lock(config.out))
            if len(stages) > 1:
                check_settings(config.out, {"stages": [stage.name for stage in stages]})
        world.wait()
        caught = stack.enter_context(deferred_signals())
        run = _Run(config, stages, inputs, world, device)
        run.train(on_progress or no_progress, on_losses, caught, started)
        rejects = [_too_small(config, key) for key in inputs.too_small]
        if world.rank == 0:
            write_rejects(config.out, rejects)
    return RunReport(
        job="train", done=run.done - run.first, skipped=run.first, unit="steps",
        seconds=time.monotonic() - started, rejects=tuple(rejects), lines=tuple(run.lines),
        interrupted=caught[0] if caught and run.done < run.total else None,
    )  # fmt: skip


def _too_small(config: TrainRunConfig, key: str) -> Reject:
    return Reject(f"{config.pairs}/{key}", "smaller than an HR patch", "use a smaller --hr-patch")


class _Run:
    """The stages of one call of :func:`run_training`."""

    def __init__(
        self, config: TrainRunConfig, stages: Sequence[Stage], inputs: TrainingInputs, world: World,
        device: str,
    ) -> None:  # fmt: skip
        self._config, self._stages, self._inputs = config, stages, inputs
        self._world, self._device = world, device
        self.total = sum(stage.config.steps for stage in stages)
        self.done = self.first = 0
        self.lines: list[str] = []

    def train(
        self, on_progress: ProgressCallback, on_losses: LossesCallback | None,
        caught: Sequence[int], started: float,
    ) -> None:  # fmt: skip
        """Train stage after stage until the end, a signal or the end of the time."""
        limit = self._config.max_minutes
        previous: Path | None = None
        for number in range(len(self._stages)):
            before = self.done
            run = self._begin(number, previous)
            self.first += run.first_step

            def on_step(step: int, losses: Mapping[str, float], before: int = before) -> None:
                on_progress(before + step, self.total)
                if on_losses:
                    on_losses(losses)

            def should_stop() -> bool:
                late = limit is not None and time.monotonic() - started > 60 * limit
                return bool(caught) or late

            on_progress(before + run.first_step, self.total)
            run.train(on_step, should_stop)
            self.done += run.state.step
            self._describe(run)
            if run.state.step < run.stage.config.steps:
                if limit is not None and not caught:
                    self.lines.append(
                        f"stopped after {limit:g} minutes (--max-minutes) at step "
                        f"{run.state.step} of {run.stage.config.steps}: run the same command again "
                        "to go on"
                    )
                return
            previous = run.generator

    def _begin(self, number: int, previous: Path | None) -> StageRun:
        """Make a stage's networks and take up what is in its folder."""
        config, stage, dataset = self._config, self._stages[number], self._inputs.datasets[number]
        start = previous or config.init
        init = self._inputs.init if previous is None else read_init(previous)
        vgg = self._inputs.vgg_file if stage.config.needs_features == "vgg19" else None
        state = create_state(
            stage.config, scale=dataset.scale, seed=config.seed, device=self._device, init=init,
            features=_features(stage, vgg), world=self._world,
        )  # fmt: skip
        if config.compile:
            state.compile()
        single = len(self._stages) == 1
        files = {"init": start, "vgg_weights": vgg}
        settings = StageSettings(
            folder=config.out if single else config.out / f"{number + 1}-{stage.name}",
            workers=config.workers, save_every=config.save_every, keep=config.keep,
            keep_best=config.keep_best, tensorboard=config.tensorboard, seed=config.seed,
            hashes={name: None if path is None else hash_file(path)
                    for name, path in files.items()},
        )  # fmt: skip
        return StageRun(stage, settings, dataset, self._inputs.held_out, state, self._world)

    def _describe(self, run: StageRun) -> None:
        several = len(self._stages) > 1
        self.lines += [f"{run.stage.name}: {line}" if several else line for line in run.describe()]


def _features(stage: Stage, vgg_file: Path | None) -> FeatureNetwork | None:
    if vgg_file is not None:
        return load_vgg19(vgg_file)
    return GaborFeatures() if stage.config.needs_features == "gabor" else None

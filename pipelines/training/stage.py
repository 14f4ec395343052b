"""One stage of a training in its folder: begun or gone on with, saved, validated, described."""

from __future__ import annotations

import contextlib
import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from degrade.disk.journal import Journal
from degrade.errors import CorruptDataError, MissingDependencyError, printable
from degrade.images.image_io import encode_png
from esrgan.data import Samples
from esrgan.distributed import World
from esrgan.losses import LOSSES
from esrgan.training.checkpoints import (
    best_score,
    encode_discriminator,
    encode_generator,
    newest_step,
    read_newest_checkpoint,
    read_planned_checkpoint,
    write_checkpoint,
)
from esrgan.training.discriminator_watch import DiscriminatorWatch
from esrgan.training.loop import take_steps
from esrgan.training.preview import draw_preview
from esrgan.training.state import TrainingState
from esrgan.training.step_log import StepLog
from esrgan.training.tensorboard_log import TensorBoardLog
from esrgan.training.validation import Scores, Validation
from pipelines.training.file_names import (
    BEST,
    BOARD,
    CURVES,
    DISCRIMINATOR,
    GENERATOR,
    LOG_FILE,
    PREVIEW,
    SCORES_FILE,
)
from pipelines.training.plan import Stage
from pipelines.training.record import check_record, results_of
from report.curves_sheet import encode_curves

__all__ = ["StageRun", "StageSettings"]

_SUMMARY_STEPS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class StageSettings:
    """How a stage is kept and watched; nothing of it changes what is computed.

    Attributes
    ----------
    folder : Path
    workers, save_every, keep, keep_best : int
    tensorboard : bool
    record : mapping
        What must not change: see :func:`pipelines.training.record.record_of_stage`.
    """

    folder: Path
    workers: int
    save_every: int
    keep: int
    keep_best: int
    tensorboard: bool
    record: Mapping[str, Any]


class StageRun:
    """One call's part of a stage, from the restored state on.

    Parameters
    ----------
    stage : Stage
    settings : StageSettings
    dataset : Samples
    validation : Validation or None
    state : TrainingState
        Restored here from the newest checkpoint, if there is one.
    world : World
    watch : DiscriminatorWatch or None
        Whether the discriminator is right is told with every validation.

    Raises
    ------
    ChangedConfigError
        The folder was begun with other settings or pairs.
    CorruptDataError
        What is in it cannot be gone on with.
    """

    def __init__(
        self,
        stage: Stage,
        settings: StageSettings,
        dataset: Samples,
        validation: Validation | None,
        state: TrainingState,
        world: World,
        watch: DiscriminatorWatch | None = None,
    ) -> None:
        self.stage, self.settings, self.state = stage, settings, state
        self._dataset, self._validation, self._world = dataset, validation, world
        self._watch = watch
        self._first_pixel_losses: list[float] = []
        self._last_pixel_losses: deque[float] = deque(maxlen=_SUMMARY_STEPS)
        self._scores: tuple[int, Scores] | None = None
        self._saved_step: int | None = None
        self._results = results_of(settings.folder)
        self._begin_or_resume()
        self.first_step = state.step

    def _begin_or_resume(self) -> None:
        """Restore the newest checkpoint if there is one; record the settings if there is none."""
        folder = self.settings.folder
        resumed = newest_step(folder) is not None
        if self._world.rank == 0:
            folder.mkdir(exist_ok=True)
            check_record(folder, self.settings.record)
        newest = read_newest_checkpoint(folder) if resumed else None
        if newest is not None:
            try:
                self.state.restore(newest)
            except CorruptDataError as error:
                raise CorruptDataError(f"{printable(folder)}: {error}") from error
            self._saved_step = self.state.step
        # Only when all have read may the first one write.
        self._world.wait()
        if self._world.rank == 0:
            for name in (LOG_FILE, SCORES_FILE):
                StepLog(folder / name).forget_after(self.state.step)

    def announce(self) -> str:
        """Return what is going to be done."""
        state, steps = self.state, self.stage.config.steps
        if state.step >= steps:
            return f"{self.stage.name}: all {steps} steps are done"
        count = sum(parameter.numel() for parameter in state.generator.parameters())
        return (
            f"{self.stage.name}: steps {state.step + 1} to {steps} on {state.device} in "
            f"{'bf16' if state.bf16 else 'fp32'}; {type(state.generator).__name__} "
            f"×{state.generator.scale} of {count:,} weights"
        )

    def train_to_end(
        self,
        on_step: Callable[[int, Mapping[str, float]], None],
        should_stop: Callable[[], bool],
    ) -> None:
        """Train to the stage's end, or until asked to stop, and save.

        Parameters
        ----------
        on_step : callable
            Called with the steps done and the losses of the last one.
        should_stop : callable
            Asked after each step.
        """
        state, folder = self.state, self.settings.folder
        first = self._world.rank == 0
        with ExitStack() as stack:
            log = stack.enter_context(StepLog(folder / LOG_FILE)) if first else None
            board = None
            if first and self.settings.tensorboard:
                board = stack.enter_context(TensorBoardLog(folder / BOARD, state.step))

            def after_step(_state: TrainingState, losses: Mapping[str, float]) -> None:
                if log:
                    log.append(state.step, {**losses, **state.watched})
                if board:
                    board.add_losses(state.step, losses)
                    board.add_losses(state.step, state.watched, group="watched")
                self._remember(losses.get("pixel", math.nan))
                # What a run goes back to must not be written over by what fails.
                if state.step % self.settings.save_every == 0 and not state.skipped_in_a_row:
                    self._save(board, planned=True, validated=True)
                on_step(state.step, losses)

            if state.step < self.stage.config.steps:
                take_steps(
                    self._dataset,
                    state,
                    self.stage.config,
                    workers=self.settings.workers,
                    world=self._world,
                    on_step=after_step,
                    should_stop=should_stop,
                    last_good=lambda: read_planned_checkpoint(folder),
                )
            # A validation takes long, and who stops a run is waiting: it comes when the run goes on
            # and reaches a planned checkpoint or the end.
            self._save(board, planned=False, validated=state.step >= self.stage.config.steps)
            if first:
                self._draw_curves()
            self._world.wait()

    def _draw_curves(self) -> None:
        """Draw what has been logged, where matplotlib is installed."""
        folder = self.settings.folder
        logs = [Journal(folder / name).read() for name in (LOG_FILE, SCORES_FILE)]
        with contextlib.suppress(MissingDependencyError):
            picture = encode_curves(*logs)
            if picture is not None:
                self._results.write(folder / CURVES, picture)

    def _remember(self, pixel: float) -> None:
        if math.isfinite(pixel):
            if len(self._first_pixel_losses) < _SUMMARY_STEPS:
                self._first_pixel_losses.append(pixel)
            self._last_pixel_losses.append(pixel)

    def _save(self, board: TensorBoardLog | None, *, planned: bool, validated: bool) -> None:
        state, settings = self.state, self.settings
        if self._saved_step == state.step:
            return
        self._saved_step = state.step
        with state.evaluating() as result:
            scores = None
            if validated and self._validation is not None:
                scores = self._validation.scores(result)
                told = self._watch.accuracy(state) if self._watch else {}
                scores = replace(scores, values={**scores.values, **told})
                self._scores = state.step, scores
            if self._world.rank:
                return
            picture = draw_preview(result, self._dataset)
        folder, score = settings.folder, None if scores is None else scores.score
        scored_by = self._validation.best_by if self._validation else "psnr"
        best = None if score is None else best_score(folder, scored_by)
        write_checkpoint(
            folder,
            state.step,
            state.to_plain(),
            planned=planned,
            keep=settings.keep,
            score=score,
            scored_by=scored_by,
            keep_best=settings.keep_best,
            results=self._results,
        )
        generator = encode_generator(state.result)
        self._results.write(folder / GENERATOR, generator)
        if state.discriminator is not None and state.step > self.stage.config.pixel_steps:
            discriminator = encode_discriminator(state.discriminator)
            self._results.write(folder / DISCRIMINATOR, discriminator)
        self._results.write(folder / PREVIEW, encode_png(picture))
        if score is not None and settings.keep_best and (best is None or score >= best):
            self._results.write(folder / BEST, generator)
        if scores is not None:
            with StepLog(folder / SCORES_FILE) as log:
                log.append(state.step, scores.values)
        if board:
            board.add_picture(state.step, picture)
            shown = scores.values if scores else {}
            board.add_losses(state.step, shown, group="validation")

    @property
    def generator(self) -> Path:
        """The stage's result."""
        return self.settings.folder / GENERATOR

    def describe(self) -> Iterator[str]:
        """Yield what a person wants to know of the stage."""
        state, config = self.state, self.stage.config
        yield f"losses: {_describe_losses(self.stage, state.step)}"
        first, last = self._first_pixel_losses, self._last_pixel_losses
        several = state.step - self.first_step >= 2 * _SUMMARY_STEPS
        if several and len(first) == _SUMMARY_STEPS and config.pixel_loss == "l1":
            before, after = (255 * sum(values) / _SUMMARY_STEPS for values in (first, last))
            yield (
                f"L1 from {before:.2f} to {after:.2f} grey levels "
                f"(first and last {_SUMMARY_STEPS} steps)"
            )
        if self._scores is not None:
            step, scores = self._scores
            yield f"validation at step {step}: {scores.words}"
        if state.skipped:
            yield (
                f"{state.skipped} steps skipped: a loss or gradient was not finite; "
                f"{state.restored} returns to an earlier state"
            )
        yield f"weights: {printable(self.generator)}"


def _describe_losses(stage: Stage, steps: int) -> str:
    """Name the losses of a stage; those that none of its steps has had yet stand apart."""
    settings, weights = stage.config.settings(), stage.config.loss_weights
    words = {
        name: f"{weights[name]:g} × {name}"
        + (f" ({settings[loss.form_setting]})" if loss.form_setting else "")
        for name, loss in LOSSES.items()
        if weights.get(name)
    }
    begin = stage.config.pixel_steps
    later = [told for name, told in words.items() if name != "pixel"]
    if steps > begin or not later or "pixel" not in words:
        return ", ".join(words.values())
    return f"{words['pixel']}; not yet {', '.join(later)}: from step {begin + 1} on"

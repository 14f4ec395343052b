"""One stage of a training in its folder: begun or gone on with, saved, validated, described."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from degrade.errors import ChangedConfigError, CorruptDataError, printable
from degrade.files import write_atomically
from degrade.image_io import write_png
from degrade.pairs import PairReader
from esrgan.board import Board
from esrgan.checkpoints import (
    best_score,
    has_checkpoint,
    read_newest_checkpoint,
    write_checkpoint,
    write_generator,
)
from esrgan.data import PairDataset
from esrgan.distributed import World
from esrgan.preview import draw_preview
from esrgan.state import TrainingState
from esrgan.step_log import StepLog
from esrgan.training import train
from esrgan.validation import Scores, validate
from pipelines.training_plan import Stage

__all__ = ["RUN_FILE", "StageRun", "StageSettings", "check_settings"]

RUN_FILE = "training.json"
_LOG_FILE, _SCORES_FILE = "log.jsonl", "validation.jsonl"
_GENERATOR, _BEST = "generator.pth", "best.pth"
_SUMMARY_STEPS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class StageSettings:
    """How a stage is kept and watched; nothing of it changes what is computed.

    Attributes
    ----------
    folder : Path
    workers, save_every, keep, keep_best : int
    tensorboard : bool
    hashes : mapping of str to str or None
        Of the files that the stage starts from.
    seed : int
    """

    folder: Path
    workers: int
    save_every: int
    keep: int
    keep_best: int
    tensorboard: bool
    hashes: Mapping[str, str | None]
    seed: int


class StageRun:
    """One call's part of a stage, from the restored state on.

    Parameters
    ----------
    stage : Stage
    settings : StageSettings
    dataset : PairDataset
    held_out : PairReader or None
        Pairs to validate on.
    state : TrainingState
        Restored here from the newest checkpoint, if there is one.
    world : World

    Raises
    ------
    ChangedConfigError
        The folder was begun with other settings or pairs.
    CorruptDataError
        What is in it cannot be gone on with.
    """

    def __init__(
        self, stage: Stage, settings: StageSettings, dataset: PairDataset,
        held_out: PairReader | None, state: TrainingState, world: World,
    ) -> None:  # fmt: skip
        self.stage, self.settings, self.state = stage, settings, state
        self._dataset, self._held_out, self._world = dataset, held_out, world
        self._pixel_losses: list[float] = []
        self._scores: Scores | None = None
        self._saved_step: int | None = None
        self._begin_or_resume()
        self.first_step = state.step

    def _begin_or_resume(self) -> None:
        """Restore the newest checkpoint if there is one; record the settings if there is none."""
        folder = self.settings.folder
        resumed = has_checkpoint(folder)
        if self._world.rank == 0:
            folder.mkdir(exist_ok=True)
            check_settings(folder, self._lasting_settings())
        newest = read_newest_checkpoint(folder) if resumed else None
        if newest is not None:
            self.state.restore(newest)
            self._saved_step = self.state.step
        # Only when all have read may the first one write.
        self._world.wait()
        if self._world.rank == 0:
            for name in (_LOG_FILE, _SCORES_FILE):
                StepLog(folder / name).forget_after(self.state.step)

    def _lasting_settings(self) -> dict[str, Any]:
        """Return what must not change between a run and its resumption; more steps may come."""
        training = asdict(self.stage.config)
        del training["steps"]
        own = {"preset": self.stage.name, "seed": self.settings.seed}
        plain = training | dict(self.settings.hashes) | own | {"samples": self._dataset.fingerprint}
        copied: dict[str, Any] = json.loads(json.dumps(plain))
        return copied

    def train(
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
            log = stack.enter_context(StepLog(folder / _LOG_FILE)) if first else None
            board = None
            if first and self.settings.tensorboard:
                board = stack.enter_context(Board(folder / "tensorboard", state.step))

            def after_step(_state: TrainingState, losses: Mapping[str, float]) -> None:
                if log:
                    log.append(state.step, losses)
                if board:
                    board.add_losses(state.step, losses)
                if math.isfinite(pixel := losses.get("pixel", math.nan)):
                    self._pixel_losses.append(pixel)
                # What the last good state is must not be written over by one that fails.
                if state.step % self.settings.save_every == 0 and not state.skipped_in_a_row:
                    self._save(board)
                on_step(state.step, losses)

            if state.step < self.stage.config.steps:
                train(
                    self._dataset, state, self.stage.config, workers=self.settings.workers,
                    world=self._world, on_step=after_step, should_stop=should_stop,
                    last_good=lambda: read_newest_checkpoint(folder),
                )  # fmt: skip
            self._save(board)
            self._world.wait()

    def _save(self, board: Board | None) -> None:
        state, settings = self.state, self.settings
        if self._saved_step == state.step:
            return
        self._saved_step = state.step
        with state.evaluating() as result:
            if self._held_out is not None:
                self._scores = validate(
                    result, self._held_out, device=state.device, world=self._world
                )
            if self._world.rank:
                return
            picture = draw_preview(result, self._dataset)
        folder, scores = settings.folder, self._scores
        best = None if scores is None else best_score(folder)
        write_checkpoint(
            folder, state.step, state.to_plain(), keep=settings.keep,
            score=None if scores is None else scores.psnr, keep_best=settings.keep_best,
        )  # fmt: skip
        write_generator(folder / _GENERATOR, state.result)
        write_png(folder / "preview.png", picture)
        if scores is not None:
            if best is None or scores.psnr >= best:
                write_generator(folder / _BEST, state.result)
            with StepLog(folder / _SCORES_FILE) as log:
                log.append(state.step, asdict(scores))
        if board:
            board.add_picture(state.step, picture)
            board.add_losses(state.step, asdict(scores) if scores else {}, group="validation")

    @property
    def generator(self) -> Path:
        """The stage's result."""
        return self.settings.folder / _GENERATOR

    def describe(self) -> Iterator[str]:
        """Yield what a person wants to know of the stage."""
        state, config = self.state, self.stage.config
        yield f"losses: {_describe_losses(self.stage)}"
        if len(self._pixel_losses) >= 2 * _SUMMARY_STEPS and config.pixel_loss == "l1":
            first, last = (
                255 * sum(values) / _SUMMARY_STEPS
                for values in (self._pixel_losses[:_SUMMARY_STEPS],
                               self._pixel_losses[-_SUMMARY_STEPS:])
            )  # fmt: skip
            yield (
                f"L1 from {first:.2f} to {last:.2f} grey levels "
                f"(first and last {_SUMMARY_STEPS} steps)"
            )
        if self._scores is not None:
            yield (
                f"validation: PSNR {self._scores.psnr:.2f} dB, SSIM {self._scores.ssim:.4f} on Y, "
                f"without {self._dataset.scale} border pixels"
            )
        if state.skipped:
            yield (
                f"{state.skipped} steps skipped: a loss or gradient was not finite; "
                f"{state.restored} returns to an earlier state"
            )
        yield f"weights: {printable(self.generator)}"


def check_settings(folder: Path, settings: Mapping[str, Any]) -> None:
    """Record the settings of a new run; refuse to go on with others.

    Raises
    ------
    ChangedConfigError
        The folder was begun with other settings.
    CorruptDataError
        Its record is damaged or missing.
    """
    path = folder / RUN_FILE
    try:
        then = json.loads(path.read_bytes())
        names = then.keys() | settings.keys()
    except (OSError, ValueError, AttributeError, RecursionError):
        then, names = {}, set()
    begun = has_checkpoint(folder)
    if begun and not then:
        raise CorruptDataError(
            f"{printable(path)} is damaged or missing; choose another output folder"
        )
    if not begun and "stages" not in then:
        write_atomically(path, json.dumps(settings, indent=1, sort_keys=True).encode())
        return
    differences = {
        name: (str(then.get(name)), str(settings.get(name)))
        for name in sorted(names)
        if then.get(name) != settings.get(name)
    }
    if differences:
        raise ChangedConfigError(folder, differences)


def _describe_losses(stage: Stage) -> str:
    config = stage.config
    kinds = {
        "pixel": config.pixel_loss,
        "content": config.needs_features,
        "texture": config.needs_features,
        "adversarial": config.adversarial_loss,
    }
    return ", ".join(
        f"{weight:g} × {name}" + (f" ({kinds[name]})" if name in kinds else "")
        for name, weight in config.loss_weights.items()
        if weight
    )

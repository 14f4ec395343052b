"""Train a super-resolution network on a folder of pairs; stop and go on at any time."""

from __future__ import annotations

import contextlib
import json
import math
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any

from degrade.errors import (
    ChangedConfigError,
    CorruptDataError,
    InvalidValueError,
    printable,
)
from degrade.files import claim_folder, folder_lock, write_atomically
from degrade.image_io import write_png
from degrade.sources import Reject, hash_file
from esrgan.checkpoints import (
    has_checkpoint,
    read_generator,
    read_newest_checkpoint,
    write_checkpoint,
    write_generator,
)
from esrgan.data import PairDataset
from esrgan.losses import load_vgg19
from esrgan.networks import check_device
from esrgan.presets import TrainingConfig, preset_named
from esrgan.preview import draw_preview
from esrgan.step_log import StepLog
from esrgan.training import TrainingState, create_state, train
from pipelines.interrupts import Interrupted
from pipelines.reports import ProgressCallback, RunReport, no_progress, write_rejects

__all__ = ["TrainRunConfig", "run_training"]

_RUN_FILE = "training.json"
_LOG_FILE = "log.jsonl"
_SUMMARY_STEPS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainRunConfig:
    """The settings of ``degrade train``.

    Attributes
    ----------
    pairs : Path
        What ``degrade build-pairs`` made.
    out : Path
        Folder of the results: ``generator.pth``, checkpoints, ``log.jsonl``, ``preview.png``.
    preset : str
        One of :data:`esrgan.presets.PRESETS`.
    steps, batch_size, hr_patch : int or None
        None: as the preset has it.
    vgg_weights : Path or None
        VGG19 weights for the perceptual loss; None: train without it.
    init : Path or None
        RRDBNet weights to start from.
    pool : Path or None
        Where deferred noise is drawn from; None: the pool that the pairs were built with.
    seed : int
    device : str
        A torch device.
    workers : int
        Processes that read data. Does not change the result.
    save_every : int
        Steps between checkpoints.
    keep : int
        Checkpoints that are kept.
    """

    pairs: Path
    out: Path
    preset: str = "tiny"
    steps: int | None = None
    batch_size: int | None = None
    hr_patch: int | None = None
    vgg_weights: Path | None = None
    init: Path | None = None
    pool: Path | None = None
    seed: int = 0
    device: str = "cpu"
    workers: int = 0
    save_every: int = 500
    keep: int = 3

    def __post_init__(self) -> None:
        for name, minimum in (("seed", 0), ("workers", 0), ("save_every", 1), ("keep", 1)):
            if getattr(self, name) < minimum:
                raise InvalidValueError(
                    f"{name} must be at least {minimum}, got {getattr(self, name)}"
                )
        _ = self.training  # checks the preset and what replaces its values

    @property
    def training(self) -> TrainingConfig:
        """The preset with this run's changes."""
        changes = {
            name: getattr(self, name)
            for name in ("steps", "batch_size", "hr_patch")
            if getattr(self, name) is not None
        }
        if self.vgg_weights is None:
            changes["perceptual_weight"] = 0.0
        return replace(preset_named(self.preset).config, **changes)


def run_training(
    config: TrainRunConfig, *, on_progress: ProgressCallback | None = None
) -> RunReport:
    """Train, or go on training from the newest checkpoint in ``config.out``.

    Parameters
    ----------
    config : TrainRunConfig
    on_progress : callable or None
        Called with (steps done, steps in all).

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
    """
    started = time.monotonic()
    check_device(config.device)
    training = config.training
    vgg = None if config.vgg_weights is None else load_vgg19(config.vgg_weights)
    init = None if config.init is None else read_generator(config.init)
    dataset = PairDataset(
        config.pairs, hr_patch=training.hr_patch, seed=config.seed, pool=config.pool
    )
    state = create_state(
        training, scale=dataset.scale, seed=config.seed, device=config.device, init=init, vgg=vgg
    )
    claim_folder(config.out, _RUN_FILE)
    with folder_lock(config.out):
        _begin_or_resume(config, dataset, state)
        run = _Run(config, training, dataset, state)
        signum = run.train(on_progress or no_progress)
    rejects = [_too_small(config, key) for key in dataset.too_small]
    write_rejects(config.out, rejects)
    return RunReport(
        job="train", done=state.step - run.first_step, skipped=run.first_step, unit="steps",
        seconds=time.monotonic() - started, rejects=tuple(rejects), lines=tuple(run.describe()),
        interrupted=signum if state.step < training.steps else None,
    )  # fmt: skip


def _too_small(config: TrainRunConfig, key: str) -> Reject:
    patch = config.training.hr_patch
    return Reject(
        f"{config.pairs}/{key}", f"smaller than an HR patch of {patch}", "use a smaller --hr-patch"
    )


def _begin_or_resume(config: TrainRunConfig, dataset: PairDataset, state: TrainingState) -> None:
    """Restore the newest checkpoint if there is one; record the settings if there is none."""
    settings = _settings(config, dataset)
    path = config.out / _RUN_FILE
    if not has_checkpoint(config.out):
        write_atomically(path, json.dumps(settings, indent=1, sort_keys=True).encode())
        StepLog(config.out / _LOG_FILE).forget_after(0)
        return
    try:
        then = json.loads(path.read_bytes())
        differences = {
            name: (str(then.get(name)), str(now))
            for name, now in settings.items()
            if then.get(name) != now
        }
    except (OSError, ValueError, AttributeError):
        raise CorruptDataError(
            f"{printable(path)} is damaged or missing; choose another output folder"
        ) from None
    if differences:
        raise ChangedConfigError(config.out, differences)
    newest = read_newest_checkpoint(config.out)
    if newest is not None:
        state.restore(newest)
    StepLog(config.out / _LOG_FILE).forget_after(state.step)


def _settings(config: TrainRunConfig, dataset: PairDataset) -> dict[str, Any]:
    """Return what must not change between a run and its resumption; more steps are welcome."""
    training = asdict(config.training)
    del training["steps"]
    files = {"init": config.init, "vgg_weights": config.vgg_weights}
    hashes = {name: None if path is None else hash_file(path) for name, path in files.items()}
    own = {"preset": config.preset, "seed": config.seed, "samples": dataset.fingerprint}
    plain: dict[str, Any] = json.loads(json.dumps(training | hashes | own))
    return plain


class _Run:
    """One call of :func:`run_training`, from the restored state on."""

    def __init__(
        self,
        config: TrainRunConfig,
        training: TrainingConfig,
        dataset: PairDataset,
        state: TrainingState,
    ) -> None:
        self.config, self.training = config, training
        self.dataset, self.state = dataset, state
        self.first_step = state.step
        self._saved_step: int | None = None
        self._pixel_losses: list[float] = []

    def train(self, on_progress: ProgressCallback) -> int | None:
        """Train and save; return the signal that ended it early, if one did."""
        state, total = self.state, self.training.steps
        with _deferred_signals() as caught, StepLog(self.config.out / _LOG_FILE) as log:

            def on_step(_state: TrainingState, losses: Mapping[str, float]) -> None:
                log.append(state.step, losses)
                if math.isfinite(pixel := losses.get("pixel", math.nan)):
                    self._pixel_losses.append(pixel)
                if state.step % self.config.save_every == 0:
                    self._save()
                on_progress(state.step, total)

            on_progress(state.step, total)
            train(
                self.dataset, state, self.training, workers=self.config.workers, on_step=on_step,
                should_stop=lambda: bool(caught),
            )  # fmt: skip
            self._save()
        return caught[0] if caught else None

    def _save(self) -> None:
        if self._saved_step == self.state.step:
            return
        out, state = self.config.out, self.state
        write_checkpoint(out, state.step, state.to_plain(), keep=self.config.keep)
        write_generator(out / "generator.pth", state.generator)
        write_png(out / "preview.png", draw_preview(state.generator, self.dataset))
        self._saved_step = state.step

    def describe(self) -> Iterator[str]:
        """Yield what a person wants to know of the run."""
        training, preset = self.training, preset_named(self.config.preset)
        yield f"losses: {', '.join(_describe_losses(training))}"
        if self.config.vgg_weights is None and preset.config.perceptual_weight:
            yield "no perceptual loss: no VGG19 weights were given (--vgg-weights)"
        if self.config.init is None and preset.start:
            yield f"{self.config.preset} is meant to start from {preset.start}: give them by --init"
        if len(self._pixel_losses) >= 2 * _SUMMARY_STEPS:
            first, last = (
                sum(values) / _SUMMARY_STEPS
                for values in (self._pixel_losses[:_SUMMARY_STEPS],
                               self._pixel_losses[-_SUMMARY_STEPS:])
            )  # fmt: skip
            yield (
                f"L1 from {255 * first:.2f} to {255 * last:.2f} grey levels "
                f"(first and last {_SUMMARY_STEPS} steps)"
            )
        if self.state.skipped:
            yield f"{self.state.skipped} steps skipped: a loss or gradient was not finite"
        yield f"weights: {self.config.out / 'generator.pth'}"


def _describe_losses(training: TrainingConfig) -> Iterator[str]:
    if training.pixel_weight:
        yield f"{training.pixel_weight:g} × L1"
    if training.perceptual_weight:
        yield f"{training.perceptual_weight:g} × perceptual (VGG19)"
    if training.adversarial_weight:
        yield f"{training.adversarial_weight:g} × adversarial (relativistic average)"


@contextlib.contextmanager
def _deferred_signals() -> Iterator[list[int]]:
    """Collect SIGINT and SIGTERM instead of being interrupted by them; the second one counts."""
    caught: list[int] = []

    def remember(signum: int, _frame: FrameType | None) -> None:
        if caught:
            raise Interrupted(signum)
        caught.append(signum)

    if threading.current_thread() is not threading.main_thread():
        # Python lets only the main thread handle signals; a library user stops in other ways.
        yield caught
        return
    previous = {number: signal.signal(number, remember) for number in _SIGNALS}
    try:
        yield caught
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


_SIGNALS = (signal.SIGINT, signal.SIGTERM)

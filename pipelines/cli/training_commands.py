"""``degrade train``."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import click

from pipelines.cli.common import PATH, device_option, finish, seed_option
from pipelines.cli.ends import one_line
from pipelines.cli.help_pages import command
from pipelines.cli.progress import showing_progress
from pipelines.cli.table_options import RowName
from pipelines.shared.speech import said

F = TypeVar("F", bound=Callable[..., Any])


def _preset_names() -> Iterable[str]:
    from esrgan.training.presets import PRESETS

    return PRESETS


def _recipe_options(function: F) -> F:
    """Add what decides what is computed."""
    for option in reversed(
        (
            click.option(
                "--preset",
                type=RowName(_preset_names),
                default=None,
                help="The recipe, with the one that it goes on from unless --init gives weights. "
                "[default: tiny, for CPUs]",
            ),
            click.option(
                "--stages",
                metavar="PRESET,PRESET",
                default=None,
                help="Exactly these presets one after the other, each from the weights of the "
                "last.",
            ),
            click.option(
                "--config",
                "config_file",
                type=PATH,
                default=None,
                help="TOML with settings; --show-config prints one.",
            ),
            click.option(
                "--set",
                "settings",
                metavar="KEY=VALUE",
                multiple=True,
                help="Change a setting, of one stage with STAGE.KEY=VALUE. Overrides --config; the "
                "options below override both.",
            ),
            click.option(
                "--show-config",
                is_flag=True,
                help="Print what would be computed, as TOML, and end.",
            ),
            click.option("--steps", type=click.IntRange(0), default=None, help="Of each stage."),
            click.option(
                "--batch-size",
                type=click.IntRange(1),
                default=None,
                help="Samples of a step, over all GPUs.",
            ),
            click.option(
                "--hr-patch", type=click.IntRange(1), default=None, help="Side of the HR crops."
            ),
            click.option(
                "--precision",
                type=click.Choice(["auto", "fp32", "bf16"]),
                default=None,
                help="auto: bf16 on GPUs that have it.",
            ),
            click.option(
                "--features",
                type=click.Choice(["vgg19", "gabor"]),
                default=None,
                help="Where the content loss looks. gabor needs no weights, and is no published "
                "loss.",
            ),
        )
    ):
        function = option(function)
    return function


def _input_options(function: F) -> F:
    """Add what is read."""
    for option in reversed(
        (
            click.option(
                "--pairs", type=PATH, default=None, help="Folder that build-pairs has made."
            ),
            click.option(
                "--validation",
                type=PATH,
                default=None,
                help="Folder of pairs that are not trained on: PSNR and SSIM on Y, without a "
                "border of SCALE pixels.",
            ),
            click.option(
                "--init",
                type=PATH,
                default=None,
                help="Weights to start from; the network has their sizes, whatever the recipe "
                "says.",
            ),
            click.option(
                "--vgg-weights",
                type=PATH,
                default=None,
                help="torchvision's VGG19 weights.  [default: in the cache of torch.hub]",
            ),
            click.option(
                "--pool",
                type=PATH,
                default=None,
                help="Where noise that was left to training and kernels are.  [default: the pool "
                "that the pairs were built with]",
            ),
        )
    ):
        function = option(function)
    return function


def _keeping_options(function: F) -> F:
    """Add what changes nothing that is computed."""
    for option in reversed(
        (
            click.option(
                "--out",
                type=PATH,
                default=Path("model"),
                show_default=True,
                help="Folder of the weights, checkpoints and log.",
            ),
            click.option(
                "--workers",
                type=click.IntRange(0),
                default=0,
                show_default=True,
                help="Processes that read pairs; the result does not depend on it.",
            ),
            click.option(
                "--save-every",
                type=click.IntRange(1),
                default=500,
                show_default=True,
                help="Steps between checkpoints, each with a validation.",
            ),
            click.option(
                "--keep",
                type=click.IntRange(1),
                default=3,
                show_default=True,
                help="The newest so many checkpoints stay.",
            ),
            click.option(
                "--keep-best",
                type=click.IntRange(0),
                default=1,
                show_default=True,
                help="So do so many with the highest PSNR; 0: there is no best.pth.",
            ),
            click.option(
                "--max-minutes",
                type=click.FloatRange(0, min_open=True),
                default=None,
                help="Finish the step, save and end after so long.",
            ),
            click.option(
                "--tensorboard", is_flag=True, help="Write curves and pictures for it, too."
            ),
            click.option(
                "--compile", is_flag=True, help="Faster steps after a slow start (torch.compile)."
            ),
        )
    ):
        function = option(function)
    return function


@command("train")
@_input_options
@_recipe_options
@_keeping_options
@device_option
@seed_option
def train(pairs: Path | None, stages: str | None, show_config: bool, **options: Any) -> None:
    """Train a network on pairs, by a published recipe or your own.

    A run that was stopped goes on from its last checkpoint when the same command is given again.
    Pairs built with --noise defer get their noise here, from --pool or the pool they were built
    with. On several GPUs: torchrun --nproc-per-node N -m pipelines.cli train ….
    """
    from pipelines.training.plan import stages_to_toml
    from pipelines.training.train import TrainConfig
    from pipelines.training.train import train as run

    if pairs is None and not show_config:
        raise click.UsageError("Missing option '--pairs'.")
    names = tuple(name.strip() for name in stages.split(",")) if stages else ()
    config = TrainConfig(pairs=pairs or Path(), stages=names, **options)
    if show_config:
        click.echo(stages_to_toml(config.plan()), nl=False)
        return
    with _training_bar() as callbacks:
        report = run(config, **callbacks)
    if os.environ.get("RANK", "0") != "0":  # one of torchrun's processes speaks for all
        sys.exit(report.exit_code)
    finish(report)


@contextlib.contextmanager
def _training_bar() -> Iterator[dict[str, Callable[..., None]]]:
    """Yield train's callbacks, and give a warning one line.

    They show the steps, the time left and the losses.
    """
    other = os.environ.get("RANK", "0") != "0"
    with showing_progress("train", "steps", silent=other) as progress, warnings.catch_warnings():

        def warn(message: Warning | str, *_where: Any) -> None:
            progress.tell(f"degrade: {said(one_line(Warning(message)))}")

        warnings.showwarning = warn  # type: ignore[assignment]
        yield {
            "on_progress": progress.advance,
            "on_losses": progress.note,
            "on_stage": progress.tell,
        }

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

from degrade.geometry import Scale
from pipelines.cli.common import PATH, device_option, finish, seed_option
from pipelines.cli.ends import one_line
from pipelines.cli.help_pages import command
from pipelines.cli.numbers import SCALE
from pipelines.cli.progress import Progress, showing_progress
from pipelines.cli.table_options import RowName
from pipelines.shared.speech import said

F = TypeVar("F", bound=Callable[..., Any])


def _preset_names() -> Iterable[str]:
    from esrgan.training.presets import PRESETS

    return PRESETS


def _best_by_names() -> Iterable[str]:
    from esrgan.training.best_by import BEST_BY

    return BEST_BY


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
            click.option(
                "--scale",
                type=SCALE,
                default=None,
                help="With --hr: HR size over LR size.  [default: 4]",
            ),
            click.option(
                "--recipe",
                metavar="NAME|FILE",
                default=None,
                help="With --hr: what LR goes through; 'degrade recipe show' prints recipes.  "
                "[default: measured]",
            ),
            click.option(
                "--clean-up",
                type=click.IntRange(1, 2),
                default=None,
                help="With --hr: 2 halves the photos first, 1 takes them as they are.  [default: "
                "1, or what a match had whose recipe is used]",
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
                "--hr",
                type=PATH,
                multiple=True,
                help="Clean photos instead of pairs, degraded on the fly by --pool: file, folder "
                "or manifest; may be repeated.",
            ),
            click.option(
                "--validation",
                type=PATH,
                default=None,
                help="Folder of pairs that are not trained on: PSNR and SSIM on Y, without a "
                "border of SCALE pixels.",
            ),
            click.option(
                "--best-by",
                type=RowName(_best_by_names),
                default="psnr",
                show_default=True,
                help="By which measure on --validation best.pth is chosen: "
                "psnr, ssim, gmsd, lpips ….",
            ),
            click.option(
                "--best-by-weights",
                type=PATH,
                multiple=True,
                help="Weight files of lpips or dists: the measure's and its network's; may be "
                "repeated.",
            ),
            click.option(
                "--init",
                type=PATH,
                default=None,
                help="Weights to start from; the network has their sizes, whatever the recipe "
                "says.",
            ),
            click.option(
                "--init-discriminator",
                type=PATH,
                default=None,
                help="A discriminator's weights to start from, such as discriminator.pth of a "
                "training.",
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
            click.option(
                "--cache",
                type=PATH,
                default=None,
                help="With --hr: where photos are kept decoded, 3 bytes a pixel; trainings may "
                "share it.  [default: .photos in --out]",
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
                "-o",
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
                help="So do so many that are best in validation; 0: there is no best.pth.",
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


@command("train", short_help="Train a network on pairs, or on clean photos and a pool.")
@_input_options
@_recipe_options
@_keeping_options
@device_option
@seed_option
def train(
    stages: str | None,
    show_config: bool,
    scale: Scale | None,
    recipe: str | None,
    clean_up: int | None,
    **options: Any,
) -> None:
    """Train a network on pairs, or on clean photos and a pool, by a published recipe or your own.

    A run that was stopped goes on from its last checkpoint when the same command is given again.
    Pairs built with --noise defer get their noise here, from --pool or the pool they were built
    with. On several GPUs: torchrun --nproc-per-node N -m pipelines.cli train ….
    """
    from pipelines.training.plan import stages_to_toml
    from pipelines.training.train import TrainConfig
    from pipelines.training.train import train as run

    on_photos = _photo_options(scale, recipe, clean_up, options["pool"])
    if not options["hr"] and options["pairs"] is None:
        if not show_config:
            raise click.UsageError(
                "train needs --pairs, or --hr with --pool or a recipe that needs none"
            )
        options["pairs"] = Path()
    if on_photos and not options["hr"]:
        names = " and ".join(f"--{name.replace('_', '-')}" for name in on_photos)
        raise click.UsageError(f"{names} can only be given with --hr; pairs have theirs")
    planned = tuple(name.strip() for name in stages.split(",")) if stages else ()
    config = TrainConfig(stages=planned, **on_photos, **options)
    if show_config:
        click.echo(stages_to_toml(config.plan()), nl=False)
        return
    with _bar("decode", "photos") as decode, _training_bar() as callbacks:
        report = run(config, on_decode=decode.advance, **callbacks)
    if _speaks_not():
        sys.exit(report.exit_code)
    finish(report)


def _photo_options(
    scale: Scale | None, recipe: str | None, clean_up: int | None, pool: Path | None
) -> dict[str, Any]:
    """Return what was given for photos that are degraded on the fly."""
    from pipelines.shared.recipes import recipe_of

    chosen = None if recipe is None else recipe_of(recipe, pool, scale)
    given = {"scale": scale, "recipe": chosen, "clean_up": clean_up}
    return {name: value for name, value in given.items() if value is not None}


def _speaks_not() -> bool:
    """Tell whether another of torchrun's processes speaks for all."""
    return os.environ.get("RANK", "0") != "0"


def _bar(label: str, unit: str) -> contextlib.AbstractContextManager[Progress]:
    return showing_progress(label, unit, silent=_speaks_not())


@contextlib.contextmanager
def _training_bar() -> Iterator[dict[str, Callable[..., None]]]:
    """Yield train's callbacks, and give a warning one line.

    They show the steps, the time left and the losses.
    """
    with _bar("train", "steps") as progress, warnings.catch_warnings():

        def warn(message: Warning | str, *_where: Any) -> None:
            progress.tell(f"degrade: {said(one_line(Warning(message)))}")

        warnings.showwarning = warn  # type: ignore[assignment]
        yield {
            "on_progress": progress.advance,
            "on_losses": progress.note,
            "on_stage": progress.tell,
        }

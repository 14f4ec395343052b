"""``degrade build-pairs``, ``verify`` and ``replay``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from degrade.errors import DegradeError, InputError, printable
from pipelines.cli.common import (
    PATH,
    PLACE,
    executor_options,
    finish,
    max_pixels_option,
    pool_option,
    progress_bar,
    refuse_memory,
    seed_option,
)
from pipelines.cli.help_pages import command
from pipelines.cli.numbers import SCALE
from pipelines.cli.table_options import store_option

if TYPE_CHECKING:
    from pipelines.executors import Executor


def _pixels_or_word(
    _ctx: click.Context, _option: click.Parameter, value: str
) -> int | Literal["auto"] | None:
    """Return a number of pixels, None for ``full``."""
    if value == "full":
        return None
    if value == "auto":
        return "auto"
    if not value.isdecimal() or int(value) < 1:
        raise click.BadParameter(f"must be a number of pixels, full or auto, got {value!r}")
    return int(value)


def _auto_none_or_sigma(
    _ctx: click.Context, _option: click.Parameter, value: str
) -> float | Literal["auto", "none"]:
    if value in ("auto", "none"):
        return value  # type: ignore[return-value]
    try:
        return float(value)
    except ValueError:
        raise click.BadParameter(
            f"must be a number of grey levels, auto or none, got {value!r}"
        ) from None


@command("build-pairs", short_help="Make LR/HR pairs of clean photos and a pool.")
@pool_option(
    help="Folder of the degradation pool, or a fingerprint; needed, but by recipes that measure "
    "nothing, such as second-order."
)
@click.option(
    "--fingerprint",
    type=PATH,
    default=None,
    help="In the place of --pool: the file that 'degrade fingerprint' wrote of one.",
)
@click.option(
    "--hr",
    type=PATH,
    multiple=True,
    help="Clean HR photos: file, folder or manifest; may be repeated. "
    "[default: the pool's own photos, cleaned up by bicubic 1/2]",
)
@click.option(
    "-o",
    "--out",
    type=PLACE,
    default=Path("pairs"),
    show_default=True,
    help="Output folder, or a URL such as s3://bucket/prefix.",
)
@store_option
@click.option(
    "--scale",
    type=SCALE,
    default=4,
    show_default=True,
    help="HR size over LR size: 4, also 2.5 or 7/3, from 1.5 to 64. At 2.5, which is 5/2, HR sides "
    "are multiples of 5.",
)
@click.option(
    "--hr-size",
    metavar="PIXELS|full|auto",
    callback=_pixels_or_word,
    default="auto",
    show_default=True,
    help="Side of the HR patches, or 'full' for whole photos, or 'auto': 512, or less where more "
    "than one photo in ten is too small for that.",
)
@click.option(
    "--recipe",
    metavar="NAME|FILE",
    default="measured",
    show_default=True,
    help="What LR goes through: a recipe's name or a TOML file; 'degrade recipe show' prints them. "
    "'matched' is what 'degrade match' has left in the pool.",
)
@click.option(
    "--noise",
    type=click.Choice(["bake", "defer", "none"]),
    default="bake",
    show_default=True,
    help="Add noise now, at training, or never.",
)
@click.option(
    "--noise-from",
    type=click.Choice(["patches", "scaled", "model"]),
    default=None,
    help="Take a camera's noise from patches as they are, from patches scaled by brightness, or "
    "from its model: as strong as at that brightness, without repetition.  [default: as the recipe "
    "has it]",
)
@click.option(
    "--model-error",
    metavar="auto|none|SIGMA",
    callback=_auto_none_or_sigma,
    default="auto",
    show_default=True,
    help="What no kernel makes, as white noise before the other, at training where that is: of "
    "SIGMA grey levels; or 'auto', as the recipe has it, but none with --noise none.",
)
@click.option(
    "--error-spectrum",
    type=click.Choice(["white", "residual"]),
    default=None,
    help="White, or with the spectrum of what the best kernels of real pairs leave, which is "
    "stronger at low frequencies.  [default: as the recipe has it: white]",
)
@click.option(
    "--linear-light",
    type=click.Choice(["auto", "always", "none"]),
    default="auto",
    show_default=True,
    help="Make LR brighter where it varies, and darker where not, as a camera does, which blurs "
    "light and no levels: 'auto', as the recipe has it, 'always', with any recipe, or 'none', for "
    "photos that software made smaller.",
)
@click.option(
    "--response",
    type=click.Choice(["auto", "none"]),
    default="auto",
    show_default=True,
    help="Give LR back what kernels estimated on photos keep too little of, for cameras sharpen: "
    "'auto', as the recipe has it, or 'none', for photos that software made soft.",
)
@click.option(
    "--jpeg",
    type=click.Choice(["measured", "none"]),
    default=None,
    help="Compress every LR, with the tables and the subsampling of a JPEG photo of the pool, or "
    "none.  [default: as the recipe has it; 'measured' compresses none]",
)
@click.option(
    "--clean-up",
    type=click.IntRange(1, 2),
    default=None,
    help="2 halves the HR photos first, 1 takes them as they are.  [default: 1 with --hr, or what "
    "a match had whose recipe is used; else 2]",
)
@click.option(
    "--shard-mib",
    type=click.IntRange(1),
    default=None,
    help="Size of a shard.  [default: 256; most formats: less on small sets]",
)
@seed_option
@executor_options
@max_pixels_option
def build_pairs(
    hr: tuple[Path, ...],
    executor: Executor | None,
    recipe: str,
    linear_light: str,
    response: str,
    jpeg: str | None,
    pool: Path | None,
    fingerprint: Path | None,
    **options: Any,
) -> None:
    """Apply the pool to clean HR photos and write LR/HR pairs.

    An interrupted run goes on where it stopped when the same command is given again.
    """
    from pipelines.executors import make_executor
    from pipelines.pairs.build_pairs import BuildPairsConfig
    from pipelines.pairs.build_pairs import build_pairs as run
    from pipelines.shared.recipes import drawn_from_pool, recipe_of, takes_measured_jpeg

    measured = pool or fingerprint
    if pool and fingerprint:
        raise click.UsageError("give either --pool or --fingerprint")
    if fingerprint is not None and not fingerprint.is_file():
        if fingerprint.is_dir():
            raise InputError(fingerprint, "a folder, and no fingerprint", "give a pool as `pool`")
        raise InputError(fingerprint, "no such file", "`degrade fingerprint POOL -o` makes one")
    chosen = recipe_of(recipe, measured, options["scale"])
    if measured is None and (kinds := drawn_from_pool(chosen)):
        raise click.UsageError(
            f"give either --pool or --fingerprint: the recipe draws {', '.join(kinds)} from it"
        )
    if jpeg == "measured" and not takes_measured_jpeg(chosen):
        raise click.UsageError(
            f"--jpeg measured changes nothing: the recipe {printable(chosen.name)} draws JPEG's "
            "quality by itself; leave it out, or change the recipe's own steps"
        )
    choices = {"jpeg": jpeg, "linear-light": linear_light, "response": response}
    config = BuildPairsConfig(
        pool=measured,
        hr=hr,
        recipe=chosen,
        further=tuple(kind for kind, choice in choices.items() if choice in ("measured", "always")),
        omitted=tuple(kind for kind, choice in choices.items() if choice == "none"),
        **options,
    )
    executor = executor or make_executor(None)
    refuse_memory(config.out, executor)
    with progress_bar("scan", "photos") as scan, progress_bar("build-pairs", "shards") as progress:
        report = run(config, executor=executor, on_progress=progress, on_scan=scan)
    finish(report)


@command("verify", short_help="Hash every pair again.")
@click.argument("pairs", type=PLACE)
def verify(pairs: Path | str) -> None:
    """Hash every pair of PAIRS (a folder or a URL) again and name what is damaged."""
    from pipelines.pairs.checks import verify as run

    with progress_bar("verify", "pairs") as progress:
        report = run(pairs, on_progress=progress)
    finish(report)


@command("replay", short_help="Make one pair again and compare it.")
@click.argument("pairs", type=PATH)
@click.argument("key")
@click.option(
    "--hr",
    type=PATH,
    multiple=True,
    help="Where the HR photos are now: file, folder or manifest; may be repeated.  "
    "[default: where they were]",
)
@pool_option(help="Where the pool of the pairs is now.  [default: where it was]")
@click.option(
    "-o", "--out", type=PATH, default=None, help="Write the two images as PNG into this folder."
)
@click.option(
    "--overwrite",
    is_flag=True,
    help="With --out: replace files of their names that no replay made.",
)
def replay(**options: Any) -> None:
    """Make the pair KEY of PAIRS again from its plan and compare it byte for byte."""
    from pipelines.pairs.checks import ReplayConfig, replay_pair

    report = replay_pair(ReplayConfig(**options))
    click.echo("\n".join(report.plan.lines()))
    if report.identical:
        click.echo("replay: identical, byte for byte")
    elif report.decoded_alike:
        raise DegradeError("the pair on disk is not what its plan gives here")
    else:
        raise DegradeError(
            "the pair on disk is not what its plan gives here: it was made by a version of degrade "
            "that decodes some photos to other pixels (it left their colour profiles aside)"
        )

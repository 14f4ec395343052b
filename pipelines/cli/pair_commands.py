"""``degrade build-pairs``, ``verify`` and ``replay``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pipelines.cli.common import (
    PATH,
    finish,
    jobs_option,
    max_pixels_option,
    pool_option,
    progress_bar,
    seed_option,
)


class _SizeOrFull(click.ParamType):
    """A positive number, or ``full`` (None)."""

    name = "PIXELS|full"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value is None or value == "full":
            return None
        try:
            size = int(value)
        except (TypeError, ValueError):
            self.fail(f"{value!r} is neither a number of pixels nor 'full'", param, ctx)
        if size < 1:
            self.fail(f"{size} is not above 0", param, ctx)
        return size


@click.command("build-pairs")
@pool_option(required=True)
@click.option(
    "--hr",
    type=PATH,
    multiple=True,
    help="Clean HR photos: file, folder or manifest; may be repeated. "
    "[default: the pool's own photos, cleaned up by bicubic 1/2]",
)
@click.option("--out", type=PATH, default=Path("pairs"), show_default=True, help="Output folder.")
@click.option(
    "--format",
    type=click.Choice(["hdf5", "lmdb"]),
    default="hdf5",
    show_default=True,
    help="How pairs are stored.",
)
@click.option(
    "--scale", type=click.IntRange(2), default=4, show_default=True, help="HR size over LR size."
)
@click.option(
    "--hr-size",
    type=_SizeOrFull(),
    default="512",
    show_default=True,
    help="Side of the HR patches, or 'full' for whole photos.",
)
@click.option(
    "--noise",
    type=click.Choice(["bake", "defer", "none"]),
    default="bake",
    show_default=True,
    help="Add noise now, at training, or never.",
)
@click.option(
    "--clean-up",
    type=click.IntRange(1, 2),
    default=None,
    help="2 halves the HR photos first, 1 takes them as they are.  [default: 1 with --hr, else 2]",
)
@click.option(
    "--shard-mib", type=click.IntRange(1), default=None, help="Size of a shard.  [default: 256]"
)
@seed_option
@jobs_option
@max_pixels_option
def build_pairs(hr: tuple[Path, ...], jobs: int | None, **options: Any) -> None:
    """Apply the pool to clean HR photos and write LR/HR pairs.

    An interrupted run goes on where it stopped when the same command is given again.
    """
    from pipelines.executors import make_executor
    from pipelines.pair_building import BuildPairsConfig
    from pipelines.pair_building import build_pairs as run

    config = BuildPairsConfig(hr=hr, **options)
    with progress_bar("build-pairs", "shards") as progress:
        report = run(config, executor=make_executor(jobs), on_progress=progress)
    finish(report)


@click.command("verify")
@click.argument("pairs", type=PATH)
def verify(pairs: Path) -> None:
    """Hash every pair of PAIRS again and name what is damaged."""
    from pipelines.pair_checks import verify as run

    with progress_bar("verify", "pairs") as progress:
        report = run(pairs, on_progress=progress)
    finish(report)


@click.command("replay")
@click.argument("pairs", type=PATH)
@click.argument("key")
@click.option("--hr", type=PATH, multiple=True, help="Where the HR photos are now.")
@pool_option(required=False)
@click.option("--out", type=PATH, default=None, help="Write the two images as PNG here.")
@click.pass_context
def replay(ctx: click.Context, **options: Any) -> None:
    """Make the pair KEY of PAIRS again from its plan and compare it byte for byte."""
    import json

    from pipelines.pair_checks import ReplayConfig, replay_pair

    report = replay_pair(ReplayConfig(**options))
    click.echo(json.dumps(report.plan.to_json(), indent=1))
    if report.identical:
        click.echo("replay: identical, byte for byte")
    else:
        click.echo("degrade: the pair on disk is not what its plan gives here", err=True)
        ctx.exit(1)

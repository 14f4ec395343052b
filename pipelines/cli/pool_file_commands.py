"""``degrade inspect``, ``import-kernels`` and ``import-noise``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipelines.cli.common import PATH, finish, max_pixels_option, pool_option, progress_bar
from pipelines.cli.help_pages import command
from pipelines.cli.numbers import SCALE
from pipelines.shared.speech import said

if TYPE_CHECKING:
    from pipelines.pairs.inspect_pairs import PairsInspection
    from pipelines.pool.inspect_pool import PoolInspection


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """What ``inspect`` was asked for."""

    sheet: Path | None
    as_json: bool
    verify: bool
    overwrite: bool


@command("inspect", short_help="Tell what a pool or pairs hold, also as a picture.")
@click.argument("folder", type=PATH)
@click.option(
    "--sheet", type=PATH, default=None, help="Draw what is there into this file, NAME.png."
)
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.option("--verify", is_flag=True, help="Check every file against its hash.")
@click.option(
    "--overwrite", is_flag=True, help="Draw the sheet over a file that is no earlier sheet, too."
)
def inspect(folder: Path, **options: Any) -> None:
    """Tell what FOLDER holds, the summary last.

    Of a pool: kernels, noise, and the photos that were looked at. Of pairs: the photos, kernels
    and sizes; the sheet shows LR, bicubic and HR side by side.
    """
    from pipelines.pairs.inspect_pairs import holds_pairs

    look_at = _inspect_pairs if holds_pairs(folder) else _inspect_pool
    look_at(folder, _Wish(**options))


def _inspect_pool(folder: Path, wish: _Wish) -> None:
    from pipelines.pool.inspect_pool import inspect_pool

    if wish.sheet is not None:
        from report.pool_sheet import check_sheet_path

        check_sheet_path(wish.sheet, overwrite=wish.overwrite)
    with progress_bar("verify", "files") as progress:
        found = inspect_pool(folder, verify=wish.verify, on_progress=progress)
    _print(found, as_json=wish.as_json)
    if found.problems:
        _report_problems(found.problems, all_of_them=wish.verify)
        raise click.exceptions.Exit(1)
    if wish.verify:
        click.echo("verify: every file is as it was added", err=True)
    if wish.sheet is not None:
        from report.pool_sheet import draw_pool_sheet

        draw_pool_sheet(found.pool, wish.sheet, overwrite=wish.overwrite)


def _inspect_pairs(folder: Path, wish: _Wish) -> None:
    from pipelines.pairs.inspect_pairs import inspect_pairs

    if wish.sheet is not None:
        from report.pairs_sheet import check_pairs_sheet_path

        check_pairs_sheet_path(wish.sheet, overwrite=wish.overwrite)
    found = inspect_pairs(folder)
    _print(found, as_json=wish.as_json)
    if wish.verify:
        from pipelines.pairs.checks import verify as verify_pairs

        with progress_bar("verify", "pairs") as progress:
            verify_pairs(folder, on_progress=progress)
        click.echo("verify: every pair is as it was written", err=True)
    if wish.sheet is not None:
        from report.pairs_sheet import draw_pairs_sheet

        draw_pairs_sheet(found.reader, wish.sheet, overwrite=wish.overwrite)


def _print(found: PoolInspection | PairsInspection, *, as_json: bool) -> None:
    import json

    lines = [json.dumps(found.to_json(), indent=1)] if as_json else map(said, found.lines())
    click.echo("\n".join(lines))


def _report_problems(problems: list[str], *, all_of_them: bool) -> None:
    shown = problems if all_of_them else problems[:3]
    for problem in shown:
        click.echo(f"degrade: {said(str(problem))}", err=True)
    if len(shown) < len(problems):
        click.echo(f"degrade: and {len(problems) - len(shown)} more (--verify)", err=True)
    click.echo(
        "degrade: the commands that filled the pool, given again, mend what is damaged", err=True
    )


@command("import-kernels", short_help="Put kernels of other tools into a pool.")
@click.argument("sources", metavar="PATH...", nargs=-1, required=True, type=PATH)
@pool_option(required=True, help="Folder of the degradation pool; made if missing.")
@click.option(
    "--scale",
    type=SCALE,
    default=4,
    show_default=True,
    help="Downscaling factor of the kernels; what is named for another one is not taken.",
)
@click.option(
    "--index",
    type=click.IntRange(0),
    multiple=True,
    help="Which kernel of a file to take, counted from 0; may be repeated.  [default: all]",
)
@click.option(
    "--convention",
    type=click.Choice(["auto", "correlate", "convolve"]),
    default="auto",
    show_default=True,
    help="How the kernels' makers apply them: KernelGAN correlates, KAIR and FKP convolve.",
)
def import_kernels(**options: Any) -> None:
    """Put kernels of other tools into a pool.

    PATH are .mat, .npy and .npz files, or folders of them: KernelGAN's and FKP's outputs, KAIR's
    sets, stacks; by name also .pth, gray pictures (a pixel a tap), .csv and .txt. Each kernel is
    normalised and brought to this project's phase; what was done to it is said. Where neither file,
    name nor folder states a scale (x4), --scale is assumed, and said.
    """
    from pipelines.pool.imports import ImportKernelsConfig
    from pipelines.pool.imports import import_kernels as run

    with progress_bar("import-kernels", "files") as progress:
        report = run(ImportKernelsConfig(**options), on_progress=progress)
    finish(report)


@command("import-noise", short_help="Put noise images of other tools into a pool.")
@click.argument("sources", metavar="PATH...", nargs=-1, required=True, type=PATH)
@pool_option(required=True, help="Folder of the degradation pool; made if missing.")
@max_pixels_option
def import_noise(**options: Any) -> None:
    """Put noise images of other tools into a pool.

    PATH are square images or folders of them, such as the patches that RealSR's collect_noise
    writes.
    """
    from pipelines.pool.imports import ImportNoiseConfig
    from pipelines.pool.imports import import_noise as run

    with progress_bar("import-noise", "images") as progress:
        report = run(ImportNoiseConfig(**options), on_progress=progress)
    finish(report)

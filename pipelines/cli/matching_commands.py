"""``degrade audit``, ``diff``, ``match`` and ``prove``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from degrade.errors import printable
from pipelines.cli.common import (
    PATH,
    finish,
    jobs_option,
    max_pixels_option,
    pool_option,
    progress_bar,
    seed_option,
)
from pipelines.cli.help_pages import command
from pipelines.cli.numbers import SCALE
from pipelines.cli.progress import showing_progress
from pipelines.shared.speech import said

if TYPE_CHECKING:
    from degrade.geometry import Scale
    from pipelines.executors import Executor

_sheet = click.option(
    "--sheet", type=PATH, default=None, help="Draw what was found into this file, NAME.png."
)
_overwrite = click.option(
    "--overwrite", is_flag=True, help="Draw the sheet over a file that is no earlier sheet, too."
)


def _executor(jobs: int | None) -> Executor | None:
    from pipelines.executors import make_executor

    return None if jobs is None else make_executor(jobs)


@command("diff", short_help="Tell by what two folders of photos differ.")
@click.argument("first", metavar="A", type=PATH)
@click.argument("second", metavar="B", type=PATH)
@_sheet
@_overwrite
@seed_option
@jobs_option
@max_pixels_option
def diff(
    first: Path,
    second: Path,
    sheet: Path | None,
    overwrite: bool,
    seed: int,
    jobs: int | None,
    max_pixels: int,
) -> None:
    """Tell by what the photos of B differ from those of A, whatever they show.

    Softness and its direction, overshoot, noise, its grain and colours, JPEG's blocks: each that
    differs is named, with its size and interval. Two phones, before and after an update, originals
    and re-uploads.
    """
    from pipelines.matching.diff import DiffConfig, diff_photos

    if sheet is not None:
        from report.differences_sheet import check_differences_sheet_path

        check_differences_sheet_path(sheet, "diff", overwrite=overwrite)
    config = DiffConfig(first=first, second=second, seed=seed, max_pixels=max_pixels)
    with progress_bar("diff", "photos") as progress:
        found = diff_photos(config, executor=_executor(jobs), on_progress=progress)
    if sheet is not None:
        from report.differences_sheet import draw_differences_sheet
        from report.sheet import shorten

        sets = {"A": found.sets[0].features, "B": found.sets[1].features}
        a, b = (shorten(printable(path), 70) for path in (first, second))
        draw_differences_sheet(
            found.comparison, sets, sheet, "diff", note=f"A: {a}, B: {b}", overwrite=overwrite
        )
    finish(found.report)


@command("audit", short_help="Tell whether pairs match photos.")
@click.option("--pairs", type=PATH, required=True, help="Folder of pairs, built or imported.")
@click.option(
    "--photos",
    type=PATH,
    multiple=True,
    required=True,
    help="Photos that LR shall look like: file, folder or manifest; may be repeated.",
)
@_sheet
@_overwrite
@seed_option
@jobs_option
@max_pixels_option
def audit(
    pairs: Path,
    photos: tuple[Path, ...],
    sheet: Path | None,
    overwrite: bool,
    seed: int,
    jobs: int | None,
    max_pixels: int,
) -> None:
    """Tell whether the LR of pairs looks as if the camera of the photos had taken it.

    Each difference that remains is named, with its size, interval and what to change, beside what
    bicubic and Gaussian LR of the same HR come to. Pairs whose LR lies off HR by more than 0.05 LR
    pixels fail.
    """
    from pipelines.matching.audit import AuditConfig, MisalignedPairsError, audit_pairs

    if sheet is not None:
        from report.differences_sheet import check_differences_sheet_path

        check_differences_sheet_path(sheet, "audit", overwrite=overwrite)
    config = AuditConfig(pairs=pairs, photos=photos, seed=seed, max_pixels=max_pixels)
    try:
        with progress_bar("audit", "photos") as progress:
            found = audit_pairs(config, executor=_executor(jobs), on_progress=progress)
    except MisalignedPairsError as error:
        click.echo(said(error.report.summary()), err=True)
        raise
    if sheet is not None:
        from report.differences_sheet import draw_differences_sheet

        sets = {"photos": found.photos, **found.lr}
        draw_differences_sheet(found.comparison, sets, sheet, "audit", overwrite=overwrite)
    finish(found.report)


@command("match", short_help="Make pairs look like a camera's photos.")
@click.argument("photos", metavar="PHOTOS...", type=PATH, nargs=-1, required=True)
@pool_option(required=True, help="What build-pool has measured in them; the recipe is kept there.")
@click.option(
    "--hr",
    type=PATH,
    multiple=True,
    required=True,
    help="Clean photos of other scenes, from which pairs will be made; may be repeated.",
)
@click.option(
    "--aim",
    type=click.Choice(["train", "match"]),
    default="train",
    show_default=True,
    help="'match': LR that looks like the photos. 'train': half of it with kernels as they were "
    "estimated, and light that adds up and white noise of 2 grey levels, for what no kernel makes; "
    "this can be told, and helps training.",
)
@click.option(
    "--directions",
    type=click.Choice(["auto", "none"]),
    default="auto",
    show_default=True,
    help="'auto': more gain in some directions than in others, where the photos show it.",
)
@click.option(
    "--prior",
    type=click.Choice(["cameras", "none"]),
    default="cameras",
    show_default=True,
    help="'cameras': kernels for training that are softer than cameras usually are go a third of "
    "the way there; not those of photos far softer than any camera's. 'none': they keep what "
    "spectra tell.",
)
@click.option(
    "--clean-up",
    type=click.IntRange(1, 2),
    default=1,
    show_default=True,
    help="2 halves the HR photos first, as build-pairs does: where they are softer than PHOTOS. "
    "build-pairs then does so by itself.",
)
@click.option(
    "--sharper",
    type=click.FloatRange(0, 4),
    default=0.0,
    show_default=True,
    help="Kernels for training keep more, by so many standard errors of what spectra tell: 2 where "
    "trained networks sharpen too much.",
)
@click.option("--scale", type=SCALE, default=4, show_default=True, help="Of the pool's kernels.")
@_sheet
@_overwrite
@seed_option
@jobs_option
@max_pixels_option
def match(
    photos: tuple[Path, ...],
    pool: Path,
    hr: tuple[Path, ...],
    aim: Literal["train", "match"],
    directions: Literal["auto", "none"],
    prior: Literal["cameras", "none"],
    clean_up: int,
    sharper: float,
    scale: Scale,
    sheet: Path | None,
    overwrite: bool,
    seed: int,
    jobs: int | None,
    max_pixels: int,
) -> None:
    """Correct what a pool has measured until LR of clean photos looks like PHOTOS.

    LR is made in memory, compared with the photos, and its recipe corrected, some rounds long: how
    much of each frequency the kernels keep, and which noise follows them. What comes of it is kept
    in the pool as the recipe 'matched', for build-pairs.
    """
    from pipelines.matching.match import MatchConfig, match_photos

    if sheet is not None:
        from report.match_sheet import check_match_sheet_path

        check_match_sheet_path(sheet, overwrite=overwrite)
    config = MatchConfig(
        photos=photos,
        pool=pool,
        hr=hr,
        scale=scale,
        aim=aim,
        directions=directions,
        prior=prior,
        clean_up=clean_up,
        sharper=sharper,
        seed=seed,
        max_pixels=max_pixels,
    )
    with showing_progress("match", "photos") as progress:
        found = match_photos(
            config,
            executor=_executor(jobs),
            on_progress=progress.advance,
            on_round=progress.show,
        )
    if sheet is not None:
        from report.match_sheet import draw_match_sheet

        draw_match_sheet(found.drawn(), sheet, overwrite=overwrite)
    finish(found.report)


@command("prove", short_help="Try out whether training on pairs helps.")
@click.option("--pairs", type=PATH, required=True, help="Folder of pairs, built or imported.")
@click.option(
    "--real",
    type=PATH,
    default=None,
    help="Real pairs that judge: a folder of pairs, or of HR and LR images.",
)
@click.option(
    "--photos",
    type=PATH,
    multiple=True,
    help="Without real pairs: photos of the camera, made smaller; may be repeated.",
)
@click.option(
    "--full",
    is_flag=True,
    help="Train two small networks as well, on the pairs and on bicubic ones: minutes each.",
)
@click.option(
    "-o",
    "--out",
    type=PATH,
    default=None,
    help="With --full: folder of the networks, to go on from.",
)
@click.option(
    "--steps",
    type=click.IntRange(1),
    default=2000,
    show_default=True,
    help="With --full: of each training.",
)
@seed_option
@max_pixels_option
def prove(
    pairs: Path,
    real: Path | None,
    photos: tuple[Path, ...],
    full: bool,
    out: Path | None,
    steps: int,
    seed: int,
    max_pixels: int,
) -> None:
    """Try out, in two minutes on a core, whether training on pairs helps.

    A bank of filters is learned from the pairs, and another from bicubic pairs of the same HR;
    real pairs of other scenes judge both, or the photos of --photos made smaller. What share of the
    way to filters learned from the judges themselves is gone?
    """
    from pipelines.matching.prove import ProveConfig, prove_pairs

    if full != (out is not None):
        raise click.UsageError("--full and --out DIR go together: the networks are kept there")
    config = ProveConfig(
        pairs=pairs,
        real=real,
        photos=photos,
        networks=out,
        steps=steps,
        seed=seed,
        max_pixels=max_pixels,
    )
    with progress_bar("prove", "steps") as progress:
        report = prove_pairs(config, on_progress=progress)
    finish(report)

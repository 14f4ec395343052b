"""``degrade manifest make``, ``check`` and ``split``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipelines.cli.common import (
    PATH,
    finish,
    max_pixels_option,
    progress_bar,
    seed_option,
    sources_argument,
)
from pipelines.cli.help_pages import HelpfulCommand

if TYPE_CHECKING:
    from degrade.images.manifest import Split

_SHARE = click.FloatRange(0.0, 1.0)
_manifest_argument = click.argument("manifest_path", metavar="MANIFEST", type=PATH)


@click.group("manifest")
def manifest() -> None:
    """Make, check and split lists of image files (JSONL)."""


@manifest.command("make", cls=HelpfulCommand)
@sources_argument
@click.option("-o", "--out", type=PATH, required=True, help="The manifest to write, NAME.jsonl.")
@click.option(
    "--role",
    type=click.Choice(["source", "hr", "lr"]),
    default="source",
    show_default=True,
    help="What the images are for: photos to measure, clean HR, or real LR partners.",
)
@click.option("--licence", default=None, help="Their licence, such as CC-BY-4.0.")
@click.option("--source", default=None, help="Where they come from: data set, camera, address.")
@click.option(
    "--overwrite", is_flag=True, help="Replace a file that this command did not make as it is."
)
@max_pixels_option
def make(sources: tuple[Path, ...], **options: Any) -> None:
    """List images with hash and size.

    SRC are images, folders, or other manifests, at or below the folder of --out.
    """
    from pipelines.manifests.manifests import MakeManifestConfig, make_manifest

    config = MakeManifestConfig(sources=sources, **options)
    with progress_bar("manifest make", "files") as progress:
        report = make_manifest(config, on_progress=progress)
    finish(report)


@manifest.command("check", cls=HelpfulCommand)
@_manifest_argument
@max_pixels_option
def check(manifest_path: Path, max_pixels: int) -> None:
    """Name every file that is missing, changed, or of another size, or a photo in two splits."""
    from pipelines.manifests.manifests import check_manifest

    with progress_bar("manifest check", "files") as progress:
        report = check_manifest(manifest_path, max_pixels=max_pixels, on_progress=progress)
    finish(report)


@manifest.command("split", cls=HelpfulCommand)
@_manifest_argument
@click.option("--train", type=_SHARE, default=0.8, show_default=True, help="Share of the photos.")
@click.option("--val", type=_SHARE, default=0.1, show_default=True, help="Share of the photos.")
@click.option("--test", type=_SHARE, default=0.1, show_default=True, help="Share of the photos.")
@click.option(
    "--overwrite",
    is_flag=True,
    help="Replace manifests of splits that it did not make as they are.",
)
@seed_option
def split(
    manifest_path: Path, train: float, val: float, test: float, seed: int, overwrite: bool
) -> None:
    """Split by photo: no photo, nor a crop or copy of it, is on both sides.

    Writes the splits into MANIFEST, and one manifest a split beside it (NAME.train.jsonl, …),
    which the other commands take as SRC.
    """
    from pipelines.manifests.manifests import split_manifest

    shares: dict[Split, float] = {"train": train, "val": val, "test": test}
    finish(split_manifest(manifest_path, shares, seed=seed, overwrite=overwrite))

"""``degrade recipe show``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipelines.cli.common import pool_option
from pipelines.cli.help_pages import HelpfulCommand
from pipelines.cli.numbers import SCALE

if TYPE_CHECKING:
    from degrade.geometry import Scale

__all__ = ["recipe"]


@click.group("recipe")
def recipe() -> None:
    """Recipes: what LR goes through, for build-pairs."""


@recipe.command("show", cls=HelpfulCommand)
@click.argument("name", metavar="NAME|FILE")
@pool_option(help="Say also what there is in this pool to draw from.")
@click.option("--scale", type=SCALE, default=4, show_default=True, help="Of the pool's kernels.")
def show(name: str, pool: Path | None, scale: Scale) -> None:
    """Print a recipe in words and as TOML.

    NAME is that of a recipe, such as measured; matched, with --pool, is what 'degrade match' has
    left there. FILE is TOML with one. What is printed is TOML itself: save it, change it, and give
    it to build-pairs --recipe.
    """
    from pipelines.pairs.show_recipe import show_recipe
    from pipelines.shared.recipes import recipe_of

    click.echo(show_recipe(recipe_of(name, pool, scale), pool, scale), nl=False)

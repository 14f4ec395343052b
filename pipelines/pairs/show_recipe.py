"""What a recipe is, in words and as TOML, and whether a pool has what it draws from."""

from __future__ import annotations

from pathlib import Path

from degrade.degradation import Recipe
from degrade.degradation.index import MATCHED
from degrade.degradation.recipe import kinds_drawn_from
from degrade.degradation.recipe_files import recipe_to_toml
from degrade.errors import printable
from degrade.geometry import Scale
from degrade.pool import DegradationPool
from degrade.wording import counted
from pipelines.shared.camera_draws import camera_draws
from pipelines.shared.recipes import drawn_from_pool, lacking, spectral_share
from pipelines.shared.speech import said

__all__ = ["show_recipe"]


def show_recipe(recipe: Recipe, pool: Path | None = None, scale: Scale = 4) -> str:
    """Return a recipe as TOML, whose first comments say it in words.

    Parameters
    ----------
    recipe : Recipe
    pool : Path or None
        Of which it is said what the recipe may draw there.
    scale : Scale
        Of the kernels.

    Raises
    ------
    DegradeError
        The pool cannot be read.
    """
    words = [f"recipe {printable(recipe.name)}, its steps in order:"]
    words += [f"  {line}" for line in recipe.lines(whole=True)]
    if not drawn_from_pool(recipe):
        words.append("nothing of it is drawn from a pool: it needs none")
    if pool is not None:
        words += _pool_lines(recipe, pool, scale)
    return "".join(f"# {said(line)}\n" for line in words) + "\n" + recipe_to_toml(recipe)


def _pool_lines(recipe: Recipe, path: Path, scale: Scale) -> list[str]:
    """Say what there is to draw from."""
    kinds = kinds_drawn_from(recipe.possible)
    pool = DegradationPool.open(path)
    index = pool.index(scale, kinds)
    photos = counted(len(index.noise_by_photo), "photo")
    there = [
        f"{counted(len(index.kernel_ids), 'kernel')} ×{scale}",
        *([f"{len(index.matched_ids)} matched"] if index.matched_ids else []),
        *([f"{len(index.moved)} nearer to their camera's"] if index.moved else []),
        f"{counted(len(index.noise), 'noise patch')} of {photos}",
        *(
            f"{kind} of {counted(len(found), 'photo')}"
            for kind, found in index.measured.items()
            if kind != MATCHED
        ),
    ]
    lines = [f"{printable(path)} has {', '.join(there)}"]
    if share := spectral_share(recipe, index):
        lines.append(
            f"the spectral estimator found {share[0]} of the {counted(share[1], 'kernel')}"
        )
    if MATCHED in kinds and pool.matched_clean_up(scale) == 2:
        lines.append("HR was halved first for its match, and is for pairs")
    lines += [drawn.words() for drawn in camera_draws(recipe, index)]
    return [*lines, *(f"it cannot give {line}" for line in lacking(recipe, index))]

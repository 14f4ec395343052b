"""Recipes by name: those that there are for all, those in files, and that of a pool."""

from __future__ import annotations

import contextlib
from pathlib import Path

from degrade.degradation import PoolIndex, Recipe
from degrade.degradation.index import MATCHED, SPECTRAL_KERNEL
from degrade.degradation.recipe import kinds_drawn_from
from degrade.degradation.recipe_files import find_recipe
from degrade.degradation.steps import BlurSettings, JpegChoice
from degrade.errors import InvalidValueError, printable
from degrade.geometry import Scale, as_scale
from degrade.pool import DegradationPool
from degrade.rng import rng_for

__all__ = [
    "drawn_from_pool",
    "lacking",
    "recipe_of",
    "refuse_without_pool",
    "spectral_share",
    "takes_measured_jpeg",
]


def recipe_of(name: str, pool: Path | None, scale: Scale | None = None) -> Recipe:
    """Return the recipe of a name or a file; ``matched`` is that of a pool.

    Parameters
    ----------
    name : str
    pool : Path or None
        A pool, or a fingerprint.
    scale : Scale or None
        None: 4.

    Raises
    ------
    DegradeError
        There is no such recipe; the pool cannot be read, or nothing was matched in it.
    """
    if name != MATCHED:
        return find_recipe(name)
    if pool is None:
        raise InvalidValueError(
            f"the recipe '{MATCHED}' is in the pool that `degrade match` was given: give `pool`"
        )
    return DegradationPool.open(pool).matched_recipe(as_scale(4 if scale is None else scale))


def lacking(recipe: Recipe, index: PoolIndex) -> list[str]:
    """Return, for each step that a pool cannot give, its kind and what is missing."""
    return [f"{kind}: {why}" for kind, why in _missing(recipe, index)]


def drawn_from_pool(recipe: Recipe) -> list[str]:
    """Return the kinds of a recipe's steps that are drawn from a pool; of none: it needs none."""
    return list(dict.fromkeys(kind for kind, _ in _missing(recipe, PoolIndex(()))))


def takes_measured_jpeg(recipe: Recipe) -> bool:
    """Return whether the tables of photos may be drawn: no JPEG has a quality of its own."""
    chosen = [entry.settings for entry in recipe.entries]
    return not any(isinstance(each, JpegChoice) and each.quality is not None for each in chosen)


def spectral_share(recipe: Recipe, index: PoolIndex) -> tuple[int, int] | None:
    """Return how many kernels the spectral estimator found of those that plans may draw, and all.

    None: no step asks, or there are no such kernels.
    """
    if SPECTRAL_KERNEL not in kinds_drawn_from(recipe.possible):
        return None
    drawn: set[str] = set()
    for entry in recipe.possible:
        if isinstance(entry.settings, BlurSettings):
            with contextlib.suppress(InvalidValueError):
                drawn.update(*entry.settings.kernels_of(index))
    return (len(drawn & index.spectral), len(drawn)) if drawn else None


def refuse_without_pool(recipe: Recipe) -> None:
    """Refuse a recipe that cannot be drawn without a pool.

    Raises
    ------
    InvalidValueError
        Some of its steps are drawn from one; the text names them.
    """
    kinds = drawn_from_pool(recipe)
    if kinds:
        raise InvalidValueError(
            f"the recipe {printable(recipe.name)} draws {', '.join(kinds)} from a pool: give one, "
            "`pool=DIR`, or its fingerprint; `recipe=second-order` needs none"
        )


def _missing(recipe: Recipe, index: PoolIndex) -> list[tuple[str, InvalidValueError]]:
    missing = []
    for entry in recipe.possible:
        try:
            entry.draw(index, (1, 1), rng_for(0))
        except InvalidValueError as error:
            missing.append((entry.kind, error))
    return missing

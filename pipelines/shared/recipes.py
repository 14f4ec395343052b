"""Recipes by name: those that there are for all, those in files, and that of a pool."""

from __future__ import annotations

from pathlib import Path

from degrade.degradation import Recipe
from degrade.degradation.index import MATCHED
from degrade.degradation.recipe_files import find_recipe
from degrade.errors import InvalidValueError
from degrade.geometry import Scale, as_scale
from degrade.pool import DegradationPool

__all__ = ["recipe_of"]


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

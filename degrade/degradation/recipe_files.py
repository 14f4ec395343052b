"""Recipes as TOML, to be read, changed and fed back."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import tomli_w

from degrade.degradation.index import MATCHED
from degrade.degradation.recipe import Recipe, read_recipe
from degrade.degradation.recipes import RECIPES
from degrade.disk.text_files import read_text
from degrade.errors import InputError, InvalidValueError, printable

__all__ = ["find_recipe", "recipe_from_toml", "recipe_to_toml"]

_REMEDY = "`degrade recipe show measured` prints one that is right; docs/recipes.md has all keys"


def find_recipe(name: str) -> Recipe:
    """Return the recipe of a name, or of a file of TOML.

    Raises
    ------
    InputError
        There is neither such a recipe nor such a file, or the file is no recipe: the text names
        the file, the step and the key, and what to do.
    """
    if name in RECIPES:
        return RECIPES[name]
    if not Path(name).is_file():
        known = ", ".join((*RECIPES, MATCHED))
        raise InputError(name, "no recipe, and no file", f"recipes are {known}, or a TOML file")
    path = Path(name)
    try:
        return recipe_from_toml(read_text(path), path.stem)
    except InvalidValueError as error:
        raise InputError(path, str(error), _REMEDY) from None


def recipe_from_toml(text: str, name: str = "recipe") -> Recipe:
    """Return the recipe that a text is.

    Parameters
    ----------
    text : str
    name : str
        What it is called where the text does not say.

    Raises
    ------
    InvalidValueError
        The text is no TOML, or not as :func:`~degrade.degradation.recipe.read_recipe` wants it.
    """
    try:
        content = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidValueError(f"no TOML ({printable(str(error))})") from None
    return read_recipe({"name": name[:100] or "recipe"} | content)


def recipe_to_toml(recipe: Recipe) -> str:
    """Return a recipe as TOML that :func:`recipe_from_toml` takes back."""
    plain = recipe.to_json()
    steps = (
        ", ".join(f"{name} = {_inline(value)}" for name, value in step.items())
        for step in plain["steps"]
    )
    rows = "".join(f"    {{ {step} }},\n" for step in steps)
    return f"name = {_inline(plain['name'])}\nsteps = [\n{rows}]\n"


def _inline(value: Any) -> str:
    """Return a value on one line: `tomli_w` writes long lists a number a line."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_inline, value))}]"
    text = tomli_w.dumps({"v": value}).removeprefix("v = ").removesuffix("\n")
    # Controls are escaped by now; what turns a line of writing round, or is not seen, is not.
    return "".join(c if c.isprintable() else f"\\U{ord(c):08X}" for c in text)

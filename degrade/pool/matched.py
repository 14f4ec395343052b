"""What `degrade match` leaves in a pool: a recipe, and which kernels it draws."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec

import degrade
from degrade.degradation import Recipe
from degrade.degradation.index import MATCHED
from degrade.degradation.recipe import read_recipe
from degrade.disk.structs import read_struct
from degrade.geometry import Scale, scale_to_json
from degrade.pool.records import MeasurementRecord

__all__ = ["MatchedValues", "clean_up_in", "match_name", "matched_record", "recipe_in"]

_Id = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]


class MatchedValues(msgspec.Struct, frozen=True):
    """The values of a match; others besides are for people.

    Attributes
    ----------
    scale : int or (int, int)
    kernels : tuple of str
        By id.
    recipe : mapping
        As :meth:`degrade.degradation.Recipe.to_json` gives it.
    clean_up : int
        Of its HR, as :attr:`degrade.degradation.DegradationConfig.clean_up`; where it is not
        there, HR was as it was.
    """

    # Of open length: msgspec 0.22 crashes on a union of a bounded integer and a fixed tuple.
    scale: int | tuple[int, ...]
    kernels: Annotated[tuple[_Id, ...], msgspec.Meta(min_length=1)]
    recipe: dict[str, Any]
    clean_up: Annotated[int, msgspec.Meta(ge=1, le=2)] = 1


def matched_record(
    recipe: Recipe, kernel_ids: Sequence[str], scale: Scale, facts: Mapping[str, Any]
) -> MeasurementRecord:
    """Return what a pool keeps of a match; it takes the place of an earlier one of the scale.

    Parameters
    ----------
    recipe : Recipe
    kernel_ids : sequence of str
        In the pool.
    scale : Scale
    facts : mapping of str to JSON's types
        What is to be remembered besides.
    """
    values = {
        "scale": scale_to_json(scale),
        "kernels": sorted(kernel_ids),
        "recipe": recipe.to_json(),
        **facts,
    }
    return MeasurementRecord(
        kind=MATCHED,
        photo=match_name(scale),
        settings={},
        values=values,
        version=degrade.__version__,
    )


def match_name(scale: Scale) -> str:
    """Return what stands in the place of a photo's hash: a match is of many."""
    return hashlib.sha256(f"matched ×{scale}".encode()).hexdigest()


def recipe_in(values: Mapping[str, Any]) -> Recipe:
    """Return the recipe of a match.

    Raises
    ------
    CorruptDataError, InvalidValueError
        The values are none of a match, or the recipe is none that this version knows.
    """
    return read_recipe(_read(values).recipe)


def clean_up_in(values: Mapping[str, Any]) -> int:
    """Return the clean-up of the HR of a match; CorruptDataError where the values are of none."""
    return _read(values).clean_up


def _read(values: Mapping[str, Any]) -> MatchedValues:
    return read_struct(dict(values), MatchedValues, "a match")

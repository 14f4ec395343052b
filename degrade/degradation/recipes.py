"""The recipes that have names, and what settings of runs change in one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec

from degrade.degradation.recipe import Entry, Recipe, read_recipe
from degrade.degradation.second_order import SECOND_ORDER
from degrade.degradation.steps import (
    ESTIMATES_LACK,
    STEPS,
    Blur,
    BlurSettings,
    ErrorSize,
    Jpeg,
    JpegChoice,
    LinearLight,
    ModelError,
    ModelErrorSettings,
    ModelledNoise,
    ModelledNoiseSettings,
    Of,
    PhotoSettings,
    Residual,
    ResidualSettings,
    Response,
    ResponseSettings,
    ScaledResidual,
    Spectrum,
)
from degrade.errors import InvalidValueError

__all__ = [
    "MEASURED",
    "MEASURED_SPREAD",
    "NOISE_SOURCES",
    "RECIPES",
    "of_photos",
    "recipe_of_run",
    "with_error_spectrum",
    "with_model_error",
    "with_noise_from",
    "with_step",
    "without_noise",
]

MEASURED = Recipe(
    "measured",
    (
        Entry(Blur.kind),
        Entry(LinearLight.kind),
        # Cameras sharpen a little, and the estimator does not see it: see
        # docs/decisions/0040-what-estimates-lack.md.
        Entry(Response.kind, ResponseSettings(ESTIMATES_LACK, "spectral")),
        Entry(ModelError.kind),
        Entry(Residual.kind, ResidualSettings(of="camera")),
        # Kernels hold the camera's sharpening and residuals its JPEG already: see
        # docs/decisions/0015-recipes.md.
        Entry(Jpeg.kind, JpegChoice(of="camera"), probability=0.0),
    ),
)
"""What was measured, in the order of a camera."""

MEASURED_SPREAD = Recipe(
    "measured+spread",
    (
        Entry(Blur.kind, BlurSettings(spread=True)),
        *MEASURED.entries[1:-1],
        Entry(ModelledNoise.kind, ModelledNoiseSettings(spread=True, of="camera"), probability=0.0),
        Entry(Jpeg.kind, JpegChoice(neighbours=3, of="camera"), probability=0.0),
    ),
)
"""The same, drawn around what was measured by its doubt."""

RECIPES: dict[str, Recipe] = {
    recipe.name: recipe for recipe in (MEASURED, MEASURED_SPREAD, SECOND_ORDER)
}
"""All of them, by name."""


NOISE_SOURCES: dict[str, str] = {
    "patches": Residual.kind,
    "scaled": ScaledResidual.kind,
    "model": ModelledNoise.kind,
}
"""The steps that add a camera's noise, by what it is taken from."""


def with_noise_from(recipe: Recipe, source: str) -> Recipe:
    """Return a recipe whose camera's noise is taken from one source.

    Every step of :data:`NOISE_SOURCES` becomes that of ``source``, as likely as it was, and of the
    same photos, unless the recipe says of whose that one is. A recipe that has none stays as it is.
    """
    kinds, wanted = NOISE_SOURCES.values(), NOISE_SOURCES[source]
    # The recipe may say how it would draw that step, with the probability 0.
    own = next((entry.settings for entry in recipe.entries if entry.kind == wanted), None)
    entries = [
        _beside(replace(entry, kind=wanted, settings=own), entry) if entry.kind in kinds else entry
        for entry in recipe.entries
    ]
    return replace(recipe, entries=tuple(entries))


def of_photos(recipe: Recipe, of: Of | msgspec.UnsetType) -> Recipe:
    """Return a recipe whose steps are drawn from photos of the kernel's camera, or of the pool."""
    return replace(recipe, entries=tuple(_of(entry, of) for entry in recipe.entries))


def _of_whom(entry: Entry) -> Of | msgspec.UnsetType:
    return entry.settings.of if isinstance(entry.settings, PhotoSettings) else msgspec.UNSET


def _beside(entry: Entry, other: Entry) -> Entry:
    """Return an entry that is drawn from the photos of another, where it does not say whose."""
    return entry if _of_whom(entry) is not msgspec.UNSET else _of(entry, _of_whom(other))


def _of(entry: Entry, of: Of | msgspec.UnsetType) -> Entry:
    """Return an entry that is drawn from photos of someone; one that is drawn of none as it is."""
    if not isinstance(entry.settings, PhotoSettings):
        return entry
    return replace(entry, settings=msgspec.structs.replace(entry.settings, of=of))


def with_model_error(recipe: Recipe, size: ErrorSize) -> Recipe:
    """Return a recipe with a model error of one size in every plan, of the spectrum that it had."""
    had = [e.settings for e in recipe.entries if isinstance(e.settings, ModelErrorSettings)]
    spectrum = had[0].spectrum if had else msgspec.UNSET
    settings = ModelErrorSettings(*size, spectrum=spectrum)
    return recipe.having(Entry(ModelError.kind, settings))


def with_error_spectrum(recipe: Recipe, spectrum: Spectrum | None) -> Recipe:
    """Return a recipe whose model error has a spectrum, or is white.

    Raises
    ------
    InvalidValueError
        The recipe has none.
    """
    entries = [
        replace(
            entry,
            settings=ModelErrorSettings(
                entry.settings.base, entry.settings.slope, spectrum or msgspec.UNSET
            ),
        )
        if isinstance(entry.settings, ModelErrorSettings)
        else entry
        for entry in recipe.entries
    ]
    if spectrum and not any(entry.kind == ModelError.kind for entry in entries):
        raise InvalidValueError(
            f"the recipe {recipe.name} has no model error here that could have a spectrum"
        )
    return replace(recipe, entries=tuple(entries))


def without_noise(recipe: Recipe) -> Recipe:
    """Return a recipe with none of the steps that add noise."""
    return recipe.without({kind for kind, step in STEPS.items() if step.is_noise})


def with_step(recipe: Recipe, kind: str) -> Recipe:
    """Return a recipe with a step of a kind in every plan, as the recipe itself would draw it.

    Where it says nothing of that step, photos are those of whom its other steps are.
    """
    whose = [_of_whom(entry) for entry in recipe.entries]
    entry = _of(Entry(kind), "camera") if "camera" in whose else Entry(kind)
    return recipe.having(entry, keeps_settings=True)


def recipe_of_run(settings: Mapping[str, Any]) -> Recipe:
    """Return the recipe of the settings that a run's file holds.

    Runs of earlier versions say how large their model error is, whether there is noise, and which
    further steps there are.

    Raises
    ------
    InvalidValueError
        They are none that a run has, or name a step that this version does not know.
    """
    if "recipe" in settings:
        stored = settings["recipe"]
        if not isinstance(stored, Mapping):
            raise InvalidValueError("its run's 'recipe' must be an object")
        return read_recipe(stored)
    recipe = of_photos(MEASURED, msgspec.UNSET)
    recipe = recipe.without((LinearLight.kind, Response.kind, ModelError.kind, Jpeg.kind))
    size = settings.get("model_error", "none")
    if size != "none":
        recipe = with_model_error(recipe, _error_size(size))
    if settings.get("noise") == "none":
        recipe = recipe.without((Residual.kind,))
    further = settings.get("further", [])
    if not isinstance(further, list) or not all(isinstance(kind, str) for kind in further):
        raise InvalidValueError("its run's 'further' must be a list of names")
    for kind in further:
        recipe = with_step(recipe, kind)
    return replace(recipe, name="measured")


def _error_size(stored: object) -> ErrorSize:
    numbers = stored if isinstance(stored, list) else []
    if [type(number) for number in numbers] != [float, float]:
        raise InvalidValueError("its run's 'model_error' must be 'none' or two numbers")
    return ErrorSize(*numbers)

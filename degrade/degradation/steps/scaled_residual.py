"""The step that adds real noise, made as strong everywhere as the camera's is at that colour."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, ClassVar

import msgspec
import numpy as np

from degrade.arrays import FloatArray, round_to_u8
from degrade.degradation.index import NoiseChoice, PoolIndex
from degrade.degradation.steps.base import (
    Chance,
    PhotoSettings,
    Step,
    StepInputs,
    StepSettings,
)
from degrade.degradation.steps.real_noise import (
    MOST_PATCHES,
    NO_MODEL,
    NO_PATCH,
    NoiseWindow,
    Quilt,
    draw_window,
)
from degrade.disk.structs import Text, Whole
from degrade.errors import InvalidValueError
from degrade.noise.model import NoiseStrength, sigma_at

__all__ = ["ScaledResidual", "ScaledResidualSettings"]

_LEAST_SIGMA = 1e-3

_Byte = Annotated[int, msgspec.Meta(ge=0, le=255)]
_Colour = tuple[_Byte, _Byte, _Byte]


class ScaledResidualSettings(PhotoSettings, frozen=True):
    """Whose noise."""

    def draw(self, index: PoolIndex, lr_shape: tuple[int, int], rng: Chance) -> ScaledResidual:
        """Draw a window of the photos whose noise is known as a model; each is as likely."""
        if not index.noise:
            raise InvalidValueError(NO_PATCH)
        known = index.noise_with_model
        if not known.noise:
            raise InvalidValueError(NO_MODEL)
        window = draw_window(known, lr_shape, rng)
        choices = [known.noise_by_id[name] for name in window.names]
        noise = index.noise_groups.of_photo(choices[0].photo_sha256)
        return ScaledResidual(*window, tuple(map(_colour, choices)), noise.model.strength)

    def words(self) -> str:
        """Return for people whose noise is drawn."""
        return f"{self.whose('noise of a photo')}, scaled by brightness"


class ScaledResidual(Step, frozen=True):
    """Add a window of a residual, or what is sewn from several, by brightness.

    A residual is as strong as noise is at the level of its patch. It is divided by what the
    camera's noise has there and multiplied by what it has at each pixel of LR.

    Attributes
    ----------
    noise_id, top, left, quilt
        As in :class:`~degrade.degradation.steps.real_noise.NoiseWindow`.
    colours : tuple of (int, int, int)
        Mean levels of the patches, in the order in which they are named.
    strength : three NoiseStrength
        Of the camera of the photo that they are from.
    """

    kind: ClassVar[str] = "scaled-residual"
    draws_from: ClassVar[tuple[str, ...]] = ("noise-model",)
    drawn_by: ClassVar[type[StepSettings]] = ScaledResidualSettings
    is_noise: ClassVar[bool] = True
    noise_id: Text
    top: Whole
    left: Whole
    quilt: Quilt | None
    colours: Annotated[tuple[_Colour, ...], msgspec.Meta(min_length=1, max_length=MOST_PATCHES)]
    strength: tuple[NoiseStrength, NoiseStrength, NoiseStrength]

    def __post_init__(self) -> None:
        if len(self.colours) != len(self._window.names):
            raise InvalidValueError("it must have a colour for each of its patches")

    @classmethod
    def photos(cls, index: PoolIndex) -> Collection[str]:
        """Return the photos that have patches, and whose noise is known as a model."""
        return {choice.photo_sha256 for choice in index.noise_with_model.noise}

    def apply(self, levels: FloatArray, given: StepInputs) -> FloatArray:
        """Add the noise."""
        if levels.shape[2:] != (3,):
            raise InvalidValueError(f"noise is for three channels, got {levels.shape}")
        seen = np.array(self.colours, np.uint8)[None]
        there = np.maximum(sigma_at(self.strength, seen)[0], np.float32(_LEAST_SIGMA))
        factors = list(np.float32(255) / there)
        noisy = self._window.read(given.pool, levels.shape[0], levels.shape[1], factors)
        noisy *= sigma_at(self.strength, round_to_u8(levels))
        noisy += levels
        return noisy

    @property
    def _window(self) -> NoiseWindow:
        return NoiseWindow(self.noise_id, self.top, self.left, self.quilt)

    def words(self) -> str:
        """Return the step in one line for people."""
        return f"{self._window.words()}; scaled by brightness"


def _colour(choice: NoiseChoice) -> _Colour:
    red, green, blue = (min(max(round(level), 0), 255) for level in choice.levels)
    return red, green, blue

"""The step that adds noise made by the model of a camera."""

from __future__ import annotations

from collections.abc import Collection
from math import exp, log
from typing import Annotated, ClassVar, TypeAlias

import msgspec
import numpy as np

from degrade.arrays import FloatArray
from degrade.degradation.index import PoolIndex
from degrade.degradation.steps.base import (
    Chance,
    PhotoSettings,
    Step,
    StepInputs,
    StepSettings,
)
from degrade.degradation.steps.ranges import draw_within
from degrade.degradation.steps.real_noise import NO_MODEL
from degrade.disk.structs import Whole
from degrade.errors import InvalidValueError
from degrade.noise.model import NoiseModel, make_noise

__all__ = ["ModelledNoise", "ModelledNoiseSettings"]


_MOST_TIMES = 4.0

_Times: TypeAlias = Annotated[float, msgspec.Meta(ge=1 / _MOST_TIMES, le=_MOST_TIMES)]


class ModelledNoiseSettings(PhotoSettings, frozen=True):
    """How strong, and whose.

    Attributes
    ----------
    spread : bool
        Draw the strength within its interval at the middle of the levels that were seen, evenly in
        its logarithm; else it is what was fitted.
    times : float or None
        What the noise is multiplied with besides, 0.25 to 4: HR has noise of its own.
    """

    spread: bool = False
    times: _Times | None = None

    def __post_init__(self) -> None:
        if self.times is not None and not 1 / _MOST_TIMES <= self.times <= _MOST_TIMES:
            least = 1 / _MOST_TIMES
            raise InvalidValueError(f"times must be {least:g} to {_MOST_TIMES:g}, got {self.times}")

    def draw(self, index: PoolIndex, lr_shape: tuple[int, int], rng: Chance) -> ModelledNoise:
        """Draw a photo, each as likely, for the model of its camera, and a seed."""
        count = index.noise_groups.photos
        if not count:
            raise InvalidValueError(NO_MODEL)
        noise = index.noise_groups.at(int(rng.integers(count)))
        seed = int(rng.integers(2**32))
        times = 1.0 if self.times is None else self.times
        if self.spread:
            low, high = (log(max(each, 1 / _MOST_TIMES)) for each in noise.interval)
            times *= round(exp(draw_within((low, high), rng)), 4)
        elif self.times is None:
            return ModelledNoise(noise.model, seed)
        return ModelledNoise(noise.model, seed, min(max(times, 1 / _MOST_TIMES), _MOST_TIMES))

    def words(self) -> str:
        """Return for people what is drawn."""
        around = ", its strength within its interval" if self.spread else ""
        around += "" if self.times is None else f", times {self.times:g}"
        if self.is_of_camera:
            return f"noise that the model of the kernel's camera makes{around}"
        return f"noise that the model of a photo's camera makes, each photo as likely{around}"


class ModelledNoise(Step, frozen=True, omit_defaults=True):
    """Add noise of any size, as strong everywhere as a camera's is at that colour.

    Attributes
    ----------
    model : NoiseModel
        Of the camera, all of it: nothing is read from the pool.
    seed : int
        Of the noise.
    times : float or None
        What it is multiplied with; None: nothing.
    """

    kind: ClassVar[str] = "noise-model"
    draws_from: ClassVar[tuple[str, ...]] = ("noise-model",)
    drawn_by: ClassVar[type[StepSettings]] = ModelledNoiseSettings
    is_noise: ClassVar[bool] = True
    model: NoiseModel
    seed: Whole
    times: _Times | None = None

    @classmethod
    def photos(cls, index: PoolIndex) -> Collection[str]:
        """Return the photos whose noise is known."""
        return index.noise_groups.known_photos

    def apply(self, levels: FloatArray, given: StepInputs) -> FloatArray:
        """Add the noise."""
        if levels.shape[2:] != (3,):
            raise InvalidValueError(f"noise is for three channels, got {levels.shape}")
        noisy = make_noise(self.model, levels, self.seed)
        if self.times is not None:
            noisy *= np.float32(self.times)
        noisy += levels
        return noisy

    def words(self) -> str:
        """Return the step in one line for people."""
        times = "" if self.times is None else f", times {self.times:.2f}"
        return f"noise of a camera's model added, {self.model.words()}{times}"

"""The step that adds noise made by the model of a camera."""

from __future__ import annotations

from typing import ClassVar, Self

from degrade.arrays import FloatArray
from degrade.degradation.index import PoolIndex
from degrade.degradation.steps.base import Chance, Step, StepInputs
from degrade.degradation.steps.real_noise import NO_MODEL
from degrade.disk.structs import Whole
from degrade.errors import InvalidValueError
from degrade.noise.model import NoiseModel, make_noise

__all__ = ["ModelledNoise"]


class ModelledNoise(Step, frozen=True):
    """Add noise of any size, as strong everywhere as a camera's is at that colour.

    Attributes
    ----------
    model : NoiseModel
        Of the camera, all of it: nothing is read from the pool.
    seed : int
        Of the noise.
    """

    kind: ClassVar[str] = "noise-model"
    draws_from: ClassVar[tuple[str, ...]] = ("noise-model",)
    about: ClassVar[str] = "noise that the model of a photo's camera makes, each photo as likely"
    is_noise: ClassVar[bool] = True
    model: NoiseModel
    seed: Whole

    @classmethod
    def draw(cls, index: PoolIndex, lr_shape: tuple[int, int], rng: Chance) -> Self:
        """Draw a photo, each as likely, for the model of its camera, and a seed."""
        count = index.noise_groups.photos
        if not count:
            raise InvalidValueError(NO_MODEL)
        model = index.noise_groups.at(int(rng.integers(count))).model
        return cls(model, int(rng.integers(2**32)))

    def apply(self, levels: FloatArray, given: StepInputs) -> FloatArray:
        """Add the noise."""
        if levels.shape[2:] != (3,):
            raise InvalidValueError(f"noise is for three channels, got {levels.shape}")
        noisy = make_noise(self.model, levels, self.seed)
        noisy += levels
        return noisy

    def words(self) -> str:
        """Return the step in one line for people."""
        return f"noise of a camera's model added, {self.model.words()}"

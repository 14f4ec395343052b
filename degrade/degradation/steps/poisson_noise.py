"""The step that adds shot noise: the brighter a pixel, the more of it."""

from __future__ import annotations

from typing import Annotated, ClassVar, TypeAlias

import msgspec
import numpy as np

from degrade.arrays import FloatArray, round_to_u8
from degrade.degradation.index import PoolIndex
from degrade.degradation.steps.base import Chance, Step, StepInputs, StepSettings
from degrade.degradation.steps.ranges import Range, check_ascending, draw_within
from degrade.disk.structs import Whole
from degrade.errors import InvalidValueError
from degrade.noise.poisson import draw_poisson

__all__ = ["PoissonNoise", "PoissonNoiseSettings"]

_MOST = 16.0
_Scale: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=_MOST)]


class PoissonNoiseSettings(StepSettings, frozen=True):
    """How strong.

    Attributes
    ----------
    strength : (float, float)
        Standard deviation over the root of the level, both in grey levels.
    grey : bool
        The same noise in all channels, by the mean level.
    """

    strength: Range = (0.05, 3.0)
    grey: bool = False

    def __post_init__(self) -> None:
        check_ascending("strength", self.strength, 0, _MOST)

    def draw(self, index: PoolIndex, lr_shape: tuple[int, int], rng: Chance) -> PoissonNoise:
        """Draw a strength and a seed."""
        return PoissonNoise(draw_within(self.strength, rng), self.grey, int(rng.integers(2**32)))

    def words(self) -> str:
        """Return for people what is drawn."""
        low, high = self.strength
        return f"{'grey' if self.grey else 'coloured'}, σ {low:g} … {high:g} times √level"


class PoissonNoise(Step, frozen=True):
    """Add ``strength`` times what a Poisson number, whose mean is the level, differs from it.

    Attributes
    ----------
    strength : float
    grey : bool
        The same noise in all channels, by the level of (R + 2 G + B) / 4.
    seed : int
    """

    kind: ClassVar[str] = "poisson-noise"
    drawn_by: ClassVar[type[StepSettings]] = PoissonNoiseSettings
    is_noise: ClassVar[bool] = True
    strength: _Scale
    grey: bool
    seed: Whole

    def apply(self, levels: FloatArray, given: StepInputs) -> FloatArray:
        """Add the noise."""
        if levels.shape[2] != 3:
            raise InvalidValueError(f"noise is for three channels, got {levels.shape[2]}")
        seen = levels
        if self.grey:
            seen = levels[..., 1:2] * np.float32(2)
            seen += levels[..., 0:1]
            seen += levels[..., 2:3]
            seen *= np.float32(1 / 4)
        means = round_to_u8(np.clip(seen, 0, 255))
        moved = draw_poisson(means, self.seed) - means
        noisy: FloatArray = moved.astype(np.float32) * np.float32(self.strength) + levels
        return noisy

    def words(self) -> str:
        """Return the step in one line for people."""
        colour = "grey" if self.grey else "coloured"
        return f"{colour} shot noise added, σ {self.strength:.2f} · √level"

"""The step that adds white normal noise of a random strength."""

from __future__ import annotations

from typing import Annotated, ClassVar, TypeAlias

import msgspec
import numpy as np

from degrade.arrays import FloatArray
from degrade.degradation.index import PoolIndex
from degrade.degradation.steps.base import Chance, Step, StepInputs, StepSettings
from degrade.degradation.steps.ranges import Range, check_ascending, draw_within
from degrade.disk.structs import Whole
from degrade.noise.normals import UNIT, draw_normals

__all__ = ["GaussianNoise", "GaussianNoiseSettings"]

_MOST = 128.0
_Sigma: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=_MOST)]


class GaussianNoiseSettings(StepSettings, frozen=True):
    """How strong.

    Attributes
    ----------
    sigma : (float, float)
        Standard deviation, in grey levels.
    grey : bool
        The same noise in all channels.
    """

    sigma: Range = (1.0, 30.0)
    grey: bool = False

    def __post_init__(self) -> None:
        check_ascending("sigma", self.sigma, 0, _MOST)

    def draw(self, index: PoolIndex, lr_shape: tuple[int, int], rng: Chance) -> GaussianNoise:
        """Draw a strength and a seed."""
        return GaussianNoise(draw_within(self.sigma, rng), self.grey, int(rng.integers(2**32)))

    def words(self) -> str:
        """Return for people what is drawn."""
        low, high = self.sigma
        return f"{'grey' if self.grey else 'coloured'}, σ {low:g} … {high:g} grey levels"


class GaussianNoise(Step, frozen=True):
    """Add white normal noise.

    Attributes
    ----------
    sigma : float
        Standard deviation, in grey levels.
    grey : bool
        The same noise in all channels.
    seed : int
    """

    kind: ClassVar[str] = "gaussian-noise"
    drawn_by: ClassVar[type[StepSettings]] = GaussianNoiseSettings
    is_noise: ClassVar[bool] = True
    sigma: _Sigma
    grey: bool
    seed: Whole

    def apply(self, levels: FloatArray, given: StepInputs) -> FloatArray:
        """Add the noise."""
        height, width, channels = levels.shape
        shape = (height, width, 1 if self.grey else channels)
        count = int(np.prod(shape))
        drawn = draw_normals(self.seed, -(-count // 4) * 4)[:count].reshape(shape)
        noisy: FloatArray = drawn * np.float32(self.sigma / UNIT) + levels
        return noisy

    def words(self) -> str:
        """Return the step in one line for people."""
        return f"{'grey' if self.grey else 'coloured'} normal noise added, σ {self.sigma:.2f}"

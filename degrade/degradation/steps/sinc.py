"""The step that cuts frequencies off: it leaves the ringing of sharpening and compression."""

from __future__ import annotations

from math import pi
from typing import Annotated, ClassVar, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt
import scipy

from degrade.arrays import FloatArray
from degrade.degradation.fixed_point import correlate_levels, whole_taps
from degrade.degradation.index import PoolIndex
from degrade.degradation.steps.base import Chance, Step, StepInputs, StepSettings
from degrade.degradation.steps.ranges import (
    OddSize,
    OddSizes,
    Range,
    check_ascending,
    check_odd,
    draw_odd,
    draw_within,
)

__all__ = ["Sinc", "SincSettings"]

_LEAST, _MOST = 0.1, 3.1416
_Cutoff: TypeAlias = Annotated[float, msgspec.Meta(ge=_LEAST, le=_MOST)]


class SincSettings(StepSettings, frozen=True):
    """Where it cuts.

    Attributes
    ----------
    cutoff : (float, float)
        Radians per pixel; π is the highest that an axis holds.
    sizes : (int, int)
        Taps a side; odd.
    """

    cutoff: Range = (1.047198, 3.141593)
    sizes: OddSizes = (7, 21)

    def __post_init__(self) -> None:
        check_ascending("cutoff", self.cutoff, _LEAST, _MOST)
        check_odd("sizes", self.sizes)

    def draw(self, index: PoolIndex, lr_shape: tuple[int, int], rng: Chance) -> Sinc:
        """Draw a cutoff and a size."""
        return Sinc(draw_within(self.cutoff, rng), draw_odd(self.sizes, rng))

    def words(self) -> str:
        """Return for people what is drawn."""
        low, high = (cutoff / pi for cutoff in self.cutoff)
        return f"frequencies cut off at {low:.2g} … {high:.2g} of the highest"


class Sinc(Step, frozen=True):
    """Filter with a circular low pass: ω·J₁(ω·r) / (2π·r), normalised.

    Attributes
    ----------
    cutoff : float
        ω, in radians per pixel.
    size : int
        Taps a side.
    """

    kind: ClassVar[str] = "sinc"
    drawn_by: ClassVar[type[StepSettings]] = SincSettings
    cutoff: _Cutoff
    size: OddSize

    def __post_init__(self) -> None:
        check_odd("size", (self.size, self.size))

    def apply(self, levels: FloatArray, given: StepInputs) -> FloatArray:
        """Filter."""
        return correlate_levels(levels, whole_taps(self.weights()))

    def weights(self) -> npt.NDArray[np.float64]:
        """Return the filter, not normalised."""
        reach = self.size // 2
        rows, columns = np.mgrid[-reach : reach + 1, -reach : reach + 1]
        radius = np.sqrt(rows**2 + columns**2)
        radius[reach, reach] = 1.0
        found: npt.NDArray[np.float64] = (
            self.cutoff * scipy.special.j1(self.cutoff * radius) / (2 * pi * radius)
        )
        found[reach, reach] = self.cutoff**2 / (4 * pi)
        return found

    def words(self) -> str:
        """Return the step in one line for people."""
        return f"frequencies cut off at {self.cutoff / pi:.2f} of the highest"

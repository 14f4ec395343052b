"""The step that blurs with a kernel of a formula: Gaussians, generalised ones, plateaus."""

from __future__ import annotations

from math import pi
from typing import Annotated, ClassVar, Literal, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

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

__all__ = ["SyntheticBlur", "SyntheticBlurSettings"]

Shape: TypeAlias = Literal["gaussian", "generalised", "plateau"]

_LEAST_SIGMA, _MOST_SIGMA = 0.05, 50.0
_LEAST_BETA, _MOST_BETA = 0.1, 20.0
_Sigma: TypeAlias = Annotated[float, msgspec.Meta(ge=_LEAST_SIGMA, le=_MOST_SIGMA)]
_Beta: TypeAlias = Annotated[float, msgspec.Meta(ge=_LEAST_BETA, le=_MOST_BETA)]


class SyntheticBlurSettings(StepSettings, frozen=True):
    """Which kernels.

    Attributes
    ----------
    shape : {"gaussian", "generalised", "plateau"}
        With d² the squared distance in standard deviations: exp(-d²/2), exp(-d²ᵝ/2), 1/(1 + d²ᵝ).
    isotropic : bool
        One standard deviation for all directions; else two, and an angle.
    sigma : (float, float)
        Standard deviation in pixels of the image as it is by then.
    beta : (float, float)
        Exponent; ``gaussian`` has none.
    sizes : (int, int)
        Taps a side; odd.
    """

    shape: Shape = "gaussian"
    isotropic: bool = True
    sigma: Range = (0.2, 3.0)
    beta: Range = (1.0, 1.0)
    sizes: OddSizes = (7, 21)

    def __post_init__(self) -> None:
        check_ascending("sigma", self.sigma, _LEAST_SIGMA, _MOST_SIGMA)
        check_ascending("beta", self.beta, _LEAST_BETA, _MOST_BETA)
        check_odd("sizes", self.sizes)

    def draw(self, index: PoolIndex, lr_shape: tuple[int, int], rng: Chance) -> SyntheticBlur:
        """Draw a kernel."""
        first = draw_within(self.sigma, rng)
        second = first if self.isotropic else draw_within(self.sigma, rng)
        angle = 0.0 if self.isotropic else draw_within((0.0, pi), rng)
        beta = 1.0 if self.shape == "gaussian" else draw_within(self.beta, rng)
        size = draw_odd(self.sizes, rng)
        return SyntheticBlur(self.shape, (first, second), angle, beta, size)

    def words(self) -> str:
        """Return for people what is drawn."""
        even = "isotropic" if self.isotropic else "anisotropic"
        low, high = self.sigma
        beta = "" if self.shape == "gaussian" else f", β {self.beta[0]:g} … {self.beta[1]:g}"
        return f"{even} {self.shape} kernels, σ {low:g} … {high:g} px{beta}"


class SyntheticBlur(Step, frozen=True):
    """Blur with a kernel of a formula.

    Attributes
    ----------
    shape, beta
        As in :class:`SyntheticBlurSettings`.
    sigmas : (float, float)
        Standard deviations along the kernel's two axes, in pixels.
    angle : float
        Of the first axis against the columns, in radians.
    size : int
        Taps a side.
    """

    kind: ClassVar[str] = "synthetic-blur"
    drawn_by: ClassVar[type[StepSettings]] = SyntheticBlurSettings
    shape: Shape
    sigmas: tuple[_Sigma, _Sigma]
    angle: Annotated[float, msgspec.Meta(ge=0, le=4)]
    beta: _Beta
    size: OddSize

    def __post_init__(self) -> None:
        check_odd("size", (self.size, self.size))

    def apply(self, levels: FloatArray, given: StepInputs) -> FloatArray:
        """Blur."""
        return correlate_levels(levels, whole_taps(self.weights()))

    def weights(self) -> npt.NDArray[np.float64]:
        """Return the kernel, whose middle is 1 and whose sum is any."""
        reach = self.size // 2
        rows, columns = np.mgrid[-reach : reach + 1, -reach : reach + 1]
        cosine, sine = np.cos(self.angle), np.sin(self.angle)
        along = (cosine * columns + sine * rows) / self.sigmas[0]
        across = (cosine * rows - sine * columns) / self.sigmas[1]
        far = (along**2 + across**2) ** self.beta
        found: npt.NDArray[np.float64] = (
            1 / (1 + far) if self.shape == "plateau" else np.exp(-far / 2)
        )
        return found

    def words(self) -> str:
        """Return the step in one line for people."""
        first, second = self.sigmas
        sigma = f"σ {first:.2f}" if first == second else f"σ {first:.2f} and {second:.2f}"
        beta = "" if self.shape == "gaussian" else f", β {self.beta:.2f}"
        return f"blurred with a {self.shape} kernel, {sigma} px{beta}"

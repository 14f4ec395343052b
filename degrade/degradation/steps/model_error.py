"""The step that adds what no kernel makes: noise where the real LR has detail, as a model's error.

However good a kernel is, real LR differs from the HR that it has blurred: by misfocus from place to
place, by the camera's own sharpening and demosaicing, by what the kernel's estimate missed. That is
more where there is more detail. A network that never saw it trusts every pixel of LR too much.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, NamedTuple, TypeAlias

import msgspec
import numpy as np

from degrade.arrays import FloatArray
from degrade.compiled import is_compiled
from degrade.compiled.model_error import add_model_error
from degrade.degradation.index import PoolIndex
from degrade.degradation.steps.base import Chance, Step, StepInputs, StepSettings
from degrade.disk.structs import Whole
from degrade.errors import InvalidValueError
from degrade.noise.normals import UNIT, draw_normals, draw_words, quantiles

__all__ = [
    "AUTO",
    "BOTH",
    "MOST_BASE",
    "MOST_SLOPE",
    "OWN",
    "SHARED",
    "STEEPEST",
    "ErrorSize",
    "ModelError",
    "ModelErrorSettings",
    "local_gradient",
]

MOST_BASE, MOST_SLOPE = 64.0, 4.0

STEEPEST = 40.0
"""Steeper gradients, in grey levels per pixel, count as this one: the edges of clipped lamps."""

SHARED, OWN, BOTH = 4, 3, 5
"""Each channel is 4/5 of what all share and 3/5 of its own, whose squares sum to 1: two channels
correlate by 16/25 = 0.64. Measured were 0.5 to 0.73."""


_BAND = 2**15
"""Pixels that are worked on at a time: they stay in the processor's cache."""


class ErrorSize(NamedTuple):
    """How large the error is: a standard deviation of ``base + slope · gradient`` grey levels.

    Attributes
    ----------
    base : float
        In grey levels, 0 to :data:`MOST_BASE`.
    slope : float
        In grey levels for each grey level per pixel, 0 to :data:`MOST_SLOPE`.
    """

    base: float
    slope: float = 0.0

    def words(self) -> str:
        """Return the size for people."""
        by_gradient = f" + {self.slope:g} · gradient" if self.slope else ""
        return f"σ = {self.base:g}{by_gradient} grey levels"


AUTO = ErrorSize(2.0)
"""The same everywhere: where it grew with the gradient, pairs taught less."""


_Base: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=MOST_BASE)]
_Slope: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=MOST_SLOPE)]


class ModelErrorSettings(StepSettings, frozen=True):
    """How large the error is: ``base`` and ``slope``, as in :class:`ErrorSize`."""

    base: _Base = AUTO.base
    slope: _Slope = AUTO.slope

    def __post_init__(self) -> None:
        if not (0 <= self.base <= MOST_BASE and 0 <= self.slope <= MOST_SLOPE and any(self.size)):
            raise InvalidValueError(
                f"model_error must be of 0 to {MOST_BASE:g} grey levels, and 0 to {MOST_SLOPE:g} "
                f"for a gradient of one, not both 0; got {self.base:g} and {self.slope:g}"
            )

    @property
    def size(self) -> ErrorSize:
        """Both as one."""
        return ErrorSize(self.base, self.slope)

    def draw(self, index: PoolIndex, lr_shape: tuple[int, int], rng: Chance) -> ModelError:
        """Draw a seed."""
        return ModelError(self.base, self.slope, int(rng.integers(2**32)))

    def words(self) -> str:
        """Return the size for people."""
        return f"what no kernel makes, as white noise, {self.size.words()}"


class ModelError(Step, frozen=True):
    """Add white normal noise that is stronger where LR has a gradient.

    It stands before the residual: its gradient is that of the scene, not of the sensor's noise.
    Neighbouring pixels are independent; channels correlate by 0.64.

    Attributes
    ----------
    base, slope : float
        As in :class:`ErrorSize`; the gradient is that of :func:`local_gradient`.
    seed : int
        Of the noise.
    """

    kind: ClassVar[str] = "model-error"
    drawn_by: ClassVar[type[StepSettings]] = ModelErrorSettings
    is_noise: ClassVar[bool] = True
    base: _Base
    slope: _Slope
    seed: Whole

    def apply(self, levels: FloatArray, given: StepInputs) -> FloatArray:
        """Add the noise."""
        height, width, channels = levels.shape
        if channels != 3:
            raise InvalidValueError(f"a model error is for three channels, got {channels}")
        if is_compiled():
            units = (self.base / (BOTH * UNIT), self.slope / (BOTH * UNIT))
            words = draw_words(self.seed, height * width)
            return add_model_error(levels, words, quantiles(), units, STEEPEST)
        drawn = draw_normals(self.seed, height * width * 4).reshape(height, width, 4)
        sigma: FloatArray | np.float32 = np.float32(self.base / (BOTH * UNIT))
        if self.slope:
            gradient = np.minimum(local_gradient(levels), np.float32(STEEPEST))
            gradient *= np.float32(self.slope / (BOTH * UNIT))
            sigma = (gradient + sigma)[..., None]
        noisy = np.empty_like(levels)
        size = np.broadcast_to(sigma, (height, width, 1))
        band = max(1, _BAND // width)
        for top in range(0, height, band):
            rows = slice(top, top + band)
            # Whole numbers below 2¹⁵ up to here: then one product and one sum, each rounded once.
            own, shared = drawn[rows, :, 1:] * np.int16(OWN), drawn[rows, :, :1]
            own += shared * np.int16(SHARED)
            np.multiply(own, size[rows], out=noisy[rows])
        noisy += levels
        return noisy

    def words(self) -> str:
        """Return the step in one line for people."""
        return f"model error added: white noise, {ErrorSize(self.base, self.slope).words()}"


def local_gradient(levels: FloatArray) -> FloatArray:
    """Return how steep an image is, in grey levels per pixel.

    The length of the gradient of (R + 2 G + B) / 4: along each axis half the difference of the two
    neighbours; at the border that to the only neighbour; 0 along a side of one pixel.

    Parameters
    ----------
    levels : (h, w, 3) float32 array

    Returns
    -------
    (h, w) float32 array
        The same bits on every machine: each operation is rounded on its own.
    """
    grey = levels[..., 1] * np.float32(2)
    grey += levels[..., 0]
    grey += levels[..., 2]
    # Twice the gradient of four times the grey: 8 in all.
    down, right = _doubled_slope(grey), _doubled_slope(grey.T).T
    down *= down
    right *= right
    down += right
    steep: FloatArray = np.sqrt(down, out=down)
    steep *= np.float32(1 / 8)
    return steep


def _doubled_slope(plane: FloatArray) -> FloatArray:
    """Return twice the slope along the rows' axis."""
    slope = np.zeros_like(plane)
    if len(plane) > 1:
        np.subtract(plane[2:], plane[:-2], out=slope[1:-1])
        slope[0] = 2 * (plane[1] - plane[0])
        slope[-1] = 2 * (plane[-1] - plane[-2])
    return slope

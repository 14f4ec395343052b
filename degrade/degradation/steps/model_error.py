"""The step that adds what no kernel makes: noise where the real LR has detail, as a model's error.

However good a kernel is, real LR differs from the HR that it has blurred: by misfocus from place to
place, by the camera's own sharpening and demosaicing, by what the kernel's estimate missed. That is
more where there is more detail. A network that never saw it trusts every pixel of LR too much.
"""

from __future__ import annotations

import functools
import math
from typing import Annotated, ClassVar, Literal, NamedTuple, TypeAlias

import cv2
import msgspec
import numpy as np
import numpy.typing as npt

from degrade.arrays import FloatArray
from degrade.compiled import is_compiled
from degrade.compiled.model_error import add_model_error
from degrade.degradation.fixed_point import spread_taps
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
    "Spectrum",
    "draw_error",
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


Spectrum: TypeAlias = Literal["residual"]
"""What noise may have in the place of a white spectrum: that of what the best linear kernel of real
pairs leaves."""

_RESIDUAL_TAPS = (619, 138, 85, 33, 22, 12, 9, 9, 7, 2)
"""Of a filter that looks alike from all eight sides, from the middle outwards. What it makes of
white noise has, at a standard deviation of 4.67 levels, 8.3, 5.2, 3.6 and 2.8 levels per root of a
frequency in bands from 0.1, 0.2, 0.3 and 0.4 cycles per pixel, where 8.0, 5.3, 3.7 and 2.7 were
measured; and 12.0 below, where it was 14.5. All of them together are below 2048, so four and three
times what it makes of numbers of :mod:`degrade.noise.normals` are whole numbers below 2²⁴."""

_RESIDUAL_REACH = 3


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
    """How large the error is, and its spectrum, which is white unless it is set.

    Attributes
    ----------
    base, slope : float
        As in :class:`ErrorSize`.
    spectrum : "residual" or unset
        As :data:`Spectrum` says.
    """

    base: _Base = AUTO.base
    slope: _Slope = AUTO.slope
    spectrum: Spectrum | msgspec.UnsetType = msgspec.UNSET

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
        return ModelError(self.base, self.slope, int(rng.integers(2**32)), self.spectrum)

    def words(self) -> str:
        """Return the size for people."""
        return f"what no kernel makes, as {_named(self.spectrum)}, {self.size.words()}"


class ModelError(Step, frozen=True):
    """Add normal noise, which may be stronger where LR has a gradient.

    It stands before the residual: its gradient is that of the scene, not of the sensor's noise.
    Neighbouring pixels are independent where it is white; channels correlate by 0.64.

    Attributes
    ----------
    base, slope : float
        As in :class:`ErrorSize`; the gradient is that of :func:`local_gradient`.
    seed : int
        Of the noise.
    spectrum : "residual" or unset
        As :data:`Spectrum` says; unset: white.
    """

    kind: ClassVar[str] = "model-error"
    drawn_by: ClassVar[type[StepSettings]] = ModelErrorSettings
    is_noise: ClassVar[bool] = True
    base: _Base
    slope: _Slope
    seed: Whole
    spectrum: Spectrum | msgspec.UnsetType = msgspec.UNSET

    @property
    def unit(self) -> float:
        """Standard deviation of what :func:`draw_error` makes of numbers that all share."""
        return _residual_unit() if self.spectrum else float(BOTH * UNIT)

    def apply(self, levels: FloatArray, given: StepInputs) -> FloatArray:
        """Add the noise."""
        height, width, channels = levels.shape
        if channels != 3:
            raise InvalidValueError(f"a model error is for three channels, got {channels}")
        if is_compiled() and not self.spectrum:
            units = (self.base / self.unit, self.slope / self.unit)
            words = draw_words(self.seed, height * width)
            return add_model_error(levels, words, quantiles(), units, STEEPEST)
        drawn = draw_error(self, height, width)
        sigma: FloatArray | np.float32 = np.float32(self.base / self.unit)
        if self.slope:
            gradient = np.minimum(local_gradient(levels), np.float32(STEEPEST))
            gradient *= np.float32(self.slope / self.unit)
            sigma = (gradient + sigma)[..., None]
        noisy = np.empty_like(levels)
        size = np.broadcast_to(sigma, (height, width, 1))
        band = max(1, _BAND // width)
        for top in range(0, height, band):
            rows = slice(top, top + band)
            # Whole numbers below 2¹⁵, or 2²⁴ where they were filtered, up to here: then one product
            # and one sum, each rounded once.
            own, shared = drawn[rows, :, 1:] * drawn.dtype.type(OWN), drawn[rows, :, :1]
            own += shared * drawn.dtype.type(SHARED)
            np.multiply(own, size[rows], out=noisy[rows])
        noisy += levels
        return noisy

    def words(self) -> str:
        """Return the step in one line for people."""
        noise = _named(self.spectrum)
        return f"model error added: {noise}, {ErrorSize(self.base, self.slope).words()}"


def _named(spectrum: Spectrum | msgspec.UnsetType) -> str:
    return "noise with the spectrum of residuals" if spectrum else "white noise"


def draw_error(
    step: ModelError, height: int, width: int
) -> npt.NDArray[np.int16] | npt.NDArray[np.int32]:
    """Return the numbers of a model error, for an image: what all channels share, and their own.

    Parameters
    ----------
    step : ModelError
    height, width : int

    Returns
    -------
    (height, width, 4) int16 array, or int32 where the noise is not white
        The same on every machine.
    """
    if not step.spectrum:
        return draw_normals(step.seed, height * width * 4).reshape(height, width, 4)
    reach = _RESIDUAL_REACH
    shape = height + 2 * reach, width + 2 * reach, 4
    drawn = draw_normals(step.seed, math.prod(shape)).reshape(shape).astype(np.float64)
    # Sums of whole numbers far below 2⁵³ are exact in any order.
    filtered = cv2.filter2D(drawn, cv2.CV_64F, _residual_taps())
    inside = filtered[reach : reach + height, reach : reach + width]
    return np.asarray(np.rint(inside), np.int32)


@functools.cache
def _residual_unit() -> float:
    return BOTH * UNIT * math.sqrt(float(np.square(_residual_taps()).sum()))


def _residual_taps() -> npt.NDArray[np.float64]:
    return spread_taps(_RESIDUAL_TAPS, _RESIDUAL_REACH)


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

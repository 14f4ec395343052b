"""A camera's noise as a model: how strong at which colour, of which grain.

It is fitted to what flat parts of photos tell (:mod:`degrade.noise.statistics`) and makes noise of
any size, without repetition, as strong everywhere as the colour there asks for. It consists of
whole numbers: it fits in a plan, and makes the same bits on every machine.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

import cv2
import msgspec
import numpy as np
import numpy.typing as npt

from degrade.arrays import FloatArray, U8Array, round_to_u8
from degrade.noise.grain import Grain, draw_grain, fit_grain
from degrade.noise.statistics import NoiseStatistics, pool_statistics
from degrade.noise.strength import LEVELS, Strength, fit_strength

__all__ = ["FittedNoise", "NoiseModel", "NoiseStrength", "fit_noise", "make_noise", "sigma_at"]

_SIGMA_UNIT, _FACTOR_UNIT = 1024, 4096
_MOST_SIGMA = 128
_MOST_FACTOR = 64
_NODES = len(LEVELS)
_STEP = int(LEVELS[1])
_TOLD = 32, 96, 160, 224
_OF_OTHERS = 2
"""Every second level will do for a straight line."""

_Floats = npt.NDArray[np.float64]

_Sigma = Annotated[int, msgspec.Meta(ge=0, le=_MOST_SIGMA * _SIGMA_UNIT)]
_Factor = Annotated[int, msgspec.Meta(ge=0, le=_MOST_FACTOR * _FACTOR_UNIT)]
_Own = Annotated[tuple[_Sigma, ...], msgspec.Meta(min_length=_NODES, max_length=_NODES)]
_Other = Annotated[
    tuple[_Factor, ...],
    msgspec.Meta(min_length=_NODES // _OF_OTHERS + 1, max_length=_NODES // _OF_OTHERS + 1),
]


class NoiseStrength(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How strong the noise of one channel is: a product of three tables, held between limits.

    Attributes
    ----------
    own : 17 int
        At every 16th level of the channel, in 1/1024 grey level; straight in between.
    next, last : 9 int
        At every 32nd level of the channel after it and of the one before it (blue is before red),
        in 1/4096.
    least, most : int
        What the product is held between, in 1/1024 grey level.
    """

    own: _Own
    next: _Other
    last: _Other
    least: _Sigma
    most: _Sigma


class NoiseModel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The noise of a camera.

    Attributes
    ----------
    strength : three NoiseStrength
        Of red, green and blue.
    grain : Grain
    """

    strength: tuple[NoiseStrength, NoiseStrength, NoiseStrength]
    grain: Grain

    def words(self) -> str:
        """Return in a few words how strong the noise of greys is."""
        greys = np.array([[[level] * 3 for level in _TOLD]], np.uint8)
        each = ", ".join(f"{sigma:.1f}" for sigma in sigma_at(self.strength, greys)[0, :, 1])
        return f"green σ {each} at levels {', '.join(map(str, _TOLD))}"


@dataclass(frozen=True, slots=True, eq=False)
class FittedNoise:
    """A model and what it was fitted to.

    Attributes
    ----------
    model : NoiseModel
    strengths : tuple of three Strength
        With their doubt.
    measured : NoiseStatistics
        Of all photos together.
    """

    model: NoiseModel
    strengths: tuple[Strength, ...]
    measured: NoiseStatistics

    @property
    def interval(self) -> tuple[float, float]:
        """How much weaker and stronger green may be, in the middle of what was seen, as factors."""
        green = self.strengths[1]
        at = int(np.abs(LEVELS - sum(green.seen) / 2).argmin())
        return float(green.low[at] / green.sigma[at]), float(green.high[at] / green.sigma[at])

    def to_json(self) -> dict[str, Any]:
        """Return the model with its doubt as plain values."""
        doubt = [
            {
                "levels": LEVELS.astype(int).tolist(),
                **{
                    name: np.round(getattr(one, name), 3).tolist()
                    for name in ("sigma", "low", "high")
                },
                "seen": one.seen,
            }
            for one in self.strengths
        ]
        model: dict[str, Any] = msgspec.to_builtins(self.model)
        return {**model, "grey": doubt}

    def words(self) -> str:
        """Return how strong the noise is, and how sure that is, where levels were seen."""
        green = self.strengths[1]
        low, high = green.seen
        near = {int(np.abs(LEVELS - at).argmin()) for at in (low, (low + high) / 2, high)}
        each = ", ".join(
            f"{green.sigma[at]:.1f} ({green.low[at]:.1f} to {green.high[at]:.1f}) at level "
            f"{LEVELS[at]:.0f}"
            for at in sorted(near)
        )
        return f"green σ {each}"


def fit_noise(photos: Sequence[NoiseStatistics]) -> FittedNoise:
    """Fit a model to what photos of one camera tell.

    Parameters
    ----------
    photos : sequence of NoiseStatistics
        At least one. No photo weighs more than twice what the median one does.
    """
    together = pool_statistics(photos)
    (grain, kept), colours = fit_grain(together), together.table()
    strengths = []
    for channel in range(3):
        seen = fit_strength(colours, channel)
        back = float(1 / np.sqrt(kept[channel]))  # what the planes have taken
        names = ("sigma", "low", "high", "least", "most")
        factors = seen.factors.copy()
        factors[channel] *= back
        own = {name: getattr(seen, name) * back for name in names}
        strengths.append(replace(seen, factors=factors, **own))
    each = tuple(_as_integers(one, channel) for channel, one in enumerate(strengths))
    return FittedNoise(NoiseModel(each, grain), tuple(strengths), together)  # type: ignore[arg-type]


def _as_integers(strength: Strength, channel: int) -> NoiseStrength:
    own = _whole(strength.factors[channel], _SIGMA_UNIT, _MOST_SIGMA)
    following, last = (
        _whole(strength.factors[(channel + by) % 3, ::_OF_OTHERS], _FACTOR_UNIT, _MOST_FACTOR)
        for by in (1, 2)
    )
    limits = np.array([strength.least, strength.most])
    least, most = _whole(limits, _SIGMA_UNIT, _MOST_SIGMA)
    return NoiseStrength(own, following, last, least, most)


def _whole(values: _Floats, unit: int, most: int) -> tuple[int, ...]:
    return tuple(np.rint(np.clip(values, 0, most) * unit).astype(np.int64).tolist())


def make_noise(model: NoiseModel, levels: FloatArray, seed: int) -> FloatArray:
    """Make noise for an image: of the model's grain, as strong as its colours ask for.

    Parameters
    ----------
    model : NoiseModel
    levels : (h, w, 3) float32 array
        The image without noise, in grey levels; beyond 0 … 255 as at the ends.
    seed : int
        At least 0.

    Returns
    -------
    (h, w, 3) float32 array
        In grey levels; of one model and seed the same bits on every machine.
    """
    seen = round_to_u8(levels)
    noise = draw_grain(model.grain, _grey(seen), seed)
    noise *= sigma_at(model.strength, seen)
    return noise


def _grey(seen: U8Array) -> U8Array:
    """Return (R + 2 G + B) / 4 of (h, w, 3) levels, rounded down."""
    total = seen[..., 1].astype(np.uint16) * np.uint16(2)
    total += seen[..., 0]
    total += seen[..., 2]
    return (total // np.uint16(4)).astype(np.uint8)


def sigma_at(strength: tuple[NoiseStrength, ...], seen: U8Array) -> FloatArray:
    """Return the standard deviation at each sample of an (h, w, 3) uint8 image.

    (h, w, 3) float32, in grey levels; the same bits on every machine: tables of whole numbers, and
    single float32 operations.
    """
    own, following, last, (least, most) = _tables(strength)
    sigma: FloatArray = np.asarray(cv2.LUT(seen, own), np.float32)
    for by, other in ((1, following), (2, last)):
        turned = cv2.merge([seen[..., (channel + by) % 3] for channel in range(3)])
        sigma *= np.asarray(cv2.LUT(turned, other), np.float32)
    return np.clip(sigma, least, most, out=sigma)


@functools.lru_cache(maxsize=256)
def _tables(
    strength: tuple[NoiseStrength, ...],
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return three tables for all channels, (1, 256, 3), and the limits, (2, 3)."""
    each = [
        np.stack([_table(getattr(one, name), unit) for one in strength], axis=-1)[None]
        for name, unit in (("own", _SIGMA_UNIT), ("next", _FACTOR_UNIT), ("last", _FACTOR_UNIT))
    ]
    limits = np.array([[one.least, one.most] for one in strength], np.float32).T
    own, following, last = each
    return own, following, last, limits / np.float32(_SIGMA_UNIT)


def _table(nodes: Sequence[int], unit: int) -> FloatArray:
    """Return the values at all 256 levels, of whole numbers at evenly spaced ones up to 256."""
    step = 256 // (len(nodes) - 1)
    values = np.array(nodes, np.int64)
    at, rest = np.divmod(np.arange(256), step)
    between = values[at] * (step - rest) + values[at + 1] * rest
    # One rounding, of an exact quotient by a power of two.
    table: FloatArray = (between / (step * unit)).astype(np.float32)
    return table

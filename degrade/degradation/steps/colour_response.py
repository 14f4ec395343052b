"""The step that gives LR's colours a sharpness of their own: a filter on what differs from grey.

A camera measures two of its three colours at every second pixel, smooths the noise of colours, and
compresses them more. So the colours of its photos are softer, or rougher, than a kernel that is the
same for all channels makes them.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from degrade.arrays import FloatArray
from degrade.degradation.even_filters import UNCHANGED, EvenTaps, filter_evenly, gains_of, reach_of
from degrade.degradation.index import PoolIndex
from degrade.degradation.steps.base import Chance, Step, StepInputs, StepSettings
from degrade.errors import InvalidValueError

__all__ = ["ColourResponse", "ColourResponseSettings"]

_GREY = np.array([77, 150, 29], np.float32) / np.float32(256)
"""R, G and B in the grey that stays as it is: BT.601, in whole 256ths."""

_FINE = 256


class ColourResponseSettings(StepSettings, frozen=True):
    """The filter: ``taps``, as in :class:`ColourResponse`; unless set it changes nothing."""

    taps: EvenTaps = UNCHANGED

    def __post_init__(self) -> None:
        reach_of(self.taps)

    def draw(self, index: PoolIndex, lr_shape: tuple[int, int], rng: Chance) -> ColourResponse:
        """Return the step; nothing is drawn."""
        return ColourResponse(self.taps)

    def words(self) -> str:
        """Return the filter for people."""
        return f"of colours, {gains_of(self.taps)}"


class ColourResponse(Step, frozen=True):
    """Filter how much each channel differs from grey, its luma by BT.601; grey itself stays.

    Attributes
    ----------
    taps : tuple of int
        As :data:`~degrade.degradation.even_filters.EvenTaps`.
    """

    kind: ClassVar[str] = "colour-response"
    drawn_by: ClassVar[type[StepSettings]] = ColourResponseSettings
    taps: EvenTaps

    def __post_init__(self) -> None:
        reach_of(self.taps)

    def apply(self, levels: FloatArray, given: StepInputs) -> FloatArray:
        """Filter; beyond its edges LR is mirrored."""
        if levels.shape[2:] != (3,):
            raise InvalidValueError(f"colours are of three channels, got {levels.shape}")
        if not levels.size:
            raise InvalidValueError("a colour response needs LR: a step before it makes that of HR")
        # One sum after the other, each rounded once: the same bits on every machine.
        grey = levels[..., 1] * _GREY[1]
        grey += levels[..., 0] * _GREY[0]
        grey += levels[..., 2] * _GREY[2]
        filtered = filter_evenly(levels - grey[..., None], self.taps, _FINE)
        filtered += grey[..., None]
        return filtered

    def words(self) -> str:
        """Return the step in one line for people."""
        return f"colours filtered, {gains_of(self.taps)}"

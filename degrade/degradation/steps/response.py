"""The step that makes LR sharper, or softer, than its kernel does: a filter on all channels.

Cameras sharpen, if only by a fifth, and kernels that are estimated on their photos lack that. The
recipe ``measured`` gives it back.

References
----------
docs/decisions/0040-what-estimates-lack.md, with what was measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from degrade.arrays import FloatArray
from degrade.degradation.even_filters import UNCHANGED, EvenTaps, filter_evenly, gains_of, reach_of
from degrade.degradation.index import SPECTRAL_KERNEL, PoolIndex
from degrade.degradation.steps.base import Chance, Step, StepInputs, StepSettings
from degrade.errors import InvalidValueError

__all__ = ["ESTIMATES_LACK", "FINE", "Response", "ResponseSettings"]

ESTIMATES_LACK: EvenTaps = (69760, 1920, 576, -480, -576, -480, -384, -320, -192, -32)
"""What kernels of the spectral estimator keep too little of: the mean of eight cameras, as
``python -m benchmarks.estimates_lack`` measures it on real pairs, up to 0.35 cycles per pixel."""

FINE = 16
"""Levels are filtered in whole 16ths: float32 then holds the sums of taps such as these."""


class ResponseSettings(StepSettings, frozen=True):
    """The filter.

    Attributes
    ----------
    taps : tuple of int
        As in :class:`Response`; unless set they change nothing.
    kernels : "spectral" or None
        Behind which kernels a plan has the step: "spectral", those alone that the spectral
        estimator found in photos; None, any.
    """

    taps: EvenTaps = UNCHANGED
    kernels: Literal["spectral"] | None = None

    def __post_init__(self) -> None:
        reach_of(self.taps)

    @property
    def draws_from(self) -> tuple[str, ...]:
        """Which kernels were estimated, where that decides."""
        return () if self.kernels is None else (SPECTRAL_KERNEL,)

    def draw(self, index: PoolIndex, lr_shape: tuple[int, int], rng: Chance) -> Response:
        """Return the step; nothing is drawn."""
        return Response(self.taps)

    def behind(
        self, step: Step, earlier: Sequence[Step], index: PoolIndex, kernel_id: str | None
    ) -> Step | None:
        """Return the step, or None behind a kernel that it is not for."""
        return step if self.kernels is None or kernel_id in index.spectral else None

    def words(self) -> str:
        """Return the filter for people."""
        where = ", behind kernels of the spectral estimator" if self.kernels else ""
        return gains_of(self.taps) + where


class Response(Step, frozen=True):
    """Filter all channels alike.

    Attributes
    ----------
    taps : tuple of int
        As :data:`~degrade.degradation.even_filters.EvenTaps`.
    """

    kind: ClassVar[str] = "response"
    drawn_by: ClassVar[type[StepSettings]] = ResponseSettings
    taps: EvenTaps

    def __post_init__(self) -> None:
        reach_of(self.taps)

    def apply(self, levels: FloatArray, given: StepInputs) -> FloatArray:
        """Filter; beyond its edges LR is mirrored."""
        if not levels.size:
            raise InvalidValueError("a response needs LR: a step before it makes that of HR")
        return filter_evenly(levels, self.taps, FINE)

    def words(self) -> str:
        """Return the step in one line for people."""
        return f"filtered, {gains_of(self.taps)}"

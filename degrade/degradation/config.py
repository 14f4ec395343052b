"""What every plan of a run has in common, and which steps its plans are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from degrade.degradation.steps import (
    MOST_BASE,
    MOST_SLOPE,
    STEPS,
    Blur,
    ErrorSize,
    ModelError,
    Residual,
    find_step,
    kinds_drawn_from,
)
from degrade.errors import InvalidValueError

__all__ = ["DegradationConfig"]

_DEFERRED = (ModelError.kind, Residual.kind)
"""Where deferred steps begin: at the first of these that there is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DegradationConfig:
    """What every plan of a run has in common.

    Attributes
    ----------
    scale : int
        HR size over LR size, at least 2.
    noise : {"bake", "defer", "none"}
        ``bake`` adds a residual to LR now (I_LR = (I_HR * k)↓s + n, RealSR eq. 1); ``defer`` leaves
        that, the model error and every step after them to training, where every epoch draws others;
        ``none`` adds no residual.
    clean_up : int
        1: HR is the photo; 2: HR is the photo downscaled by 2 (bicubic, antialiased), which
        removes most of its own blur and noise (RealSR §3).
    model_error : ErrorSize or None
        How large the model's error is, which comes before the residual; None: there is none.
    further : tuple of str
        Kinds of further steps, of those that ``STEPS`` names; in its order, each once.
    """

    scale: int = 4
    noise: Literal["bake", "defer", "none"] = "bake"
    clean_up: int = 1
    model_error: ErrorSize | None = None
    further: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.scale < 2:
            raise InvalidValueError(f"scale must be at least 2, got {self.scale}")
        if self.noise not in ("bake", "defer", "none"):
            raise InvalidValueError(f"noise must be bake, defer or none, got {self.noise!r}")
        if self.clean_up not in (1, 2):
            raise InvalidValueError(f"clean_up must be 1 or 2, got {self.clean_up}")
        if self.model_error is not None:
            _check_size(self.model_error)
        for kind in self.further:
            if find_step(kind) in (Blur, ModelError, Residual):
                raise InvalidValueError(f"{kind} is no further step, other settings decide on it")
        in_order = tuple(kind for kind in STEPS if kind in self.further)
        object.__setattr__(self, "further", in_order)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of steps that are drawn when a pair is planned, in order."""
        kinds = self._all_kinds()
        if self.noise != "defer":
            return kinds
        return kinds[: min(kinds.index(kind) for kind in _DEFERRED if kind in kinds)]

    @property
    def deferred_kinds(self) -> tuple[str, ...]:
        """The kinds of steps that are left to training: deferred noise and all that follows it."""
        return self._all_kinds()[len(self.kinds) :]

    @property
    def settings(self) -> dict[str, tuple[float, ...]]:
        """What steps take from the run's settings: see :class:`PoolIndex`."""
        return {} if self.model_error is None else {ModelError.kind: self.model_error}

    @property
    def measured_kinds(self) -> tuple[str, ...]:
        """The kinds of measurements that these steps draw from, those left to training included."""
        return kinds_drawn_from(self._all_kinds())

    def _all_kinds(self) -> tuple[str, ...]:
        wanted = {Blur.kind, *self.settings, *self.further}
        if self.noise != "none":
            wanted.add(Residual.kind)
        return tuple(kind for kind in STEPS if kind in wanted)


def _check_size(size: ErrorSize) -> None:
    if not (0 <= size.base <= MOST_BASE and 0 <= size.slope <= MOST_SLOPE and any(size)):
        raise InvalidValueError(
            f"model_error must be of 0 to {MOST_BASE:g} grey levels, and 0 to {MOST_SLOPE:g} for a "
            f"gradient of one, not both 0; got {size.base:g} and {size.slope:g}"
        )

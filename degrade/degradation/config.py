"""What every plan of a run has in common, and which steps its plans are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from degrade.degradation.steps import STEPS, Blur, Residual, find_step, kinds_drawn_from
from degrade.errors import InvalidValueError

__all__ = ["DegradationConfig"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DegradationConfig:
    """What every plan of a run has in common.

    Attributes
    ----------
    scale : int
        HR size over LR size, at least 2.
    noise : {"bake", "defer", "none"}
        ``bake`` adds a residual to LR now (I_LR = (I_HR * k)↓s + n, RealSR eq. 1); ``defer`` leaves
        that, and every step after it, to training, where every epoch draws another; ``none`` leaves
        LR without noise.
    clean_up : int
        1: HR is the photo; 2: HR is the photo downscaled by 2 (bicubic, antialiased), which
        removes most of its own blur and noise (RealSR §3).
    further : tuple of str
        Kinds of further steps, of those that ``STEPS`` names; in its order, each once.
    """

    scale: int = 4
    noise: Literal["bake", "defer", "none"] = "bake"
    clean_up: int = 1
    further: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.scale < 2:
            raise InvalidValueError(f"scale must be at least 2, got {self.scale}")
        if self.noise not in ("bake", "defer", "none"):
            raise InvalidValueError(f"noise must be bake, defer or none, got {self.noise!r}")
        if self.clean_up not in (1, 2):
            raise InvalidValueError(f"clean_up must be 1 or 2, got {self.clean_up}")
        for kind in self.further:
            if find_step(kind) in (Blur, Residual):
                raise InvalidValueError(f"{kind} is no further step, other settings decide on it")
        in_order = tuple(kind for kind in STEPS if kind in self.further)
        object.__setattr__(self, "further", in_order)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of steps that are drawn when a pair is planned, in order."""
        kinds = self._all_kinds()
        return kinds[: kinds.index(Residual.kind)] if self.noise == "defer" else kinds

    @property
    def deferred_kinds(self) -> tuple[str, ...]:
        """The kinds of steps that are left to training: deferred noise and all that follows it."""
        return self._all_kinds()[len(self.kinds) :]

    @property
    def measured_kinds(self) -> tuple[str, ...]:
        """The kinds of measurements that these steps draw from, those left to training included."""
        return kinds_drawn_from(self._all_kinds())

    def _all_kinds(self) -> tuple[str, ...]:
        wanted = {Blur.kind, *self.further} | ({Residual.kind} if self.noise != "none" else set())
        return tuple(kind for kind in STEPS if kind in wanted)

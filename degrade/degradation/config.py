"""What every plan of a run has in common, and which steps its plans are made of."""

from __future__ import annotations

from dataclasses import dataclass

from degrade.degradation.recipe import Entry, Recipe, kinds_drawn_from
from degrade.degradation.recipes import MEASURED
from degrade.degradation.steps.base import MARGIN
from degrade.degradation.steps.hr_patch import HrPatch
from degrade.errors import InvalidValueError
from degrade.geometry import Scale, as_scale, lr_unit

__all__ = ["DegradationConfig"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DegradationConfig:
    """What every plan of a run has in common.

    Attributes
    ----------
    scale : Scale
        HR size over LR size, as :func:`degrade.geometry.as_scale` takes it.
    recipe : Recipe
        The steps of the plans.
    defers_noise : bool
        The first step that adds noise and all that follow it are left to training, where every
        epoch draws others.
    clean_up : int
        1: HR is the photo; 2: HR is the photo downscaled by 2 (bicubic, antialiased), which
        removes most of its own blur and noise (RealSR §3).

    Raises
    ------
    InvalidValueError
        Any of this does not hold, or the recipe has nothing that could be left to training.
    """

    scale: Scale = 4
    recipe: Recipe = MEASURED
    defers_noise: bool = False
    clean_up: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "scale", as_scale(self.scale))
        if self.clean_up not in (1, 2):
            raise InvalidValueError(f"clean_up must be 1 or 2, got {self.clean_up}")
        if HrPatch.kind in self._kinds() and MARGIN % lr_unit(self.scale):
            raise InvalidValueError(
                f"scale must be n/d with a d that divides {MARGIN} where a recipe works on HR "
                f"first, got {self.scale}"
            )
        if self.defers_noise:
            self._check_deferred()

    @property
    def entries(self) -> tuple[Entry, ...]:
        """What is drawn when a pair is planned, in order."""
        return self.recipe.possible[: self._kept()]

    @property
    def deferred_entries(self) -> tuple[Entry, ...]:
        """What is left to training: deferred noise and all that follows it."""
        return self.recipe.possible[self._kept() :]

    @property
    def measured_kinds(self) -> tuple[str, ...]:
        """The kinds of measurements that these steps draw from, those left to training included."""
        return kinds_drawn_from(self.recipe.possible)

    def _kinds(self) -> list[str]:
        return [entry.kind for entry in self.recipe.possible]

    def _kept(self) -> int:
        """Return how many of the possible steps are not left to training."""
        possible = self.recipe.possible
        if not self.defers_noise:
            return len(possible)
        noise = [number for number, entry in enumerate(possible) if entry.step.is_noise]
        return min(noise, default=len(possible))

    def _check_deferred(self) -> None:
        if not self.deferred_entries:
            raise InvalidValueError("`noise=defer` is not for this recipe: it has no noise")
        if any(entry.step.makes_lr for entry in self.deferred_entries):
            raise InvalidValueError(
                "`noise=defer` is not for this recipe: it adds noise before LR has its size"
            )
        names = {entry.one_of for entry in self.entries if entry.one_of}
        both = names & {entry.one_of for entry in self.deferred_entries}
        if both:
            raise InvalidValueError(
                f"`noise=defer` is not for this recipe: steps on both sides of the noise are "
                f"one_of {min(both)!r}"
            )

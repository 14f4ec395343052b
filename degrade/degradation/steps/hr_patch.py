"""The step that takes the HR patch as it is, for chains of steps that work on HR first."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np

from degrade.arrays import FloatArray
from degrade.degradation.index import PoolIndex
from degrade.degradation.steps.base import MARGIN, Chance, Margin, PoolParts, Step, StepInputs
from degrade.errors import InvalidValueError
from degrade.geometry import Scale, hr_side
from degrade.resample import mirror_indices

__all__ = ["HrPatch"]


class HrPatch(Step, frozen=True):
    """Take the HR patch and what is around it; ``lr-size`` makes LR of it, and cuts that off.

    Beyond the image it is mirrored.

    Attributes
    ----------
    margin : int
        Pixels of LR on each side.
    """

    kind: ClassVar[str] = "hr-patch"
    about: ClassVar[str] = "HR as it is"
    reads_hr: ClassVar[bool] = True
    margin: Margin

    @classmethod
    def draw(cls, index: PoolIndex, lr_shape: tuple[int, int], rng: Chance) -> Self:
        """Return the step; nothing is drawn."""
        return cls(MARGIN)

    def apply(self, levels: FloatArray, given: StepInputs) -> FloatArray:
        """Return the patch with its margin, in the size of HR."""
        if levels.size or given.hr is None or given.hr_box is None:
            raise InvalidValueError("a patch is taken of HR: it comes first, and needs the HR")
        top, left, height, width = given.hr_box
        margin, pixels = hr_side(self.margin, given.hr.scale), given.hr.pixels
        rows = mirror_indices(np.arange(top - margin, top + height + margin), pixels.shape[0])
        columns = mirror_indices(np.arange(left - margin, left + width + margin), pixels.shape[1])
        return pixels[rows[:, None], columns].astype(np.float32)

    def reach(self, pool: PoolParts, scale: Scale) -> int:
        """Return how many pixels of HR the margin is."""
        return hr_side(self.margin, scale)

    def words(self) -> str:
        """Return the step in one line for people."""
        return f"HR taken with {self.margin} pixels of LR around it"

"""The step that adds real noise: a window of a residual of the pool, or what is sewn from some."""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar

import numpy as np

from degrade.arrays import FloatArray
from degrade.degradation.index import PoolIndex
from degrade.degradation.steps.base import (
    Chance,
    PhotoSettings,
    PoolParts,
    Step,
    StepInputs,
    StepSettings,
)
from degrade.degradation.steps.real_noise import NoiseWindow, Quilt, draw_window
from degrade.disk.structs import Text, Whole
from degrade.errors import InvalidValueError

__all__ = ["Residual", "ResidualSettings"]


class ResidualSettings(PhotoSettings, frozen=True):
    """Whose noise."""

    def draw(self, index: PoolIndex, lr_shape: tuple[int, int], rng: Chance) -> Residual:
        """Draw a photo, a residual of it, and where its window begins; each is as likely."""
        return Residual(*draw_window(index, lr_shape, rng))

    def words(self) -> str:
        """Return for people whose noise is drawn."""
        return self.whose("noise of a photo")


class Residual(Step, frozen=True, omit_defaults=True):
    """Add a window of a residual, or noise that is sewn from several.

    Attributes
    ----------
    noise_id, top, left, quilt
        As in :class:`~degrade.degradation.steps.real_noise.NoiseWindow`. A window is mirrored on
        where the image is larger; plans ask for that no more.
    """

    kind: ClassVar[str] = "residual"
    drawn_by: ClassVar[type[StepSettings]] = ResidualSettings
    is_noise: ClassVar[bool] = True
    noise_id: Text
    top: Whole
    left: Whole
    quilt: Quilt | None = None

    @classmethod
    def photos(cls, index: PoolIndex) -> Collection[str]:
        """Return the photos that have patches."""
        return {choice.photo_sha256 for choice in index.noise}

    def photo(self, index: PoolIndex) -> str:
        """Return the photo that the noise is of."""
        return index.noise_by_id[self.noise_id].photo_sha256

    def apply(self, levels: FloatArray, given: StepInputs) -> FloatArray:
        """Add the noise (RealSR, eq. 1)."""
        noise = self.read_noise(levels.shape[0], levels.shape[1], given.pool)
        if noise.shape != levels.shape:
            raise InvalidValueError(f"noise must be of shape {levels.shape}, got {noise.shape}")
        noisy = noise * np.float32(255)
        noisy += levels
        return noisy

    def read_noise(self, height: int, width: int, pool: PoolParts) -> FloatArray:
        """Return what is added to LR of this size, on the [0, 1] scale."""
        return self._window.read(pool, height, width)

    @property
    def _window(self) -> NoiseWindow:
        return NoiseWindow(self.noise_id, self.top, self.left, self.quilt)

    def words(self) -> str:
        """Return the step in one line for people."""
        return self._window.words()

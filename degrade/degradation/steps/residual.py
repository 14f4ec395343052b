"""The step that adds real noise: a window of a residual of the pool, or what is sewn from some."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

import msgspec
import numpy as np

from degrade.arrays import FloatArray
from degrade.degradation.index import NoiseChoice, PoolIndex
from degrade.degradation.steps.base import Chance, PoolParts, Step, StepInputs
from degrade.disk.structs import Text, Whole
from degrade.errors import InvalidValueError
from degrade.noise.quilting import quilt_noise

__all__ = ["Quilt", "Residual"]

_MOST_PATCHES = 16
"""Residuals that one plan names."""


class Quilt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What noise is sewn from: see :func:`degrade.noise.quilting.quilt_noise`.

    Attributes
    ----------
    others : tuple of str
        Residuals of the same photo and size.
    size : int
        Their side in pixels.
    seed : int
        Of the pieces.
    """

    others: Annotated[tuple[Text, ...], msgspec.Meta(max_length=_MOST_PATCHES - 1)]
    size: Annotated[int, msgspec.Meta(ge=8, le=2**16)]
    seed: Whole


class Residual(Step, frozen=True, omit_defaults=True):
    """Add a window of a residual, or noise that is sewn from several.

    Attributes
    ----------
    noise_id : str
        In the pool.
    top, left : int
        Where the window begins. It is mirrored on where the image is larger; plans ask for that
        no more.
    quilt : Quilt or None
        Sew, since the image is larger than the residual.
    """

    kind: ClassVar[str] = "residual"
    about: ClassVar[str] = "noise of a photo of the pool, each as likely"
    is_noise: ClassVar[bool] = True
    noise_id: Text
    top: Whole
    left: Whole
    quilt: Quilt | None = None

    @classmethod
    def draw(cls, index: PoolIndex, lr_shape: tuple[int, int], rng: Chance) -> Self:
        """Draw a photo, a residual of it, and where its window begins; each is as likely.

        So no photo has more than its share, however many residuals it gave.
        """
        if not index.noise:
            raise InvalidValueError("the pool has no noise patch")
        photo = index.noise_by_photo[rng.integers(len(index.noise_by_photo))]
        choice = photo[rng.integers(len(photo))]
        height, width = lr_shape
        if choice.size < max(height, width):
            quilt = Quilt(_like(choice, photo), choice.size, int(rng.integers(2**32)))
            return cls(choice.id, 0, 0, quilt)
        top = rng.integers(choice.size - height + 1)
        left = rng.integers(choice.size - width + 1)
        return cls(choice.id, int(top), int(left))

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
        read = pool.read_residual_crop
        if self.quilt is None:
            return read(self.noise_id, self.top, self.left, height, width)
        side = self.quilt.size
        patches = [read(key, 0, 0, side, side) for key in (self.noise_id, *self.quilt.others)]
        return quilt_noise(patches, height, width, self.quilt.seed)

    def words(self) -> str:
        """Return the step in one line for people."""
        if self.quilt is None:
            return f"noise {self.noise_id} added, from its row {self.top}, column {self.left} on"
        others = f" and {len(self.quilt.others)} more" if self.quilt.others else ""
        return f"noise added, sewn from {self.noise_id}{others} of {self.quilt.size} px each"


def _like(first: NoiseChoice, photo: tuple[NoiseChoice, ...]) -> tuple[str, ...]:
    """Return the residuals of the photo that have the size of ``first``, those after it first."""
    alike = [choice.id for choice in photo if choice.size == first.size]
    at = alike.index(first.id)
    return tuple((alike[at + 1 :] + alike[:at])[: _MOST_PATCHES - 1])

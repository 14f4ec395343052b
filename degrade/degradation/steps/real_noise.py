"""Windows of residuals, which steps that add real noise draw, read and tell of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, NamedTuple

import msgspec

from degrade.arrays import FloatArray
from degrade.degradation.index import NoiseChoice, PoolIndex
from degrade.degradation.steps.base import Chance, PoolParts
from degrade.disk.structs import Text, Whole
from degrade.errors import InvalidValueError
from degrade.noise.quilting import quilt_noise

__all__ = ["MOST_PATCHES", "NO_MODEL", "NO_PATCH", "NoiseWindow", "Quilt", "draw_window"]

MOST_PATCHES = 16
"""Residuals that one plan names."""

NO_PATCH = "the pool has no noise patch"
NO_MODEL = (
    "the pool knows no photo's noise as a model; `degrade build-pool` measures it in photos that "
    "have flat parts"
)


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

    others: Annotated[tuple[Text, ...], msgspec.Meta(max_length=MOST_PATCHES - 1)]
    size: Annotated[int, msgspec.Meta(ge=8, le=2**16)]
    seed: Whole


class NoiseWindow(NamedTuple):
    """A window of a residual, or what is sewn from several.

    Attributes
    ----------
    noise_id : str
        In the pool.
    top, left : int
        Where the window begins.
    quilt : Quilt or None
        Sew, since the image is larger than the residual.
    """

    noise_id: str
    top: int
    left: int
    quilt: Quilt | None

    @property
    def names(self) -> tuple[str, ...]:
        """All residuals that are read."""
        return (self.noise_id, *(self.quilt.others if self.quilt else ()))

    def read(
        self, pool: PoolParts, height: int, width: int, factors: Sequence[FloatArray] = ()
    ) -> FloatArray:
        """Return (height, width, 3) noise on the [0, 1] scale.

        ``factors`` are (3,) float32 arrays, one for each of ``names``, that residuals are
        multiplied with; none: they stay as they are.
        """
        side = self.quilt.size if self.quilt else 0
        box = (0, 0, side, side) if self.quilt else (self.top, self.left, height, width)
        patches = [pool.read_residual_crop(name, *box) for name in self.names]
        if factors:
            patches = [patch * factor for patch, factor in zip(patches, factors, strict=True)]
        if self.quilt is None:
            return patches[0]
        return quilt_noise(patches, height, width, self.quilt.seed)

    def words(self) -> str:
        """Return in one line for people what is added."""
        if self.quilt is None:
            return f"noise {self.noise_id} added, from its row {self.top}, column {self.left} on"
        others = f" and {len(self.quilt.others)} more" if self.quilt.others else ""
        return f"noise added, sewn from {self.noise_id}{others} of {self.quilt.size} px each"


def draw_window(index: PoolIndex, lr_shape: tuple[int, int], rng: Chance) -> NoiseWindow:
    """Draw a photo, a residual of it, and where its window begins; each is as likely.

    So no photo has more than its share, however many residuals it gave. Where it is known that the
    photo was compressed, windows begin on its grid, so that a JPEG of LR has the same.

    Raises
    ------
    InvalidValueError
        The pool has no noise patch.
    """
    if not index.noise:
        raise InvalidValueError(NO_PATCH)
    photo = index.noise_by_photo[rng.integers(len(index.noise_by_photo))]
    choice = photo[rng.integers(len(photo))]
    height, width = lr_shape
    if choice.size < max(height, width):
        quilt = Quilt(_like(choice, photo), choice.size, int(rng.integers(2**32)))
        return NoiseWindow(choice.id, 0, 0, quilt)
    tops, lefts = choice.starts(height, 0), choice.starts(width, 1)
    top, left = tops[rng.integers(len(tops))], lefts[rng.integers(len(lefts))]
    return NoiseWindow(choice.id, top, left, None)


def _like(first: NoiseChoice, photo: tuple[NoiseChoice, ...]) -> tuple[str, ...]:
    """Return the residuals of the photo that have the size of ``first``, those after it first."""
    alike = [choice.id for choice in photo if choice.size == first.size]
    at = alike.index(first.id)
    return tuple((alike[at + 1 :] + alike[:at])[: MOST_PATCHES - 1])

"""Two images as planes of grey levels, read a strip of rows at a time.

What is measured of large images is added up strip by strip, so that beside the images themselves
little memory is taken. A strip holds at least a million pixels: smaller images are one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from degrade.arrays import AnyArray
from degrade.errors import InvalidValueError
from degrade.luma import luma_studio

__all__ = ["PEAK", "Plane", "PlanePair", "Strip", "strips_of"]

Plane: TypeAlias = npt.NDArray[np.float64]
"""(h, w) grey levels, 0 … 255."""

PEAK = 255.0

_PIXELS = 2**20


class Strip(NamedTuple):
    """Rows that are computed, and with them what lies ``halo`` above and below.

    Attributes
    ----------
    top, bottom : int
        Of the rows themselves.
    first, last : int
        With their surroundings, as far as there are any.
    """

    top: int
    bottom: int
    first: int
    last: int

    @property
    def inner(self) -> slice:
        """The rows themselves among those with their surroundings."""
        return slice(self.top - self.first, self.bottom - self.first)


def strips_of(
    height: int, width: int, *, halo: int = 0, multiple: int = 1, pixels: int = _PIXELS
) -> Iterator[Strip]:
    """Yield strips that cover ``height`` rows, each of about so many pixels.

    Parameters
    ----------
    height, width : int
    halo : int
        Rows of surroundings on either side.
    multiple : int
        Strips begin at multiples of it.
    pixels : int
    """
    rows = max(pixels // max(width, 1) // multiple, 1) * multiple
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        yield Strip(top, bottom, max(top - halo, 0), min(bottom + halo, height))


@dataclass(frozen=True, slots=True, eq=False)
class PlanePair:
    """One plane of an image and of its reference, within a border.

    Attributes
    ----------
    image, reference : (H, W, 3) uint8 arrays, or float arrays on [0, 1]; or (H, W) grey levels
    border : int
    channel : int or None
        None: Y of BT.601, 16 … 235.
    """

    image: AnyArray
    reference: AnyArray
    border: int = 0
    channel: int | None = None

    def __post_init__(self) -> None:
        if self.image.shape != self.reference.shape:
            raise InvalidValueError(
                f"both images must be of one shape, got {self.image.shape} and "
                f"{self.reference.shape}"
            )
        if self.border < 0:
            raise InvalidValueError(f"border must be at least 0, got {self.border}")

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns that are left inside the border; 0 or less where nothing is."""
        height, width = self.image.shape[:2]
        return height - 2 * self.border, width - 2 * self.border

    def require(self, smallest: int) -> None:
        """Refuse images of which less than ``smallest`` pixels a side are left.

        Raises
        ------
        InvalidValueError
            They are.
        """
        if min(self.shape) < smallest:
            raise InvalidValueError(
                f"a border of {self.border} must leave {smallest} pixels a side, got "
                f"{self.image.shape}"
            )

    def rows(self, first: int, last: int) -> tuple[Plane, Plane]:
        """Return rows of both, counted inside the border, in float64 grey levels."""
        within = (
            slice(self.border + first, self.border + last),
            slice(self.border, self.image.shape[1] - self.border),
        )
        return self._levels(self.image[within]), self._levels(self.reference[within])

    def _levels(self, part: AnyArray) -> Plane:
        if part.ndim == 2:
            return part.astype(np.float64)
        if self.channel is None:
            return luma_studio(part)
        levels = part[..., self.channel].astype(np.float64)
        return levels if part.dtype == np.uint8 else levels * PEAK

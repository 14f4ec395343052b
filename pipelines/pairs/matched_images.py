"""An HR and an LR image that belong together, and whether their sizes fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from degrade.errors import printable
from degrade.geometry import (
    SMALLEST_SCALE,
    Scale,
    common_sides,
    is_rounded,
    rounded_scale,
    scale_of_sizes,
)
from degrade.images.sources import Reject
from pipelines.shared.photo_scan import ScannedPhoto

__all__ = ["MatchedImages"]


@dataclass(frozen=True, slots=True)
class MatchedImages:
    """An HR and an LR image that belong together, and the key that their pair gets.

    Attributes
    ----------
    hr, lr : ScannedPhoto
    key : str
    stated : Scale or None
        The scale that the names state where they differ.
    wanted : Scale or None
        The scale that the user states: LR's sides may then be rounded.
    """

    hr: ScannedPhoto
    lr: ScannedPhoto
    key: str
    stated: Scale | None = None
    wanted: Scale | None = None

    @property
    def sizes(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """(height, width) of HR and of LR, as their files have them."""
        return (self.hr.height, self.hr.width), (self.lr.height, self.lr.width)

    @property
    def scale(self) -> Scale | None:
        """HR size over LR size: see :func:`degrade.geometry.scale_of_sizes`."""
        exact = scale_of_sizes(*self.sizes, expected=(self.stated, self.wanted))
        return self.wanted if exact is None and self.is_rounded else exact

    @property
    def is_rounded(self) -> bool:
        """Whether LR is of the scale that the user states but for rounding, at least a period."""
        return (
            self.wanted is not None
            and is_rounded(*self.sizes, self.wanted)
            and min(self.cut(self.wanted)[0]) > 0
        )

    def cut(self, scale: Scale) -> tuple[tuple[int, int], tuple[int, int]]:
        """Return the sides that are taken of HR and of LR, from the top left on."""
        return common_sides(*self.sizes, scale)

    @property
    def contradicts(self) -> bool:
        """Whether the names state another scale than the sizes have."""
        return None not in (self.stated, self.scale) and self.stated != self.scale

    def misfit(self, scale: Scale | None) -> Reject:
        """Return why the pair is not one of ``scale``, or of the scale that its names state."""
        size = f"{self.hr.width}×{self.hr.height}"
        partner = f"the {self.lr.width}×{self.lr.height} of {printable(self.lr.name)}"
        named = f", which is named ×{self.stated}" if self.stated else ""
        if (self.hr.height, self.hr.width) == (self.lr.height, self.lr.width):
            reason = f"its LR image {printable(self.lr.name)}{named} has its size, {size}"
            remedy = (
                "take LR images that were not enlarged; denoising and deblurring sets have none"
            )
        elif self.hr.height <= self.lr.height and self.hr.width <= self.lr.width:
            reason = f"{size} is smaller than {partner}"
            remedy = "exchange `hr` and `lr`"
        elif self.contradicts and self.scale == scale:
            reason = f"{size} is {self.scale} times {partner}{named}"
            remedy = f"correct the name, or confirm the sizes: `scale={self.scale}`"
        elif self.scale is not None:
            reason = f"{size} is not {scale} times {partner}, but {self.scale} times"
            remedy = f"`scale={self.scale}` takes such pairs"
        else:
            wanted = "2, 3, 1.5 or the like" if scale is None else str(scale)
            reason = f"{size} is not {wanted} times {partner}{named}"
            remedy = self._remedy()
        return Reject(str(self.hr.path), reason, remedy)

    def _remedy(self) -> str:
        """Return what to do where the sizes are of no scale."""
        named = self.stated if self.stated and is_rounded(*self.sizes, self.stated) else None
        if named and named < SMALLEST_SCALE:
            return f"scales begin at {float(SMALLEST_SCALE)}: leave these images out"
        if scale := named or rounded_scale(*self.sizes):
            return (
                f"if LR is HR over {scale}, its sides rounded, `scale={scale}` takes such pairs; "
                "else crop HR to an exact multiple of LR"
            )
        return "crop HR to an exact multiple of LR"

    def as_source(self) -> dict[str, Any]:
        """Return what a sidecar keeps of the two files."""
        return {
            "key": self.key,
            "hr_name": self.hr.name,
            "hr_sha256": self.hr.sha256,
            "lr_name": self.lr.name,
            "lr_sha256": self.lr.sha256,
        }

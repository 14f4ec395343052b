"""An HR and an LR image that belong together, and whether their sizes fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from degrade.errors import printable
from degrade.geometry import Scale, scale_of_sizes
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
    """

    hr: ScannedPhoto
    lr: ScannedPhoto
    key: str
    stated: Scale | None = None

    @property
    def scale(self) -> Scale | None:
        """HR size over LR size: see :func:`degrade.geometry.scale_of_sizes`."""
        hr, lr = ((image.height, image.width) for image in (self.hr, self.lr))
        return scale_of_sizes(hr, lr)

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
            reason = f"{size} is not {wanted} times {partner}"
            remedy = "crop HR to an exact multiple of LR"
        return Reject(str(self.hr.path), reason, remedy)

    def as_source(self) -> dict[str, Any]:
        """Return what a sidecar keeps of the two files."""
        return {
            "key": self.key,
            "hr_name": self.hr.name,
            "hr_sha256": self.hr.sha256,
            "lr_name": self.lr.name,
            "lr_sha256": self.lr.sha256,
        }

"""How well flagged areas agree with areas that people have marked."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from degrade.errors import InvalidValueError

__all__ = ["MaskAgreement", "compare_masks"]

_ENOUGH = 0.5

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class MaskAgreement:
    """Counts of one image, or of several when added.

    Attributes
    ----------
    images : int
    iou : float
        Intersection over union, summed over the images.
    found, right : int
        Flagged areas, and those of which at least half lies within marked ones.
    marked, seen : int
        Marked areas, and those of which at least half is flagged.
    """

    images: int
    iou: float
    found: int
    right: int
    marked: int
    seen: int

    def __add__(self, other: MaskAgreement) -> MaskAgreement:
        return MaskAgreement(
            self.images + other.images,
            self.iou + other.iou,
            self.found + other.found,
            self.right + other.right,
            self.marked + other.marked,
            self.seen + other.seen,
        )

    @property
    def mean_iou(self) -> float:
        """Over the images."""
        return self.iou / self.images

    @property
    def precision(self) -> float | None:
        """Share of flagged areas that are right; None where nothing was flagged."""
        return self.right / self.found if self.found else None

    @property
    def recall(self) -> float | None:
        """Share of marked areas that were seen; None where nothing was marked."""
        return self.seen / self.marked if self.marked else None


def compare_masks(found: Mask, truth: Mask) -> MaskAgreement:
    """Compare a mask with the truth, by pixels and by areas, as DeSRA's authors do.

    An image with nothing flagged and nothing marked agrees: its IoU is 1.

    Parameters
    ----------
    found, truth : (H, W) bool arrays

    Raises
    ------
    InvalidValueError
        They are of different sizes.
    """
    if found.shape != truth.shape or found.ndim != 2:
        raise InvalidValueError(
            f"masks of one size are compared, got {found.shape} and {truth.shape}"
        )
    union = int((found | truth).sum())
    iou = float((found & truth).sum()) / union if union else 1.0
    right, areas = _covered(found, truth)
    seen, marked = _covered(truth, found)
    return MaskAgreement(1, iou, areas, right, marked, seen)


def _covered(areas: Mask, by: Mask) -> tuple[int, int]:
    """Return how many areas are covered by half at least, and how many there are."""
    count, labels = cv2.connectedComponents(areas.astype(np.uint8), connectivity=8)
    whole = np.bincount(labels.ravel(), minlength=count)[1:]
    inside = np.bincount(labels[by], minlength=count)[1:]
    return int((inside >= _ENOUGH * whole).sum()), count - 1

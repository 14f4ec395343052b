"""From a map of similarity to the areas that are flagged."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from degrade.arrays import FloatArray, U8Array
from degrade.artifacts.similarity import texture_similarity
from degrade.errors import InvalidValueError

__all__ = ["Detection", "DetectionSettings", "Flagged", "detect_artifacts", "flag"]

Mask = npt.NDArray[np.bool_]

_SQUARE = np.ones((5, 5), np.uint8)
_DILATIONS = 3
_OUTSIDE = 2
_WIDTH, _HEIGHT = cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectionSettings:
    """What counts as an artefact; the defaults are the published ones.

    Attributes
    ----------
    threshold : float
        Of similarity, 0 … 1: below it a pixel is flagged.
    min_area : int
        Areas of so many pixels or fewer are dropped.
    """

    threshold: float = 0.7
    min_area: int = 4000

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 1:
            raise InvalidValueError(f"threshold must lie above 0 and up to 1, got {self.threshold}")
        if self.min_area < 0:
            raise InvalidValueError(f"min_area must be at least 0, got {self.min_area}")


@dataclass(frozen=True, slots=True, eq=False)
class Flagged:
    """What a map of similarity gives, step by step.

    Attributes
    ----------
    below : (H, W) bool array
        Where the map is below the threshold.
    filled : (H, W) bool array
        After erosion, dilation and the filling of holes.
    flagged : (H, W) bool array
        Areas that are large enough.
    labels : (H, W) int32 array
        Of ``flagged``: 0, or the area's number from 1 on.
    boxes : tuple of (slice, slice)
        Rows and columns of each area, in the order of the numbers.
    """

    below: Mask
    filled: Mask
    flagged: Mask
    labels: npt.NDArray[np.int32]
    boxes: tuple[tuple[slice, slice], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Detection(Flagged):
    """What was found, with every map on the way.

    Attributes
    ----------
    similarity, weighted : (H, W) float32 array
        Before and after the weights, 0 … 1; the second is what was thresholded.
    """

    similarity: FloatArray
    weighted: FloatArray


def detect_artifacts(
    mse_u8: U8Array,
    gan_u8: U8Array,
    *,
    weights: FloatArray | None = None,
    settings: DetectionSettings | None = None,
) -> Detection:
    """Return where a GAN's result has texture that its MSE twin does not bear out.

    Similarity times weight, at most 1, goes the way of :func:`flag`.

    Parameters
    ----------
    mse_u8, gan_u8 : (H, W, 3) uint8 arrays
        Results of a network trained by pixels alone, and of a GAN, for one photo.
    weights : (H, W) float32 array or None
        At least 1; None: 1.
    settings : DetectionSettings or None

    Raises
    ------
    InvalidValueError
        As :func:`texture_similarity`, or the weights are of another size.
    """
    settings = settings or DetectionSettings()
    similarity = texture_similarity(mse_u8, gan_u8)
    weighted = similarity
    if weights is not None:
        if weights.shape != similarity.shape:
            raise InvalidValueError(
                f"weights must have the images' size {similarity.shape}, got {weights.shape}"
            )
        weighted = np.minimum(similarity * weights, np.float32(1))
    found = flag(weighted, settings)
    return Detection(
        found.below,
        found.filled,
        found.flagged,
        found.labels,
        found.boxes,
        similarity,
        weighted,
    )


def flag(similarity: FloatArray, settings: DetectionSettings) -> Flagged:
    """Return the areas in which a map is low.

    Below the threshold; eroded once and dilated three times by 5 x 5, holes filled, areas of up to
    ``min_area`` pixels dropped. Pixels that touch at a corner are of one area.

    Parameters
    ----------
    similarity : (H, W) float32 array
    settings : DetectionSettings
    """
    below = similarity < np.float32(settings.threshold)
    eroded = cv2.erode(below.astype(np.uint8), _SQUARE)
    filled = _without_holes(
        np.asarray(cv2.dilate(eroded, _SQUARE, iterations=_DILATIONS), np.uint8)
    )
    # Of the algorithms, which all number areas alike, the quickest that counts pixels, too.
    count, found, facts, _ = cv2.connectedComponentsWithStatsWithAlgorithm(
        np.ascontiguousarray(filled).view(np.uint8), 8, cv2.CV_32S, cv2.CCL_GRANA
    )
    labels = np.asarray(found, np.int32)
    large = facts[:, cv2.CC_STAT_AREA] > settings.min_area
    large[0] = False
    numbers = np.where(large, np.cumsum(large), 0).astype(np.int32)
    boxes = [
        (slice(top, top + height), slice(left, left + width))
        for left, top, width, height in facts[:, : cv2.CC_STAT_AREA].tolist()
    ]
    changed = [old for old in range(1, count) if numbers[old] != old]
    if sum(facts[old, _WIDTH] * facts[old, _HEIGHT] for old in changed) < labels.size:
        for old in changed:  # in their order: a new number is no larger than the old one
            inside = labels[boxes[old]]
            inside[inside == old] = numbers[old]
    else:
        labels = np.take(numbers, labels)
    kept = tuple(box for box, is_large in zip(boxes, large, strict=True) if is_large)
    return Flagged(below, filled, labels > 0, labels, kept)


def _without_holes(mask_u8: U8Array) -> Mask:
    """Fill what is not connected with the outside, also not by corners."""
    if not mask_u8.any():
        return mask_u8.astype(bool)
    framed = cv2.copyMakeBorder(mask_u8, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    cv2.floodFill(framed, None, (0, 0), _OUTSIDE, flags=8)
    return np.asarray(framed[1:-1, 1:-1] != _OUTSIDE)

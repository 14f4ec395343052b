"""What a GAN should have drawn where it broke, and whether one that was tuned draws it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from degrade.arrays import FloatArray, U8Array, round_to_u8
from degrade.artifacts.regions import local_ssim
from degrade.errors import InvalidValueError
from degrade.luma import luma_fast
from degrade.metrics import BEST_DB

__all__ = ["FEATHER", "RepairScores", "compare_repair", "grow_flagged", "pseudo_truth"]

Mask = npt.NDArray[np.bool_]

FEATHER = 12
"""Pixels over which what is wrong gives way to the GAN's result around a flagged area."""

_MARGIN = 0.1
"""Of similarity: from so far above the threshold to so far below it the GAN's result gives way to
the MSE result. It begins above because a network that is tuned goes only a part of the way to its
target, and most of what is flagged lies just below the threshold."""

_SHORTEST = np.float32(1e-9)
"""Of similarity: at a threshold of 1 nothing gives way gradually, and nothing is divided by 0."""

_FINE = 1.5
"""Sigma in pixels: what a blur of it takes away is texture."""


def pseudo_truth(
    mse_u8: U8Array, gan_u8: U8Array, flagged: Mask, similarity: FloatArray, threshold: float
) -> U8Array:
    """Return the GAN's result with what is wrong in flagged areas taken from the MSE result.

    Within the areas: where similarity is 0.1 and more above the threshold it is the GAN's result,
    where it is 0.1 and more below, the MSE result, in between one passes into the other in
    proportion, so that at the threshold it is half of each. Where 0 or 1 is nearer to the threshold
    than 0.1, that distance stands for the 0.1. From 12 pixels outside on it is the GAN's; up to
    there all that gives way to it smoothly.

    Parameters
    ----------
    mse_u8, gan_u8 : (H, W, 3) uint8 arrays
    flagged : (H, W) bool array
    similarity : (H, W) float32 array
        0 … 1, weighted as where areas are flagged.
    threshold : float
        That by which they are, above 0 and up to 1.

    Raises
    ------
    InvalidValueError
        They are of different sizes.

    References
    ----------
    Xie et al., "DeSRA", arXiv 2307.02457, section 3.3: there all of an area, grown and filled, is
    taken from the MSE result.
    """
    if mse_u8.shape != gan_u8.shape or not flagged.shape == similarity.shape == gan_u8.shape[:2]:
        raise InvalidValueError(
            "two results, a mask and a map of one size are mixed, got "
            f"{mse_u8.shape}, {gan_u8.shape}, {flagged.shape} and {similarity.shape}"
        )
    if not flagged.any():
        return gan_u8
    away = cv2.distanceTransform((~flagged).astype(np.uint8), cv2.DIST_L2, 5)
    near = np.clip(1 - away / FEATHER, 0, 1).astype(np.float32)
    margin = min(_MARGIN, threshold, 1 - threshold)
    ramp = max(np.float32(2 * margin), _SHORTEST)
    wrong = np.clip((np.float32(threshold + margin) - similarity) / ramp, 0, 1)
    weight = (near * near * (3 - 2 * near) * wrong)[..., None]
    gan = gan_u8.astype(np.float32)
    return round_to_u8(gan + weight * (mse_u8 - gan))


@dataclass(frozen=True, slots=True)
class RepairScores:
    """What tuning changed in one photo's result, or in several when added.

    Attributes
    ----------
    pixels, flagged_before, flagged_after : int
    elsewhere : int
        Pixels that were neither flagged before nor within 12 pixels of what was.
    error : float
        Sum over them of squared differences to the result before, mean of the channels, in grey
        levels.
    alike : float
        Sum over them of local SSIM with the result before.
    texture_before, texture_after : float
        Sums over them of the squares of luma less its blur of sigma 1.5.
    """

    pixels: int
    flagged_before: int
    flagged_after: int
    elsewhere: int
    error: float
    alike: float
    texture_before: float
    texture_after: float

    def __add__(self, other: RepairScores) -> RepairScores:
        return RepairScores(
            self.pixels + other.pixels,
            self.flagged_before + other.flagged_before,
            self.flagged_after + other.flagged_after,
            self.elsewhere + other.elsewhere,
            self.error + other.error,
            self.alike + other.alike,
            self.texture_before + other.texture_before,
            self.texture_after + other.texture_after,
        )

    @property
    def gone(self) -> float:
        """Share of the flagged area that is no longer there; negative where it grew."""
        return 1 - self.flagged_after / self.flagged_before if self.flagged_before else 0.0

    def score(self, tolerance: float) -> float:
        """Return how good the tuned network is; more is better, and 0 is the one before.

        What is gone, where texture elsewhere has kept its energy within the tolerance; any that has
        not is worse than any that has, the more the further it is off.
        """
        off = abs(self.texture - 1)
        return max(self.gone, -1.0) if off <= tolerance else -1 - off

    @property
    def psnr(self) -> float:
        """In dB, to the result before, elsewhere."""
        mean = self.error / self.elsewhere if self.elsewhere else 0.0
        return min(float(10 * np.log10(255**2 / mean)), BEST_DB) if mean > 0 else BEST_DB

    @property
    def ssim(self) -> float:
        """To the result before, elsewhere."""
        return self.alike / self.elsewhere if self.elsewhere else 1.0

    @property
    def texture(self) -> float:
        """Energy of the texture elsewhere, as a share of what it was."""
        return self.texture_after / self.texture_before if self.texture_before else 1.0


def compare_repair(
    before_u8: U8Array, after_u8: U8Array, flagged_before: Mask, flagged_after: Mask
) -> RepairScores:
    """Compare a photo's result with the one before tuning.

    Parameters
    ----------
    before_u8, after_u8 : (H, W, 3) uint8 arrays
    flagged_before, flagged_after : (H, W) bool arrays

    Raises
    ------
    InvalidValueError
        They are of different sizes.
    """
    shapes = {before_u8.shape[:2], after_u8.shape[:2], flagged_before.shape, flagged_after.shape}
    if len(shapes) > 1:
        raise InvalidValueError(f"results and masks of one size are compared, got {shapes}")
    elsewhere = ~grow_flagged(flagged_before)
    squares = np.square(after_u8.astype(np.float32) - before_u8).mean(axis=2)
    return RepairScores(
        pixels=flagged_before.size,
        flagged_before=int(flagged_before.sum()),
        flagged_after=int(flagged_after.sum()),
        elsewhere=int(elsewhere.sum()),
        error=_total(squares, elsewhere),
        alike=_total(local_ssim(before_u8, after_u8), elsewhere),
        texture_before=_total(_texture(before_u8), elsewhere),
        texture_after=_total(_texture(after_u8), elsewhere),
    )


def grow_flagged(flagged: Mask) -> Mask:
    """Return what is flagged or within 12 pixels of what is: elsewhere nothing is to change.

    Parameters
    ----------
    flagged : (H, W) bool array
    """
    if not flagged.any():
        return flagged.copy()
    away = cv2.distanceTransform((~flagged).astype(np.uint8), cv2.DIST_L2, 5)
    return np.asarray(away <= FEATHER)


def _texture(image_u8: U8Array) -> FloatArray:
    levels = luma_fast(image_u8).astype(np.float32)
    fine = levels - cv2.GaussianBlur(levels, (0, 0), _FINE, borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(np.square(fine), np.float32)


def _total(values: FloatArray, where: Mask) -> float:
    return float(values[where].sum(dtype=np.float64))

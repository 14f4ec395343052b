"""HR patches from which LR is made in memory, again and again, as pairs would be made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from degrade.arrays import Box, U8Array, round_to_u8
from degrade.audit.features import PhotoFeatures, measure_features
from degrade.degradation import DegradationConfig, PoolIndex, hr_boxes, plan_degradation
from degrade.degradation.downsampling import PreparedImage
from degrade.degradation.pair import apply_degradation
from degrade.degradation.pair import clean_up as clean_hr
from degrade.degradation.steps import PoolParts
from degrade.errors import InputError
from degrade.geometry import Scale, hr_side
from degrade.images.sources import Reject
from degrade.resample import imresize
from degrade.rng import rng_for
from pipelines.matching.photo_sets import even_choice
from pipelines.shared.job import Job
from pipelines.shared.photo_scan import ScannedPhoto, read_scanned

__all__ = ["PATCHES_A_PHOTO", "HRPatches", "cut_patches", "measure_bicubic", "measure_lr"]

MOST_HR = 64
PATCHES_A_PHOTO = 3
_MOST_LR_PIXELS = 2_000_000
"""What a round looks at: some seconds of a core."""


@dataclass(frozen=True, slots=True)
class _Patch:
    image: PreparedImage
    inside: Box
    whole: Box


@dataclass(frozen=True, slots=True, eq=False)
class HRPatches:
    """Patches of clean photos.

    Attributes
    ----------
    keys : tuple of str
        The photos' hashes.
    patches : tuple of tuple of patches
        Of each photo.
    """

    keys: tuple[str, ...]
    patches: tuple[tuple[_Patch, ...], ...]


def cut_patches(
    job: Job,
    photos: Sequence[ScannedPhoto],
    side: int,
    scale: Scale,
    reach: int,
    clean_up: int = 1,
    *,
    max_pixels: int,
) -> HRPatches:
    """Decode an even choice of HR photos and keep some patches of each; rejects go to the job.

    Parameters
    ----------
    job : Job
    photos : sequence of ScannedPhoto
    side : int
        LR pixels of a patch.
    scale : Scale
    reach : int
        HR pixels around a patch that are kept, for the largest kernel.
    clean_up : int
        2: HR is the photo halved, as pairs would have it.
    max_pixels : int
    """
    chosen = [photos[i] for i in even_choice(len(photos), MOST_HR)]
    most = min(max(_MOST_LR_PIXELS // (side * side * len(chosen)), 1), PATCHES_A_PHOTO)
    keys, cut = [], []
    for number, photo in enumerate(chosen, 1):
        clean = photo.height // clean_up, photo.width // clean_up
        boxes = hr_boxes(clean, hr_side(side, scale), scale)
        job.progress(number, len(chosen))
        if not boxes:
            halved = " after its clean-up by ½" if clean_up == 2 else ""
            why = f"{clean[1]}×{clean[0]} pixels{halved} are too few for LR of {side} pixels"
            job.rejects.append(Reject(str(photo.path), why, "leave it out"))
            continue
        try:
            decoded = read_scanned(photo.path, photo.sha256, max_pixels=max_pixels).as_u8()
        except InputError as error:
            job.rejects.append(Reject.from_error(error))
            continue
        pixels = clean_hr(decoded, clean_up)
        keys.append(photo.sha256)
        boxes = [boxes[i] for i in even_choice(len(boxes), most)]
        cut.append(tuple(_cut(pixels, box, scale, reach) for box in boxes))
    return HRPatches(tuple(keys), tuple(cut))


def _cut(pixels: U8Array, box: Box, scale: Scale, reach: int) -> _Patch:
    top, left, height, width = box
    first = max(top - reach, 0), max(left - reach, 0)
    around = pixels[first[0] : top + height + reach, first[1] : left + width + reach]
    inside = (top - first[0], left - first[1], height, width)
    return _Patch(PreparedImage(around.copy(), scale, reach), inside, box)


def measure_lr(
    hr: HRPatches,
    config: DegradationConfig,
    index: PoolIndex,
    pool: PoolParts,
    seed: int,
    *,
    most: int = PATCHES_A_PHOTO,
) -> list[PhotoFeatures]:
    """Make LR by plans that `build-pairs` would draw, and return the figures of each photo's.

    Of each photo at most so many patches are made.
    """
    found = []
    for key, patches in zip(hr.keys, hr.patches, strict=True):
        parts = []
        for patch in patches[:most]:
            rng = rng_for(seed, "pairs", key, *patch.whole)
            plan = plan_degradation("match", key, patch.whole, index, config, rng=rng)
            plan = replace(plan, hr_box=patch.inside)
            levels = apply_degradation(patch.image, plan, pool)
            parts.append(measure_features(round_to_u8(np.clip(levels, 0, 255))))
        found.append(PhotoFeatures.mean_of(parts))
    return found


def measure_bicubic(hr: HRPatches, scale: Scale) -> list[PhotoFeatures]:
    """Return the figures of bicubic LR: as sharp as HR makes it without being sharpened."""
    found = []
    for patches in hr.patches:
        parts = []
        for patch in patches:
            top, left, height, width = patch.inside
            levels = patch.image.pixels[top : top + height, left : left + width].astype(np.float32)
            parts.append(measure_features(round_to_u8(imresize(levels, 1 / float(scale)))))
        found.append(PhotoFeatures.mean_of(parts))
    return found

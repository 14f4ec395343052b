"""The pairs that judge: real ones, or what the user's own photos recur to when made smaller."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from degrade.arrays import FloatArray, U8Array, round_to_u8
from degrade.audit.flat_blocks import measure_flat_noise
from degrade.errors import DegradeError, InputError, printable
from degrade.images.sources import Reject
from degrade.kernels import downsample
from degrade.kernels.estimates import UnsuitablePhotoError
from degrade.luma import luma, luma_studio
from degrade.pairs import PairReader, open_pairs
from degrade.rng import rng_for
from degrade.spectral import SMALLEST_SIDE, estimate_kernel
from pipelines.matching.photo_sets import even_choice, find_set
from pipelines.pairs.import_pairs import ImportPairsConfig, import_pairs
from pipelines.pairs.inspect_pairs import holds_pairs
from pipelines.shared.job import Job
from pipelines.shared.photo_scan import ScannedPhoto, read_scanned

__all__ = [
    "KNOWN_SCALES",
    "LARGEST_LR",
    "Judge",
    "middle_of",
    "pairs_of_photos",
    "planes_of",
    "real_pairs",
]

KNOWN_SCALES = (2, 3, 4)
"""Of the estimator that finds how photos recur."""

MOST_JUDGES = 64
LARGEST_LR = 128
"""LR pixels: of larger images the middle judges."""

_SMALLEST_LR = 24


@dataclass(frozen=True, slots=True, eq=False)
class Judge:
    """One pair.

    Attributes
    ----------
    lr, hr : (h, w) and (h·scale, w·scale) float32 arrays
        Y, 16 … 235.
    lr_u8 : (h, w, 3) uint8 array
        RGB.
    """

    lr: FloatArray
    hr: FloatArray
    lr_u8: U8Array

    @property
    def scene(self) -> bytes:
        """What pairs of one HR have in common: its digest."""
        return hashlib.blake2b(self.hr.tobytes()).digest()


def planes_of(lr_u8: U8Array, hr_u8: U8Array) -> Judge:
    """Return a judge of a pair."""
    lr, hr = (luma_studio(image).astype(np.float32) for image in (lr_u8, hr_u8))
    return Judge(lr, hr, lr_u8)


def middle_of(lr_u8: U8Array, hr_u8: U8Array, most: int) -> tuple[U8Array, U8Array]:
    """Return the middle of a pair, of at most so many LR pixels a side."""
    scale = hr_u8.shape[0] // lr_u8.shape[0]
    sides = [min(side, most) for side in lr_u8.shape[:2]]
    top, left = ((whole - side) // 2 for whole, side in zip(lr_u8.shape, sides, strict=False))
    lr = lr_u8[top : top + sides[0], left : left + sides[1]]
    rows = slice(top * scale, (top + sides[0]) * scale)
    return lr, hr_u8[rows, left * scale : (left + sides[1]) * scale]


def real_pairs(job: Job, real: Path, scale: int, *, max_pixels: int) -> list[Judge]:
    """Read an even choice of real pairs, from a folder of pairs or of images of both sides.

    Larger images are rejected before they are decoded.

    Raises
    ------
    DegradeError
        There are none of this scale.
    """
    judges = []
    with _opened(job, real, max_pixels) as reader:
        if reader.scale != scale:
            raise DegradeError(
                f"{printable(real)}: pairs of ×{reader.scale} cannot judge pairs of ×{scale}"
            )
        for i in even_choice(len(reader), MOST_JUDGES):
            try:
                lr, hr = middle_of(*reader.read(i), most=LARGEST_LR)
            except DegradeError as error:
                job.rejects.append(Reject(str(real), str(error)))
                continue
            if min(lr.shape[:2]) < _SMALLEST_LR:
                size = f"{lr.shape[1]}×{lr.shape[0]}"
                why = f"LR of {size} pixels is less than the {_SMALLEST_LR} a side needed"
                job.rejects.append(Reject(f"{real}: {reader.records[i].key}", why, "leave it out"))
                continue
            judges.append(planes_of(lr, hr))
    return judges


@contextmanager
def _opened(job: Job, real: Path, max_pixels: int) -> Iterator[PairReader]:
    """Open a folder of pairs; one of images is imported first, to where it is forgotten."""
    if holds_pairs(real):
        with open_pairs(real) as reader:
            yield reader
        return
    with tempfile.TemporaryDirectory(prefix="degrade-prove-") as folder:
        out = Path(folder) / "real"
        imported = import_pairs(ImportPairsConfig(hr=real, lr=real, out=out, max_pixels=max_pixels))
        job.rejects += imported.rejects
        with open_pairs(out) as reader:
            yield reader


def pairs_of_photos(
    job: Job, photos: Sequence[Path], scale: int, *, max_pixels: int, seed: int
) -> list[Judge]:
    """Make each photo smaller as it recurs in itself: by the kernel that its own statistics tell.

    What a camera does to a scene it does at every distance, so a photo made smaller by the right
    kernel looks like the photo. The noise of its flat parts is added again.

    Raises
    ------
    DegradeError
        No photo can be used, or the scale has no estimator.
    """
    if scale not in KNOWN_SCALES:
        raise DegradeError(
            f"photos can judge pairs of ×2, ×3 and ×4, not of ×{scale}; give real pairs: `real=DIR`"
        )
    judges = []
    found = find_set(job, photos, max_pixels=max_pixels)
    for number in even_choice(len(found), MOST_JUDGES):
        try:
            judges.append(_recurring(found[number], scale, max_pixels, seed))
        except InputError as error:
            job.rejects.append(Reject.from_error(error))
        except UnsuitablePhotoError as error:
            job.rejects.append(Reject(error.key, error.reason, error.remedy))
    return judges


def _recurring(photo: ScannedPhoto, scale: int, max_pixels: int, seed: int) -> Judge:
    least = max(SMALLEST_SIDE, scale * _SMALLEST_LR)
    if min(photo.height, photo.width) < least:
        raise InputError(
            photo.path, f"{photo.width}×{photo.height} pixels are too few to be made smaller"
        )
    pixels = read_scanned(photo.path, photo.sha256, max_pixels=max_pixels).as_u8()
    kernel = estimate_kernel(pixels, scale, source=str(photo.path)).kernel
    sides = [min(side // scale, LARGEST_LR) * scale for side in pixels.shape[:2]]
    top, left = ((whole - side) // 2 for whole, side in zip(pixels.shape, sides, strict=False))
    hr = pixels[top : top + sides[0], left : left + sides[1]]
    levels = hr.astype(np.float32)
    noise = measure_flat_noise(levels, luma(levels))
    sigma = 0.0 if noise is None else noise.level
    lr = downsample(levels, kernel)
    lr += rng_for(seed, "prove", photo.sha256).normal(0, sigma, lr.shape).astype(np.float32)
    return planes_of(round_to_u8(lr), hr)

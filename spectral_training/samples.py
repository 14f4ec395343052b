"""LR images blurred by known kernels, as the features that the network sees."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from degrade.arrays import FloatArray, round_to_u8
from degrade.kernels.families import DrawnKernel, Weights, draw_kernel
from degrade.luma import LUMA_WEIGHTS
from degrade.resample import imresize
from degrade.rng import rng_for
from degrade.spectral.features import PHOTO_FEATURES, WINDOW_FEATURES
from degrade.spectral.measurement import measure_crop, measure_middle_blocks
from degrade.spectral.network import symmetric_part
from degrade.spectral.windows import measure_cells

__all__ = ["FAMILY_SHARES", "MAX_WINDOWS", "Samples", "draw_samples", "make_variants"]

FAMILY_SHARES = {
    "div2krk": 0.26,
    "sharp": 0.10,
    "isotropic": 0.03,
    "generalised": 0.05,
    "plateau": 0.03,
    "disk": 0.10,
    "motion": 0.09,
    "box": 0.06,
    "resizer": 0.09,
    "double": 0.05,
    "camera": 0.12,
    "measured": 0.02,
}

MAX_WINDOWS = 96
"""Of a sample's windows, this many random ones are kept at most."""

_RATIOS = (1.0, 0.85, 0.7, 0.6, 0.5, 0.42)
_RATIO_SHARES = (0.35, 0.15, 0.15, 0.13, 0.12, 0.10)
_BORDER = 4  # LR pixels around the crop that feed the blur
_SMALLEST = 64
_LUMA = np.array(LUMA_WEIGHTS)
_LUMA_NOISE = 0.668  # √Σ w²: how much of equal noise on the channels stays on the luma

ByteArray = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """N training samples.

    Attributes
    ----------
    windows : (N, MAX_WINDOWS, WINDOW_FEATURES) float16 array
        Zeros after each sample's ``counts``.
    counts : (N,) int64 array
    photos : (N, PHOTO_FEATURES) float32 array
    smooth, weights : (N, T, T) float32 arrays
        Kernels without and with the noise on their taps, T as :func:`symmetric_part` cuts them.
    families : (N,) int64 array
        Index into :data:`FAMILY_SHARES`.
    """

    windows: npt.NDArray[np.float16]
    counts: npt.NDArray[np.int64]
    photos: FloatArray
    smooth: FloatArray
    weights: FloatArray
    families: npt.NDArray[np.int64]

    @classmethod
    def join(cls, parts: Iterable[Samples], count: int) -> Samples:
        """Return the ``count`` samples of all ``parts`` in one; one part is held beside them."""
        whole: Samples | None = None
        filled = 0
        for part in parts:
            if whole is None:
                arrays = (getattr(part, name) for name in cls.__slots__)
                whole = cls(*(np.empty((count, *array.shape[1:]), array.dtype) for array in arrays))
            here = slice(filled, filled + len(part.counts))
            for name in cls.__slots__:
                getattr(whole, name)[here] = getattr(part, name)
            filled = here.stop
        if whole is None or filled != count:
            raise ValueError(f"{filled} samples in place of {count}")
        return whole


def make_variants(photo: FloatArray) -> list[ByteArray]:
    """Return an HR photo (H, W, 3) at several sizes, so that it comes in several sharpnesses."""
    return [
        round_to_u8(255 * (photo if ratio == 1 else imresize(photo, ratio))) for ratio in _RATIOS
    ]


def draw_samples(
    variants: Sequence[Sequence[ByteArray]],
    scale: int,
    keys: Sequence[str],
    *,
    seed: int,
    measured: Sequence[Weights],
) -> Samples:
    """Make one sample for each key, which with the seed decides all about it.

    Parameters
    ----------
    variants : sequence of sequences of (H, W, 3) uint8 arrays
        :func:`make_variants` of each photo.
    scale : int
    keys : sequence of str
    seed : int
    measured : sequence of (h, w) float64 arrays
        Measured kernels for the family of that name; without any it is left out.
    """
    count = len(keys)
    windows = np.zeros((count, MAX_WINDOWS, WINDOW_FEATURES), np.float16)
    counts = np.zeros(count, np.int64)
    photos = np.zeros((count, PHOTO_FEATURES), np.float32)
    kernels: list[DrawnKernel] = []
    shares = {name: FAMILY_SHARES[name] for name in FAMILY_SHARES if measured or name != "measured"}
    for index, key in enumerate(keys):
        rng = rng_for(seed, "spectral", scale, key)
        kernel = draw_kernel(rng, scale, shares=shares, measured=measured)
        lr_u8 = _spoil(_downscale(_draw_hr(rng, variants, scale), kernel.weights, scale), rng)
        features = measure_crop(
            lr_u8, measure_cells(lr_u8), measure_middle_blocks(lr_u8), per_direction=48
        )
        chosen = rng.permutation(len(features.windows))[:MAX_WINDOWS]
        windows[index, : len(chosen)] = features.windows[chosen]
        counts[index], photos[index] = len(chosen), features.photo
        kernels.append(kernel)
    names = list(FAMILY_SHARES)
    return Samples(
        windows,
        counts,
        photos,
        np.stack([symmetric_part(kernel.smooth, scale) for kernel in kernels]).astype(np.float32),
        np.stack([symmetric_part(kernel.weights, scale) for kernel in kernels]).astype(np.float32),
        np.array([names.index(kernel.family) for kernel in kernels]),
    )


def _draw_hr(
    rng: np.random.Generator, variants: Sequence[Sequence[ByteArray]], scale: int
) -> FloatArray:
    """Return a random crop of a random photo as (H, W) float32 on [0, 255], varied in all ways."""
    sizes = variants[int(rng.integers(len(variants)))]
    level = int(rng.choice(len(_RATIOS), p=_RATIO_SHARES))
    while level and min(sizes[level].shape[:2]) // scale < _SMALLEST + 2 * _BORDER + 5:
        level -= 1
    image = sizes[level]
    whole = rng.random() < 0.4
    sides = []
    for side in image.shape[:2]:
        most = side // scale - 2 * _BORDER - 1
        least = min(_SMALLEST, most - 4)
        drawn = most if whole else int(np.exp(rng.uniform(np.log(least), np.log(most))))
        sides.append((drawn + 2 * _BORDER) * scale)
    top, left = (rng.integers(0, image.shape[axis] - sides[axis] + 1) for axis in (0, 1))
    crop = image[top : top + sides[0], left : left + sides[1]]
    mix = _LUMA if rng.random() < 0.7 else rng.dirichlet([2, 2, 2])
    grey = (crop @ mix).astype(np.float32)
    grey = grey[:: 1 if rng.random() < 0.5 else -1, :: 1 if rng.random() < 0.5 else -1]
    return _vary(rng, np.ascontiguousarray(grey.T if rng.random() < 0.5 else grey))


def _vary(rng: np.random.Generator, grey: FloatArray) -> FloatArray:
    """Change tone, contrast and sharpness as photographers and web sites do."""
    if rng.random() < 0.4:
        gamma = np.float32(np.exp(rng.uniform(-0.4, 0.4)))
        grey = np.asarray(255 * (grey / 255) ** gamma, np.float32)
    if rng.random() < 0.3:
        mean = grey.mean()
        contrast, lift = np.float32(rng.uniform(0.4, 1.3)), np.float32(rng.uniform(-20, 20))
        grey = (mean + (grey - mean) * contrast + lift).astype(np.float32)
    if rng.random() < 0.3:
        blurred = cv2.GaussianBlur(grey, (0, 0), float(np.exp(rng.uniform(-0.5, 0.7))))
        grey = grey + rng.uniform(0.1, 1.1) * (grey - blurred)
    return np.clip(grey, 0, 255).astype(np.float32)


def _downscale(grey: FloatArray, weights: Weights, scale: int) -> FloatArray:
    """As :func:`degrade.kernels.downsample`, in float32 and without the borders."""
    blurred = cv2.filter2D(grey, cv2.CV_32F, weights.astype(np.float32))
    border = _BORDER * scale
    return np.ascontiguousarray(blurred[border:-border:scale, border:-border:scale])


def _spoil(lr: FloatArray, rng: np.random.Generator) -> ByteArray:
    """Add noise to some images, white or not, denoise and compress some, and round all."""
    noise = rng.normal(0, 1, lr.shape).astype(np.float32)
    sigma = 0.3  # three rounded channels
    if rng.random() < 0.45:
        sigma = float(np.exp(rng.uniform(np.log(0.5), np.log(12))))
        if rng.random() < 0.3:
            noise = ndimage.gaussian_filter(noise, rng.uniform(0.4, 0.9))
            noise /= noise.std()
    noisy = lr + noise * np.float32(sigma * _LUMA_NOISE)
    if sigma > 1 and rng.random() < 0.3:
        noisy = _denoise(noisy, sigma * _LUMA_NOISE * rng.uniform(1, 2.5))
    lr_u8 = round_to_u8(noisy)
    if rng.random() < 0.4:
        quality = int(rng.integers(60, 96) if rng.random() < 0.7 else rng.integers(40, 99))
        _, data = cv2.imencode(".jpg", lr_u8, [cv2.IMWRITE_JPEG_QUALITY, quality])
        lr_u8 = np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)
    return lr_u8


def _denoise(lr: FloatArray, threshold: float) -> FloatArray:
    """Shrink what differs from the surroundings by less than a threshold, as cameras do.

    Fine structure of low contrast goes with the noise; edges stay as they are.
    """
    smooth = cv2.GaussianBlur(lr, (0, 0), 1.0)
    detail = lr - smooth
    kept = np.maximum(1 - np.square(threshold / (np.abs(detail) + 1e-6)), 0)
    return np.asarray(smooth + detail * kept, np.float32)

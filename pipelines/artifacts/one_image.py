"""One photo's two results: read, compared, drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from degrade.arrays import FloatArray, U8Array
from degrade.artifacts import (
    SMALLEST_SIDE,
    Detection,
    DetectionSettings,
    MaskAgreement,
    Region,
    TextureSamples,
    TextureWeights,
    compare_masks,
    detect_artifacts,
    rank_regions,
    sample_textures,
    weights_of_labels,
)
from degrade.disk.files import read_file
from degrade.errors import InputError
from degrade.images.image_io import decode_photo, encode_gray_png, encode_png, read_photo
from pipelines.artifacts.segmenting import Segmenter
from pipelines.artifacts.twins import Twins
from pipelines.shared.photo_scan import read_scanned

__all__ = [
    "MAPS",
    "Found",
    "ImageTask",
    "draw_overlay",
    "find_in_image",
    "read_twins",
    "sample_image",
]

MAPS = (
    "maps/1-similarity",
    "maps/2-weighted",
    "maps/3-below",
    "maps/4-filled",
    "maps/weights",
)
"""Folders of the maps on the way; the last has none where all weights are 1."""

Labels: TypeAlias = npt.NDArray[Any]

_RED = np.array([230, 30, 30], np.float32)
_TINT = 0.35
_OUTLINE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageTask:
    """What is to be done for one photo.

    Attributes
    ----------
    twins : Twins
    settings : DetectionSettings
    textures : TextureWeights or None
    labels : Path or None
        An image of the numbers of classes.
    segmenter : Path or None
        An ONNX network that makes one.
    class_weights : dict of int to float
        Of these numbers.
    truth : Path or None
        A mask of what people have marked.
    maps : bool
        Draw every map on the way.
    max_pixels : int
    """

    twins: Twins
    settings: DetectionSettings
    textures: TextureWeights | None
    labels: Path | None
    segmenter: Path | None
    class_weights: dict[int, float]
    truth: Path | None
    maps: bool
    max_pixels: int


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What was found in one photo.

    Attributes
    ----------
    regions : list of Region
        The most visible first.
    flagged, pixels : int
    agreement : MaskAgreement or None
    unknown : tuple of int
        Numbers of classes that have no weight.
    files : dict of str to bytes
        PNG by the folder that it goes into.
    """

    regions: list[Region]
    flagged: int
    pixels: int
    agreement: MaskAgreement | None
    unknown: tuple[int, ...]
    files: dict[str, bytes]


def read_twins(twins: Twins, max_pixels: int) -> tuple[U8Array, U8Array]:
    """Read both results.

    Raises
    ------
    InputError
        One cannot be read or is not what was scanned, they differ in size, or are too small to be
        compared.
    """
    mse, gan = (
        read_scanned(each.path, each.sha256, crc32=each.crc32, max_pixels=max_pixels).as_u8()
        for each in twins.scanned
    )
    if mse.shape != gan.shape:
        sizes = ["×".join(map(str, image.shape[1::-1])) for image in (gan, mse)]
        raise InputError(
            twins.gan,
            f"{sizes[0]} pixels, and the other result {sizes[1]}",
            "give two results of one photo, enlarged alike",
        )
    if min(gan.shape[:2]) < SMALLEST_SIDE:
        size = f"{gan.shape[1]}×{gan.shape[0]} pixels are too few to be judged"
        raise InputError(twins.gan, size, "give larger results")
    return mse, gan


def sample_image(task: tuple[Twins, int]) -> TextureSamples:
    """Count the similarities of one photo's results, which have no artefacts."""
    return sample_textures(*read_twins(*task))


def find_in_image(task: ImageTask) -> Found:
    """Find the areas of one photo, and draw what is asked for.

    Raises
    ------
    InputError
        As :func:`read_twins`, or a label map or a mask of the truth is unfit.
    """
    mse, gan = read_twins(task.twins, task.max_pixels)
    weights, unknown = _weights(task, mse, gan)
    found = detect_artifacts(mse, gan, weights=weights, settings=task.settings)
    truth = None if task.truth is None else _read_mask(task.truth, gan, task.max_pixels)
    regions = rank_regions(found, mse, gan)
    files = {
        "masks": encode_gray_png(found.flagged.view(np.uint8) * np.uint8(255), quickly=True),
        "overlays": encode_png(draw_overlay(gan, found.flagged, regions), quickly=True),
    }
    if task.maps:
        drawn = zip(MAPS, _maps(found, weights), strict=False)
        files |= {folder: encode_gray_png(each) for folder, each in drawn}
    return Found(
        regions=regions,
        flagged=int(np.count_nonzero(found.flagged)),
        pixels=found.flagged.size,
        agreement=None if truth is None else compare_masks(found.flagged, truth),
        unknown=unknown,
        files=files,
    )


def _weights(
    task: ImageTask, mse: U8Array, gan: U8Array
) -> tuple[FloatArray | None, tuple[int, ...]]:
    if task.segmenter is not None:
        labels = _segmenter(task.segmenter).labels(gan)
    elif task.labels is not None:
        labels = _labels(task.labels, gan, task.max_pixels)
    else:
        return (None if task.textures is None else task.textures.of(mse)), ()
    unknown = sorted(set(map(int, np.unique(labels))) - set(task.class_weights))
    return weights_of_labels(labels, task.class_weights), tuple(unknown)


def _labels(path: Path, gan: U8Array, max_pixels: int) -> Labels:
    labels = _read_plane(path, max_pixels)
    if labels.shape != gan.shape[:2]:
        raise InputError(
            path,
            f"{labels.shape[1]}×{labels.shape[0]} pixels, and the result "
            f"{gan.shape[1]}×{gan.shape[0]}",
            "give label maps of the results' size",
        )
    return labels


@lru_cache(maxsize=1)
def _segmenter(path: Path) -> Segmenter:
    return Segmenter(path)


def _read_plane(path: Path, max_pixels: int) -> Labels:
    """Read an image of numbers as it is: no colours are converted."""
    # Nor is a number less of one where it is shown as transparent.
    photo = decode_photo(
        read_file(path), path, max_pixels=max_pixels, keep_alpha=True, keep_profile=True
    )
    if "gray" not in photo.notes:
        raise InputError(path, "no image of one channel", "write label maps as gray PNG")
    return photo.pixels[..., 0]


def _read_mask(path: Path, gan: U8Array, max_pixels: int) -> npt.NDArray[np.bool_]:
    mask = read_photo(path, max_pixels=max_pixels).as_u8()
    if mask.shape != gan.shape:
        sizes = ["×".join(map(str, image.shape[1::-1])) for image in (mask, gan)]
        raise InputError(
            path,
            f"{sizes[0]} pixels, and the result {sizes[1]}",
            "give masks of the results' size",
        )
    return np.asarray(mask.max(axis=2) >= 128)


def draw_overlay(
    gan: U8Array, flagged: npt.NDArray[np.bool_], regions: Sequence[Region]
) -> U8Array:
    """Return the result with the areas tinted and outlined.

    Parameters
    ----------
    gan : (H, W, 3) uint8 array
    flagged : (H, W) bool array
    regions : sequence of Region
        All flagged areas.
    """
    levels = np.arange(256, dtype=np.float32)[:, None]
    tinted = np.rint(levels + _TINT * (_RED - levels)).astype(np.uint8)
    mask = flagged.view(np.uint8)
    drawn = gan.copy()
    for each in regions:
        box = np.s_[each.top : each.top + each.height, each.left : each.left + each.width]
        cv2.copyTo(cv2.LUT(gan[box], tinted[None]), mask[box], drawn[box])
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    colour = tuple(float(level) for level in _RED)
    return np.asarray(cv2.drawContours(drawn, outlines, -1, colour, _OUTLINE))


def _maps(found: Detection, weights: FloatArray | None) -> list[U8Array]:
    def gray(values: FloatArray) -> U8Array:
        return np.rint(values * 255).astype(np.uint8)

    masks = [mask.astype(np.uint8) * 255 for mask in (found.below, found.filled)]
    shares = [] if weights is None else [gray(np.float32(1) / weights)]
    return [gray(found.similarity), gray(found.weighted), *masks, *shares]

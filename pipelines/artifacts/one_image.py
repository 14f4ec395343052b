"""One photo's two results: read, compared, drawn."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from degrade.arrays import FloatArray, U8Array
from degrade.artifacts import (
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
from degrade.errors import InputError
from degrade.images.image_io import encode_gray_png, encode_png, read_photo
from pipelines.artifacts.segmenting import Segmenter
from pipelines.artifacts.twins import Twins

__all__ = ["Found", "ImageTask", "find_in_image", "read_twins", "sample_image"]

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
        One cannot be read, or they differ in size.
    """
    mse, gan = (read_photo(path, max_pixels=max_pixels).as_u8() for path in (twins.mse, twins.gan))
    if mse.shape != gan.shape:
        sizes = ["×".join(map(str, image.shape[1::-1])) for image in (gan, mse)]
        raise InputError(
            twins.gan,
            f"{sizes[0]} pixels, and the other result {sizes[1]}",
            "give two results of one photo, enlarged alike",
        )
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
    files = {
        "masks": encode_gray_png(found.flagged.astype(np.uint8) * 255),
        "overlays": encode_png(_overlay(gan, found.flagged)),
    }
    if task.maps:
        drawn = _maps(found, weights)
        files |= {f"maps/{name}": encode_gray_png(each) for name, each in drawn.items()}
    return Found(
        regions=rank_regions(found.labels, found.weighted, mse, gan),
        flagged=int(found.flagged.sum()),
        pixels=found.flagged.size,
        agreement=None if truth is None else compare_masks(found.flagged, truth),
        unknown=unknown,
        files=files,
    )


def _weights(
    task: ImageTask, mse: U8Array, gan: U8Array
) -> tuple[FloatArray | None, tuple[int, ...]]:
    if task.labels is None and task.segmenter is None:
        return (None if task.textures is None else task.textures.of(mse)), ()
    labels = _labels(task.labels, task.segmenter, gan)
    unknown = sorted(set(map(int, np.unique(labels))) - set(task.class_weights))
    return weights_of_labels(labels, task.class_weights), tuple(unknown)


def _labels(path: Path | None, segmenter: Path | None, gan: U8Array) -> Labels:
    if segmenter is not None:
        return _segmenter(segmenter).labels(gan)
    if path is None:
        return np.zeros(gan.shape[:2], np.uint8)
    labels = _read_plane(path)
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


def _read_plane(path: Path) -> Labels:
    """Read an image of numbers as it is: no colours are converted."""
    try:
        data = np.fromfile(path, np.uint8)
    except OSError as error:
        raise InputError(path, f"cannot be read ({error.strerror})") from None
    plane = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if len(data) else None
    if plane is None or plane.ndim != 2 or plane.dtype not in (np.uint8, np.uint16):
        raise InputError(
            path, "no image of one channel of whole numbers", "write label maps as gray PNG"
        )
    return plane


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


def _overlay(gan: U8Array, flagged: npt.NDArray[np.bool_]) -> U8Array:
    """Return the result with the areas tinted and outlined."""
    drawn = gan.copy()
    inside = gan[flagged].astype(np.float32)
    drawn[flagged] = np.rint(inside + _TINT * (_RED - inside)).astype(np.uint8)
    outlines, _ = cv2.findContours(
        flagged.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    colour = tuple(float(level) for level in _RED)
    return np.asarray(cv2.drawContours(drawn, outlines, -1, colour, _OUTLINE))


def _maps(found: Detection, weights: FloatArray | None) -> dict[str, U8Array]:
    def gray(values: FloatArray) -> U8Array:
        return np.rint(values * 255).astype(np.uint8)

    drawn = {
        "1-similarity": gray(found.similarity),
        "2-weighted": gray(found.weighted),
        "3-below": found.below.astype(np.uint8) * 255,
        "4-filled": found.filled.astype(np.uint8) * 255,
    }
    if weights is not None:
        drawn["weights"] = gray(np.float32(1) / weights)
    return drawn

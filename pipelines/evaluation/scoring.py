"""All figures of one HR image's results, as a worker makes them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from degrade.arrays import U8Array
from degrade.errors import DegradeError, InputError
from degrade.geometry import Scale
from degrade.images.sources import Reject
from degrade.metrics.measures import LEAST_SIDE, measure_pair
from degrade.metrics.naturalness import NaturalModel, niqe
from degrade.pairs import open_pairs
from degrade.resample import enlarge_u8
from pipelines.evaluation.items import ImageRef, Item, PairRef, Reference
from pipelines.evaluation.models import distance_by, enlarged_by, outside_name, outside_value
from pipelines.shared.photo_scan import read_scanned

__all__ = ["BICUBIC", "Images", "ItemScores", "ScoreTask", "read_images", "score_item"]

BICUBIC = "bicubic"


@dataclass(frozen=True, slots=True, eq=False)
class ScoreTask:
    """An item and all that decides on its figures.

    Attributes
    ----------
    item : Item
    border : int
    weights : tuple of Path or None
        Of pairs, what enlarges LR; None is bicubic interpolation.
    natural : NaturalModel or None
    learned : tuple of ("lpips" or "dists", tuple of Path)
        Learned measures, each with the files of its weights.
    outside : tuple of str
        Measures of pyiqa.
    device : str
    max_pixels : int
    """

    item: Item
    border: int
    weights: tuple[Path | None, ...]
    natural: NaturalModel | None
    learned: tuple[tuple[Literal["lpips", "dists"], tuple[Path, ...]], ...]
    outside: tuple[str, ...]
    device: str
    max_pixels: int


@dataclass(frozen=True, slots=True, eq=False)
class Images:
    """HR, and what each method made; what cannot be compared is not there, and why.

    Attributes
    ----------
    hr : (H, W, 3) uint8 array
    results : tuple of (H', W', 3) uint8 array or None
        Nearly of HR's size: see :func:`in_common`.
    rejects : tuple of Reject
    """

    hr: U8Array
    results: tuple[U8Array | None, ...]
    rejects: tuple[Reject, ...]


@dataclass(frozen=True, slots=True)
class ItemScores:
    """The figures of one HR image's results.

    Attributes
    ----------
    size : (int, int)
        Of HR: height and width.
    values : tuple of dict or None
        By name, one for each method; None where there is nothing to compare.
    cropped : tuple of bool
        Whether a last row or column of HR or of the result was left out.
    rejects : tuple of Reject
    """

    size: tuple[int, int]
    values: tuple[dict[str, float] | None, ...]
    cropped: tuple[bool, ...]
    rejects: tuple[Reject, ...]


def score_item(task: ScoreTask) -> ItemScores:
    """Read an item's images and measure them.

    Raises
    ------
    DegradeError
        HR cannot be read.
    """
    images = read_images(task)
    height, width = images.hr.shape[:2]
    values = [
        None if each is None else _measured(*in_common(each, images.hr), task)
        for each in images.results
    ]
    cropped = tuple(each is not None and each.shape != images.hr.shape for each in images.results)
    return ItemScores((height, width), tuple(values), cropped, images.rejects)


def read_images(task: ScoreTask) -> Images:
    """Read HR and all results, or make them.

    Raises
    ------
    DegradeError
        HR cannot be read.
    """
    item, rejects = task.item, list[Reject]()
    if isinstance(item.hr, PairRef):
        return _of_pair(item.hr, task)
    hr = _decoded(item.hr, task.max_pixels)
    _refuse_small(item.hr, hr, task.border)
    results: list[U8Array | None] = []
    for reference in item.results:
        image = None
        if reference is not None:
            try:
                image = _decoded(reference, task.max_pixels)
                _refuse_other_size(reference, image, hr, task)
            except InputError as error:
                rejects.append(Reject.from_error(error))
                image = None
        results.append(image)
    return Images(hr, tuple(results), tuple(rejects))


def in_common(image: U8Array, hr: U8Array) -> tuple[U8Array, U8Array]:
    """Return both without the last rows and columns that only one of them has."""
    height, width = (min(pair) for pair in zip(image.shape[:2], hr.shape[:2], strict=True))
    return image[:height, :width], hr[:height, :width]


def _of_pair(reference: PairRef, task: ScoreTask) -> Images:
    with open_pairs(reference.folder) as reader:
        lr, hr = reader.read(reference.number)
        scale: Scale = reader.scale
    _refuse_small(reference, hr, task.border)
    results = [
        enlarge_u8(lr, scale) if path is None else enlarged_by(path, lr, scale, task.device)
        for path in task.weights
    ]
    return Images(hr, tuple(results), ())


def _measured(image: U8Array, hr: U8Array, task: ScoreTask) -> dict[str, float]:
    found = measure_pair(image, hr, border=task.border)
    if task.natural is not None:
        distance = niqe(image, task.natural, border=task.border)
        if distance is not None:
            found["niqe"] = distance
    inner = tuple(slice(task.border, side - task.border) for side in hr.shape[:2])
    for kind, files in task.learned:
        distance = distance_by(kind, files, image[inner], hr[inner])
        if distance is not None:
            found[kind] = distance
    for name in task.outside:
        found[outside_name(name)] = outside_value(name, image[inner], hr[inner], task.device)
    return found


def _decoded(reference: ImageRef, max_pixels: int) -> U8Array:
    return read_scanned(reference.path, reference.sha256, max_pixels=max_pixels).as_u8()


def _refuse_small(reference: Reference, hr: U8Array, border: int) -> None:
    if min(hr.shape[:2]) - 2 * border < LEAST_SIDE:
        height, width = hr.shape[:2]
        text = (
            f"{width}×{height} pixels leave less than {LEAST_SIDE} a side inside a border of "
            f"{border}"
        )
        if isinstance(reference, ImageRef):
            raise InputError(reference.path, text, "use a smaller `border`, or leave it out")
        raise DegradeError(text)


def _refuse_other_size(reference: ImageRef, image: U8Array, hr: U8Array, task: ScoreTask) -> None:
    """Refuse a result that has not HR's size, but for what is cut where scales do not divide."""
    most = max(task.border, 4)
    if image.shape == hr.shape:
        return
    sizes = [f"{each.shape[1]}×{each.shape[0]}" for each in (image, hr)]
    differences = [abs(one - other) for one, other in zip(image.shape, hr.shape, strict=True)]
    least = min(min(image.shape[:2]), min(hr.shape[:2])) - 2 * task.border
    if max(differences) < most and least >= LEAST_SIDE:
        return
    raise InputError(
        reference.path,
        f"{sizes[0]}, and HR has {sizes[1]}",
        "give results of HR's size: another scale, or images that were cropped?",
    )

"""The images that are worst, as what is drawn of them: where the error is largest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from degrade.arrays import Box, FloatArray, U8Array
from degrade.errors import DegradeError
from degrade.luma import luma
from pipelines.evaluation.scoring import ScoreTask, in_common, read_images
from pipelines.evaluation.table import Row
from report.evaluation_sheet import EvaluationTile

__all__ = ["choose_worst", "draw_tiles"]

_WORST, _APART = 6, 6
_SIDE = 160


def choose_worst(rows: Sequence[Row], methods: int) -> list[int]:
    """Return rows: of lowest PSNR, then those in which methods differ most, each once."""
    whole = [
        (number, [each["psnr"] for each in row.scores.values if each])
        for number, row in enumerate(rows)
    ]
    known = [(number, values) for number, values in whole if values]
    lowest = sorted(known, key=lambda item: (min(item[1]), item[0]))[:_WORST]
    chosen = [number for number, _ in lowest]
    if methods > 1:
        apart = [item for item in known if item[0] not in chosen and len(item[1]) == methods]
        apart.sort(key=lambda item: (_finite(min(item[1])) - _finite(max(item[1])), item[0]))
        chosen += [number for number, _ in apart[:_APART]]
    return chosen


def draw_tiles(
    rows: Sequence[Row], tasks: Sequence[ScoreTask], names: Sequence[str]
) -> list[EvaluationTile]:
    """Read the images of these rows again and cut out where they are worst.

    What has changed or vanished meanwhile is left out.
    """
    tiles = []
    for row, task in zip(rows, tasks, strict=True):
        try:
            images = read_images(task)
        except DegradeError:
            continue
        parts: list[tuple[str, float, U8Array]] = []
        box: Box | None = None
        for name, values, image in zip(names, row.scores.values, images.results, strict=True):
            if values is None or image is None:
                continue
            image, hr = in_common(image, images.hr)
            box = box or _worst_box(image, hr, task.border)
            parts.append((name, values["psnr"], _cut(image, box)))
        if box is not None:
            tiles.append(EvaluationTile(row.name, box, _cut(images.hr, box), tuple(parts)))
    return tiles


def _finite(value: float) -> float:
    return min(value, 100.0)


def _cut(image: U8Array, box: Box) -> U8Array:
    top, left, height, width = box
    return image[top : top + height, left : left + width]


def _worst_box(image: U8Array, hr: U8Array, border: int) -> Box:
    """Return where the mean squared error is largest, a square inside the border."""
    inner = tuple(slice(border, length - border) for length in hr.shape[:2])
    error: FloatArray = np.square(_luma(image[inner]) - _luma(hr[inner]))
    height, width = (min(_SIDE, length) for length in error.shape)
    # A mean's window of so many pixels begins half of them before its middle.
    means = ndimage.uniform_filter(error, (height, width), mode="constant")
    middle = means[
        height // 2 : error.shape[0] - (height - 1) // 2,
        width // 2 : error.shape[1] - (width - 1) // 2,
    ]
    top, left = np.unravel_index(int(middle.argmax()), middle.shape)
    return border + int(top), border + int(left), height, width


def _luma(part: U8Array) -> FloatArray:
    return luma(part.astype(np.float32))

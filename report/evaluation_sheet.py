"""A picture of the worst results: HR, each method's, and what is off, where it is off most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from degrade.arrays import Box, U8Array, round_to_u8
from degrade.disk.files import make_folder
from degrade.disk.results import Results
from degrade.errors import InvalidValueError, printable
from degrade.images.image_io import encode_png
from degrade.images.labels import labelled
from report.sheet import sheet_results
from report.side_by_side import on_a_sheet

__all__ = ["EvaluationTile", "check_evaluation_sheet", "draw_evaluation_sheet"]

_AMPLIFIED = 4
_TWICE = 96
"""Pixels a side: smaller parts are drawn twice as large, or their labels have no room."""


@dataclass(frozen=True, slots=True, eq=False)
class EvaluationTile:
    """What is drawn of one image.

    Attributes
    ----------
    name : str
    box : Box
        The part that is shown.
    hr : (h, w, 3) uint8 array
    results : tuple of (str, float, (h, w, 3) uint8 array)
        Of each method its name, the PSNR of the whole image in dB, and the part.
    """

    name: str
    box: Box
    hr: U8Array
    results: tuple[tuple[str, float, U8Array], ...]


def check_evaluation_sheet(path: Path, *, overwrite: bool = False) -> Results:
    """Say what would keep :func:`draw_evaluation_sheet` from drawing, before anything is done.

    Raises
    ------
    DegradeError
        The name does not end in ``.png``, or what stands there is no sheet drawn before.
    """
    return sheet_results(path, "evaluate", overwrite=overwrite, by_matplotlib=False)


def draw_evaluation_sheet(
    tiles: Sequence[EvaluationTile], path: Path, *, overwrite: bool = False
) -> None:
    """Draw HR, the results and four times their difference from HR, a row for each image, as PNG.

    Raises
    ------
    DegradeError
        There is nothing to draw, as :func:`check_evaluation_sheet`, or the file cannot be written.
    """
    results = check_evaluation_sheet(path, overwrite=overwrite)
    if not tiles:
        raise InvalidValueError("no image that could be drawn is there any more")
    make_folder(path.parent)
    results.write(path, encode_png(on_a_sheet([_row(tile) for tile in tiles], columns=1)))


def _row(tile: EvaluationTile) -> U8Array:
    pictures = [labelled(_large(tile.hr), "HR", "")]
    for name, quality, part in tile.results:
        text = "equal" if quality == np.inf else f"{quality:.2f} dB"
        pictures.append(labelled(_large(part), printable(name), text))
    for name, _, part in tile.results:
        off = np.abs(part.astype(np.float32) - tile.hr) * _AMPLIFIED
        pictures.append(labelled(_large(round_to_u8(off)), f"off, x{_AMPLIFIED}", printable(name)))
    gap = np.full((len(pictures[0]), 4, 3), 255, np.uint8)
    spaced = [piece for picture in pictures for piece in (picture, gap)]
    top, left, height, width = tile.box
    where = f"{printable(tile.name)}  ({width}x{height} at row {top}, column {left})"
    return labelled(np.concatenate(spaced[:-1], axis=1), where)


def _large(part: U8Array) -> U8Array:
    if min(part.shape[:2]) >= _TWICE:
        return part
    return part.repeat(2, axis=0).repeat(2, axis=1)

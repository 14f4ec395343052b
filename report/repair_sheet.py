"""A picture of what tuning a GAN changed: flagged areas of photos before and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from degrade.arrays import Box, U8Array
from degrade.errors import InvalidValueError, printable
from degrade.images.image_io import encode_png
from degrade.images.labels import labelled
from report.side_by_side import on_a_sheet

__all__ = ["RepairView", "encode_repair_sheet"]

_TWICE = 200
"""Pixels: parts of which no side is longer are drawn twice as large."""


@dataclass(frozen=True, slots=True, eq=False)
class RepairView:
    """One area of one photo.

    Attributes
    ----------
    name : str
    box : Box
        What is shown of it.
    lr, mse, before, after : (h, w, 3) uint8 arrays
        Of that part; LR is smaller.
    """

    name: str
    box: Box
    lr: U8Array
    mse: U8Array
    before: U8Array
    after: U8Array


def encode_repair_sheet(views: Sequence[RepairView]) -> bytes:
    """Return LR, the MSE result, the GAN's before and after, a row for each area, as PNG.

    Raises
    ------
    InvalidValueError
        There is nothing to draw.
    """
    if not views:
        raise InvalidValueError("there is no area to draw")
    return encode_png(on_a_sheet([_row(view) for view in views], columns=1))


def _row(view: RepairView) -> U8Array:
    height, width = view.before.shape[:2]
    times = 2 if max(height, width) <= _TWICE else 1
    rows = np.arange(height) * view.lr.shape[0] // height
    columns = np.arange(width) * view.lr.shape[1] // width
    parts = {
        "LR": view.lr[rows][:, columns],
        "MSE network": view.mse,
        "GAN before": view.before,
        "GAN after": view.after,
    }
    pictures = []
    for label, part in parts.items():
        pictures.append(labelled(part.repeat(times, axis=0).repeat(times, axis=1), label))
        pictures.append(np.full((len(pictures[-1]), 4, 3), 255, np.uint8))
    top, left, *_ = view.box
    where = f"{printable(view.name)}  ({width}x{height} at row {top}, column {left})"
    return labelled(np.concatenate(pictures[:-1], axis=1), where)

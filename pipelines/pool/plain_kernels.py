"""Kernels as people exchange them without a program's file format: gray pictures, and numbers."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import numpy as np
import numpy.typing as npt

from degrade.arrays import AnyArray
from degrade.disk.files import read_file
from degrade.disk.text_files import read_text
from degrade.errors import InputError, shown
from degrade.images.headers import ImageHeader
from degrade.images.image_io import decode_photo, read_photo_header
from degrade.kernels.files import RawKernel, kernels_in

__all__ = [
    "OTHER_PICTURES",
    "PICTURE_SUFFIXES",
    "TEXT_SUFFIXES",
    "read_kernel_picture",
    "read_kernel_text",
    "refuse_picture",
]

PICTURE_SUFFIXES = (".png", ".bmp", ".tif", ".tiff", ".pgm")
OTHER_PICTURES = (".jpg", ".jpeg", ".webp", ".gif", ".heic", ".avif", ".jxl")
TEXT_SUFFIXES = (".csv", ".txt", ".tsv")

_LONGEST = 255
_MOST_TEXT = 4 << 20
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_BLANKS_PART = re.compile(r"[^\s,]\s+[^\s,]")
_DARK = 0.25
"""The mean along a kernel's edges is at most so much of its largest tap."""


def read_kernel_picture(path: Path) -> list[RawKernel]:
    """Read a kernel that is kept as a gray picture, a pixel a tap, black where it is 0.

    Raises
    ------
    InputError
        It cannot be decoded, has colours, is no square of a kernel's size, was enlarged, or is
        bright along its edges, as a photo or an inverted kernel is.
    """
    data = read_file(path)
    header = read_photo_header(data, path, max_pixels=sys.maxsize)
    _require_square(path, header.width, header.height)
    # A tap is no colour: neither gamma nor profile is applied.
    photo = decode_photo(data, path, header=header, keep_profile=True)
    levels: AnyArray = photo.pixels
    if np.any(levels != levels[..., :1]):
        raise InputError(
            path, "a picture in colours", "save the kernel as gray, black where it is 0"
        )
    taps = levels[..., 0].astype(np.float64)
    if (times := _enlarged_by(taps)) > 1:
        raise InputError(
            path,
            f"each tap is a square of {times}×{times} pixels: a picture of a kernel, enlarged",
            "save it a pixel a tap",
        )
    peak = float(taps.max())
    edge = np.concatenate([taps[0], taps[-1], taps[1:-1, 0], taps[1:-1, -1]])
    if edge.mean() > _DARK * peak:
        raise InputError(
            path,
            "its edges are bright: cut off, inverted, or no kernel",
            "save the whole kernel, black where it is 0, or as .npy",
        )
    (kernel,) = kernels_in({"": [taps / (taps.sum() or 1)]}, path)
    bits, step = _depth(levels, header)
    off = 50 * step / peak if peak else 0.0
    note = f"{bits}-bit levels: taps are off by up to {off:.2g} % of the largest, less is lost"
    return [replace(kernel, notes=(note,))]


def refuse_picture(path: Path) -> NoReturn:
    """Raise InputError for a picture of a format that kernels are not read of."""
    raise InputError(
        path,
        "a photo, or a kernel in a format for photos, which may change its taps",
        "save kernels as PNG or .npy; photos are for `degrade estimate-kernels`",
    )


def _require_square(path: Path, width: int, height: int) -> None:
    if height != width or not 2 <= height <= _LONGEST:
        raise InputError(
            path,
            f"a picture of {width}×{height} pixels, and a kernel is a square of 2 to {_LONGEST}",
            "give kernels, a pixel a tap; photos are for `degrade estimate-kernels`",
        )


def _depth(levels: AnyArray, header: ImageHeader) -> tuple[int, float]:
    """Return of how many bits levels are in the file, and how far two of them lie apart here."""
    bits = 8 * levels.dtype.itemsize
    if header.channels == 1:
        bits = header.white.bit_length() or min(header.bit_depth, bits)
    return bits, int(np.iinfo(levels.dtype).max) / (header.white or 2**bits - 1)


def _enlarged_by(taps: npt.NDArray[np.float64]) -> int:
    """Return by how much a picture was enlarged without interpolation; 1: it was not."""
    side = len(taps)
    if np.all(taps == taps[0, 0]):
        return 1
    for times in range(side // 2, 1, -1):
        if side % times == 0:
            small = taps[::times, ::times]
            if np.array_equal(small.repeat(times, 0).repeat(times, 1), taps):
                return times
    return 1


def read_kernel_text(path: Path) -> list[RawKernel]:
    """Read a kernel that is written as rows of numbers.

    Numbers are parted by semicolons, tabs, blanks or commas. Where something else parts them a
    comma is the decimal mark. Lines that are blank or begin with ``#`` are passed over.

    Raises
    ------
    InputError
        It is no text, has a line of anything else or of another length, or no kernel.
    """
    text = read_text(path)
    if len(text) > _MOST_TEXT:
        raise InputError(path, "more text than a kernel has", "leave it out")
    rows: list[list[float]] = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            rows.append(_numbers(path, number, line.strip()))
            if len(rows[-1]) != len(rows[0]):
                reason = f"line {number}: {len(rows[-1])} numbers, and {len(rows[0])} in the first"
                raise InputError(path, reason, "write a kernel as a square of numbers")
    return kernels_in({"": [np.array(rows, np.float64)]} if rows else {}, path)


def _numbers(path: Path, number: int, line: str) -> list[float]:
    sign = next((sign for sign in ";\t" if sign in line), None)
    if sign is not None:
        words = [word.strip() for word in line.rstrip(sign).split(sign)]
    elif _BLANKS_PART.search(line):
        words = line.split()
    else:
        words = [word.strip() for word in line.rstrip(",").split(",")]
    wrong = next((word for word in words if not _NUMBER.fullmatch(word.replace(",", "."))), None)
    if wrong is not None:
        raise InputError(
            path,
            f"line {number}: {shown(wrong)} is no number",
            "write a kernel as rows of numbers, and nothing else",
        )
    return [float(word.replace(",", ".")) for word in words]

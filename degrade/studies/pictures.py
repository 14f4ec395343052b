"""The pictures that raters see: PNGs without any metadata, named by what is in them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from degrade.arrays import U8Array
from degrade.disk.files import make_folder, read_file, write_atomically
from degrade.errors import CorruptDataError, printable
from degrade.images.image_io import encode_png
from degrade.metrics import psnr_rgb

__all__ = ["decoy_of", "picture_path", "read_picture", "write_picture"]

_FOLDER = "pictures"
_BLOCK = 8
"""Pixels a side of a decoy's squares, of smaller images fewer."""

_CLEARLY_WORSE_DB = 32.0


def picture_path(folder: Path, sha256: str) -> Path:
    """Return where a picture lies in a study."""
    return folder / _FOLDER / sha256[:2] / f"{sha256}.png"


def write_picture(folder: Path, pixels_u8: U8Array) -> str:
    """Write a picture unless it is there, and return the hash of its file.

    Parameters
    ----------
    folder : Path
        The study's.
    pixels_u8 : (H, W, 3) uint8 array

    Raises
    ------
    DegradeError
        It cannot be written.
    """
    data = encode_png(pixels_u8, quickly=True)
    sha256 = hashlib.sha256(data).hexdigest()
    path = picture_path(folder, sha256)
    if not path.is_file() or path.stat().st_size != len(data):
        make_folder(path.parent)
        write_atomically(path, data)
    return sha256


def read_picture(folder: Path, sha256: str) -> bytes:
    """Return a picture's file.

    Raises
    ------
    InputError
        It is gone or unreadable.
    CorruptDataError
        It is not what was written.
    """
    path = picture_path(folder, sha256)
    data = read_file(path)
    if hashlib.sha256(data).hexdigest() != sha256:
        raise CorruptDataError(f"{printable(path)} is damaged; make the study anew")
    return data


def decoy_of(image_u8: U8Array) -> U8Array | None:
    """Return an image as squares of 8×8 pixels, each of its mean colour.

    It has neither detail nor anything that would not be an artefact, so whoever looks scores it
    low and prefers the image.

    Parameters
    ----------
    image_u8 : (H, W, 3) uint8 array

    Returns
    -------
    (H, W, 3) uint8 array or None
        None of an image that is so smooth that some would see no difference (PSNR of 32 dB).
    """
    height, width = image_u8.shape[:2]
    side = max(2, min(_BLOCK, min(height, width) // 4))
    rows, columns = (-(-size // side) for size in (height, width))
    padding = ((0, rows * side - height), (0, columns * side - width), (0, 0))
    padded = np.pad(image_u8, padding, mode="edge").astype(np.float32)
    means = padded.reshape(rows, side, columns, side, 3).mean(axis=(1, 3))
    squares = np.rint(means).astype(np.uint8).repeat(side, axis=0).repeat(side, axis=1)
    decoy = np.ascontiguousarray(squares[:height, :width])
    return decoy if psnr_rgb(decoy, image_u8, border=0) < _CLEARLY_WORSE_DB else None

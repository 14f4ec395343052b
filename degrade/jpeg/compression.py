"""Compressing pixels as a JPEG file has it, and decoding them again."""

from __future__ import annotations

import io

import numpy as np

from degrade.arrays import U8Array
from degrade.errors import InvalidValueError
from degrade.jpeg.tables import JpegSettings, Table

__all__ = ["COMPRESSIBLE", "LARGEST_STEP", "compress_jpeg", "compressible_chroma", "recompressed"]

COMPRESSIBLE = ("4:4:4", "4:2:2", "4:2:0")
"""The subsamplings that the encoder makes: nearly all that there are."""

LARGEST_STEP = 255
"""Of baseline files, which are what is made here."""


def compress_jpeg(rgb_u8: U8Array, settings: JpegSettings) -> bytes:
    """Compress pixels into a baseline JPEG file, by libjpeg-turbo with its exact transform.

    Parameters
    ----------
    rgb_u8 : (H, W, 3) uint8 array
    settings : JpegSettings
        With chroma, a subsampling of ``COMPRESSIBLE``, and steps up to 255.

    Returns
    -------
    bytes
        The same on every machine.

    Raises
    ------
    InvalidValueError
        The settings are others.
    """
    chroma = compressible_chroma(settings)
    from PIL import Image  # takes longer to load than most commands need for all else

    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(rgb_u8)).save(
        file,
        "JPEG",
        qtables=[list(settings.luma), list(chroma)],
        subsampling=settings.subsampling,
    )
    return file.getvalue()


def compressible_chroma(settings: JpegSettings) -> Table:
    """Return the table of the colour differences; InvalidValueError as :func:`compress_jpeg`."""
    if settings.chroma is None or settings.subsampling not in COMPRESSIBLE:
        raise InvalidValueError(
            f"cannot compress as {settings.subsampling} without luma and chroma"
        )
    if max(*settings.luma, *settings.chroma) > LARGEST_STEP:
        raise InvalidValueError(f"cannot compress with steps above {LARGEST_STEP}")
    return settings.chroma


def recompressed(rgb_u8: U8Array, settings: JpegSettings) -> U8Array:
    """Return what is left of pixels after compression; parameters as :func:`compress_jpeg`."""
    import simplejpeg

    pixels: U8Array = simplejpeg.decode_jpeg(compress_jpeg(rgb_u8, settings), "RGB")
    return pixels

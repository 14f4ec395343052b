"""What a camera's raw file says of its photo; read by LibRaw (rawpy)."""

from __future__ import annotations

import contextlib
import io
import os
import struct
from collections.abc import Iterator
from typing import Any

from degrade.errors import InvalidValueError
from degrade.images.headers.extras import NeedsExtraError
from degrade.images.headers.header import ImageHeader
from degrade.images.headers.isobmff import brands
from degrade.images.tiff.pages import holds_sensor_data
from degrade.images.tiff_directory import is_tiff

__all__ = ["error_text", "is_raw", "open_raw", "parse_raw", "quiet"]

_STARTS = (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\x00", b"\x00MRM", b"FOVb")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep what LibRaw writes to the terminal, without the file's name, from it."""
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as nowhere:  # noqa: PTH123
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def is_raw(data: bytes) -> bool:
    """Return whether data begin as a raw file does, or are TIFF that holds a sensor's data."""
    if data.startswith(_STARTS) or b"crx " in brands(data):
        return True
    try:
        return is_tiff(data) and holds_sensor_data(data)
    except (InvalidValueError, struct.error, IndexError, KeyError):
        return False


def open_raw(data: bytes) -> Any:
    """Return LibRaw's view of the file, to be closed.

    Raises
    ------
    NeedsExtraError
        The library is not installed.
    InvalidValueError
        It cannot read the file.
    """
    try:
        import rawpy
    except ImportError:
        raise NeedsExtraError("camera RAW", "raw") from None
    try:
        return rawpy.imread(io.BytesIO(data))
    except rawpy.LibRawError as error:
        reason = f"a camera's raw file that is damaged or not known ({error_text(error)})"
        raise InvalidValueError(reason) from None


def error_text(error: Exception) -> str:
    """Return what LibRaw says of an error."""
    found = error.args[0] if error.args else ""
    return found.decode("ascii", "replace") if isinstance(found, bytes) else str(found)


def parse_raw(data: bytes) -> ImageHeader:
    """Return the header; as :func:`degrade.images.image_header.read_header`.

    LibRaw turns the photo itself.
    """
    with quiet(), open_raw(data) as raw:
        sizes = raw.sizes
        width, height = sizes.iwidth, sizes.iheight
        if sizes.flip in (5, 6):
            width, height = height, width
    return ImageHeader("raw", width, height, 3, 16)

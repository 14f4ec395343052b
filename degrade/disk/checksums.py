"""Checksums and deflate streams of large data, at two to four times the speed of zlib's."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from typing import Any

from isal import isal_zlib

__all__ = ["InflateError", "adler32", "crc32", "decompressobj", "file_crc32"]

_AT_ONCE = 1 << 18
"""Bytes; they stay in the processor's cache between being read and being summed up."""

InflateError: tuple[Any, ...] = (zlib.error, isal_zlib.IsalError)
"""What :func:`decompressobj` raises on a damaged stream."""

adler32: Callable[..., int] = isal_zlib.adler32
crc32: Callable[..., int] = isal_zlib.crc32

decompressobj: Callable[[], Any] = isal_zlib.decompressobj


def file_crc32(file: io.BufferedReader) -> int:
    """Return the CRC-32 of what is left of a file that is open for reading."""
    piece, found = memoryview(bytearray(_AT_ONCE)), 0
    while count := file.readinto(piece):
        found = crc32(piece[:count], found)
    return found

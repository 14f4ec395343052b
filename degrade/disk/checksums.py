"""Checksums and deflate streams of large data, at two to four times the speed of zlib's."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

from isal import isal_zlib

__all__ = ["InflateError", "adler32", "crc32", "decompressobj"]

InflateError: tuple[Any, ...] = (zlib.error, isal_zlib.IsalError)
"""What :func:`decompressobj` raises on a damaged stream."""

adler32: Callable[..., int] = isal_zlib.adler32
crc32: Callable[..., int] = isal_zlib.crc32
decompressobj: Callable[[], Any] = isal_zlib.decompressobj

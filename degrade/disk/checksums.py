"""The CRC-32 of large data, by the fastest library that is installed."""

from __future__ import annotations

__all__ = ["crc32"]

try:
    # The same sums as zlib's, at four times the speed.
    from isal.isal_zlib import crc32
except ImportError:
    from zlib import crc32

"""Files made of boxes (ISO 14496-12): which formats they say they hold, and whether they end."""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["brands", "is_cut", "nclx_coding"]


def brands(data: bytes) -> frozenset[bytes]:
    """Return the brands of the first box; empty: no such file."""
    if data[4:8] != b"ftyp":
        return frozenset()
    size = min(int.from_bytes(data[:4]), 1024)
    return frozenset((data[8:12], *(data[i : i + 4] for i in range(16, size, 4))))


def _box_ends(data: bytes) -> Iterator[int]:
    place = 0
    while place + 8 <= len(data):
        size = int.from_bytes(data[place : place + 4])
        if size == 1:
            size = int.from_bytes(data[place + 8 : place + 16])
        if size < 8:  # 0: to the end of the file; others are no box
            return
        place += size
        yield place


def is_cut(data: bytes) -> bool:
    """Return whether the file ends before its last box does."""
    return any(end > len(data) for end in _box_ends(data))


def nclx_coding(data: bytes) -> tuple[int, int, int] | None:
    """Return primaries, transfer and matrix (ITU-T H.273) as the first colour box tells them."""
    place = data.find(b"colrnclx") + 8
    if place < 8 or place + 6 > len(data):
        return None
    first, second, third = (int.from_bytes(data[place + i : place + i + 2]) for i in (0, 2, 4))
    return first, second, third

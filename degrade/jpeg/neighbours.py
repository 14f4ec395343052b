"""Tables of a little more or less quality than given ones."""

from __future__ import annotations

from collections.abc import Sequence

from degrade.jpeg.tables import JpegSettings, quality_of, standard_tables

__all__ = ["neighbour_tables"]

_QUALITIES = range(1, 101)


def neighbour_tables(
    luma: Sequence[int], chroma: Sequence[int], by: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return luma and chroma tables as they were at another quality.

    Where libjpeg has a quality of exactly these tables, they are those of its neighbour. Else the
    steps are multiplied as libjpeg's are between two qualities, the first of which is told by the
    lowest steps of luma.

    Parameters
    ----------
    luma, chroma : sequence of 64 int
        In 1…255, row by row.
    by : int
        How many of libjpeg's qualities better; below 0: worse.
    """
    if not by:
        return tuple(luma), tuple(chroma)
    exact = quality_of(JpegSettings(tuple(luma), tuple(chroma), "4:2:0"))
    if exact is not None:
        return standard_tables(_inside(exact + by))
    quality = _nearest_quality(luma)
    old, new = _percent(quality), _percent(_inside(quality + by))
    scaled = (
        tuple(min(max((step * new + old // 2) // old, 1), 255) for step in table)
        for table in (luma, chroma)
    )
    return next(scaled), next(scaled)


def _inside(quality: int) -> int:
    return min(max(quality, _QUALITIES[0]), _QUALITIES[-1])


def _percent(quality: int) -> int:
    """Return libjpeg's factor for its tables; 1 for quality 100, where it is 0."""
    return max(5000 // quality if quality < 50 else 200 - 2 * quality, 1)


def _nearest_quality(luma: Sequence[int]) -> int:
    """Return the quality whose factor is nearest to that of the lowest nine steps."""
    # Their sum in ITU T.81, table K.1: 16 + 11 + 10 + 12 + 12 + 14 + 14 + 13 + 16.
    ratio = 100 * sum(luma[8 * row + column] for row in range(3) for column in range(3)) / 118
    return min(_QUALITIES, key=lambda quality: abs(_percent(quality) - ratio))

"""Who writes which quantisation tables: libjpeg, mozjpeg, Photoshop, makers of cameras.

Only what is exact is named. Libraries scale example tables, which is computed here; for the others
there is a list of digests, whose source its head names.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import msgspec
import numpy as np

from degrade.jpeg.tables import (
    EXAMPLES,
    JpegSettings,
    Table,
    in_zigzag,
    quality_of,
    scaled_table,
    standard_tables,
)

__all__ = ["TableNames", "known_pairs", "name_tables"]

_DIGITS = 12
_LEAST_TOLD = 8
"""Steps that are neither 1 nor at their largest; with fewer, a scale says nothing."""

_MOZJPEG = (
    *(16, 16, 16, 18, 25, 37, 56, 85),
    *(16, 17, 20, 27, 34, 40, 53, 75),
    *(16, 20, 24, 31, 43, 62, 91, 135),
    *(18, 27, 31, 40, 53, 74, 106, 156),
    *(25, 34, 43, 53, 69, 94, 131, 189),
    *(37, 40, 62, 74, 94, 124, 169, 238),
    *(56, 53, 91, 106, 131, 169, 226, 311),
    *(85, 75, 135, 156, 189, 238, 311, 418),
)
"""The table that mozjpeg scales, for luma and chroma, unless another is asked for."""


class TableNames(msgspec.Struct, frozen=True, omit_defaults=True):
    """What can be said of tables.

    Attributes
    ----------
    words : str
        For people; always something.
    luma_quality, chroma_quality : int or None
        The qualities of libjpeg that have exactly the luma and the chroma table.
    mozjpeg_quality : int or None
        That of mozjpeg which has exactly both.
    percent : float or None
        That at which the standard's example tables give both, where no quality does: encoders that
        scale them more finely.
    """

    words: str
    luma_quality: int | None = None
    chroma_quality: int | None = None
    mozjpeg_quality: int | None = None
    percent: float | None = None


def name_tables(settings: JpegSettings) -> TableNames:
    """Name the tables of a JPEG file.

    Parameters
    ----------
    settings : JpegSettings
        As :func:`degrade.jpeg.tables.jpeg_settings` reads them.
    """
    both = quality_of(settings)
    luma = _quality(lambda quality: standard_tables(quality)[0] == settings.luma)
    chroma = _quality(lambda quality: standard_tables(quality)[1] == settings.chroma)
    if both is not None:
        words = f"libjpeg's quality {both}"
        return TableNames(words, both, None if settings.chroma is None else both)
    if luma is not None and chroma is not None:
        words = f"libjpeg's luma quality {luma} and chroma quality {chroma}"
        return TableNames(words, luma, chroma)
    mozjpeg = _quality(lambda quality: _is_mozjpeg(settings, quality))
    if mozjpeg is not None:
        return TableNames(f"mozjpeg's quality {mozjpeg}", luma, chroma, mozjpeg)
    listed = _listed().get((_digest(settings, b""), _sampling(settings)))
    listed = listed or _listed().get((_digest(settings, b"\x00"), _sampling(settings)))
    percent = _percent(settings)
    if listed is not None:
        return TableNames(listed, luma, chroma, None, percent)
    if percent is not None:
        words = f"the standard's example tables at {percent:g} %{_between(percent)}"
        return TableNames(words, luma, chroma, None, percent)
    words = "tables of its own"
    if luma is not None:
        words = f"libjpeg's luma quality {luma}, a chroma table of its own"
    elif chroma is not None:
        words = f"a luma table of its own, libjpeg's chroma quality {chroma}"
    return TableNames(words, luma, chroma)


@functools.cache
def known_pairs() -> tuple[tuple[Table, Table], ...]:
    """Return the tables, luma and chroma, that are known whole: libjpeg's, mozjpeg's, Photoshop's.

    Of Photoshop's those that Pillow has; only they are known by more than a digest.
    """
    from PIL.JpegPresets import presets  # takes longer to load than most commands need for all else

    qualities = range(1, 101)
    libjpeg = [standard_tables(quality) for quality in qualities]
    mozjpeg = [(table, table) for table in (scaled_table(_MOZJPEG, q) for q in qualities)]
    photoshop: list[tuple[Table, Table]] = []
    for preset in presets.values():
        tables: Any = preset["quantization"]
        luma, chroma = (tuple(map(int, table)) for table in tables)
        photoshop.append((luma, chroma))
    return tuple(dict.fromkeys([*libjpeg, *photoshop, *mozjpeg]))


def _quality(fits: Callable[[int], bool]) -> int | None:
    """Return the fitting quality, of several the one nearest to 75."""
    return min(filter(fits, range(1, 101)), key=lambda quality: abs(quality - 75), default=None)


def _is_mozjpeg(settings: JpegSettings, quality: int) -> bool:
    table = scaled_table(_MOZJPEG, quality)
    return table == settings.luma and settings.chroma in (None, table)


def _percent(settings: JpegSettings) -> float | None:
    """Return the middle of the percentages at which both tables are the standard's examples."""
    low, high, told = 0.0, np.inf, 0
    tables = [settings.luma, settings.chroma or ()]
    for table, base in zip(tables, EXAMPLES, strict=True):
        for step, example in zip(table, base, strict=bool(table)):
            low = max(low, (step - 0.5) * 100 / example) if step > 1 else low
            high = min(high, (step + 0.5) * 100 / example) if step < 255 else high
            told += 1 < step < 255
    if low >= high or told < _LEAST_TOLD:
        return None
    return float(f"{(low + high) / 2:.3g}")


def _between(percent: float) -> str:
    if not 2 < percent < 100:
        return ""
    quality = 100 - percent / 2
    return f", between libjpeg's qualities {int(quality)} and {int(quality) + 1}"


def _sampling(settings: JpegSettings) -> str:
    return "gray" if settings.chroma is None else settings.subsampling


def _digest(settings: JpegSettings, between: bytes) -> str:
    """Return the digest of the tables in one segment, or in one each with a byte between them."""
    tables = [settings.luma] if settings.chroma is None else [settings.luma, settings.chroma]
    if max(map(max, tables)) > 255:
        return ""
    parts = [bytes([number, *in_zigzag(table)]) for number, table in enumerate(tables)]
    digest = hashlib.md5(between.join(parts), usedforsecurity=False)
    return digest.hexdigest()[:_DIGITS]


@functools.cache
def _listed() -> dict[tuple[str, str], str]:
    text = (files("degrade.jpeg") / "known_tables.txt").read_text("utf-8")
    lines = [line.split(" ", 2) for line in text.splitlines() if not line.startswith("#")]
    return {(digest, sampling): name for digest, sampling, name in lines}

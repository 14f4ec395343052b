"""A picture of the history of photos: each with what is told of it, and all in four diagrams."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from degrade.disk.results import Results
from degrade.errors import line_of
from degrade.wording import counted, most_first
from report.sheet import FAINT, FLAGGED_COLOUR, INK, sheet_results, write_figure

__all__ = ["HistoryTile", "check_history_sheet", "draw_history_sheet"]

_MOST_TILES = 48
_COLUMNS = 6
_TILE_WIDTH, _TILE_HEIGHT = 1.75, 1.75
_DIAGRAMS = 2.6
_PICTURE = 1.15
"""Inches: the longer side of a photo's picture."""

_BARS = "#3b7ac2"
_LETTERS = 32


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HistoryTile:
    """What is drawn of one photo; None where it is not known.

    Attributes
    ----------
    name : str
    thumbnail : (h, w) uint8 array
        Luma; drawn in the photo's proportions.
    shape : (height, width)
        Of the photo.
    marks : tuple of str
        What is told of it.
    sigma, amount, noise : float or None
        Width of edges, sharpening, and noise.
    quality : int or None
        Of its JPEG file.
    factor : float or None
        By which it was enlarged.
    """

    name: str
    thumbnail: npt.NDArray[np.uint8]
    shape: tuple[int, int]
    marks: tuple[str, ...]
    sigma: float | None
    amount: float | None
    noise: float | None
    quality: int | None
    factor: float | None


def check_history_sheet(path: Path, *, overwrite: bool = False) -> Results:
    """Say what would keep :func:`draw_history_sheet` from drawing, before anything is done.

    Raises
    ------
    DegradeError
        The name does not end in ``.png``, matplotlib is missing, or what stands there is no such
        picture.
    """
    return sheet_results(path, "history", overwrite=overwrite)


def draw_history_sheet(
    tiles: Sequence[HistoryTile], path: Path, *, overwrite: bool = False
) -> None:
    """Draw diagrams of all photos, and a tile for each of at most 48, marked ones first.

    Raises
    ------
    DegradeError
        As :func:`check_history_sheet`, or the file cannot be written.
    """
    results = check_history_sheet(path, overwrite=overwrite)
    from matplotlib.figure import Figure

    shown = sorted(tiles, key=lambda tile: (not tile.marks, tile.name))[:_MOST_TILES]
    rows = math.ceil(len(shown) / _COLUMNS)
    width, height = _COLUMNS * _TILE_WIDTH + 0.7, 1.0 + _DIAGRAMS + 0.5 + rows * _TILE_HEIGHT
    figure = Figure(figsize=(width, height), dpi=130, facecolor="white")
    title = f"{counted(len(tiles), 'photo')}: what was done to them before"
    title += f" ({len(shown)} shown)" if len(shown) < len(tiles) else ""
    figure.text(0.35 / width, 1 - 0.45 / height, title, fontsize=14, weight="bold", color=INK)
    _draw_diagrams(figure, tiles, (width, height))
    for number, tile in enumerate(shown):
        row, column = divmod(number, _COLUMNS)
        left = 0.35 + column * _TILE_WIDTH
        top = 1.0 + _DIAGRAMS + 0.3 + row * _TILE_HEIGHT
        _draw_tile(figure, tile, (left, top), (width, height))
    write_figure(figure, path, results)


def _draw_diagrams(figure: Any, tiles: Sequence[HistoryTile], size: tuple[float, float]) -> None:
    width, height = size
    each = (width - 0.7) / 4
    axes = []
    for number in range(4):
        left, bottom = 0.35 + number * each + 0.45, height - 0.9 - _DIAGRAMS + 0.55
        box = (left / width, bottom / height, (each - 0.65) / width, (_DIAGRAMS - 0.75) / height)
        made = figure.add_axes(box)
        made.tick_params(labelsize=7, colors=FAINT)
        for side in ("top", "right"):
            made.spines[side].set_visible(False)
        axes.append(made)
    both = [(t.sigma, t.noise) for t in tiles if t.sigma is not None and t.noise is not None]
    axes[0].scatter([s for s, _ in both], [n for _, n in both], s=14, color=_BARS, alpha=0.7)
    if not both:
        _say_none(axes[0], "no photo tells both")
    _title(axes[0], "edges against noise", "σ of edges, px", "σ of noise, levels")
    _histogram(axes[1], [t.quality for t in tiles], "JPEG quality, by file", (0, 100))
    _histogram(axes[2], [t.amount for t in tiles], "sharpening at edges", None)
    factors = Counter(f"×{t.factor:.2g}" for t in tiles if t.factor is not None)
    _bars(axes[3], factors, "enlarged before", len(tiles))


def _title(axes: Any, title: str, below: str, beside: str) -> None:
    axes.set_title(title, fontsize=8.5, color=INK, loc="left")
    axes.set_xlabel(below, fontsize=7, color=FAINT)
    axes.set_ylabel(beside, fontsize=7, color=FAINT)


def _histogram(
    axes: Any, values: Sequence[float | None], title: str, limits: tuple[int, int] | None
) -> None:
    known = [value for value in values if value is not None]
    _title(axes, f"{title} ({len(known)} of {len(values)})", "", "photos")
    if not known:
        _say_none(axes)
        return
    axes.hist(known, bins=20, range=limits, color=_BARS)
    _whole_numbers(axes.yaxis)


def _bars(axes: Any, counts: Counter[str], title: str, total: int) -> None:
    shown = most_first(counts)[:6]
    _title(axes, f"{title} ({sum(counts.values())} of {total})", "", "photos")
    if not shown:
        _say_none(axes)
        return
    names, heights = [name for name, _ in shown], [count for _, count in shown]
    axes.bar(names, heights, width=0.5, color=_BARS)
    axes.set_xlim(-0.6, max(len(shown), 4) - 0.4)
    _whole_numbers(axes.yaxis)


def _say_none(axes: Any, words: str = "none seen") -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.text(0.5, 0.5, words, fontsize=8, color=FAINT, ha="center", transform=axes.transAxes)


def _whole_numbers(axis: Any) -> None:
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(integer=True, nbins=4))


def _draw_tile(
    figure: Any, tile: HistoryTile, place: tuple[float, float], size: tuple[float, float]
) -> None:
    (left, top), (width, height) = place, size
    longer = max(tile.shape)
    high, wide = (max(_PICTURE * side / longer, 0.08) for side in tile.shape)
    box = (left / width, 1 - (top + high) / height, wide / width, high / height)
    picture = figure.add_axes(box)
    picture.imshow(tile.thumbnail, cmap="gray", vmin=0, vmax=255, aspect="auto")
    picture.set_xticks([])
    picture.set_yticks([])
    for spine in picture.spines.values():
        spine.set_color(FLAGGED_COLOUR if tile.marks else "#cbd2d9")
    lines = [(line_of(tile.name), INK), *((line_of(mark), FLAGGED_COLOUR) for mark in tile.marks)]
    for number, (text, colour) in enumerate(lines[:4]):
        base = 1 - (top + high + 0.12 + 0.11 * number) / height
        shown = text if len(text) <= _LETTERS else f"{text[: _LETTERS - 1]}…"
        figure.text(left / width, base, shown, fontsize=6, color=colour, parse_math=False)

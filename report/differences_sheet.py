"""A picture of two sets of photos compared: their spectra, and the sizes of their differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from degrade.audit.comparison import Comparison
from degrade.audit.differences import NamedDifference
from degrade.audit.features import PhotoFeatures
from degrade.audit.spectra import BAND_FREQUENCIES, relative_decibels
from degrade.disk.results import Results
from report.sheet import DOUBTFUL_COLOUR, FAINT, sheet_results, write_figure

__all__ = [
    "check_differences_sheet_path",
    "draw_differences_sheet",
    "draw_sizes",
    "draw_spectra",
]

_COLOURS = ("#1d4ed8", "#c2410c", "#6b7280", "#a3a3a3")
_STYLES = ("-", "-", "--", ":")
_MOST_EXTENT = 12.0


def draw_differences_sheet(
    found: Comparison,
    sets: Mapping[str, Sequence[PhotoFeatures]],
    path: Path,
    by: str,
    *,
    note: str = "",
    overwrite: bool = False,
) -> None:
    """Draw the mean spectra of all sets, and each kind of difference with its interval, as PNG.

    Parameters
    ----------
    found : Comparison
        Of the first two sets.
    sets : mapping of str to sequence of PhotoFeatures
        By the names that the legend has.
    path : Path
    by : str
        The command, for the record of what it has made.
    note : str
        What stands below the verdict, such as what the sets are.
    overwrite : bool

    Raises
    ------
    DegradeError
        As :func:`check_differences_sheet_path`, or the file cannot be written.
    """
    results = check_differences_sheet_path(path, by, overwrite=overwrite)
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.8), dpi=130, facecolor="white", layout="constrained")
    heading = f"{found.verdict}\n{note}" if note else found.verdict
    figure.suptitle(heading, fontsize=9, x=0.01, ha="left", parse_math=False)
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.1))
    draw_spectra(left, sets)
    draw_sizes(right, found, list(sets)[:2])
    write_figure(figure, path, results)


def check_differences_sheet_path(path: Path, by: str, *, overwrite: bool = False) -> Results:
    """Say what would keep :func:`draw_differences_sheet` from drawing, before anything is done.

    Raises
    ------
    DegradeError
        The name does not end in ``.png``, matplotlib is not installed, or what stands there is no
        sheet drawn before.
    """
    return sheet_results(path, by, overwrite=overwrite)


def draw_spectra(
    axes: Any, sets: Mapping[str, Sequence[PhotoFeatures]], *, of_colours: bool = False
) -> None:
    """Draw the mean spectra of sets, by name; of the first two also where half of it lies.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    sets : mapping of str to sequence of PhotoFeatures
    of_colours : bool
        Those of Cb and Cr in place of grey.
    """
    for (name, photos), colour, style in zip(sets.items(), _COLOURS, _STYLES, strict=False):
        curves = relative_decibels(
            [photo.colour_spectrum if of_colours else photo.spectrum for photo in photos]
        )
        label = f"{name} ({len(photos)})"
        axes.plot(BAND_FREQUENCIES, curves.mean(axis=0), style, color=colour, label=label)
        if style == "-":
            low, high = np.quantile(curves, (0.25, 0.75), axis=0)
            axes.fill_between(BAND_FREQUENCIES, low, high, color=colour, alpha=0.12, lw=0)
    power = "Power of colours" if of_colours else "Power"
    axes.set_title(f"{power} against low frequencies; bands: half of the photos", fontsize=9)
    axes.set_xlabel("cycles per pixel")
    axes.set_ylabel("dB")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize=8)


def draw_sizes(axes: Any, found: Comparison, names: Sequence[str]) -> None:
    """Draw each kind of difference with its interval, in units of what matters."""
    kinds = list(found.differences)[::-1]
    for place, each in enumerate(kinds):
        sizes = [_extent(each, x) for x in (each.size, *each.interval)]
        ends = [min(max(x, -_MOST_EXTENT), _MOST_EXTENT) for x in sizes]
        colour = DOUBTFUL_COLOUR if each.is_there else FAINT
        axes.plot(ends[1:], [place, place], color=colour, lw=2.5, solid_capstyle="round")
        axes.plot(ends[0], place, "o", color=colour, ms=6)
        for size in sizes:
            if abs(size) > _MOST_EXTENT:  # an arrow: it goes on
                marker, edge = (">", _MOST_EXTENT) if size > 0 else ("<", -_MOST_EXTENT)
                axes.plot(edge + np.sign(size) * 0.5, place, marker, color=colour, ms=6)
        # Where there is no room beside it, a name grows away from the frame.
        inward = "right" if ends[0] > _MOST_EXTENT / 2 else "left"
        side = "center" if abs(ends[0]) <= _MOST_EXTENT / 2 else inward
        text = each.name if each.is_there else ""
        axes.annotate(
            text, (ends[0], place), (0, 7), textcoords="offset points", ha=side, fontsize=8
        )
    axes.axvspan(-1, 1, color="#dcfce7", zorder=0)
    axes.set_yticks(range(len(kinds)), [each.kind.name for each in kinds])
    axes.set_ylim(-0.6, len(kinds) - 0.3)
    axes.set_xlim(-_MOST_EXTENT - 1, _MOST_EXTENT + 1)
    axes.set_title(
        f"{' → '.join(names)}, in units of what matters (green: it does not)", fontsize=9
    )
    axes.grid(axis="x", alpha=0.3)


def _extent(found: NamedDifference, size: float) -> float:
    """Return a size in units of what matters, with its sign."""
    return float(np.sign(size - found.kind.neutral) * found.kind.extent(size))

"""A picture of a match: spectra, what kernels keep, and the rounds, before and after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from degrade.audit.closed_loop import Gain
from degrade.audit.comparison import Comparison
from degrade.audit.directions import DIRECTIONS
from degrade.audit.features import PhotoFeatures
from degrade.audit.spectra import BAND_FREQUENCIES
from degrade.disk.results import Results
from report.differences_sheet import draw_sizes, draw_spectra
from report.sheet import FAINT, sheet_results, write_figure

__all__ = ["MatchCurves", "check_match_sheet_path", "draw_match_sheet"]

_AFTER, _BEFORE = "#c2410c", "#6b7280"
_COLOURS = ("#c2410c", "#1d4ed8", "#047857", "#a16207")
_STYLES = ("-", "-", "--", ":")


@dataclass(frozen=True, slots=True, eq=False)
class MatchCurves:
    """What is drawn of a match.

    Attributes
    ----------
    sets : mapping of str to sequence of PhotoFeatures
        Photos, LR after and LR before.
    comparisons : (Comparison, Comparison)
        Of the photos with LR before and after.
    responses : two (24,) float64 arrays
        Which share of the amplitude the kernels keep, before and after.
    gaps : tuple of float
        dB, round by round.
    by_direction : tuple or None
        Which share of the amplitude kernels keep along rows, columns and both diagonals, (4, 24);
        and by how many dB photos have more in each, before and after. None where nobody asked.
    """

    sets: Mapping[str, Sequence[PhotoFeatures]]
    comparisons: tuple[Comparison, Comparison]
    responses: tuple[Gain, Gain]
    gaps: tuple[float, ...]
    by_direction: tuple[npt.NDArray[np.float64], tuple[Sequence[float], Sequence[float]]] | None


def check_match_sheet_path(path: Path, *, overwrite: bool = False) -> Results:
    """Say what would keep :func:`draw_match_sheet` from drawing, before anything is done.

    Raises
    ------
    DegradeError
        The name does not end in ``.png``, matplotlib is not installed, or what stands there is no
        sheet drawn before.
    """
    return sheet_results(path, "match", overwrite=overwrite)


def draw_match_sheet(curves: MatchCurves, path: Path, *, overwrite: bool = False) -> None:
    """Draw spectra, kernels and rounds, and the differences that are left, as PNG.

    Raises
    ------
    DegradeError
        As :func:`check_match_sheet_path`, or the file cannot be written.
    """
    results = check_match_sheet_path(path, overwrite=overwrite)
    from matplotlib.figure import Figure

    figure = Figure(figsize=(16, 8.4), dpi=130, facecolor="white", layout="constrained")
    before, after = curves.comparisons
    title = f"before: {before.verdict}\nafter: {after.verdict}"
    figure.suptitle(title, fontsize=9, x=0.01, ha="left")
    axes = figure.subplots(2, 3)
    draw_spectra(axes[0, 0], curves.sets)
    draw_spectra(axes[0, 1], curves.sets, of_colours=True)
    draw_sizes(axes[0, 2], after, ["photos", "LR after"])
    _draw_responses(axes[1, 0], curves.responses)
    _draw_directions(axes[1, 1], curves.by_direction)
    _draw_rounds(axes[1, 2], curves.gaps)
    write_figure(figure, path, results)


def _draw_responses(axes: Any, responses: tuple[Gain, Gain]) -> None:
    for name, response, colour, style in zip(
        ("after", "before"), responses[::-1], (_AFTER, _BEFORE), ("-", "--"), strict=True
    ):
        axes.plot(BAND_FREQUENCIES, response, style, color=colour, label=name)
    axes.axhline(1, color=FAINT, lw=0.8)
    axes.set_ylim(0, max(1.1, 1.05 * max(float(response.max()) for response in responses)))
    axes.set_title("What kernels keep of the amplitude, mean over kernels", fontsize=9)
    axes.set_xlabel("cycles per pixel of LR")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize=8)


def _draw_directions(
    axes: Any,
    found: tuple[npt.NDArray[np.float64], tuple[Sequence[float], Sequence[float]]] | None,
) -> None:
    axes.set_title("The same by direction, after; photos less LR, before → after", fontsize=9)
    if found is None:
        axes.set_axis_off()
        axes.annotate("not asked for", (0.5, 0.5), xycoords="axes fraction", ha="center")
        return
    responses, gaps = found
    rows = zip(DIRECTIONS, responses, *gaps, _COLOURS, _STYLES, strict=True)
    for name, response, before, after, colour, style in rows:
        label = f"{name}, {before:+.1f} → {after:+.1f} dB"
        axes.plot(BAND_FREQUENCIES, response, style, color=colour, label=label)
    axes.axhline(1, color=FAINT, lw=0.8)
    axes.set_ylim(0, max(1.1, 1.05 * float(responses.max())))
    axes.set_xlabel("cycles per pixel of LR")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize=8)


def _draw_rounds(axes: Any, gaps: Sequence[float]) -> None:
    axes.plot(np.arange(len(gaps)), gaps, "o-", color=_AFTER)
    axes.set_ylim(bottom=0)
    axes.set_xticks(range(len(gaps)))
    axes.set_title("Spectra of photos and LR apart, dB (root mean square)", fontsize=9)
    axes.set_xlabel("round")
    axes.grid(alpha=0.3)

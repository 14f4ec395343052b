"""Diagrams as SVG whose colours the page sets, so that they are legible by day and by night."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from degrade.errors import line_of
from degrade.wording import counted
from report.page.budget import even_choice
from report.page.contents import Chart
from report.sheet import require_matplotlib

__all__ = ["Interval", "Line", "bars", "histogram", "intervals", "lines", "points"]

_SIZE = (4.8, 2.9)
"""Inches; so that letters are legible on a phone, where it fills the screen."""

_MOST_POINTS = 1500
_MOST_STEPS = 400
_MOST_BARS = 12
_LETTERS = 28
_INK, _FAINT, _GRID = "#010101", "#010102", "#010103"
_COLOURS = ("#0101a1", "#0101a2", "#0101a3", "#0101a4", "#0101a5", "#0101a6")
_OTHER = "#0101a7"
_PAGE_COLOURS = {
    _INK: "currentColor",
    _FAINT: "var(--faint)",
    _GRID: "var(--line)",
    **{colour: f"var(--c{n})" for n, colour in enumerate((*_COLOURS, _OTHER), 1)},
}
"""Colours that matplotlib draws with, and what stands for them in the page."""

_STYLES = ("-", "-", "--", ":", "-", "--")
_MARKERS = ("o", "^", "s", "D", "v", "P")
_RC: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "page",
    "text.parse_math": False,
    "text.usetex": False,
    "font.size": 9,
    "font.family": "sans-serif",
    "text.color": _INK,
    "axes.edgecolor": _FAINT,
    "axes.labelcolor": _FAINT,
    "xtick.color": _FAINT,
    "ytick.color": _FAINT,
    "grid.color": _GRID,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "legend.labelcolor": _INK,
}

Numbers = Sequence[float] | npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Line:
    """A curve; values that are not finite leave a gap. ``band``: its lower and upper edge."""

    x: Numbers
    y: Numbers
    band: tuple[Numbers, Numbers] | None = None


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with its interval, and whether it is to be seen first."""

    value: float
    low: float
    high: float
    marked: bool = False


def lines(
    title: str, curves: Mapping[str, Line], *, below: str, beside: str = "", log: bool = False
) -> Chart:
    """Draw curves by name; long ones as means of equal parts, with what they range over."""
    with _figure() as axes:
        for (name, curve), colour, style in zip(
            curves.items(), _colours(len(curves)), _styles(len(curves)), strict=True
        ):
            thin = _thinned(curve)
            axes.plot(thin.x, thin.y, style, color=colour, lw=1.6, label=_short(name))
            if thin.band is not None:
                axes.fill_between(thin.x, *thin.band, color=colour, alpha=0.18, lw=0)
        if log:
            axes.set_yscale("log")
            _label_decades(axes.yaxis)
        if all(_are_whole(curve.x) for curve in curves.values()):
            _count(axes.xaxis)
        _label(axes, below, beside, len(curves))
        svg = _svg(axes)
    return Chart(title, svg, f"{title}: {'; '.join(_told(n, c.y) for n, c in curves.items())}")


def points(
    title: str, groups: Mapping[str, tuple[Numbers, Numbers]], *, below: str, beside: str
) -> Chart:
    """Draw points of one or more groups; of many an even choice."""
    most = max(_MOST_POINTS // max(len(groups), 1), 1)
    with _figure() as axes:
        for (name, (x, y)), colour, marker in zip(
            groups.items(), _colours(len(groups)), _markers(len(groups)), strict=True
        ):
            pairs = sorted({(float(a), float(b)) for a, b in zip(x, y, strict=True)})
            shown = np.array(even_choice(pairs, most)).reshape(-1, 2)
            axes.plot(
                *shown.T, marker, color=colour, ms=4, alpha=0.7, mew=0, ls="", label=_short(name)
            )
        _label(axes, below, beside, len(groups))
        svg = _svg(axes)
    told = [
        f"{counted(len(x), 'point')} of {line_of(name)}, {below} {_range(x)}, {beside} {_range(y)}"
        for name, (x, y) in groups.items()
    ]
    return Chart(title, svg, f"{title}: {'; '.join(told)}")


def histogram(title: str, values: Numbers, *, below: str) -> Chart:
    """Draw how often values are met."""
    known = np.asarray(values, np.float64)
    with _figure() as axes:
        axes.hist(known, bins=24, color=_COLOURS[0])
        _count(axes.yaxis)
        _label(axes, below, "how many", 1)
        svg = _svg(axes)
    alt = f"{title}: {counted(len(known), 'value')} {_range(known)}, {np.median(known):.3g} median"
    return Chart(title, svg, alt)


def bars(title: str, counts: Sequence[tuple[str, int]], *, below: str = "") -> Chart:
    """Draw counts as bars, in this order; many small ones together."""
    shown = list(counts[:_MOST_BARS])
    rest = sum(count for _, count in counts[_MOST_BARS:])
    shown += [("others", rest)] if rest else []
    with _figure(height=0.7 + 0.24 * max(len(shown), 3)) as axes:
        names = [_short(name) for name, _ in shown]
        axes.barh(range(len(shown)), [count for _, count in shown], color=_COLOURS[0], height=0.7)
        axes.set_yticks(range(len(shown)), names)
        axes.invert_yaxis()
        axes.grid(axis="y", visible=False)
        _count(axes.xaxis)
        _label(axes, below, "", 1)
        svg = _svg(axes)
    told = ", ".join(f"{line_of(name)} {count}" for name, count in shown)
    return Chart(title, svg, f"{title}: {told}")


def intervals(
    title: str, found: Mapping[str, Interval], *, below: str, neutral: float, log: bool = False
) -> Chart:
    """Draw values with their intervals, one below the other; what is marked stands out."""
    with _figure(height=0.8 + 0.28 * max(len(found), 3)) as axes:
        axes.axvline(neutral, color=_FAINT, lw=1)
        for place, each in enumerate(found.values()):
            colour = _COLOURS[1] if each.marked else _COLOURS[0]
            axes.plot([each.low, each.high], [place] * 2, color=colour, lw=2.5)
            axes.plot(each.value, place, "D" if each.marked else "o", color=colour, ms=6)
        axes.set_yticks(range(len(found)), [_short(name) for name in found])
        axes.set_ylim(len(found) - 0.4, -0.6)
        if log:
            axes.set_xscale("log")
            axes.xaxis.set_major_formatter("{x:g}")
            axes.xaxis.set_minor_formatter("{x:g}")
        _label(axes, below, "", 1)
        svg = _svg(axes)
    told = [
        f"{line_of(name)} {each.value:.3g}, from {each.low:.3g} to {each.high:.3g}"
        for name, each in found.items()
    ]
    return Chart(title, svg, f"{title}: {'; '.join(told)}")


class _figure:
    """Axes of a figure, drawn in the page's colours."""

    def __init__(self, height: float = _SIZE[1]) -> None:
        self._height = height

    def __enter__(self) -> Any:
        require_matplotlib()
        import matplotlib
        from matplotlib.figure import Figure

        self._context = matplotlib.rc_context(_RC)
        self._context.__enter__()
        figure = Figure(figsize=(_SIZE[0], self._height), layout="constrained")
        figure.patch.set_alpha(0)
        axes = figure.subplots()
        axes.patch.set_alpha(0)
        return axes

    def __exit__(self, *error: Any) -> None:
        self._context.__exit__(*error)


def _svg(axes: Any) -> str:
    """Return the SVG element alone, as wide as there is room."""
    buffer = io.StringIO()
    nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # letters that its font lacks
        axes.figure.savefig(buffer, format="svg", metadata=nothing)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<(metadata|style)\b.*?</\1>|<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"| height="[^"]*pt"', r"\1", text, count=2)
    text = re.sub(r"font-family: [^;\"]*;", "", text)  # the page's own
    # Of places alone: what is written beside an axis keeps its digits.
    text = re.sub(r"<[^>]*>", lambda tag: re.sub(r"(-?\d+\.\d\d)\d+", r"\1", tag[0]), text)
    for drawn, shown in _PAGE_COLOURS.items():
        text = text.replace(drawn, shown)
    return text


def _count(axis: Any) -> None:
    """Give an axis whole numbers alone: there are no halves of a photo, or of a round."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(nbins="auto", steps=[1, 2, 5, 10], integer=True))


def _label_decades(axis: Any) -> None:
    """Give a logarithmic axis plain digits, also between the decades where there are few."""
    from matplotlib.ticker import LogFormatter

    class Plain(LogFormatter):
        def __call__(self, x: float, pos: int | None = None) -> str:
            return f"{x:g}" if super().__call__(x, pos) else ""

    axis.set_major_formatter(Plain())
    axis.set_minor_formatter(Plain(labelOnlyBase=False))


def _are_whole(values: Numbers) -> bool:
    known = np.asarray(values, np.float64)
    return bool(len(known)) and bool(np.all(known == np.rint(known)))


def _label(axes: Any, below: str, beside: str, curves: int) -> None:
    axes.set_xlabel(line_of(below))
    axes.set_ylabel(line_of(beside))
    if curves > 1:
        axes.legend(fontsize=8)


def _colours(count: int) -> list[str]:
    return [_COLOURS[n] if n < len(_COLOURS) else _OTHER for n in range(count)]


def _styles(count: int) -> list[str]:
    return [_STYLES[n % len(_STYLES)] for n in range(count)]


def _markers(count: int) -> list[str]:
    return [_MARKERS[n % len(_MARKERS)] for n in range(count)]


def _short(text: str) -> str:
    line = line_of(text)
    return line if len(line) <= _LETTERS else f"{line[: _LETTERS - 1]}…"


def _thinned(curve: Line) -> Line:
    """Return a curve of at most 400 points: means of equal parts, and the least and the most."""
    x, y = np.asarray(curve.x, np.float64), np.asarray(curve.y, np.float64)
    if len(x) <= _MOST_STEPS:
        return Line(x, y, curve.band)
    parts = np.array_split(np.arange(len(x)), _MOST_STEPS)
    held = [part[np.isfinite(y[part])] for part in parts]
    held = [part for part in held if len(part)]
    mean = np.array([y[part].mean() for part in held])
    low, high = (np.array([edge(y[part]) for part in held]) for edge in (np.min, np.max))
    return Line(np.array([x[part].mean() for part in held]), mean, (low, high))


def _told(name: str, values: Numbers) -> str:
    known = np.asarray(values, np.float64)
    known = known[np.isfinite(known)]
    if not len(known):
        return f"{line_of(name)} has no value"
    return f"{line_of(name)} from {known[0]:.3g} to {known[-1]:.3g}, {_range(known)}"


def _range(values: Numbers) -> str:
    known = np.asarray(values, np.float64)
    return f"between {known.min():.3g} and {known.max():.3g}" if len(known) else "of nothing"

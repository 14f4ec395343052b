"""What a sheet of pictures is drawn with: places in inches, tiles with captions and marks."""

from __future__ import annotations

import io
import logging
import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from degrade.arrays import AnyArray
from degrade.disk.files import make_folder
from degrade.disk.results import Results
from degrade.errors import InvalidValueError, MissingDependencyError, line_of, printable
from degrade.pool import Provenance
from degrade.pool.kernel_estimates import is_doubtful

__all__ = [
    "DOUBTFUL_COLOUR",
    "FAINT",
    "FLAGGED_COLOUR",
    "GAP",
    "HEADING",
    "INK",
    "LINE",
    "MARGIN",
    "Layout",
    "Sheet",
    "require_matplotlib",
    "sheet_results",
    "shorten",
    "write_figure",
]

# Inches.
MARGIN, GAP, LINE, HEADING = 0.35, 0.12, 0.11, 0.46
INK, FAINT, DOUBTFUL_COLOUR, FLAGGED_COLOUR = "#1f2933", "#7b8794", "#c81e1e", "#b45309"


def sheet_results(path: Path, by: str, *, overwrite: bool, by_matplotlib: bool = True) -> Results:
    """Return where a sheet goes; say what would keep it from there before anything is done.

    Parameters
    ----------
    path : Path
    by : str
        The command that draws.
    overwrite : bool
        Replace what that command has not drawn, too.
    by_matplotlib : bool
        Whether it is drawn by matplotlib.

    Raises
    ------
    DegradeError
        The name does not end in ``.png``, matplotlib is missing, or what stands there is no sheet
        drawn before.
    """
    if path.suffix.lower() != ".png":
        raise InvalidValueError(f"a picture's name must end in .png, got {printable(path)}")
    if by_matplotlib:
        require_matplotlib()
    return Results.at(path, by, overwrite=overwrite)


def write_figure(figure: Any, path: Path, results: Results) -> None:
    """Write a matplotlib figure as PNG; its folder is made when missing."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # letters that the font lacks become boxes
        figure.savefig(buffer, format="png")
    make_folder(path.parent)
    results.write(path, buffer.getvalue())


def require_matplotlib() -> None:
    """Load matplotlib, and keep it from saying much where no cache can be written.

    Raises
    ------
    MissingDependencyError
        It is not installed.
    """
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError:
        raise MissingDependencyError(
            "drawing needs matplotlib: pip install 'degrade[report]'"
        ) from None


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things go on the sheet, in inches."""

    columns: int
    tile: float
    legend: int
    kernel_lines: int
    noise_lines: int

    @property
    def head(self) -> float:
        """Height of title, summary and legend."""
        return 0.95 + 0.18 * self.legend

    @property
    def width(self) -> float:
        """Width of the sheet."""
        return max(2 * MARGIN + self.columns * (self.tile + GAP) - GAP, 7.6)

    def row(self, lines: int) -> float:
        """Return the height of a row of tiles with so many lines below."""
        return self.tile + lines * LINE + GAP

    def section(self, count: int, lines: int) -> float:
        """Return the height of so many tiles and their heading."""
        return HEADING + math.ceil(count / self.columns) * self.row(lines) + 0.1

    def height(self, kernels: int, noise: int) -> float:
        """Return the height of the sheet."""
        both = self.section(kernels, self.kernel_lines) + self.section(noise, self.noise_lines)
        return self.head + both + 0.25

    def place(self, number: int, top: float, lines: int) -> tuple[float, float]:
        """Return the left upper corner of a tile of the section that begins at ``top``."""
        row, column = divmod(number, self.columns)
        left = MARGIN + column * (self.tile + GAP)
        return left, top + HEADING + row * self.row(lines)


@dataclass(frozen=True, slots=True)
class Sheet:
    """matplotlib axes whose units are inches from the upper left corner."""

    axes: Any
    layout: Layout

    def write(self, left: float, base: float, text: str, *, size: float, **style: Any) -> None:
        """Write a line; ``style`` is that of matplotlib's texts."""
        style = {"color": INK, **style}
        # A '$' in a file name is no formula.
        self.axes.text(left, base, text, fontsize=size, parse_math=False, **style)

    def tile(
        self,
        place: tuple[float, float],
        picture: AnyArray,
        captions: Sequence[str],
        known: Provenance,
    ) -> None:
        """Draw a picture with its name, what is measured of it, and its marks."""
        left, upper = place
        side = self.layout.tile
        self.image(picture, left, upper, side, side)
        if is_doubtful(known) or known.flags:
            self.frame(left, upper, side, DOUBTFUL_COLOUR if is_doubtful(known) else FLAGGED_COLOUR)
        letters = int(side * 17)
        self.write(left, upper + side + LINE, shorten(_name(known), letters), size=6.5)
        lines = [(text, FAINT) for text in captions]
        lines += [(shorten(flag, letters), FLAGGED_COLOUR) for flag in known.flags]
        for line, (text, colour) in enumerate(lines, 2):
            self.write(left, upper + side + LINE * line, text, size=6, color=colour)

    def frame(self, left: float, top: float, side: float, colour: str) -> None:
        """Draw a square frame just inside these bounds."""
        low, high = 0.012, side - 0.012
        x = (left + low, left + high, left + high, left + low, left + low)
        y = (top + low, top + low, top + high, top + high, top + low)
        self.axes.plot(x, y, color=colour, linewidth=1.4)

    def explain(self, base: float, colour: str, text: str) -> None:
        """Write a line of the legend: a frame of this colour, and what it means."""
        self.frame(MARGIN, base - 0.1, 0.12, colour)
        self.write(MARGIN + 0.2, base, text, size=8)

    def image(
        self, picture: AnyArray, left: float, top: float, width: float, height: float
    ) -> None:
        """Draw a picture with a faint edge."""
        extent = (left, left + width, top + height, top)
        self.axes.imshow(picture, extent=extent, interpolation="nearest", aspect="auto")
        x, y = (left, left + width, left + width, left, left), (top, top, *(top + height,) * 2, top)
        self.axes.plot(x, y, color="#cbd2d9", linewidth=0.6)


def _name(known: Provenance) -> str:
    return line_of(PurePath(known.source_name).name)


def shorten(text: str, most: int) -> str:
    """Cut the middle out of a long name: beginning and ending tell more."""
    if len(text) <= most:
        return text
    head = (most - 1) // 2
    return f"{text[:head]}…{text[head + 1 - most :]}"

"""A picture of a pool: its kernels and its noise on one sheet."""

from __future__ import annotations

import io
import math
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import numpy.typing as npt

from degrade.arrays import AnyArray, FloatArray
from degrade.disk.files import make_folder, write_atomically
from degrade.errors import InvalidValueError, MissingDependencyError, printable
from degrade.kernels import crop_or_pad_kernel, phase_centre
from degrade.pool import DegradationPool, KernelRecord, NoiseRecord, Provenance
from degrade.wording import counted
from pipelines.measuring.kernel_reports import (
    DOUBTFUL_MEANS,
    FLAGGED_MEANS,
    confidence_text,
    is_doubtful,
    sigma_text,
)

__all__ = ["check_sheet_path", "draw_pool_sheet"]

_MAX_KERNELS, _MAX_NOISE = 120, 48
_NOISE_WINDOW = 64
# Inches.
_MARGIN, _GAP, _LINE, _HEADING = 0.35, 0.12, 0.11, 0.46
_NEGATIVE, _POSITIVE = ((194, 65, 12), (251, 176, 122)), ((9, 27, 74), (59, 122, 194))
_INK, _FAINT, _DOUBTFUL, _FLAGGED = "#1f2933", "#7b8794", "#c81e1e", "#b45309"


def draw_pool_sheet(pool: DegradationPool, path: Path) -> None:
    """Draw a contact sheet of a pool as PNG.

    All kernels share one field of view, so their widths compare; each is coloured up to its own
    peak, blue above zero, white at zero, orange below. All residuals share one amplification, which
    the sheet states. What is doubtful has a red frame, what is only flagged a brown one, and flags
    are written below; a legend says so. Of a large pool an even choice is shown.

    Raises
    ------
    InvalidValueError
        ``path`` does not end in ``.png``: most likely another file, to be kept.
    MissingDependencyError
        matplotlib is not installed.
    DegradeError
        Something in the pool is damaged, or the file cannot be written.
    """
    check_sheet_path(path)
    from matplotlib.figure import Figure

    kernels = _spread(
        sorted(pool.kernels, key=lambda k: (k.scale, k.provenance.source_name, k.id)), _MAX_KERNELS
    )
    noise = _spread(sorted(pool.noise, key=lambda n: (n.variance, n.id)), _MAX_NOISE)
    columns = min(max(len(kernels), len(noise), 4), 12)
    known = [record.provenance for record in kernels] + [record.provenance for record in noise]
    legend = [(_DOUBTFUL, DOUBTFUL_MEANS)] if any(map(is_doubtful, known)) else []
    legend += [(_FLAGGED, FLAGGED_MEANS)] if any(p.notes for p in known) else []
    layout = _Layout(
        columns,
        tile=1.7 if columns <= 6 else 1.2,
        legend=len(legend),
        kernel_lines=3 + _most_flags(kernels),
        noise_lines=2 + _most_flags(noise),
    )
    height = layout.height(len(kernels), len(noise))
    figure = Figure(figsize=(layout.width, height), dpi=150, facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, layout.width), ylim=(height, 0))
    axes.set_axis_off()
    axes.autoscale(enable=False)
    sheet = _Sheet(axes, layout)
    sheet.write(_MARGIN, 0.5, printable(pool.path.resolve().name), size=15, weight="bold")
    sheet.write(_MARGIN, 0.74, _summary(pool), size=9, color=_FAINT)
    for line, (colour, text) in enumerate(legend):
        sheet.explain(0.94 + 0.18 * line, colour, text)
    below = _draw_kernels(sheet, pool, kernels, top=layout.head)
    _draw_noise(sheet, pool, noise, top=below)
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # letters that the font lacks become boxes
        figure.savefig(buffer, format="png")
    make_folder(path.parent)
    write_atomically(path, buffer.getvalue())


def check_sheet_path(path: Path) -> None:
    """Say what would keep :func:`draw_pool_sheet` from drawing, before anything is done.

    Raises
    ------
    InvalidValueError, MissingDependencyError
        As :func:`draw_pool_sheet`.
    """
    if path.suffix.lower() != ".png":
        raise InvalidValueError(f"a sheet's name must end in .png, got {printable(path)}")
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError:
        raise MissingDependencyError(
            "drawing needs matplotlib: pip install 'degrade[report]'"
        ) from None


def _most_flags(records: Sequence[KernelRecord | NoiseRecord]) -> int:
    return max((len(record.provenance.notes) for record in records), default=0)


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where things go on the sheet, in inches."""

    columns: int
    tile: float
    legend: int
    kernel_lines: int
    noise_lines: int

    @property
    def head(self) -> float:
        return 0.95 + 0.18 * self.legend

    @property
    def width(self) -> float:
        return max(2 * _MARGIN + self.columns * (self.tile + _GAP) - _GAP, 7.6)

    def row(self, lines: int) -> float:
        return self.tile + lines * _LINE + _GAP

    def section(self, count: int, lines: int) -> float:
        return _HEADING + math.ceil(count / self.columns) * self.row(lines) + 0.1

    def height(self, kernels: int, noise: int) -> float:
        both = self.section(kernels, self.kernel_lines) + self.section(noise, self.noise_lines)
        return self.head + both + 0.25

    def place(self, number: int, top: float, lines: int) -> tuple[float, float]:
        row, column = divmod(number, self.columns)
        left = _MARGIN + column * (self.tile + _GAP)
        return left, top + _HEADING + row * self.row(lines)


@dataclass(frozen=True, slots=True)
class _Sheet:
    """matplotlib axes whose units are inches from the upper left corner."""

    axes: Any
    layout: _Layout

    def write(self, left: float, base: float, text: str, *, size: float, **style: Any) -> None:
        style = {"color": _INK, **style}
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
        if is_doubtful(known) or known.notes:
            self.frame(left, upper, side, _DOUBTFUL if is_doubtful(known) else _FLAGGED)
        letters = int(side * 17)
        self.write(left, upper + side + _LINE, _shorten(_name(known), letters), size=6.5)
        lines = [(text, _FAINT) for text in captions]
        lines += [(_shorten(flag, letters), _FLAGGED) for flag in known.notes]
        for line, (text, colour) in enumerate(lines, 2):
            self.write(left, upper + side + _LINE * line, text, size=6, color=colour)

    def frame(self, left: float, top: float, side: float, colour: str) -> None:
        low, high = 0.012, side - 0.012
        x = (left + low, left + high, left + high, left + low, left + low)
        y = (top + low, top + low, top + high, top + high, top + low)
        self.axes.plot(x, y, color=colour, linewidth=1.4)

    def explain(self, base: float, colour: str, text: str) -> None:
        """Write a line of the legend: a frame of this colour, and what it means."""
        self.frame(_MARGIN, base - 0.1, 0.12, colour)
        self.write(_MARGIN + 0.2, base, text, size=8)

    def image(
        self, picture: AnyArray, left: float, top: float, width: float, height: float
    ) -> None:
        extent = (left, left + width, top + height, top)
        self.axes.imshow(picture, extent=extent, interpolation="nearest", aspect="auto")
        x, y = (left, left + width, left + width, left, left), (top, top, *(top + height,) * 2, top)
        self.axes.plot(x, y, color="#cbd2d9", linewidth=0.6)


def _draw_kernels(
    sheet: _Sheet, pool: DegradationPool, records: list[KernelRecord], *, top: float
) -> float:
    shown = _of(len(records), len(pool.kernels))
    sheet.write(_MARGIN, top + 0.28, f"Blur kernels{shown}", size=11, weight="bold")
    if not records:
        sheet.write(_MARGIN + 1.4, top + 0.28, "none yet: degrade estimate-kernels", size=8)
        return top + sheet.layout.section(0, 0)
    kernels = [pool.read_kernel(record.id) for record in records]
    size = max(record.size for record in records)
    _draw_colour_key(sheet, top, f"{size}×{size} HR px each; colour: square root of the weight")
    for number, (record, kernel) in enumerate(zip(records, kernels, strict=True)):
        captions = (f"×{record.scale}   σ {sigma_text(kernel)} px", _confidence(record))
        place = sheet.layout.place(number, top, sheet.layout.kernel_lines)
        padded = crop_or_pad_kernel(kernel.weights, size)
        picture = _colour(padded / np.abs(padded).max())
        sheet.tile(place, picture, captions, record.provenance)
        centre = (phase_centre(size, record.scale) + 0.5) / size * sheet.layout.tile
        _draw_ticks(sheet, *place, centre)
    return top + sheet.layout.section(len(records), sheet.layout.kernel_lines)


def _confidence(record: KernelRecord) -> str:
    confidence = record.provenance.statistics.get("confidence")
    return "" if confidence is None else f"confidence {confidence_text(confidence)}"


def _draw_ticks(sheet: _Sheet, left: float, top: float, centre: float) -> None:
    """Mark on all four edges where the phase rule puts the centre."""
    side, length = sheet.layout.tile, 0.05
    along = np.array((0.0, length, np.nan, side - length, side, np.nan))
    across = np.full(6, centre)
    x, y = np.append(along, across), np.append(across, along)
    sheet.axes.plot(left + x, top + y, color=_FAINT, linewidth=0.7)


def _draw_colour_key(sheet: _Sheet, top: float, text: str) -> None:
    left = sheet.layout.width - _MARGIN - 1.5
    ramp = np.linspace(-1, 1, 121)
    sheet.image(_colour(np.sign(ramp) * ramp**2)[None], left, top + 0.2, 1.5, 0.09)
    for share, label in ((0.0, "−peak"), (0.5, "0"), (1.0, "+peak")):
        sheet.write(left + 1.5 * share, top + 0.385, label, size=5.5, color=_FAINT, ha="center")
    sheet.write(left - 0.25, top + 0.28, text, size=7, color=_FAINT, ha="right")


def _colour(values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Colour values on [-1, 1]: white at 0, through a light to a dark shade at the ends."""
    strength = np.sqrt(np.abs(values))
    places = (0.0, 0.5, 1.0)

    def shades(dark: tuple[int, ...], light: tuple[int, ...]) -> npt.NDArray[np.float64]:
        stops = zip((255, 255, 255), light, dark, strict=True)
        return np.stack([np.interp(strength, places, stop) for stop in stops], axis=-1)

    rgb = np.where((values < 0)[..., None], shades(*_NEGATIVE), shades(*_POSITIVE))
    return np.rint(rgb).astype(np.uint8)


def _draw_noise(
    sheet: _Sheet, pool: DegradationPool, records: list[NoiseRecord], *, top: float
) -> None:
    shown = _of(len(records), len(pool.noise))
    sheet.write(_MARGIN, top + 0.28, f"Noise residuals{shown}", size=11, weight="bold")
    if not records:
        sheet.write(_MARGIN + 1.6, top + 0.28, "none yet: degrade extract-noise", size=8)
        return
    typical = math.sqrt(float(np.median([record.variance for record in records])))
    gain = _round_gain(0.15 * 255 / max(typical, 0.05))
    window = min(_NOISE_WINDOW, *(record.size for record in records))
    text = f"middle {window}×{window} px, {gain:g}× amplified around mid-grey; var in 8-bit levels²"
    sheet.write(sheet.layout.width - _MARGIN, top + 0.28, text, size=7, color=_FAINT, ha="right")
    for number, record in enumerate(records):
        start = (record.size - window) // 2
        residual = pool.read_residual_crop(record.id, start, start, window, window)
        caption = f"var {record.variance:.3g}   at level {record.brightness:.0f}"
        place = sheet.layout.place(number, top, sheet.layout.noise_lines)
        sheet.tile(place, _amplify(residual, gain), [caption], record.provenance)


def _amplify(residual: FloatArray, gain: float) -> npt.NDArray[np.uint8]:
    shown: npt.NDArray[np.float32] = 255 * np.clip(0.5 + gain * residual, 0, 1)
    return np.rint(shown).astype(np.uint8)


def _round_gain(gain: float) -> float:
    """Return the next lower one of 1, 2, 5, 10, 20 and so on."""
    power = 10.0 ** math.floor(math.log10(max(gain, 1.0)))
    return max(step * power for step in (1, 2, 5) if step * power <= max(gain, 1.0))


def _name(known: Provenance) -> str:
    return printable(PurePath(known.source_name).name)


def _spread(records: list[Any], most: int) -> list[Any]:
    """Return at most ``most`` of the records, evenly over their order, first and last included."""
    if len(records) <= most:
        return records
    return [records[i * (len(records) - 1) // (most - 1)] for i in range(most)]


def _of(shown: int, total: int) -> str:
    return f"  ({shown} of {total})" if shown < total else f"  ({total})" if total else ""


def _summary(pool: DegradationPool) -> str:
    scales = sorted(Counter(kernel.scale for kernel in pool.kernels).items())
    by_scale = ", ".join(f"×{scale}: {count}" for scale, count in scales)
    parts = [
        counted(len(pool.kernels), "kernel") + (f" ({by_scale})" if by_scale else ""),
        counted(len(pool.noise), "noise patch"),
        f"{counted(len(pool.sources), 'photo')} looked at",
    ]
    return "   ·   ".join(parts)


def _shorten(text: str, most: int) -> str:
    """Cut the middle out of a long name: beginning and ending tell more."""
    if len(text) <= most:
        return text
    head = (most - 1) // 2
    return f"{text[:head]}…{text[head + 1 - most :]}"

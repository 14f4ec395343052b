"""A picture of a pool: its kernels and its noise on one sheet."""

from __future__ import annotations

import io
import math
import warnings
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import numpy.typing as npt

from degrade.arrays import AnyArray, FloatArray
from degrade.errors import DegradeError, InvalidValueError, MissingDependencyError, printable
from degrade.files import write_atomically
from degrade.kernels import crop_or_pad_kernel, kernel_sigmas, phase_centre
from degrade.pool import DegradationPool, KernelRecord, NoiseRecord
from pipelines.kernel_reports import confidence_text, doubts_of

__all__ = ["draw_pool_sheet"]

_MAX_KERNELS, _MAX_NOISE = 120, 48
_NOISE_WINDOW = 64
# Inches.
_MARGIN, _GAP, _CAPTION, _HEADING = 0.35, 0.12, 0.45, 0.46
_NEGATIVE, _POSITIVE = ((194, 65, 12), (251, 176, 122)), ((9, 27, 74), (59, 122, 194))
_INK, _FAINT, _WARNING = "#1f2933", "#7b8794", "#c81e1e"


def draw_pool_sheet(pool: DegradationPool, path: Path) -> None:
    """Draw a contact sheet of a pool as PNG.

    All kernels share one field of view, so their widths compare; each is coloured up to its own
    peak, blue above zero, white at zero, orange below; doubtful ones are framed in red. All
    residuals share one amplification, which the sheet states. Of a large pool an even choice is
    shown.

    Raises
    ------
    InvalidValueError
        ``path`` does not end in ``.png``: most likely another file, to be kept.
    MissingDependencyError
        matplotlib is not installed.
    DegradeError
        Something in the pool is damaged, or the file cannot be written.
    """
    if path.suffix.lower() != ".png":
        raise InvalidValueError(f"a sheet's name must end in .png, got {printable(path)}")
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingDependencyError(
            "drawing needs matplotlib: pip install 'degrade[report]'"
        ) from None
    kernels = _spread(
        sorted(pool.kernels, key=lambda k: (k.scale, k.provenance.source_name, k.id)), _MAX_KERNELS
    )
    noise = _spread(sorted(pool.noise, key=lambda n: (n.variance, n.id)), _MAX_NOISE)
    columns = min(max(len(kernels), len(noise), 4), 12)
    layout = _Layout(columns, tile=1.7 if columns <= 6 else 1.2)
    height = layout.height(len(kernels), len(noise))
    figure = Figure(figsize=(layout.width, height), dpi=150, facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, layout.width), ylim=(height, 0))
    axes.set_axis_off()
    axes.autoscale(enable=False)
    sheet = _Sheet(axes, layout)
    sheet.write(_MARGIN, 0.5, printable(pool.path.resolve().name), size=15, weight="bold")
    sheet.write(_MARGIN, 0.74, _summary(pool), size=9, color=_FAINT)
    below = _draw_kernels(sheet, pool, kernels, top=0.95)
    _draw_noise(sheet, pool, noise, top=below)
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # letters that the font lacks become boxes
        figure.savefig(buffer, format="png")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DegradeError(f"{printable(path.parent)}: cannot be made ({error.strerror})") from None
    write_atomically(path, buffer.getvalue())


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where things go on the sheet, in inches."""

    columns: int
    tile: float

    @property
    def width(self) -> float:
        return max(2 * _MARGIN + self.columns * (self.tile + _GAP) - _GAP, 7.6)

    def section(self, count: int) -> float:
        rows = math.ceil(count / self.columns)
        return _HEADING + rows * (self.tile + _CAPTION) + 0.1

    def height(self, kernels: int, noise: int) -> float:
        return 0.95 + self.section(kernels) + self.section(noise) + 0.25

    def place(self, number: int, top: float) -> tuple[float, float]:
        row, column = divmod(number, self.columns)
        left = _MARGIN + column * (self.tile + _GAP)
        return left, top + _HEADING + row * (self.tile + _CAPTION)


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
        self, number: int, top: float, picture: AnyArray, captions: tuple[str, ...]
    ) -> tuple[float, float]:
        left, upper = self.layout.place(number, top)
        side = self.layout.tile
        self.image(picture, left, upper, side, side)
        letters = int(side * 17)
        self.write(left, upper + side + 0.11, _shorten(captions[0], letters), size=6.5)
        for line, text in enumerate(captions[1:], 2):
            self.write(left, upper + side + 0.11 * line, text, size=6, color=_FAINT)
        return left, upper

    def warn(self, left: float, top: float, text: str) -> None:
        """Frame the tile at this place and write why across its foot."""
        side, inset = self.layout.tile, 0.012
        low, high = inset, side - inset
        x = (left + low, left + high, left + high, left + low, left + low)
        y = (top + low, top + low, top + high, top + high, top + low)
        self.axes.plot(x, y, color=_WARNING, linewidth=1.4)
        shown = _shorten(text, int(side * 17))
        self.write(left + 0.06, top + side - 0.07, shown, size=6, color=_WARNING)

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
        return top + sheet.layout.section(0)
    weights = [pool.read_kernel(record.id).weights for record in records]
    size = max(record.size for record in records)
    _draw_colour_key(sheet, top, f"{size}×{size} HR px each; colour: square root of the weight")
    for number, (record, kernel) in enumerate(zip(records, weights, strict=True)):
        wide, narrow = kernel_sigmas(kernel)
        captions = (
            _name(record),
            f"×{record.scale}   σ {narrow:.2f}–{wide:.2f} px",
            _confidence(record),
        )
        padded = crop_or_pad_kernel(kernel, size)
        left, upper = sheet.tile(number, top, _colour(padded / np.abs(padded).max()), captions)
        centre = (phase_centre(size, record.scale) + 0.5) / size * sheet.layout.tile
        _draw_ticks(sheet, left, upper, centre)
        if doubts_of(record.provenance):
            sheet.warn(left, upper, ", ".join(record.provenance.notes) or "doubtful")
    return top + sheet.layout.section(len(records))


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
        captions = (
            _name(record),
            f"var {record.variance:.3g}   at level {record.brightness:.0f}",
        )
        sheet.tile(number, top, _amplify(residual, gain), captions)


def _amplify(residual: FloatArray, gain: float) -> npt.NDArray[np.uint8]:
    shown: npt.NDArray[np.float32] = 255 * np.clip(0.5 + gain * residual, 0, 1)
    return np.rint(shown).astype(np.uint8)


def _round_gain(gain: float) -> float:
    """Return the next lower one of 1, 2, 5, 10, 20 and so on."""
    power = 10.0 ** math.floor(math.log10(max(gain, 1.0)))
    return max(step * power for step in (1, 2, 5) if step * power <= max(gain, 1.0))


def _name(record: KernelRecord | NoiseRecord) -> str:
    return printable(PurePath(record.provenance.source_name).name)


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
        _count(len(pool.kernels), "kernel") + (f" ({by_scale})" if by_scale else ""),
        _count(len(pool.noise), "noise patch", "es"),
        f"measured on {_count(len(pool.sources), 'photo')}",
    ]
    return "   ·   ".join(parts)


def _count(number: int, noun: str, plural: str = "s") -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}{plural}"


def _shorten(text: str, most: int) -> str:
    """Cut the middle out of a long name: beginning and ending tell more."""
    if len(text) <= most:
        return text
    head = (most - 1) // 2
    return f"{text[:head]}…{text[head + 1 - most :]}"

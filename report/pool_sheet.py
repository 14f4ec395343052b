"""A picture of a pool: its kernels and its noise on one sheet."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from degrade.arrays import FloatArray, round_to_u8
from degrade.degradation.index import MATCHED
from degrade.disk.results import Results
from degrade.errors import line_of
from degrade.kernels import crop_or_pad_kernel, phase_centre
from degrade.pool import DegradationPool, KernelRecord, NoiseRecord
from degrade.pool.kernel_estimates import (
    DOUBTFUL_MEANS,
    FLAGGED_MEANS,
    confidence_text,
    is_doubtful,
    sigma_text,
)
from degrade.pool.region_records import REGION_VALUES
from degrade.wording import counted
from report.colours import signed_colours
from report.region_sheet import RegionSection
from report.sheet import (
    DOUBTFUL_COLOUR,
    FAINT,
    FLAGGED_COLOUR,
    MARGIN,
    Layout,
    Sheet,
    sheet_results,
    write_figure,
)

__all__ = ["check_sheet_path", "draw_pool_sheet"]

_MAX_KERNELS, _MAX_NOISE = 120, 48
_NOISE_WINDOW = 64


def draw_pool_sheet(pool: DegradationPool, path: Path, *, overwrite: bool = False) -> None:
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
        Something in the pool is damaged, or the file cannot be written, or is there and no sheet
        that was drawn before.
    """
    results = check_sheet_path(path, overwrite=overwrite)
    from matplotlib.figure import Figure

    drawn = _drawn(pool)
    kernels = _spread(
        sorted(drawn, key=lambda k: (k.scale, k.provenance.source_name, k.id)), _MAX_KERNELS
    )
    noise = _spread(sorted(pool.noise, key=lambda n: (n.variance, n.id)), _MAX_NOISE)
    columns = min(max(len(kernels), len(noise), 4), 12)
    known = [record.provenance for record in kernels] + [record.provenance for record in noise]
    legend = [(DOUBTFUL_COLOUR, DOUBTFUL_MEANS)] if any(map(is_doubtful, known)) else []
    legend += [(FLAGGED_COLOUR, FLAGGED_MEANS)] if any(p.flags for p in known) else []
    layout = Layout(
        columns,
        tile=1.7 if columns <= 6 else 1.2,
        legend=len(legend),
        kernel_lines=3 + _most_flags(kernels),
        noise_lines=2 + _most_flags(noise),
    )
    regions = RegionSection.of(pool)
    height = layout.height(len(kernels), len(noise)) + regions.height(layout)
    figure = Figure(figsize=(layout.width, height), dpi=150, facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, layout.width), ylim=(height, 0))
    axes.set_axis_off()
    axes.autoscale(enable=False)
    sheet = Sheet(axes, layout)
    sheet.write(MARGIN, 0.5, line_of(pool.path.resolve().name), size=15, weight="bold")
    sheet.write(MARGIN, 0.74, _summary(pool), size=9, color=FAINT)
    for line, (colour, text) in enumerate(legend):
        sheet.explain(0.94 + 0.18 * line, colour, text)
    below = _draw_kernels(sheet, pool, kernels, top=layout.head)
    below = _draw_noise(sheet, pool, noise, top=below)
    regions.draw(sheet, below)
    write_figure(figure, path, results)


def check_sheet_path(path: Path, *, overwrite: bool = False) -> Results:
    """Say what would keep :func:`draw_pool_sheet` from drawing, before anything is done.

    Returns
    -------
    Results
        Of the sheet's folder.

    Raises
    ------
    DegradeError
        As :func:`draw_pool_sheet`.
    """
    return sheet_results(path, "inspect", overwrite=overwrite)


def _drawn(pool: DegradationPool) -> list[KernelRecord]:
    """Return the kernels that plans may draw: all but those of earlier matches."""
    outdated = pool.outdated_kernels
    return [record for record in pool.kernels if record.id not in outdated]


def _most_flags(records: Sequence[KernelRecord | NoiseRecord]) -> int:
    return max((len(record.provenance.flags) for record in records), default=0)


def _draw_kernels(
    sheet: Sheet, pool: DegradationPool, records: list[KernelRecord], *, top: float
) -> float:
    shown = _of(len(records), len(_drawn(pool)))
    sheet.write(MARGIN, top + 0.28, f"Blur kernels{shown}", size=11, weight="bold")
    if not records:
        sheet.write(MARGIN + 1.4, top + 0.28, "none yet: degrade estimate-kernels", size=8)
        return top + sheet.layout.section(0, 0)
    kernels = [pool.read_kernel(record.id) for record in records]
    size = max(record.size for record in records)
    _draw_colour_key(sheet, top, f"{size}×{size} HR px each; colour: square root of the weight")
    for number, (record, kernel) in enumerate(zip(records, kernels, strict=True)):
        captions = (f"×{record.scale}   σ {sigma_text(kernel)} px", _confidence(record))
        place = sheet.layout.place(number, top, sheet.layout.kernel_lines)
        padded = crop_or_pad_kernel(kernel.weights, size)
        picture = signed_colours(padded / np.abs(padded).max())
        sheet.tile(place, picture, captions, record.provenance)
        centre = (phase_centre(size, record.scale) + 0.5) / size * sheet.layout.tile
        _draw_ticks(sheet, *place, centre)
    return top + sheet.layout.section(len(records), sheet.layout.kernel_lines)


def _confidence(record: KernelRecord) -> str:
    known = record.provenance.values
    parts = [f"confidence {confidence_text(known['confidence'])}"] if "confidence" in known else []
    parts += [MATCHED] if record.provenance.method == MATCHED else []
    if all(name in known for name in REGION_VALUES):
        parts.append(f"row {known['row']:g}, col {known['column']:g}")
    return "   ".join(parts)


def _draw_ticks(sheet: Sheet, left: float, top: float, centre: float) -> None:
    """Mark on all four edges where the phase rule puts the centre."""
    side, length = sheet.layout.tile, 0.05
    along = np.array((0.0, length, np.nan, side - length, side, np.nan))
    across = np.full(6, centre)
    x, y = np.append(along, across), np.append(across, along)
    sheet.axes.plot(left + x, top + y, color=FAINT, linewidth=0.7)


def _draw_colour_key(sheet: Sheet, top: float, text: str) -> None:
    left = sheet.layout.width - MARGIN - 1.5
    ramp = np.linspace(-1, 1, 121)
    sheet.image(signed_colours(np.sign(ramp) * ramp**2)[None], left, top + 0.2, 1.5, 0.09)
    for share, label in ((0.0, "−peak"), (0.5, "0"), (1.0, "+peak")):
        sheet.write(left + 1.5 * share, top + 0.385, label, size=5.5, color=FAINT, ha="center")
    sheet.write(left - 0.25, top + 0.28, text, size=7, color=FAINT, ha="right")


def _draw_noise(
    sheet: Sheet, pool: DegradationPool, records: list[NoiseRecord], *, top: float
) -> float:
    shown = _of(len(records), len(pool.noise))
    sheet.write(MARGIN, top + 0.28, f"Noise residuals{shown}", size=11, weight="bold")
    if not records:
        sheet.write(MARGIN + 1.6, top + 0.28, "none yet: degrade extract-noise", size=8)
        return top + sheet.layout.section(0, 0)
    typical = math.sqrt(float(np.median([record.variance for record in records])))
    gain = _round_gain(0.15 * 255 / max(typical, 0.05))
    window = min(_NOISE_WINDOW, *(record.size for record in records))
    text = f"middle {window}×{window} px, {gain:g}× amplified around mid-grey; var in 8-bit levels²"
    sheet.write(sheet.layout.width - MARGIN, top + 0.28, text, size=7, color=FAINT, ha="right")
    for number, record in enumerate(records):
        start = (record.size - window) // 2
        residual = pool.read_residual_crop(record.id, start, start, window, window)
        caption = f"var {record.variance:.3g}   at level {record.brightness:.0f}"
        place = sheet.layout.place(number, top, sheet.layout.noise_lines)
        sheet.tile(place, _amplify(residual, gain), [caption], record.provenance)
    return top + sheet.layout.section(len(records), sheet.layout.noise_lines)


def _amplify(residual: FloatArray, gain: float) -> npt.NDArray[np.uint8]:
    shown: npt.NDArray[np.float32] = 255 * np.clip(0.5 + gain * residual, 0, 1)
    return round_to_u8(shown)


def _round_gain(gain: float) -> float:
    """Return the next lower one of 1, 2, 5, 10, 20 and so on."""
    power = 10.0 ** math.floor(math.log10(max(gain, 1.0)))
    return max(step * power for step in (1, 2, 5) if step * power <= max(gain, 1.0))


def _spread(records: list[Any], most: int) -> list[Any]:
    """Return at most ``most`` of the records, evenly over their order, first and last included."""
    if len(records) <= most:
        return records
    return [records[i * (len(records) - 1) // (most - 1)] for i in range(most)]


def _of(shown: int, total: int) -> str:
    return f"  ({shown} of {total})" if shown < total else f"  ({total})" if total else ""


def _summary(pool: DegradationPool) -> str:
    kernels = _drawn(pool)
    scales = sorted(Counter(kernel.scale for kernel in kernels).items())
    by_scale = ", ".join(f"×{scale}: {count}" for scale, count in scales)
    parts = [
        counted(len(kernels), "kernel") + (f" ({by_scale})" if by_scale else ""),
        *(
            [f"a fingerprint of {counted(len(pool.measured_photos), 'photo')}"]
            if pool.is_fingerprint
            else [
                counted(len(pool.noise), "noise patch"),
                f"{counted(len(pool.photos), 'photo')} looked at",
            ]
        ),
    ]
    return "   ·   ".join(parts)

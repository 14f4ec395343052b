"""A picture of pairs: LR, bicubic and HR of some of them side by side."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from degrade.arrays import Box, U8Array
from degrade.degradation import DegradationPlan
from degrade.disk.files import make_folder
from degrade.disk.results import Results
from degrade.errors import printable
from degrade.geometry import Scale, border_of, fitting_side, hr_box, hr_unit, lr_side, lr_unit
from degrade.images.image_io import encode_png
from degrade.images.labels import labelled
from degrade.metrics import psnr
from degrade.pairs import PairReader
from degrade.resample import enlarge_u8
from report.sheet import sheet_results
from report.side_by_side import on_a_sheet

__all__ = ["check_pairs_sheet_path", "draw_pairs_sheet"]

_MOST = 24
_SIDE = 192
"""HR pixels of a pair that are shown: its middle."""

_COLUMNS = 2


def draw_pairs_sheet(reader: PairReader, path: Path, *, overwrite: bool = False) -> None:
    """Draw up to 24 pairs, spread over the set, as PNG.

    Of each pair its middle, 192 HR pixels a side: LR by nearest neighbour, LR enlarged by bicubic
    interpolation with its PSNR on Y, and HR. The kernel and the noise of its plan stand above.

    Raises
    ------
    DegradeError
        As :func:`check_pairs_sheet_path`; a pair is damaged, or the file cannot be written.
    """
    results = check_pairs_sheet_path(path, overwrite=overwrite)
    numbers = np.unique(np.linspace(0, len(reader) - 1, _MOST).astype(int)).tolist()
    tiles = [_tile(reader, number) for number in numbers]
    make_folder(path.parent)
    results.write(path, encode_png(on_a_sheet(tiles, columns=_COLUMNS)))


def check_pairs_sheet_path(path: Path, *, overwrite: bool = False) -> Results:
    """Say what would keep :func:`draw_pairs_sheet` from drawing, before anything is done.

    Raises
    ------
    DegradeError
        The name does not end in ``.png``, or what stands there is no sheet drawn before.
    """
    return sheet_results(path, "inspect", overwrite=overwrite, by_matplotlib=False)


def _tile(reader: PairReader, number: int) -> U8Array:
    record, scale = reader.records[number], reader.scale
    lr_u8, hr_u8 = reader.read(number)
    lr_box = _middle(lr_u8.shape, scale)
    top, left, height, width = hr_box(lr_box, scale)
    larger = enlarge_u8(lr_u8, scale)
    border = border_of(scale)
    quality = min(psnr(larger, hr_u8, border=border), 99.99) if min(lr_u8.shape[:2]) > 2 else 0.0
    rows, columns = slice(top, top + height), slice(left, left + width)
    nearest = lr_u8[np.ix_(*(_nearest(side, scale) for side in (rows, columns)))]
    parts = {
        f"LR x{scale}": nearest,
        f"bicubic {quality:.2f} dB": larger[rows, columns],
        "HR": hr_u8[rows, columns],
    }
    pictures = [labelled(part, text) for text, part in parts.items()]
    return labelled(np.concatenate(pictures, axis=1), printable(record.key), _made_of(record.plan))


def _middle(shape: tuple[int, ...], scale: Scale) -> Box:
    """Return the middle of LR that is drawn."""
    unit, most = lr_unit(scale), lr_side(max(fitting_side(_SIDE, scale), hr_unit(scale)), scale)
    height, width = (min(side, most) for side in shape[:2])
    top, left = (
        (side - shown) // 2 // unit * unit
        for side, shown in zip(shape[:2], (height, width), strict=True)
    )
    return top, left, height, width


def _nearest(hr: slice, scale: Scale) -> npt.NDArray[np.int64]:
    """Return the LR pixel that each HR pixel's centre lies in."""
    centres = 2 * np.arange(hr.start, hr.stop) + 1
    pixels: npt.NDArray[np.int64] = centres * lr_unit(scale) // (2 * hr_unit(scale))
    return pixels


def _made_of(plan: DegradationPlan | None) -> str:
    if plan is None:
        return "imported, not made by a plan"
    kinds = [step.kind for step in plan.steps]
    if plan.kernel_id is not None:
        kinds[0] = f"kernel {plan.kernel_id[:12]}"
    return ", ".join(kinds)

"""A picture of pairs: LR, bicubic and HR of some of them side by side."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from degrade.arrays import U8Array
from degrade.degradation import DegradationPlan
from degrade.disk.files import make_folder
from degrade.disk.results import Results
from degrade.errors import printable
from degrade.images.image_io import encode_png
from degrade.images.labels import labelled
from degrade.pairs import PairReader
from report.pair_views import view_pair
from report.sheet import sheet_results
from report.side_by_side import on_a_sheet

__all__ = ["check_pairs_sheet_path", "draw_pairs_sheet"]

_MOST = 24
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
    record, view = reader.records[number], view_pair(reader, number)
    parts = {
        f"LR x{reader.scale}": view.nearest,
        f"bicubic {view.psnr:.2f} dB": view.bicubic,
        "HR": view.hr,
    }
    pictures = [labelled(part, text) for text, part in parts.items()]
    return labelled(np.concatenate(pictures, axis=1), printable(record.key), _made_of(record.plan))


def _made_of(plan: DegradationPlan | None) -> str:
    if plan is None:
        return "imported, not made by a plan"
    kinds = [step.kind for step in plan.steps]
    if plan.kernel_id is not None:
        kinds[0] = f"kernel {plan.kernel_id[:12]}"
    return ", ".join(kinds)

"""The rows as a table for the terminal, and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from typing import Any

from degrade.errors import line_of
from pipelines.history.rows import PhotoRow
from pipelines.measuring.history_words import ENLARGED

__all__ = ["encode_csv", "photo_cells", "table_lines"]

_LONGEST = 34
_NONE = "–"


def _shorten(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _size(row: PhotoRow) -> str:
    return f"{row.photo.width}×{row.photo.height}"


def _camera(row: PhotoRow) -> str:
    known = row.photo.camera
    return known or _NONE


def _saved(row: PhotoRow) -> str:
    values = row.values("jpeg")
    words = row.words("jpeg") if "luma" in values or "grid" in values.get("pixels", {}) else ""
    return words or row.photo.format.upper()


def _enlarged(row: PhotoRow) -> str:
    if row.is_enlarged:
        found = row.values("resampling")
        sure = found["probability"] * found["factor_probability"]
        return f"×{found['factor']:.3g} ({100 * sure:.0f} %)"
    return _unknown(row, "resampling", "probability") or "not seen"


def _blur(row: PhotoRow) -> str:
    found = row.values("sharpening")
    if unknown := _unknown(row, "sharpening", "sigma"):
        return unknown
    if found["blur"] == "motion":
        return f"motion {found['motion_length']:.2g} px, {found['motion_angle']:.0f}°"
    return f"{'soft' if found['blur'] == 'defocus' else 'sharp'}, σ {found['sigma']:.2g}"


def _sharpened(row: PhotoRow) -> str:
    if unknown := _unknown(row, "sharpening", "amount"):
        return unknown
    found = row.values("sharpening")
    return f"{found['amount']:.2g}" if "sharpened" in row.flags("sharpening") else "not seen"


def _noise(row: PhotoRow) -> str:
    noise = row.values("levels").get("noise")
    return _NONE if noise is None else f"{noise:.2g}"


def _clipped(row: PhotoRow) -> str:
    found = row.values("levels")
    return f"{100 * found['clipped']:.0f} %" if found else _NONE


def _same(row: PhotoRow) -> str:
    return f"{row.sameness} as {row.same_as}" if row.same_as else ""


def _unknown(row: PhotoRow, kind: str, name: str) -> str:
    """Return why a value is not there; empty when it is."""
    if name in row.values(kind):
        return ""
    return f"? {', '.join(row.flags(kind))}".strip() if kind in row.findings else _NONE


_COLUMNS: dict[str, Callable[[PhotoRow], str]] = {
    "photo": lambda row: row.photo.name,
    "pixels": _size,
    "camera": _camera,
    "saved as": _saved,
    "enlarged": _enlarged,
    "edges": _blur,
    "sharpened": _sharpened,
    "noise": _noise,
    "clipped": _clipped,
    "same": _same,
}


def photo_cells(row: PhotoRow) -> dict[str, str]:
    """Return what the table says of a photo, by the columns' names."""
    return {name: make(row) for name, make in _COLUMNS.items()}


def table_lines(rows: Sequence[PhotoRow]) -> list[str]:
    """Return a head and a line for each photo, in columns."""
    cells = [list(_COLUMNS)]
    cells += [[_shorten(line_of(cell)) for cell in photo_cells(row).values()] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for line in cells:
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        lines.append("  ".join(padded).rstrip())
    return lines


def _seen(row: PhotoRow, kind: str, name: str, flag: str) -> str:
    """Return whether a photo is flagged; empty where it cannot tell, for want of a value."""
    if name not in row.values(kind):
        return ""
    return "yes" if flag in row.flags(kind) else "not seen"


_CSV: dict[str, Callable[[PhotoRow], Any]] = {
    "photo": lambda row: row.photo.name,
    "path": lambda row: str(row.photo.path),
    "sha256": lambda row: row.photo.sha256,
    "width": lambda row: row.photo.width,
    "height": lambda row: row.photo.height,
    "format": lambda row: row.photo.format,
    **{
        name: (lambda row, name=name: row.values("camera").get(name))  # type: ignore[misc]
        for name in (
            "make",
            "model",
            "lens",
            "iso",
            "focal_length",
            "exposure",
            "aperture",
            "digital_zoom",
        )
    },
    "jpeg": lambda row: row.words("jpeg"),
    "jpeg_quality": lambda row: row.values("jpeg").get("quality"),
    "jpeg_subsampling": lambda row: row.values("jpeg").get("subsampling"),
    "enlarged": lambda row: _seen(row, "resampling", "probability", ENLARGED),
    **{
        name: (lambda row, key=key: row.values("resampling").get(key))  # type: ignore[misc]
        for name, key in (
            ("enlarged_probability", "probability"),
            ("enlarged_factor", "factor"),
            ("enlarged_factor_probability", "factor_probability"),
            ("enlarged_other_factor", "other_factor"),
            ("period", "period"),
        )
    },
    "sharpened": lambda row: _seen(row, "sharpening", "amount", "sharpened"),
    **{
        name: (lambda row, key=key: row.values("sharpening").get(key))  # type: ignore[misc]
        for name, key in (
            ("sharpening_amount", "amount"),
            ("sharpening_radius", "radius"),
            ("overshoot", "overshoot"),
            ("blur", "blur"),
            ("blur_sigma", "sigma"),
            ("motion_length", "motion_length"),
            ("motion_angle", "motion_angle"),
            ("edges", "edges"),
        )
    },
    **{
        name: (lambda row, name=name: row.values("levels").get(name))  # type: ignore[misc]
        for name in ("noise", "black", "white", "clipped")
    },
    "same_as": lambda row: row.same_as,
    "same_in": lambda row: row.sameness,
    "flags": lambda row: "; ".join(
        f"{kind}: {', '.join(found.flags)}" for kind, found in row.findings.items() if found.flags
    ),
}


def encode_csv(rows: Sequence[PhotoRow]) -> bytes:
    """Return the table as CSV in UTF-8, a line for each photo; what is not known is empty."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_CSV)
    writer.writerows([make(row) for make in _CSV.values()] for row in rows)
    # A file name may hold bytes that are no text.
    return text.getvalue().encode("utf-8", "backslashreplace")

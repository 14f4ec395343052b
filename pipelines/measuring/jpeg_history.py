"""The measurement of compression: what a JPEG file's header says of it, and what pixels tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from degrade.arrays import AnyArray
from degrade.errors import printable
from degrade.jpeg.frame import JpegFrame, jpeg_frame
from degrade.jpeg.grid import upright_grid
from degrade.jpeg.names import name_tables
from degrade.jpeg.pixel_history import earlier_of_file, history_of_pixels
from degrade.jpeg.tables import UNITS, JpegSettings, jpeg_settings, quality_of
from degrade.jpeg.transform import BLOCK
from degrade.pool import Findings
from degrade.wording import counted, most_first
from pipelines.measuring.collector import Collector
from pipelines.measuring.measurement import Measurement
from pipelines.shared.photo_scan import OpenPhoto, ScannedPhoto
from pipelines.shared.reports import Fact

__all__ = ["JpegCollector", "JpegHistory", "jpeg_words"]

_VERSION = 5
"""Of what is recorded; raised when more is."""

_UNTOLD = {
    "too small": "too small",
    "clipped": "clipped",
    "flat": "flat",
    "artificial": "no photo, by its pixels",
}
"""Why nothing can be told of pixels at all."""


@dataclass(frozen=True, slots=True)
class JpegHistory(Measurement):
    """Tables and subsampling of the last compression, also of pixels that are no JPEG any more."""

    @property
    def kind(self) -> str:
        """What the pool calls it."""
        return "jpeg"

    @property
    def settings(self) -> dict[str, Any]:
        """What decides on the values."""
        return {"version": _VERSION}

    def seconds_for(self, pixels: int) -> float:
        """Return about how long a photo takes, decoding it included."""
        return 0.06 + 2e-8 * pixels

    def measure(self, photo: OpenPhoto) -> Findings:
        """Read the header and look at some windows; no compression is a finding too.

        Raises
        ------
        InputError
            The decoder refuses the pixels.
        """
        found, frame = jpeg_settings(photo.data), jpeg_frame(photo.data)
        values: dict[str, Any] = {"format": photo.header.format}
        pixels = photo.photo.pixels
        if found is not None and frame is not None:
            values |= _file_values(found, frame)
            if frame.bits == 8 and frame.colours in ("gray", "luma and chroma"):
                values |= _pixels_of_file(photo, found, pixels)
        else:
            values["pixels"] = msgspec.to_builtins(history_of_pixels(pixels))
        return Findings(kind=self.kind, settings=self.settings, values=values)


def _file_values(found: JpegSettings, frame: JpegFrame) -> dict[str, Any]:
    """Return what is remembered of a JPEG file."""
    names = msgspec.to_builtins(name_tables(found))
    return {
        "quality": quality_of(found),
        "subsampling": found.subsampling,
        "named": names.pop("words"),
        **names,
        **msgspec.to_builtins(frame),
        "luma": list(found.luma),
        "chroma": found.chroma and list(found.chroma),
    }


def _pixels_of_file(photo: OpenPhoto, found: JpegSettings, pixels: AnyArray) -> dict[str, Any]:
    """Return where a file's grid lies, upright, and what was before it."""
    orientation = photo.header.orientation
    turned = orientation >= 5
    size = photo.header.upright_size
    grid = upright_grid(size, orientation)
    unit = UNITS.get(found.subsampling, (BLOCK, BLOCK))
    unit = unit[::-1] if turned else unit
    earlier = earlier_of_file(pixels, found, grid, turned=turned)
    told: dict[str, Any] = {"turned": True} if turned else {}
    told |= {} if earlier is None else {"earlier": msgspec.to_builtins(earlier)}
    return {"grid": list(grid), "unit": [*upright_grid(size, orientation, unit), *unit], **told}


def jpeg_words(values: Mapping[str, Any]) -> str:
    """Return what was found in a photo, for people."""
    if "luma" in values:
        return ", ".join([_file_words(values), *_earlier_words(values)])
    pixels = values.get("pixels", {})
    if "grid" not in pixels:
        doubt = pixels.get("doubt", "no grid")
        return f"no JPEG: {_UNTOLD.get(doubt, 'no grid of one found, unless it was resized since')}"
    parts = [pixels["named"]]
    parts += [pixels["subsampling"]] if "subsampling" in pixels else ["subsampling not known"]
    parts += ["turned since"] if pixels.get("turned") else []
    row, column = pixels["grid"]
    parts.append(f"its grid begins at row {row}, column {column}")
    return f"once a JPEG: {', '.join([*parts, *_earlier_words(pixels)])}"


def _file_words(values: Mapping[str, Any]) -> str:
    """Return what a JPEG file's header says, for people."""
    is_usual = values["colours"] == "luma and chroma"
    parts = [values["named"], values["subsampling"] if is_usual else values["colours"]]
    parts += [values["coding"]] if values["coding"] != "baseline" else []
    parts += [f"{values['bits']} bits"] if values["bits"] != 8 else []
    parts += [f"{values['tables']} tables"] if values["tables"] > 2 else []
    parts += ["the first of several pictures"] if values["pictures"] else []
    return ", ".join(parts)


def _earlier_words(values: Mapping[str, Any]) -> list[str]:
    earlier = values.get("earlier")
    if earlier is None:
        return []
    if "qualities" in earlier:
        low, high = earlier["qualities"]
        return [f"before at quality {low if low == high else f'{low} to {high}'}"]
    row, column = earlier["grid"]
    return [f"before on another grid, from row {row}, column {column} on"]


class JpegCollector(Collector):
    """Tells how each JPEG photo was compressed, and counts the others."""

    def __init__(self) -> None:
        super().__init__(JpegHistory(), job="read-jpeg")
        self._others: Counter[str] = Counter()

    def keep(self, photo: ScannedPhoto, findings: Findings) -> Findings:
        """Take what was found; all of it goes into the pool."""
        self._done += 1
        values = findings.values
        pixels = values.get("pixels", {})
        if "luma" not in values and "grid" not in pixels:
            self._others[pixels.get("doubt", "")] += 1
            return findings
        words = f"{printable(photo.name)}: {jpeg_words(values)}"
        self._told.append(Fact(findings.kind, words, {"photo": photo.name, "values": values}))
        return findings

    def facts(self) -> list[Fact]:
        """Return a line for each photo of this run that is or was a JPEG."""
        told = super().facts()
        count = self._others.total()
        if told and count:
            words = f"{counted(count, 'photo')} in other formats, without a trace of JPEG"
            untold = {doubt: self._others[doubt] for doubt in _UNTOLD if self._others[doubt]}
            if untold:
                each = ", ".join(f"{_UNTOLD[doubt]} {n}" for doubt, n in most_first(untold))
                words += f"; of these nothing can be told of {sum(untold.values())}: {each}"
            told.append(Fact("other_formats", words, {"photos": count, "untold": untold}))
        return told

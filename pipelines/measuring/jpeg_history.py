"""The measurement of compression: what a JPEG file's own header says of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from degrade.errors import printable
from degrade.jpeg.frame import JpegFrame, jpeg_frame
from degrade.jpeg.names import name_tables
from degrade.jpeg.tables import JpegSettings, jpeg_settings, quality_of
from degrade.pool import Findings
from degrade.wording import counted
from pipelines.measuring.collector import Collector
from pipelines.measuring.measurement import Measurement
from pipelines.shared.photo_scan import OpenPhoto, ScannedPhoto
from pipelines.shared.reports import Fact

__all__ = ["JpegCollector", "JpegHistory"]

_VERSION = 2
"""Of what is recorded; raised when more is."""


@dataclass(frozen=True, slots=True)
class JpegHistory(Measurement):
    """Tables, subsampling, and the quality of libjpeg where one has exactly those tables."""

    @property
    def kind(self) -> str:
        """What the pool calls it."""
        return "jpeg"

    @property
    def settings(self) -> dict[str, Any]:
        """What decides on the values."""
        return {"version": _VERSION}

    def seconds_for(self, pixels: int) -> float:
        """Return about how long a photo takes; its pixels are not decoded."""
        return 0.001

    def measure(self, photo: OpenPhoto) -> Findings:
        """Read the header; a photo in another format is a finding too."""
        found, frame = jpeg_settings(photo.data), jpeg_frame(photo.data)
        values: dict[str, Any] = {"format": photo.header.format}
        if found is not None and frame is not None:
            values |= _file_values(found, frame)
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


def _file_words(values: Mapping[str, Any]) -> str:
    """Return what a JPEG file's header says, for people."""
    is_usual = values["colours"] == "luma and chroma"
    parts = [values["named"], values["subsampling"] if is_usual else values["colours"]]
    parts += [values["coding"]] if values["coding"] != "baseline" else []
    parts += [f"{values['bits']} bits"] if values["bits"] != 8 else []
    parts += [f"{values['tables']} tables"] if values["tables"] > 2 else []
    parts += ["the first of several pictures"] if values["pictures"] else []
    return ", ".join(parts)


class JpegCollector(Collector):
    """Tells how each JPEG photo was compressed, and counts the others."""

    def __init__(self) -> None:
        super().__init__(JpegHistory(), job="read-jpeg")
        self._others = 0

    def keep(self, photo: ScannedPhoto, findings: Findings) -> Findings:
        """Take what was found; all of it goes into the pool."""
        self._done += 1
        values = findings.values
        if "luma" not in values:
            self._others += 1
            return findings
        words = f"{printable(photo.name)}: {_file_words(values)}"
        self._told.append(Fact(findings.kind, words, {"photo": photo.name, "values": values}))
        return findings

    def facts(self) -> list[Fact]:
        """Return a line for each JPEG photo of this run."""
        told = super().facts()
        if told and self._others:
            words = f"{counted(self._others, 'photo')} in other formats"
            told.append(Fact("other_formats", words, {"photos": self._others}))
        return told

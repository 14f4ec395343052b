"""The measurement that models of noise are fitted to: what the flat parts of a photo tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from degrade.disk.structs import read_struct
from degrade.errors import CorruptDataError, InvalidValueError, printable
from degrade.images.exif import camera_in, iso_in
from degrade.noise.statistics import NoiseStatistics, measure_noise
from degrade.pool import Findings
from degrade.wording import counted
from pipelines.measuring.collector import Collector
from pipelines.measuring.measurement import Measurement
from pipelines.shared.photo_scan import OpenPhoto, ScannedPhoto
from pipelines.shared.reports import Fact

__all__ = ["NoiseModelCollector", "NoiseModelMeasurement", "noise_words", "statistics_in"]

_VERSION = 2
"""Of what is recorded; raised when other values come of the same photo."""

_CANNOT_TELL = "cannot_tell"


@dataclass(frozen=True, slots=True)
class NoiseModelMeasurement(Measurement):
    """:func:`degrade.noise.statistics.measure_noise`; a photo that cannot tell says why."""

    @property
    def kind(self) -> str:
        """What the pool calls it."""
        return "noise-model"

    @property
    def settings(self) -> dict[str, Any]:
        """What decides on the values."""
        return {"version": _VERSION}

    def seconds_for(self, pixels: int) -> float:
        """Return about how long a photo takes, decoding it included."""
        return 0.05 + 1e-8 * pixels

    def measure(self, photo: OpenPhoto) -> Findings:
        """Measure the flat parts of a photo; that it has none is a finding too.

        Raises
        ------
        InputError
            The decoder refuses it.
        """
        pixels = photo.photo.pixels
        try:
            found = measure_noise(pixels, camera=_camera_of(photo.data))
        except InvalidValueError as error:
            values: dict[str, Any] = {_CANNOT_TELL: str(error)}
            return Findings(kind=self.kind, settings=self.settings, values=values)
        values = msgspec.to_builtins(found)
        return Findings(kind=self.kind, settings=self.settings, values=values)


def _camera_of(data: bytes) -> str:
    """Return the camera and its ISO setting; empty where the file does not tell the camera."""
    camera, iso = camera_in(data), iso_in(data)
    if camera is None:
        return ""
    return camera if iso is None else f"{camera}, ISO {iso}"


def statistics_in(values: Mapping[str, Any]) -> NoiseStatistics | None:
    """Return what was measured; None where the photo cannot tell, or of another version."""
    try:
        return read_struct(values, NoiseStatistics, "a photo's noise model")
    except CorruptDataError:
        return None


def noise_words(values: Mapping[str, Any]) -> str:
    """Return what was measured in one line for people; of what is no such thing, that it is not."""
    if _CANNOT_TELL in values:
        return f"cannot tell: {printable(str(values[_CANNOT_TELL]))}"
    try:
        found = read_struct(values, NoiseStatistics, "a photo's noise model")
    except CorruptDataError as error:
        return printable(str(error))
    camera = printable(found.camera) or "camera not known"
    return f"{camera}; {found.words()}"


class NoiseModelCollector(Collector):
    """Tells of each photo how strong its noise is, and counts those that cannot tell, by reason."""

    def __init__(self) -> None:
        super().__init__(NoiseModelMeasurement(), job="measure-noise", unit="noise model")

    def keep(self, photo: ScannedPhoto, findings: Findings) -> Findings:
        """Take what was found; all of it goes into the pool."""
        self._done += _CANNOT_TELL not in findings.values
        words = f"{printable(photo.name)}: {noise_words(findings.values)}"
        values = {"photo": photo.name, "values": findings.values}
        self._told.append(Fact(findings.kind, words, values))
        return findings

    def facts(self) -> list[Fact]:
        """Return a line for each photo of this run, first those that tell; how many cannot."""
        told = sorted(super().facts(), key=lambda fact: _CANNOT_TELL in fact.values["values"])
        silent = sum(_CANNOT_TELL in fact.values["values"] for fact in told)
        if silent:
            words = f"{counted(silent, 'photo')} of {len(told)} cannot tell their camera's noise"
            told.append(Fact("no_noise_model", words, {"photos": silent, "of": len(told)}))
        return told

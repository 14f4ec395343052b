"""What was done to a photo before it came here: four measurements that keep values alone.

Each looks at a few windows, so that a photo of 12 megapixels takes about 50 ms beyond decoding for
all of them. What a photo cannot tell is flagged, and none of it is a reason to refuse the photo.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from degrade.arrays import FloatArray
from degrade.history.edges import find_edges
from degrade.history.levels import is_drawn, measure_levels
from degrade.history.periods import measure_periods
from degrade.history.resampling import judge_resampling
from degrade.history.sharpness import (
    EdgeBlur,
    Sharpening,
    blur_kind,
    measure_edge_blur,
    measure_sharpening,
)
from degrade.history.spectrum import fall_of_power
from degrade.history.windows import LEAST_SIDE, spread_windows
from degrade.images.exif import camera_facts
from degrade.pool import Findings
from degrade.pool.camera_groups import NAMED
from pipelines.measuring.collector import Collector
from pipelines.measuring.history_words import ENLARGED, together
from pipelines.measuring.measurement import Measurement
from pipelines.shared.photo_scan import OpenPhoto, ScannedPhoto
from pipelines.shared.reports import Fact

__all__ = [
    "BY_EXIF",
    "NO_CAMERA",
    "CameraHistory",
    "HistoryCollector",
    "LevelHistory",
    "ResamplingHistory",
    "SharpeningHistory",
]

_VERSION = 1
"""Of what is recorded; raised when other values come of the same photo."""

BY_EXIF, NO_CAMERA = "exif", "none"

_FLAT = 2.0
"""Grey levels; where no window varies by more, there is nothing to see."""

_CLIPPED = 0.25

_EDGES_WANTED = "too few edges"


@dataclass(frozen=True, slots=True)
class _PhotoMeasurement(Measurement):
    """What the four have in common."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """What decides on the values."""
        return {"version": _VERSION}

    def seconds_for(self, pixels: int) -> float:
        """Return the time of windows; decoding is paid for by others."""
        return 0.02

    def _found(self, values: dict[str, Any], *flags: str, **more: Any) -> Findings:
        return Findings(kind=self.kind, settings=self.settings, values=values, flags=flags, **more)


def _windows_of(photo: OpenPhoto) -> FloatArray | str:
    """Return the windows of a photo, or what keeps them from telling of its history."""
    pixels_u8 = photo.pixels_u8
    if min(pixels_u8.shape[:2]) < LEAST_SIDE:
        return "too small"
    windows = spread_windows(pixels_u8)
    if float(windows.std(axis=(1, 2)).max()) < _FLAT:
        return "flat"
    return "drawn, not photographed" if is_drawn(windows) else windows


class ResamplingHistory(_PhotoMeasurement):
    """Whether a photo was enlarged before, and by how much."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """Version 2 knows of photos that were soft before."""
        return {"version": 2}

    @property
    def kind(self) -> str:
        """What the pool calls it."""
        return "resampling"

    def measure(self, photo: OpenPhoto) -> Findings:
        """Judge the periods of rows and columns by the fall of the spectrum."""
        windows = photo.once(_windows_of)
        if isinstance(windows, str):
            return self._found({}, windows)
        found = judge_resampling(measure_periods(photo.pixels_u8), fall_of_power(windows))
        values = _rounded(asdict(found))
        if not found.is_told:
            return self._found(values)
        sure = found.probability * found.factor_probability
        return self._found(values, ENLARGED, confidence=round(sure, 3))


class SharpeningHistory(_PhotoMeasurement):
    """How wide edges are in each direction, and how they were sharpened."""

    @property
    def kind(self) -> str:
        """What the pool calls it."""
        return "sharpening"

    def measure(self, photo: OpenPhoto) -> Findings:
        """Fit the edges of the photo."""
        windows = photo.once(_windows_of)
        if isinstance(windows, str):
            return self._found({}, windows)
        edges = find_edges(windows)
        sharpening, blur = measure_sharpening(edges), measure_edge_blur(edges)
        values: dict[str, Any] = {"edges": len(edges)}
        if sharpening is None:
            return self._found(values, _EDGES_WANTED)
        values |= _sharpening_values(sharpening) | _blur_values(sharpening, blur)
        return self._found(_rounded(values), *(["sharpened"] if sharpening.is_told else []))


def _sharpening_values(found: Sharpening) -> dict[str, Any]:
    return {
        "sigma": found.sigma[1],
        "sigma_between": [found.sigma[0], found.sigma[2]],
        "amount": found.amount[1],
        "amount_between": [found.amount[0], found.amount[2]],
        "radius": found.radius[1],
        "radius_between": [found.radius[0], found.radius[2]],
        "sharpened": found.is_told,
        "overshoot": found.overshoot[1],
        "overshoot_between": [found.overshoot[0], found.overshoot[2]],
    }


def _blur_values(sharpening: Sharpening, blur: EdgeBlur | None) -> dict[str, Any]:
    values: dict[str, Any] = {"blur": blur_kind(sharpening, blur)}
    if blur is not None:
        values |= {
            "motion_length": blur.length[1],
            "motion_between": [blur.length[0], blur.length[2]],
            "motion_angle": blur.angle,
            "directions": blur.directions,
        }
    return values


@dataclass(frozen=True, slots=True)
class CameraHistory(_PhotoMeasurement):
    """What EXIF data say of camera, lens and exposure; no serial number, place or time.

    Attributes
    ----------
    camera : str
        ``exif``: as the photo says. ``none``: photos are of no camera together. Another: they are
        all of the camera of this name, whatever they say.
    """

    camera: str = BY_EXIF

    @property
    def settings(self) -> Mapping[str, Any]:
        """What decides on the values."""
        given = {} if self.camera == BY_EXIF else {NAMED: self._name}
        return {"version": _VERSION, **given}

    @property
    def _name(self) -> str:
        return "" if self.camera == NO_CAMERA else self.camera

    @property
    def kind(self) -> str:
        """What the pool calls it."""
        return "camera"

    def seconds_for(self, pixels: int) -> float:
        """Return the time of reading a few bytes."""
        return 0.0001

    def measure(self, photo: OpenPhoto) -> Findings:
        """Read them; that there are none is a finding too."""
        known = asdict(camera_facts(photo.data))
        values = {name: value for name, value in known.items() if value is not None}
        return self._found(values if self.camera == BY_EXIF else {**values, NAMED: self._name})


class LevelHistory(_PhotoMeasurement):
    """How much is clipped, and how strong the noise is."""

    @property
    def kind(self) -> str:
        """What the pool calls it."""
        return "levels"

    def measure(self, photo: OpenPhoto) -> Findings:
        """Look at some pixels and windows."""
        found = measure_levels(photo.pixels_u8)
        clipped = found.clipped > _CLIPPED
        return self._found(_rounded(asdict(found)), *(["clipped"] if clipped else []))


def _rounded(values: dict[str, Any]) -> dict[str, Any]:
    """Return values with four digits: more are noise, and differ from processor to processor."""
    return {name: _four_digits(value) for name, value in values.items()}


def _four_digits(value: Any) -> Any:
    if isinstance(value, list):
        return [_four_digits(one) for one in value]
    if not isinstance(value, float | np.floating):
        return value
    return float(f"{value:.4g}") if np.isfinite(value) else None


class HistoryCollector(Collector):
    """Tells of all photos together, where there is something to say."""

    def __init__(self, measurement: Measurement) -> None:
        super().__init__(measurement, job=f"read-{measurement.kind}")
        self._findings: dict[str, Findings] = {}

    def keep(self, photo: ScannedPhoto, findings: Findings) -> Findings | None:
        """Take what was found; all of it goes into the pool."""
        self._done += 1
        self._findings[photo.name] = findings
        return findings

    def facts(self) -> list[Fact]:
        """Return what concerns all; what each photo tells, the pool shows."""
        return together(self.measurement.kind, self._findings)

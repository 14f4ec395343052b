"""What a photo is compared by: figures of its degradation, and figures of what it shows.

Figures of one kind, such as those of noise, stand together under the name of the kind. Those of
content serve to find photos for each other; they are taken from the photo made four times smaller,
where what a camera leaves hardly shows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from degrade.arrays import U8Array
from degrade.audit.edges import measure_edges
from degrade.audit.flat_blocks import FlatNoise, chroma_planes, measure_flat_noise
from degrade.audit.spectra import (
    BAND_FREQUENCIES,
    LOW_BANDS,
    WAYS,
    directed_spectrum,
    log_spectrum,
)
from degrade.errors import InvalidValueError
from degrade.jpeg.blocks import block_bends
from degrade.luma import luma_fast

__all__ = [
    "CONTENT",
    "FEATURES",
    "LARGEST_WINDOW",
    "SMALLEST_SIDE",
    "PhotoFeatures",
    "measure_features",
    "windows_of",
]

Curve: TypeAlias = npt.NDArray[np.float64]

SMALLEST_SIDE = 64
"""Pixels: photos, and so windows of them, are at least so large."""

LARGEST_WINDOW = 256
_MOST_WINDOWS = 9

_BANDS = ((4, 6), (6, 8), (8, 10), (10, 13), (13, 16), (16, 20), (20, 24))
_FAR_BANDS = ((2, 4), (4, 8), (8, 12), (12, 16), (16, 20), (20, 24))
_MIDDLE, _HIGH = slice(6, 12), slice(12, 24)
_LUMA_FALL = slice(7, 11), slice(15, 20)
"""Bands by which softness is told, around 0.19 and 0.36 cycles per pixel: near each other, so that
scenes differ little in how much weaker the second one is."""

_FAR_FALL = LOW_BANDS, _LUMA_FALL[1]
_SCENES_FALL = 22.0
"""dB that power falls from 0.05 to 0.19 cycles per pixel at most, in nine of ten photos and more.
Where it falls more, a wide blur has taken both of the near bands, and what is left in them, lobes
of motion and rounding, falls less than a sharp photo does."""

_CHROMA_FALL = slice(2, 6), slice(10, 16)
_TURNED_BANDS = (10, 15), (15, 20)
_TURNED = slice(12, 22)
_TURNED_SCENES, _SCENES_SHARE = slice(3, 6), 0.4
"""What scenes have of a direction at 0.06 to 0.13 cycles per pixel, and how much of it they have at
the frequencies above."""
_DB = 20 / np.log(10)
"""What a wave of a logarithm of power is in dB, from its largest to its least."""

_FLAT_BLOCKS_UNDERSTATE = 1.25
_MOSTLY_NOISE = 0.7
_NOTHING = 0.01
"""Squared grey levels: less is what rounding leaves."""

FEATURES: dict[str, tuple[str, ...]] = {
    "spectrum": tuple(f"power at {BAND_FREQUENCIES[a:b].mean():.2f} c/px" for a, b in _BANDS),
    "power law": tuple(
        f"off the power law at {BAND_FREQUENCIES[a:b].mean():.2f} c/px" for a, b in _FAR_BANDS
    ),
    "edges": ("width of edges", "overshoot"),
    "noise": (
        "noise",
        "fine noise",
        "noise in the dark",
        "noise at middle levels",
        "noise in the bright",
    ),
    "grain": tuple(
        f"correlation of noise at lag {lag}" for lag in ("0,1", "1,0", "1,1", "0,2", "2,0")
    ),
    "colour noise": ("colour noise", "noise that colours share"),
    "blocks": ("blocks along rows", "blocks along columns", "second step", "second step, columns"),
    "colour spectrum": tuple(
        f"{plane} power, {band}" for plane in ("Cb", "Cr") for band in ("middle", "high")
    ),
    "direction": tuple(
        f"{way} at {BAND_FREQUENCIES[a:b].mean():.2f} c/px"
        for way in WAYS
        for a, b in _TURNED_BANDS
    ),
}
"""The names of all figures by kind, in the order of :attr:`PhotoFeatures.values`."""

CONTENT = ("brightness", "contrast", "gradient", "strong gradients", "low frequencies")

_ROUNDING = 0.1
"""Grey levels: keeps noise that rounding hides from having a logarithm far below all others."""


@dataclass(frozen=True, slots=True, eq=False)
class PhotoFeatures:
    """The figures of one photo.

    Attributes
    ----------
    values : (F,) float64 array
        In the order of :data:`FEATURES`; NaN where the photo does not tell.
    content : (5,) float64 array
        In the order of :data:`CONTENT`.
    spectrum : (24,) float64 array
        As :func:`degrade.audit.spectra.log_spectrum` gives it.
    turns : (3, 24) float64 array
        How the spectrum depends on direction, as
        :func:`degrade.audit.spectra.directed_spectrum` gives it.
    colour_spectrum : (24,) float64 array
        The spectrum of Cb and Cr, the mean of both.
    measures : mapping of str to float
        In units for people: ``softness`` in dB, ``noise`` in grey levels, … ; NaN where unknown.
    """

    values: Curve
    content: Curve
    spectrum: Curve
    turns: Curve
    colour_spectrum: Curve
    measures: Mapping[str, float]

    @classmethod
    def mean_of(cls, parts: Sequence[PhotoFeatures]) -> PhotoFeatures:
        """Return the mean of several windows; what one does not tell, others do."""
        return cls(
            _mean_known([part.values for part in parts]),
            _mean_known([part.content for part in parts]),
            _mean_known([part.spectrum for part in parts]),
            _mean_known([part.turns for part in parts]),
            _mean_known([part.colour_spectrum for part in parts]),
            {
                name: float(_mean_known([np.array([part.measures[name]]) for part in parts])[0])
                for name in parts[0].measures
            },
        )


def windows_of(photo_u8: U8Array, side: int) -> list[U8Array]:
    """Return up to nine windows that lie evenly over a photo.

    Parameters
    ----------
    photo_u8 : (H, W, 3) uint8 array
    side : int
        Two sets are compared by windows of one side, or their sizes would be told apart.

    Raises
    ------
    InvalidValueError
        The photo is smaller than a window.
    """
    if min(photo_u8.shape[:2]) < side:
        height, width = photo_u8.shape[:2]
        raise InvalidValueError(f"{width}×{height} pixels are smaller than a window of {side}")
    counts = [min(max(length // side, 1), 3) for length in photo_u8.shape[:2]]
    tops, lefts = (
        np.linspace(0, length - side, count + 2)[1:-1].astype(int)
        if count == 1
        else np.linspace(0, length - side, count).astype(int)
        for length, count in zip(photo_u8.shape[:2], counts, strict=True)
    )
    return [photo_u8[top : top + side, left : left + side] for top in tops for left in lefts]


def measure_features(window_u8: U8Array) -> PhotoFeatures:
    """Measure one window of a photo.

    Parameters
    ----------
    window_u8 : (H, W, 3) uint8 array
        RGB, both sides at least 64 pixels.

    Raises
    ------
    InvalidValueError
        The window has another shape or type, or is smaller.
    """
    if window_u8.ndim != 3 or window_u8.shape[2] != 3 or window_u8.dtype != np.uint8:
        raise InvalidValueError(f"a window must be (H, W, 3) uint8, got {window_u8.shape}")
    if min(window_u8.shape[:2]) < SMALLEST_SIDE:
        raise InvalidValueError(f"a window must be at least {SMALLEST_SIDE}×{SMALLEST_SIDE}")
    luma_u8 = luma_fast(window_u8)
    levels, luma = window_u8.astype(np.float32), luma_u8.astype(np.float32)
    spectrum, turns = directed_spectrum(luma)
    noise = measure_flat_noise(levels, luma)
    width, overshoot = measure_edges(luma)
    bends = block_bends(luma_u8).astype(np.float64)
    chroma = [log_spectrum(plane, of=luma) for plane in chroma_planes(levels, luma)]
    far = spectrum - _power_law(spectrum)
    values = [
        *(spectrum[a:b].mean() - spectrum[LOW_BANDS].mean() for a, b in _BANDS),
        *(far[a:b].mean() for a, b in _FAR_BANDS),
        np.log(width),
        overshoot,
        *_noise_values(noise),
        *bends[[0, 3, 1, 4]],
        *(
            each[band].mean() - each[LOW_BANDS].mean()
            for each in chroma
            for band in (_MIDDLE, _HIGH)
        ),
        *_direction_values(turns),
    ]
    return PhotoFeatures(
        np.array(values),
        _content(luma),
        spectrum,
        turns,
        np.mean(chroma, axis=0),
        _measures(spectrum, turns, noise, overshoot, bends, chroma),
    )


def _measures(
    spectrum: Curve,
    turns: Curve,
    noise: FlatNoise | None,
    overshoot: float,
    bends: Curve,
    chroma: Sequence[Curve],
) -> dict[str, float]:
    """Return one figure for each kind of difference that has a name."""
    unknown = float("nan")
    fine, fine_colour = (0.0, 0.0) if noise is None else (noise.fine, noise.fine_colour)
    turned = turns[:, _TURNED].mean(axis=1) - _of_scenes(turns)
    return {
        "softness": _softness(spectrum, fine),
        "overshoot": 100 * overshoot,
        "noise": unknown if noise is None else noise.level,
        "grain": unknown if noise is None else sum(noise.correlation[:2]) / 2,
        "colour noise": unknown if noise is None else noise.colour,
        "blocks": 50 * float(bends[0] + bends[3]) - 100,
        "colour softness": _fall(np.mean(chroma, axis=0), _CHROMA_FALL, fine_colour),
        "direction": -_DB * turned[0],
        "slanted direction": _DB * turned[1],
    }


def _softness(spectrum: Curve, noise_level: float) -> float:
    """Return by how many dB the power falls at high frequencies, or by more where blur is wide."""
    near = _fall(spectrum, _LUMA_FALL, noise_level)
    far = _fall(spectrum, _FAR_FALL, noise_level) - _SCENES_FALL
    return near if math.isnan(far) or far < near else far


def _fall(spectrum: Curve, bands: tuple[slice, slice], noise_level: float) -> float:
    """Return by how many dB the power falls from one band to another, less the noise's part of it.

    NaN where there is hardly more than noise, or nothing, as of the colours of a grey photo.
    """
    power = np.exp(spectrum + np.euler_gamma)
    floor = _FLAT_BLOCKS_UNDERSTATE * noise_level**2
    if power[bands[0]].mean() < _NOTHING or power[bands[1]].mean() * _MOSTLY_NOISE < floor:
        return float("nan")
    cleaned = np.log(np.maximum(power - floor, (1 - _MOSTLY_NOISE) * power))
    first, second = (cleaned[band].mean() for band in bands)
    return float(10 / np.log(10) * (first - second))


def _noise_values(noise: FlatNoise | None) -> list[float]:
    if noise is None:
        return [float("nan")] * (5 + 5 + 2)
    by_brightness = [level if level == level else noise.level for level in noise.by_brightness]
    levels = np.log(np.array([noise.level, noise.fine, *by_brightness, noise.colour]) + _ROUNDING)
    return [*levels[:5], *noise.correlation, levels[5], noise.shared]


def _direction_values(turns: Curve) -> list[float]:
    """Return by how much a photo is sharper one way than across, less what scenes are."""
    return [
        float(turn[a:b].mean() - scene)
        for turn, scene in zip(turns[: len(WAYS)], _of_scenes(turns), strict=False)
        for a, b in _TURNED_BANDS
    ]


def _of_scenes(turns: Curve) -> Curve:
    """Return what the scene has of each way, as far as low frequencies tell it."""
    return np.asarray(_SCENES_SHARE * turns[:, _TURNED_SCENES].mean(axis=1))


def _power_law(spectrum: Curve) -> Curve:
    """Return the straight line through the spectrum on logarithmic axes."""
    distances = np.log(BAND_FREQUENCIES)
    inside = slice(1, None)
    slope, offset = np.polyfit(distances[inside], spectrum[inside], 1)
    return np.asarray(slope * distances + offset)


def _content(luma: npt.NDArray[np.float32]) -> Curve:
    rows, columns = (length // 4 for length in luma.shape)
    small = luma[: 4 * rows, : 4 * columns].reshape(rows, 4, columns, 4).mean(axis=(1, 3))
    gradient = np.hypot(*np.gradient(small.astype(np.float64)))
    coarse = small[: rows // 4 * 4, : columns // 4 * 4].reshape(rows // 4, 4, columns // 4, 4)
    return np.array(
        [
            small.mean(),
            np.log(small.std() + 1),
            np.log(gradient.mean() + 0.1),
            np.log(np.quantile(gradient, 0.9) + 0.1),
            np.log(coarse.mean(axis=(1, 3)).std() + 1),
        ]
    )


def _mean_known(rows: Sequence[Curve]) -> Curve:
    table = np.array(rows)
    known = np.isfinite(table)
    total = np.where(known, table, 0.0).sum(axis=0)
    count = known.sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)

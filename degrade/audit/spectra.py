"""The spectrum of a photo, by bands."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

__all__ = [
    "BAND_COUNT",
    "BAND_FREQUENCIES",
    "LOW_BANDS",
    "WINDOW",
    "log_spectrum",
    "relative_decibels",
    "spread_windows",
]

Plane = npt.NDArray[np.floating]

WINDOW = 64
"""Pixels: the side of the windows whose spectra are averaged."""

BAND_COUNT = 24
BAND_FREQUENCIES = (np.arange(BAND_COUNT) + 0.5) / (2 * BAND_COUNT)
"""Cycles per pixel: the middles of the bands, up to Nyquist's 0.5."""

LOW_BANDS = slice(1, 4)
"""Those that others are told against: scenes differ in how strong they are as a whole."""

_MOST_WINDOWS = 64
_FLATTEST = 0.3
_LEAST_POWER = 1e-4
"""Squared grey levels; an empty band has a logarithm too."""


def spread_windows(plane: Plane, side: int, most: int) -> Plane:
    """Return windows that lie evenly over an image, with a hop of half a side where they fit.

    Parameters
    ----------
    plane : (H, W) float array
        Both sides at least ``side``.
    side : int
    most : int
        Of many windows an even choice.

    Returns
    -------
    (N, side, side) float array
    """
    rows, columns = (
        np.arange(0, length - side + 1, max(side // 2, 1)) for length in plane.shape[:2]
    )
    per_axis = max(int(np.sqrt(most)), 1)
    rows, columns = (
        each[np.unique(np.linspace(0, len(each) - 1, min(len(each), per_axis)).astype(int))]
        for each in (rows, columns)
    )
    return np.array(
        [plane[top : top + side, left : left + side] for top in rows for left in columns]
    )


def relative_decibels(spectra: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return power relative to that of low frequencies, in dB.

    Parameters
    ----------
    spectra : (N, 24) array
        As :func:`log_spectrum` gives them.

    Returns
    -------
    (N, 24) float64 array
    """
    table = np.asarray(spectra, np.float64)
    return np.asarray(10 / np.log(10) * (table - table[:, LOW_BANDS].mean(axis=1, keepdims=True)))


def log_spectrum(plane: Plane, *, of: Plane | None = None) -> npt.NDArray[np.float64]:
    """Return the mean logarithm of the power in rings of frequency.

    Parameters
    ----------
    plane : (H, W) float array
        In grey levels, both sides at least 64.
    of : (H, W) float array or None
        The image whose flattest windows are dropped; None: ``plane`` itself.

    Returns
    -------
    (24,) float64 array
        Natural logarithms of squared grey levels per frequency: white noise of variance v has
        log v, less Euler's 0.58 of a mean of logarithms.
    """
    windows = spread_windows(plane, WINDOW, _MOST_WINDOWS)
    guide = windows if of is None else spread_windows(of, WINDOW, _MOST_WINDOWS)
    order = np.argsort(guide.var(axis=(1, 2)), kind="stable")
    windows = windows[order[int(_FLATTEST * len(order)) :]].astype(np.float64)
    taper = _taper()
    windows = (windows - windows.mean(axis=(1, 2), keepdims=True)) * taper
    power = np.abs(np.fft.rfft2(windows)) ** 2 / np.square(taper).sum()
    mean_log = np.log(power + _LEAST_POWER).mean(axis=0).ravel()
    rings, weights = _rings()
    total = np.bincount(rings, mean_log * weights, BAND_COUNT + 1)[:-1]
    count = np.bincount(rings, weights, BAND_COUNT + 1)[:-1]
    return np.asarray(total / count)


@cache
def _taper() -> npt.NDArray[np.float64]:
    hann = np.hanning(WINDOW + 1)[:-1]
    return np.outer(hann, hann)


@cache
def _rings() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Return the band of each frequency, the last one for none, and how often it counts."""
    rows, columns = np.fft.fftfreq(WINDOW)[:, None], np.fft.rfftfreq(WINDOW)[None]
    radius = np.hypot(rows, columns)
    rings = np.where(radius < 0.5, (radius * 2 * BAND_COUNT).astype(np.int64), BAND_COUNT)
    rings[0, 0] = BAND_COUNT
    # Of a real image half the frequencies are kept; those between stand for two.
    weights = np.where((columns > 0) & (columns < 0.5), 2.0, 1.0) * np.ones_like(radius)
    return rings.ravel(), weights.ravel()

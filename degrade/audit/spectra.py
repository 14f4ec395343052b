"""The spectrum of a photo, by bands."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

__all__ = [
    "BAND_COUNT",
    "BAND_FREQUENCIES",
    "LOW_BANDS",
    "TURN_COUNT",
    "WAYS",
    "WINDOW",
    "directed_spectrum",
    "log_spectrum",
    "relative_decibels",
    "spread_windows",
    "turn_waves",
]

Plane = npt.NDArray[np.floating]

WINDOW = 64
"""Pixels: the side of the windows whose spectra are averaged."""

BAND_COUNT = 24
BAND_FREQUENCIES = (np.arange(BAND_COUNT) + 0.5) / (2 * BAND_COUNT)
"""Cycles per pixel: the middles of the bands, up to Nyquist's 0.5."""

LOW_BANDS = slice(1, 4)
"""Those that others are told against: scenes differ in how strong they are as a whole."""

TURN_COUNT = 3
"""Ways in which power depends on direction, as :func:`turn_waves` has them."""

WAYS = ("rows against columns", "one diagonal against the other")
"""The first two of them. Axes against diagonals is the third: every square grid has it, and pairs
that were corrected by it, too, taught filters less (docs/decisions/0032-direction.md)."""

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
    return _ring_means(_mean_log_power(plane, of))


def directed_spectrum(plane: Plane) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the mean logarithm of the power in rings of frequency, and how it turns in each.

    Parameters
    ----------
    plane : (H, W) float array
        In grey levels, both sides at least 64.

    Returns
    -------
    (24,) float64 array
        As :func:`log_spectrum` gives it.
    (3, 24) float64 array
        How much of each of :func:`turn_waves` is in a ring, by least squares; 0 in the rings that
        have too few frequencies for it.
    """
    mean_log = _mean_log_power(plane, None)
    turns = np.zeros((TURN_COUNT, BAND_COUNT))
    for band, (places, fit) in enumerate(_turn_fits()):
        if len(places):
            turns[:, band] = fit @ mean_log[places]
    return _ring_means(mean_log), turns


def turn_waves(down: npt.ArrayLike, right: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return three waves around the directions of frequencies, each 1 where it is largest.

    Parameters
    ----------
    down, right : arrays of one shape
        Frequencies along columns and along rows; where both are 0 the waves are 0.

    Returns
    -------
    (3, ...) float64 array
        Along rows less along columns; along the diagonal that falls to the right less along the
        other; along both axes less along both diagonals. Opposite directions are one.
    """
    rows, columns = np.asarray(right, np.float64), np.asarray(down, np.float64)
    square = np.maximum(np.square(rows) + np.square(columns), np.finfo(np.float64).tiny)
    first = (np.square(rows) - np.square(columns)) / square
    second = 2 * rows * columns / square
    return np.stack([first, second, np.square(first) - np.square(second)])


def _mean_log_power(plane: Plane, of: Plane | None) -> npt.NDArray[np.float64]:
    windows = spread_windows(plane, WINDOW, _MOST_WINDOWS)
    guide = windows if of is None else spread_windows(of, WINDOW, _MOST_WINDOWS)
    order = np.argsort(guide.var(axis=(1, 2)), kind="stable")
    windows = windows[order[int(_FLATTEST * len(order)) :]].astype(np.float64)
    taper = _taper()
    windows = (windows - windows.mean(axis=(1, 2), keepdims=True)) * taper
    power = np.abs(np.fft.rfft2(windows)) ** 2 / np.square(taper).sum()
    return np.asarray(np.log(power + _LEAST_POWER).mean(axis=0).ravel())


def _ring_means(mean_log: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
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


_FIRST_TURNING = 2
"""Rings nearer to 0 have fewer frequencies than waves."""


@cache
def _turn_fits() -> tuple[tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]], ...]:
    """Return, for each band, its frequencies, and what makes turns of their logarithms of power."""
    rings, weights = _rings()
    down, right = np.meshgrid(np.fft.fftfreq(WINDOW), np.fft.rfftfreq(WINDOW), indexing="ij")
    waves = turn_waves(down.ravel(), right.ravel())
    fits = []
    for band in range(BAND_COUNT):
        places = np.flatnonzero(rings == band) if band >= _FIRST_TURNING else np.empty(0, np.int64)
        root = np.sqrt(weights[places])
        design = np.stack([np.ones(len(places)), *waves[:, places]], axis=1)
        fits.append((places, (np.linalg.pinv(design * root[:, None]) * root)[1:]))
    return tuple(fits)

"""What a photo's blur leaves in its windows: spectra, edge strengths and edge profiles.

Everything is measured on the luma in 8-bit grey levels. Each feature belongs to a direction, so
mirroring the photo only permutes them: :data:`SYMMETRIES` lists the permutations, and the network
sees every photo in all four (a spectrum does not tell a half turn).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy

from degrade.arrays import AnyArray, FloatArray
from degrade.compiled import is_compiled
from degrade.compiled.photo_steps import find_edges, step_windows
from degrade.spectral.windows import SIDE

__all__ = [
    "PHOTO_FEATURES",
    "SYMMETRIES",
    "WINDOW_FEATURES",
    "Symmetry",
    "measure_photo",
    "measure_windows",
]

_RADII = 10
_ANGLES = 12
_LOWEST, _HIGHEST, _CORNER = 1.5 / SIDE, 0.5, 0.6  # cycles per pixel
_CORNER_WIDTH = 0.08
_POWER_FLOOR = 0.02
_LEVEL_FLOOR = 0.5

_DIRECTIONS = ((0, 1), (1, 2), (1, 1), (2, 1), (1, 0), (2, -1), (1, -1), (1, -2))
_Integers = npt.NDArray[np.int64]


def _lags(direction: tuple[int, int]) -> range:
    """Distances at which differences are taken: about the same in pixels for all directions."""
    return range(1, 4) if max(map(abs, direction)) == 1 else range(1, 3)


def _reach(direction: tuple[int, int]) -> int:
    """How many steps a profile goes to each side of its edge."""
    return 6 if max(map(abs, direction)) == 1 else 3


def _make_bins() -> FloatArray:
    """Return (32·17, 122) weights that average a half-plane power spectrum into soft polar bins.

    Ten radii by twelve angles, and the two corners beyond the axes' Nyquist frequency. A frequency
    on the Nyquist line stands for both signs, so that mirrored images give mirrored bins.
    """
    frequencies = np.fft.fftfreq(SIDE)
    rows, columns = np.meshgrid(frequencies, frequencies, indexing="ij")
    step = (_HIGHEST - _LOWEST) / (_RADII - 1)
    total = np.zeros((_RADII * _ANGLES + 2, SIDE, SIDE))
    for sign_y in (1, -1):
        for sign_x in (1, -1):
            y = np.where(rows == -0.5, sign_y * 0.5, rows)
            x = np.where(columns == -0.5, sign_x * 0.5, columns)
            radius, angle = np.hypot(y, x), np.mod(np.arctan2(y, x), np.pi)
            position = (radius - _LOWEST) / step
            ring = np.maximum(0, 1 - abs(position - np.arange(_RADII)[:, None, None]))
            ring *= radius > 0  # the mean has no direction
            turn = abs(angle * _ANGLES / np.pi - np.arange(_ANGLES)[:, None, None])
            wedge = np.maximum(0, 1 - np.minimum(turn, _ANGLES - turn))
            total[:-2] += (ring[:, None] * wedge[None]).reshape(-1, SIDE, SIDE)
            corner = np.maximum(0, 1 - abs(radius - _CORNER) / _CORNER_WIDTH)
            total[-2] += corner * (y * x > 0)
            total[-1] += corner * (y * x < 0)
    half = total[:, :, : SIDE // 2 + 1].copy()
    opposite = total[:, -np.arange(SIDE) % SIDE][:, :, -np.arange(SIDE) % SIDE]
    half[:, :, 1 : SIDE // 2] += opposite[:, :, 1 : SIDE // 2]
    half /= half.sum(axis=(1, 2), keepdims=True)
    return np.ascontiguousarray(half.reshape(len(half), -1).T, dtype=np.float32)


def _make_taper() -> FloatArray:
    line = np.hanning(SIDE + 2)[1:-1]
    taper = np.outer(line, line)
    return np.asarray(taper / np.sqrt((taper**2).sum()), np.float32)


_BINS = _make_bins()
_TAPER = _make_taper()


def measure_windows(windows: AnyArray) -> FloatArray:
    """Return the features of each window.

    Parameters
    ----------
    windows : (N, 32, 32) uint8 or float array
        Luma on [0, 255].

    Returns
    -------
    (N, WINDOW_FEATURES) float32 array
    """
    levels = _as_floats(windows)
    mean = levels.mean(axis=(1, 2))
    spread = np.log(levels.std(axis=(1, 2)) + _LEVEL_FLOOR)
    parts = [
        _log_spectra(levels),
        _edge_strengths(*_steps(windows)),
        _edge_profiles(levels, _strongest_edges(windows)),
    ]
    parts += [(mean / 128 - 1)[:, None], spread[:, None]]
    return np.concatenate(parts, axis=1, dtype=np.float32)


def _as_floats(windows: AnyArray) -> FloatArray:
    return windows.astype(np.float32) if windows.dtype == np.uint8 else windows


def _log_spectra(windows: FloatArray) -> FloatArray:
    """Return (N, 122) logarithms of the power in each polar bin."""
    centred = windows - windows.mean(axis=(1, 2), keepdims=True)
    power = np.abs(scipy.fft.rfft2(centred * _TAPER)) ** 2
    logs: FloatArray = np.log(power.reshape(len(windows), -1) @ _BINS + _POWER_FLOOR)
    return logs


_SHIFTS = [(down * lag, right * lag) for down, right in _DIRECTIONS for lag in _lags((down, right))]
_PAIRS = np.array([(SIDE - down) * (SIDE - abs(right)) for down, right in _SHIFTS])
_MARGINS = [
    (down, right, _reach((down, right)) * abs(down), _reach((down, right)) * abs(right))
    for down, right in _DIRECTIONS
]


def _edge_strengths(largest: AnyArray, fourth: AnyArray) -> FloatArray:
    """Return logarithms of the largest and the fourth-power mean difference, by direction and lag.

    How fast they grow with the lag tells how wide the strongest edges are.
    """
    both = np.stack([largest, np.sqrt(np.sqrt(fourth / _PAIRS))], axis=2, dtype=np.float32)
    logs: FloatArray = np.log(both.reshape(len(both), -1) + np.float32(_LEVEL_FLOOR))
    return logs


def _steps(windows: AnyArray) -> tuple[AnyArray, AnyArray]:
    """Return (N, S) largest differences, and sums of their fourth powers, for each of the shifts.

    Of whole levels all are whole numbers that float64 holds: the same bits in both forms.
    """
    if windows.dtype == np.uint8 and is_compiled():
        return step_windows(windows, _SHIFTS)
    levels = _as_floats(windows)
    largest, fourth = [], []
    for down, right in _SHIFTS:
        one = levels[:, down:, max(right, 0) : SIDE + min(right, 0)]
        other = levels[:, : SIDE - down, max(-right, 0) : SIDE - max(right, 0)]
        squares = np.square(one - other).reshape(len(levels), -1)
        largest.append(np.sqrt(squares.max(axis=1)))  # exact: of a whole number's square
        squares = squares.astype(np.float64)
        fourth.append(np.einsum("ij,ij->i", squares, squares))
    return np.stack(largest, axis=1), np.stack(fourth, axis=1)


def _strongest_edges(windows: AnyArray) -> _Integers:
    """Return where, within a direction's margins, the strongest edge of each window is: (N, 8)."""
    if windows.dtype == np.uint8 and is_compiled():
        return find_edges(windows, _MARGINS)
    levels = _as_floats(windows)
    places = []
    for down, right, top, left in _MARGINS:
        inner = levels[:, top + down : SIDE - top + down, left + right : SIDE - left + right]
        outer = levels[:, top - down : SIDE - top - down, left - right : SIDE - left - right]
        places.append(np.abs(inner - outer).reshape(len(levels), -1).argmax(axis=1))
    return np.stack(places, axis=1)


def _edge_profiles(windows: FloatArray, strongest: _Integers) -> FloatArray:
    """Return the slopes around the strongest edge across each direction, folded at the edge.

    Slopes are relative to the edge's height; halos of sharpening show as negative ones. Sums and
    absolute differences of both sides keep a half turn of the photo from mattering.
    """
    everyone = np.arange(len(windows))
    columns = []
    for (down, right, top, left), places in zip(_MARGINS, strongest.T, strict=True):
        reach = _reach((down, right))
        row, column = np.divmod(places, SIDE - 2 * left)
        steps = np.arange(-reach, reach + 1)
        profile = windows[
            everyone[:, None],
            (row + top)[:, None] + steps * down,
            (column + left)[:, None] + steps * right,
        ]
        rising = np.where(
            profile[:, reach + 1] >= profile[:, reach - 1], np.float32(1), np.float32(-1)
        )
        height = np.abs(profile[:, reach + 2] - profile[:, reach - 2]) + 2
        slopes = np.diff(profile, axis=1) * (rising / height)[:, None]
        after, before = slopes[:, reach:], slopes[:, reach - 1 :: -1]
        columns += [after + before, np.abs(after - before)]
    folded: FloatArray = np.concatenate(columns, axis=1)
    return np.clip(folded, -2, 2)


def measure_photo(
    flat_windows: AnyArray, blocks: FloatArray, *, strong_count: int, area: int
) -> FloatArray:
    """Return the features of a whole crop: its noise floor, its JPEG blocks, its size.

    Parameters
    ----------
    flat_windows : (M, 32, 32) uint8 or float array
        Luma on [0, 255] of the flattest windows: mostly noise.
    blocks : (6,) float32 array
        From :func:`degrade.jpeg.blocks.block_bends`.
    strong_count : int
        How many windows with edges there are.
    area : int
        Pixels looked at for the blocks.

    Returns
    -------
    (PHOTO_FEATURES,) float32 array
    """
    floor = _log_spectra(_as_floats(flat_windows)).mean(axis=0)
    size = [np.log(strong_count), np.log(area) / 4]
    return np.concatenate([floor, blocks, size], dtype=np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Symmetry:
    """One of the four ways to see a photo, and what it does to features and kernels.

    Attributes
    ----------
    mirrored, transposed : bool
        The photo's columns are reversed; then rows and columns change places.
    window_order : (WINDOW_FEATURES,) int64 array
        ``features[..., window_order]`` are those of the photo seen so.
    photo_order : (PHOTO_FEATURES,) int64 array
    """

    mirrored: bool
    transposed: bool
    window_order: npt.NDArray[np.int64]
    photo_order: npt.NDArray[np.int64]

    def undo(self, kernels: FloatArray) -> FloatArray:
        """Turn (..., T, T) kernels of the photo seen so into kernels of the photo itself."""
        if self.transposed:
            kernels = kernels.swapaxes(-1, -2)
        return kernels[..., ::-1] if self.mirrored else kernels

    def apply(self, kernels: FloatArray) -> FloatArray:
        """Turn (..., T, T) kernels of the photo into those of the photo seen so."""
        if self.mirrored:
            kernels = kernels[..., ::-1]
        return kernels.swapaxes(-1, -2) if self.transposed else kernels


def _direction_keys() -> Iterator[tuple[tuple[int, int], str]]:
    """Name each feature after the spectra: its direction and what it is."""
    for direction in _DIRECTIONS:
        for lag in _lags(direction):
            for kind in ("largest", "fourth"):
                yield direction, f"{kind} {lag}"
    for direction in _DIRECTIONS:
        for place in range(2 * _reach(direction)):
            yield direction, f"profile {place}"


def _make_symmetry(mirrored: bool, transposed: bool) -> Symmetry:
    bins = []
    for radius in range(_RADII):
        for angle in range(_ANGLES):
            seen = (_ANGLES // 2 - angle) % _ANGLES if transposed else angle
            seen = -seen % _ANGLES if mirrored else seen
            bins.append(radius * _ANGLES + seen)
    corners = [len(bins), len(bins) + 1]
    bins += corners[::-1] if mirrored else corners
    keys = {key: index for index, key in enumerate(_direction_keys(), len(bins))}
    directed = []
    for (down, right), kind in keys:
        if transposed:
            down, right = right, down
        if mirrored:
            right = -right
        same = (down, right) if (down, right) in _DIRECTIONS else (-down, -right)
        directed.append(keys[same, kind])
    last = len(bins) + len(directed)
    blocks = list(range(len(bins), len(bins) + 6))
    photo = bins + (blocks[3:] + blocks[:3] if transposed else blocks)
    return Symmetry(
        mirrored,
        transposed,
        window_order=np.array([*bins, *directed, last, last + 1]),
        photo_order=np.array([*photo, len(photo), len(photo) + 1]),
    )


SYMMETRIES = tuple(
    _make_symmetry(mirrored, transposed)
    for transposed in (False, True)
    for mirrored in (False, True)
)
"""The photo as it is, mirrored, transposed, and both."""

WINDOW_FEATURES = len(SYMMETRIES[0].window_order)
PHOTO_FEATURES = len(SYMMETRIES[0].photo_order)

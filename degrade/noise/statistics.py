"""What one photo tells of its camera's noise, in few numbers that add up over photos.

How strong at which colour, how it goes on from pixel to pixel, and how the channels go together:
all that :mod:`degrade.noise.model` is fitted to. The numbers of several photos become those of all
by :func:`pool_statistics`, and no pixel is needed any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from degrade.arrays import AnyArray, FloatArray
from degrade.errors import InvalidValueError
from degrade.noise.cells import (
    CELL,
    PAIRS,
    Cells,
    cells_of,
    describe_cells,
    flat_among,
    is_clipped,
    is_still,
    residuals_of,
    scatter_of,
)
from degrade.noise.texture import is_texture

__all__ = [
    "LAGS",
    "PRODUCTS",
    "ColourNoise",
    "ColourTable",
    "NoiseStatistics",
    "flat_grain",
    "measure_noise",
    "pool_statistics",
]

RADIUS = 3
LAGS = tuple(
    (y, x) for y in range(RADIUS + 1) for x in range(-RADIUS, RADIUS + 1) if y > 0 or x >= 0
)
"""Distances (down, right) of two pixels, 0 first; those of the other half plane are the same."""

PRODUCTS = ((0, 0), (1, 1), (2, 2), *PAIRS)
"""Channels whose correlations are kept: each with itself, and the pairs."""

_FEWEST = 8
_MOST_COLOURS, _MOST_POOLED = 20, 256
_COLOUR_STEP = 32
_GRAIN_CELLS = 384
_GREEN = 1
_NOTHING_FLAT = "no part of it is flat"
_MOST_SCATTER = 3.0
"""Photos of cameras whose noise is known have up to 2.8, textures without flat parts 3.2 to 5."""

_STRONG, _SMOOTH, _GREY = 64.0, 0.68, 0.95
"""Grey levels squared, the correlation of neighbours, and that of channels. Strong noise that is as
smooth as this, or as grey, is a texture all over the photo: neighbours in cameras' noise correlate
by 0.5 to 0.65, and only weak noise is without colours, as denoising and compression leave it."""

_IS_GREY = 0.995
"""Channels of gray photos correlate by more; that tells nothing of noise."""

_ROUNDING = 1 / 12

_Floats = npt.NDArray[np.float64]
_Booleans = npt.NDArray[np.bool_]

Level = Annotated[float, msgspec.Meta(ge=0, le=255)]
Variance = Annotated[float, msgspec.Meta(ge=0, le=255**2)]
Covariance = Annotated[float, msgspec.Meta(ge=-(255**2), le=255**2)]
_Correlation = Annotated[float, msgspec.Meta(ge=-1, le=1)]
_Count = Annotated[int, msgspec.Meta(ge=1, le=2**40)]
_Lags = Annotated[
    tuple[_Correlation, ...], msgspec.Meta(min_length=len(LAGS), max_length=len(LAGS))
]


class ColourNoise(NamedTuple):
    """The noise of the cells of about one colour.

    Attributes
    ----------
    red, green, blue : float
        Their mean levels.
    of_red, of_green, of_blue : float
        Mean variances, in grey levels squared, without what rounding to 8 bits adds.
    red_green, red_blue, green_blue : float
        Mean covariances.
    cells : int
    """

    red: Level
    green: Level
    blue: Level
    of_red: Variance
    of_green: Variance
    of_blue: Variance
    red_green: Covariance
    red_blue: Covariance
    green_blue: Covariance
    cells: _Count


class NoiseStatistics(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What one photo, or several of one camera, tell of the noise.

    Attributes
    ----------
    version : 1
    camera : str
        The camera and its ISO setting, as EXIF tells them; empty: not known.
    photos : int
    looked_at, cells : int
        Cells of 16×16 pixels; those that are flat.
    colours : tuple of ColourNoise
        By colour.
    grain : six tuples of 25 float
        For each of :data:`PRODUCTS` the correlation of pixels at :data:`LAGS`.
    """

    version: Literal[1] = 1
    camera: str = ""
    photos: _Count = 1
    looked_at: _Count
    cells: _Count
    colours: Annotated[tuple[ColourNoise, ...], msgspec.Meta(min_length=1, max_length=_MOST_POOLED)]
    grain: Annotated[
        tuple[_Lags, ...], msgspec.Meta(min_length=len(PRODUCTS), max_length=len(PRODUCTS))
    ]

    def words(self) -> str:
        """Return strength, grain and correlation of the channels in words."""
        table = self.table()
        order = np.argsort(table.means[:, _GREEN], kind="stable")
        thirds = [third for third in np.array_split(order, 3) if len(third)]
        strong = []
        for third in thirds:
            level, variance = (
                np.average(part[third, _GREEN], weights=table.cells[third])
                for part in (table.means, table.variances)
            )
            strong.append(f"{np.sqrt(variance):.1f} at level {level:.0f}")
        beside, below = LAGS.index((0, 1)), LAGS.index((1, 0))
        near = [(own[beside] + own[below]) / 2 for own in self.grain[:3]]
        pairs = [pair[0] for pair in self.grain[3:]]
        return (
            f"green σ {', '.join(strong)}; neighbours correlate by {min(near):.2f} to "
            f"{max(near):.2f}, channels by {min(pairs):.2f} to {max(pairs):.2f}; "
            f"{self.cells} of {self.looked_at} cells are flat"
        )

    def table(self) -> ColourTable:
        """Return the colours as arrays."""
        rows = np.array(self.colours, np.float64)
        return ColourTable(rows[:, :3], rows[:, 3:6], rows[:, 6:9], rows[:, 9])


class ColourTable(NamedTuple):
    """N colours: (N, 3) float64 means, variances and covariances, and (N,) cells."""

    means: _Floats
    variances: _Floats
    covariances: _Floats
    cells: _Floats


def measure_noise(pixels: AnyArray, *, camera: str = "") -> NoiseStatistics:
    """Measure the noise in the flat parts of a photo.

    At most 3072 cells of 16×16 pixels are looked at, spread evenly; the grain is that of at most
    384 flat ones.

    Parameters
    ----------
    pixels : (H, W, 3) uint8 or uint16 array
        RGB.
    camera : str

    Raises
    ------
    InvalidValueError
        The photo cannot tell: it is small, clipped, without noise, or nothing in it is flat. The
        text says which.
    """
    looked_at = describe_cells(cells_of(pixels))
    flat = looked_at[_flat_cells(looked_at)]
    rounding = _ROUNDING if pixels.dtype == np.uint8 else 0.0
    variances = np.maximum(flat.variances - rounding, flat.variances / 4)
    # What rounding adds has no grain.
    more = np.sqrt(flat.variances.mean(axis=0) / variances.mean(axis=0))
    few = residuals_of(flat.levels[:: -(-len(flat) // _GRAIN_CELLS)])
    grain = _grain_of(few)
    # Of noise, the variances of cells scatter by as much as their grain asks for.
    expected = np.sqrt(2 * (2 * (grain[:3] ** 2).sum(axis=1) - 1)) / CELL
    if (scatter_of(flat) / expected).min() > _MOST_SCATTER:
        raise InvalidValueError(_NOTHING_FLAT)
    if _is_strong_texture(grain, variances) or is_texture(few, grain[_GREEN]):
        raise InvalidValueError(_NOTHING_FLAT)
    grain = grain * [[more[one] * more[other]] for one, other in PRODUCTS]
    measured = np.concatenate([flat.means, variances, flat.covariances], axis=1)
    return NoiseStatistics(
        camera=camera,
        looked_at=len(looked_at),
        cells=len(flat),
        colours=_by_colour(measured, np.ones(len(flat)), _MOST_COLOURS),
        grain=_rounded(grain),
    )


def _is_strong_texture(grain: _Floats, variances: _Floats) -> bool:
    near = (grain[:3, LAGS.index((0, 1))] + grain[:3, LAGS.index((1, 0))]) / 2
    together = grain[3:, 0] / np.sqrt(grain[[0, 0, 1], 0] * grain[[1, 2, 2], 0])
    is_grey = _GREY < together.min() < _IS_GREY
    return bool(np.median(variances) > _STRONG and (near.min() > _SMOOTH or is_grey))


def _rounded(grain: _Floats) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(one) for one in np.clip(np.round(grain, 3), -1, 1).tolist())


def _flat_cells(cells: Cells) -> _Booleans:
    """Tell which cells of a photo are flat; InvalidValueError, saying why, when too few are."""
    if len(cells) < _FEWEST:
        raise InvalidValueError("it is smaller than 8 cells of 16×16 pixels")
    usable = ~is_clipped(cells.levels)
    if usable.sum() < _FEWEST:
        raise InvalidValueError("nearly all of it is clipped to black or white")
    still = usable & is_still(cells)
    usable &= ~still
    flat = np.zeros(len(cells), bool)
    flat[usable] = flat_among(cells.numbers()[usable])
    if still.sum() > flat.sum():
        raise InvalidValueError(
            "its flat parts have no noise, as in drawings, clean pictures and strong compression"
        )
    if flat.sum() < _FEWEST:
        raise InvalidValueError(_NOTHING_FLAT)
    return flat


def flat_grain(levels: FloatArray) -> _Floats:
    """Return the correlations of :data:`PRODUCTS` at :data:`LAGS`, (6, 25), about planes.

    Of (N, 16, 16, 3) flat cells; each counts alike.
    """
    return _grain_of(residuals_of(levels[:: -(-len(levels) // _GRAIN_CELLS)]))


def _grain_of(residuals: FloatArray) -> _Floats:
    power = np.einsum("nyxc,nyxc->nc", residuals, residuals) / CELL**2
    residuals = residuals / np.sqrt(power)[:, None, None]
    side = CELL + RADIUS + 1  # nothing wraps around, and 20 is quickly transformed
    spectra = np.fft.rfft2(np.moveaxis(residuals, 3, 0), (side, side))
    mirrored, found = spectra.conj(), []
    for one, other in PRODUCTS:
        product = np.einsum("nyx,nyx->yx", spectra[one], mirrored[other])
        sums = np.fft.irfft2(product.real, (side, side))  # real: both half planes alike
        found.append([sums[y, x] / ((CELL - y) * (CELL - abs(x))) for y, x in LAGS])
    return np.array(found) / len(residuals)


def _by_colour(measured: _Floats, counts: _Floats, most: int) -> tuple[ColourNoise, ...]:
    """Put what has about one colour together; of more than ``most`` colours the frequent ones.

    ``measured`` are (N, 9) means, variances and covariances.
    """
    keys = (measured[:, :3] // _COLOUR_STEP).astype(np.int64) @ [64, 8, 1]
    _, numbers = np.unique(keys, return_inverse=True)
    totals = np.bincount(numbers, counts)
    sums = [np.bincount(numbers, counts * column) for column in measured.T]
    rows = np.stack(sums, axis=1) / totals[:, None]
    frequent = np.sort(np.argsort(-totals, kind="stable")[:most])
    return tuple(
        ColourNoise._make(
            [
                *np.round(rows[at, :3], 1).tolist(),
                *(float(f"{value:.4g}") for value in rows[at, 3:]),
                max(round(float(totals[at])), 1),
            ]
        )
        for at in frequent
    )


def pool_statistics(photos: Sequence[NoiseStatistics]) -> NoiseStatistics:
    """Return what several photos of one camera tell together.

    No photo weighs more than twice what the median one does. Those of one photo alone stay as they
    are.

    Parameters
    ----------
    photos : sequence of NoiseStatistics
        At least one; the camera is that of the first.
    """
    if len(photos) == 1:
        return photos[0]
    counts = np.array([photo.cells for photo in photos], np.float64)
    each = np.array([photo.photos for photo in photos])
    most = 2 * np.median(np.repeat(counts / each, each))
    weights = np.minimum(1.0, most * each / counts)
    rows = np.array([colour for photo in photos for colour in photo.colours], np.float64)
    shares = np.repeat(weights, [len(photo.colours) for photo in photos])
    share = weights * counts
    grain = np.average([photo.grain for photo in photos], axis=0, weights=share)
    return NoiseStatistics(
        camera=photos[0].camera,
        photos=int(each.sum()),
        looked_at=sum(photo.looked_at for photo in photos),
        cells=int(counts.sum()),
        colours=_by_colour(rows[:, :9], rows[:, 9] * shares, _MOST_POOLED),
        grain=_rounded(grain),
    )

"""How the sharpness of photos and of LR depends on direction, and whether photos show it.

Scenes have directions of their own: horizons, walls, trees. Of a photo's power at high frequencies
along rows and along columns most is told by that at low ones, which cameras hardly change; what is
left is compared over photos that show alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from degrade.audit.closed_loop import MOST_GAIN, Turns
from degrade.audit.differences import holm
from degrade.audit.features import PhotoFeatures
from degrade.audit.spectra import BAND_FREQUENCIES, TURN_COUNT, WAYS, turn_waves
from degrade.errors import InvalidValueError
from degrade.kernels import BlurKernel

__all__ = [
    "DIRECTIONS",
    "Direction",
    "Steps",
    "direction_steps",
    "direction_turns",
    "find_directions",
    "gap_by_direction",
    "response_by_direction",
    "turns_apart",
]

Steps: TypeAlias = npt.NDArray[np.float64]
"""(N, 3, 24): of each of N pairs by how much more amplitude, its natural logarithm, the photo has
than LR, of each wave of :func:`degrade.audit.spectra.turn_waves`, in each band."""

DIRECTIONS = ("along rows", "along columns", "along falling diagonals", "along rising diagonals")
"""Those of :func:`gap_by_direction`."""

_AHEAD = (0.0, 1.0, 1.0, -1.0), (1.0, 0.0, 1.0, 1.0)
"""Along columns and along rows: where they go."""

_SCENES = slice(3, 6)
"""Bands whose directions are the scenes', 0.06 to 0.13 cycles per pixel."""

_FIRST = 6
"""The lowest band that is looked at, and corrected."""

_TOLD = slice(7, 20)
"""Bands whose gap is told, 0.15 to 0.42 cycles per pixel."""

_LEVEL = 0.01
_NEGLIGIBLE = 0.5
"""dB: by so much two sets of scenes that one camera took differ, however alike they look."""

_FLIPS = 2000
_DB = 20 / np.log(10)
_NOTHING = 1e-12


@dataclass(frozen=True, slots=True)
class Direction:
    """Whether photos and LR differ in one of :data:`degrade.audit.spectra.WAYS`.

    Attributes
    ----------
    way : str
    size : float
        dB, where it is largest: by how much more of it photos have.
    frequency : float
        Where that is, cycles per pixel.
    apart : float
        dB, root mean square over all bands from 0.13 cycles per pixel on.
    p_value : float
        By signs flipped at random, of the band that shows most, corrected for both ways.
    """

    way: str
    size: float
    frequency: float
    apart: float
    p_value: float

    @property
    def is_there(self) -> bool:
        """Whether photos show it: by chance one time in a hundred, and more than scenes do."""
        return self.p_value <= _LEVEL and self.apart >= _NEGLIGIBLE


def direction_steps(photos: Sequence[PhotoFeatures], lr: Sequence[PhotoFeatures]) -> Steps:
    """Return by how much photos and LR differ in direction, freed of what their scenes differ in.

    By an analysis of covariance: how much of a direction at low frequencies is there at high ones
    is told by both sets, each about its own mean, and taken off. Smoothed over three bands.

    Parameters
    ----------
    photos, lr : sequences of PhotoFeatures
        At least three each; element i of the one is matched with element i of the other.

    Raises
    ------
    InvalidValueError
        They differ in number, or there are fewer.
    """
    if len(photos) != len(lr) or len(photos) < 3:
        raise InvalidValueError(f"as many photos as LR are needed, got {len(photos)}, {len(lr)}")
    ours, theirs = (np.array([each.turns for each in part]) / 2 for part in (photos, lr))
    about = [part - part.mean(axis=0) for part in (ours, theirs)]
    pooled = np.concatenate(about)
    scenes = pooled[:, :, _SCENES].mean(axis=2, keepdims=True)
    slope = (pooled * scenes).sum(axis=0) / np.maximum(np.square(scenes).sum(axis=0), _NOTHING)
    steps = ours - theirs
    steps -= slope * steps[:, :, _SCENES].mean(axis=2, keepdims=True)
    around = np.pad(steps, ((0, 0), (0, 0), (1, 1)), mode="edge")
    smooth = around[..., :-2] / 4 + around[..., 1:-1] / 2 + around[..., 2:] / 4
    smooth[..., :_FIRST] = 0
    return np.asarray(smooth)


def find_directions(steps: Steps, rng: np.random.Generator) -> tuple[Direction, ...]:
    """Tell which ways photos show, each by its band of the largest ratio of mean to error.

    Were photos and LR of one camera, either of a pair could be the photo. Signs are flipped pair by
    pair, all bands at once, and the largest ratio of all bands is compared with the largest: so
    bands need no correction, and the two ways have Holm's.

    Parameters
    ----------
    steps : (N, 3, 24) float64 array
        As :func:`direction_steps` gives them.
    rng : numpy.random.Generator

    Returns
    -------
    tuple of Direction
        One for each of :data:`degrade.audit.spectra.WAYS`.
    """
    signs = np.where(rng.random((_FLIPS, len(steps))) < 0.5, -1.0, 1.0)
    chances = []
    for number in range(len(WAYS)):
        table = steps[:, number, _FIRST:]
        flipped, ratio = _largest_ratio(signs @ table, table), _largest_ratio(table.sum(0), table)
        as_large = flipped >= ratio * (1 - _NOTHING) - _NOTHING
        chances.append(float((1 + as_large.sum()) / (1 + _FLIPS)))
    found = []
    means = _DB * steps[:, : len(WAYS)].mean(axis=0)
    for way, mean, p_value in zip(WAYS, means, holm(chances), strict=True):
        largest = int(np.abs(mean).argmax())
        apart = float(np.sqrt(np.square(mean[_FIRST:]).mean()))
        size, frequency = float(mean[largest]), float(BAND_FREQUENCIES[largest])
        found.append(Direction(way, size, frequency, apart, p_value))
    return tuple(found)


def _largest_ratio(total: Steps, table: Steps) -> npt.NDArray[np.float64]:
    """Return the largest ratio, over the bands, of a mean to its error, given its total."""
    count = len(table)
    spread = np.square(table).sum(axis=0) - np.square(total) / count
    error = np.sqrt(np.maximum(spread, _NOTHING) * count / (count - 1))
    return np.asarray((np.abs(total) / error).max(axis=-1))


def direction_turns(steps: Steps, found: Sequence[Direction]) -> Turns:
    """Return by how much more of each direction photos have than LR, in the ways that they show.

    What the ways that are not shown tell is left out, and of the others what chance makes of so few
    photos is taken off: James and Stein's share. Towards 0, where scenes hide it, it falls with
    the square of the frequency, as of every blur.

    Parameters
    ----------
    steps : (N, 3, 24) float64 array
        As :func:`direction_steps` gives them.
    found : sequence of Direction
        Of all ways.
    """
    mean = steps.mean(axis=0)
    chance = steps.var(axis=0, ddof=1) / len(steps)
    kept = np.maximum(1 - chance.sum(axis=1) / np.maximum(np.square(mean).sum(axis=1), _NOTHING), 0)
    shown = np.zeros(TURN_COUNT)
    shown[: len(WAYS)] = [way.is_there for way in found]
    turns = mean * (kept * shown)[:, None]
    fall = np.square(BAND_FREQUENCIES[:_FIRST] / BAND_FREQUENCIES[_FIRST])
    turns[:, :_FIRST] = turns[:, [_FIRST]] * fall
    return np.asarray(np.clip(turns, -MOST_GAIN, MOST_GAIN))


def turns_apart(steps: Steps, found: Sequence[Direction]) -> float:
    """Return how far photos and LR are apart in the ways that photos show, dB.

    Root mean square over ways and bands; 0 when they show none.
    """
    shown = [way.is_there for way in found]
    if not any(shown):
        return 0.0
    mean = steps[:, : len(WAYS)].mean(axis=0)[shown, _FIRST:]
    return float(_DB * np.sqrt(np.mean(np.square(mean))))


def gap_by_direction(steps: Steps) -> npt.NDArray[np.float64]:
    """Return by how much more power photos have than LR in each of four directions, dB.

    Relative to the mean of all directions, mean over 0.15 to 0.42 cycles per pixel.

    Returns
    -------
    (4,) float64 array
        For :data:`DIRECTIONS`.
    """
    return np.asarray(_DB * steps[:, :, _TOLD].mean(axis=(0, 2)) @ turn_waves(*_AHEAD))


def response_by_direction(kernel: BlurKernel) -> npt.NDArray[np.float64]:
    """Return which share of the amplitude a kernel keeps in each of :data:`DIRECTIONS`, by band.

    Returns
    -------
    (4, 24) float64 array
    """
    cycles = BAND_FREQUENCIES / float(kernel.scale)
    ahead = np.array(_AHEAD) / np.hypot(*_AHEAD)
    down, right = (np.multiply.outer(part, cycles).ravel() for part in ahead)
    places = np.arange(kernel.size) - kernel.size // 2
    columns, rows = (np.exp(-2j * np.pi * np.multiply.outer(f, places)) for f in (down, right))
    kept = np.abs(((columns @ kernel.weights.astype(np.float64)) * rows).sum(axis=1))
    return np.asarray(kept.reshape(len(DIRECTIONS), -1))

"""Where the 8×8 grid of JPEG lies in pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from degrade.arrays import FloatArray
from degrade.jpeg.transform import BLOCK, coefficients_everywhere
from degrade.jpeg.windows import Windows

__all__ = ["GridVotes", "count_votes", "upright_grid"]

_T = TypeVar("_T", bound=np.generic)

_WINDOWS = 12
_AREA = 71
"""Side of what is looked at in a window: 8×8 cells, and the blocks that begin in the last ones."""

_LEAST_CELLS = 24
_LEAST_RATE = 0.08
"""Share of the votes from which on a phase is a grid; chance gives each 1/64, clean photos up to
0.045."""

_PLAIN_RATE = 0.25
_CHANCE = 1e-9
"""How likely the votes may be by chance."""


@dataclass(frozen=True, slots=True, eq=False)
class GridVotes:
    """What the cells of a photo say.

    Attributes
    ----------
    votes : (8, 8) int64 array
        By row and column of the grid's phase.
    zeros : (N, 8, 8) uint8 array
        Of each cell: how many coefficients round to zero, of the block that begins at each of its
        pixels. Cells with no winner have no vote.
    """

    votes: npt.NDArray[np.int64]
    zeros: npt.NDArray[np.uint8]

    @property
    def phase(self) -> tuple[int, int]:
        """The phase that most cells vote for."""
        row, column = np.unravel_index(int(self.votes.argmax()), self.votes.shape)
        return int(row), int(column)

    @property
    def share(self) -> float:
        """Its share of all votes."""
        return float(self.votes.max() / max(1, self.votes.sum()))

    @property
    def is_plain(self) -> bool:
        """Whether it is beyond doubt also without multiples of steps to confirm it.

        Enlarged pictures, and JPEGs that were resized, leave fainter grids, or several.
        """
        second = int(np.partition(self.votes.ravel(), -2)[-2])
        return self.share >= _PLAIN_RATE and self.votes.max() >= 2 * second

    @property
    def is_grid(self) -> bool:
        """Whether the votes are many enough, and no chance."""
        total = int(self.votes.sum())
        if total < _LEAST_CELLS or self.share < _LEAST_RATE:
            return False
        return _log_tail(int(self.votes.max()), total, 1 / BLOCK**2) < math.log(_CHANCE)


def count_votes(windows: Windows) -> GridVotes:
    """Let each cell of 8×8 pixels vote for where, in it, a block begins.

    A block of JPEG's grid has more coefficients that are zero than others that overlap it. Cells
    with clipped pixels, or without a single winner, do not vote.

    References
    ----------
    Votes of zeros as in Nikoukhah et al., "ZERO: a local JPEG grid origin detector based on the
    number of DCT zeros", IPOL 2021; here by cell, and of some windows.
    """
    chosen = np.linspace(0, len(windows.pixels) - 1, min(_WINDOWS, len(windows.pixels)))
    planes = windows.luma[chosen.astype(int), :_AREA, :_AREA]
    clipped = windows.clipped[chosen.astype(int), :_AREA, :_AREA]
    if min(planes.shape[1:]) < 2 * BLOCK - 1:
        none = np.zeros((0, BLOCK, BLOCK), np.uint8)
        return GridVotes(np.zeros((BLOCK, BLOCK), np.int64), none)
    cells = _cells(np.stack([_zeros(plane) for plane in planes]))
    usable = ~_cells(_within_reach(clipped)).any(axis=1)
    cells = cells[usable]
    most = cells.max(axis=1, keepdims=True) if len(cells) else cells
    winners = cells == most
    single = winners.sum(axis=1) == 1
    votes = winners[single].sum(axis=0)
    return GridVotes(votes.reshape(BLOCK, BLOCK), cells.reshape(-1, BLOCK, BLOCK))


def upright_grid(
    upright_size: tuple[int, int], orientation: int, unit: tuple[int, int] = (BLOCK, BLOCK)
) -> tuple[int, int]:
    """Return where the grid of a JPEG file begins once its pixels are turned upright.

    Parameters
    ----------
    upright_size : (height, width)
    orientation : int
        Of the file, 1 to 8; see :func:`degrade.images.orientation.upright`.
    unit : (height, width)
        Of what repeats, upright: a block of luma, or what a block of each chroma covers.

    Returns
    -------
    (row, column)
        Modulo the unit.
    """
    height, width = upright_size
    row = height % unit[0] if orientation in (3, 4, 7, 8) else 0
    return row, width % unit[1] if orientation in (2, 3, 6, 7) else 0


def _zeros(plane: FloatArray) -> npt.NDArray[np.uint8]:
    """Return how many coefficients of the block at each pixel, but its mean, round to zero."""
    found = coefficients_everywhere(plane)
    near_zero = np.abs(found, out=found) < 0.5
    near_zero[..., 0, 0] = False
    flat = near_zero.reshape(*near_zero.shape[:2], BLOCK**2).view(np.uint64)
    # Eight flags at a time: each byte of the sum is at most 8, and then they are added across.
    sums = flat.sum(axis=2, dtype=np.uint64)
    found_zeros: npt.NDArray[np.uint8] = (
        sums.view(np.uint8).reshape(*sums.shape, 8).sum(axis=2, dtype=np.uint8)
    )
    return found_zeros


def _cells(image: npt.NDArray[_T]) -> npt.NDArray[_T]:
    """Return the pixels of whole cells, (N, 64)."""
    rows, columns = (side // BLOCK for side in image.shape[1:])
    cut = image[:, : rows * BLOCK, : columns * BLOCK]
    return cut.reshape(-1, rows, BLOCK, columns, BLOCK).swapaxes(2, 3).reshape(-1, BLOCK**2)


def _within_reach(clipped: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return, for each place where a block begins, whether that block has a clipped pixel."""
    seen = np.lib.stride_tricks.sliding_window_view
    down = np.any(seen(clipped, BLOCK, axis=1), axis=3)
    found: npt.NDArray[np.bool_] = np.any(seen(down, BLOCK, axis=2), axis=3)
    return found


def _log_tail(least: int, total: int, chance: float) -> float:
    """Return a bound of the log of the probability of so many of ``total`` (Hoeffding)."""
    rate = least / total
    if rate <= chance:
        return 0.0
    if rate >= 1:
        return total * math.log(chance)
    apart = rate * math.log(rate / chance) + (1 - rate) * math.log((1 - rate) / (1 - chance))
    return -total * apart

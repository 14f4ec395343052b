"""What pixels tell of JPEG: where its grid lies, its steps and subsampling, and what was before.

A photo that was a JPEG and became a PNG, cropped or turned perhaps, still has all of it; one that
was resized since has none. So "no grid" never means "never compressed".

Looked at are up to 36 windows of 112 pixels that are spread over the photo. Each claim is made only
where its evidence is far from what photos that never were JPEGs give; `docs/jpeg.md` has the
figures.
"""

from __future__ import annotations

import msgspec
import numpy as np

from degrade.arrays import AnyArray, FloatArray
from degrade.jpeg.chroma import ROUNDING, ChromaFit, clear_blocks, find_chroma
from degrade.jpeg.double import earlier_grid, earlier_on_grid
from degrade.jpeg.grid import GridVotes, count_votes
from degrade.jpeg.names import name_tables
from degrade.jpeg.steps import TableFit, fit_table, lively
from degrade.jpeg.tables import UNITS, JpegSettings, Subsampling, Table, quality_of
from degrade.jpeg.transform import BLOCK
from degrade.jpeg.windows import Windows, choose_windows, of_any

__all__ = ["Earlier", "PixelHistory", "earlier_of_file", "history_of_pixels"]

_LEAST_SIDE = 48
_LEAST_CELLS = 24
_POWER = 0.5
"""Of the blocks of luma that are looked at; see :func:`degrade.jpeg.steps.lively`."""

_LEAST_BLOCKS = 16
_MOST_EQUAL = 0.6
"""Share of neighbours of exactly the same colour, from which on a picture is no photo."""

_TURNED: dict[Subsampling, Subsampling] = {"4:2:2": "4:4:0", "4:4:0": "4:2:2"}


class Earlier(msgspec.Struct, frozen=True, omit_defaults=True):
    """A compression before the last one.

    Attributes
    ----------
    grid : (row, column) or None
        Its phase, where it is another than the last one's.
    qualities : (lowest, highest) or None
        Of libjpeg, those that fit; None: not known.
    """

    grid: tuple[int, int] | None = None
    qualities: tuple[int, int] | None = None


class PixelHistory(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What pixels tell; what is not there cannot be told.

    Attributes
    ----------
    doubt : str
        Why no grid is claimed: ``too small``, ``clipped``, ``flat``, ``artificial``, ``no grid``.
        Empty where one is.
    grid : (row, column) or None
        Blocks begin at rows and columns that are these modulo 8.
    unit : (row, column, height, width) or None
        Where what a block of chroma covers begins, modulo its size, and that size; without chroma
        a block of luma.
    named : str
        The tables' name, or that they are not known.
    quality : int or None
        The quality of libjpeg that has exactly these tables.
    luma, chroma : tuple of 64 int or None
        The tables, as the file had them; whole and certain, or None.
    steps : tuple of 64 int
        Luma's steps where the table is not known, as they stand in the photo, 0 where one cannot
        be told.
    subsampling : str or None
        As the file had it.
    turned : bool
        The photo was turned by 90° after its compression.
    earlier : Earlier or None
        A compression before that one.
    """

    doubt: str = ""
    grid: tuple[int, int] | None = None
    unit: tuple[int, int, int, int] | None = None
    named: str = ""
    quality: int | None = None
    luma: Table | None = None
    chroma: Table | None = None
    steps: tuple[int, ...] = ()
    subsampling: Subsampling | None = None
    turned: bool = False
    earlier: Earlier | None = None


def history_of_pixels(pixels: AnyArray) -> PixelHistory:
    """Tell from pixels how they were compressed last, and before.

    Parameters
    ----------
    pixels : (H, W, 3) uint8 or uint16 array
        A photo from a file that is no JPEG.
    """
    if min(pixels.shape[:2]) < _LEAST_SIDE:
        return PixelHistory(doubt="too small")
    windows = choose_windows(pixels)
    votes = count_votes(windows)
    if not votes.is_grid:
        return PixelHistory(doubt=_why_not(windows, votes))
    blocks = lively(clear_blocks(windows.luma, *votes.phase, windows.clipped), _POWER)
    fit = fit_table(blocks, np.full(64, ROUNDING), 0) if len(blocks) >= _LEAST_BLOCKS else None
    if fit is None or fit.table is None:  # nothing confirms the grid
        if _is_artificial(windows):
            return PixelHistory(doubt="artificial")
        if not votes.is_plain or len(blocks) < _LEAST_BLOCKS:
            return PixelHistory(doubt="no grid")
    chroma = None if fit is None or windows.is_gray else find_chroma(windows, votes.phase)
    return _put_together(votes, fit, chroma, _earlier(votes, votes.phase, blocks, fit))


def earlier_of_file(
    pixels: AnyArray, settings: JpegSettings, grid: tuple[int, int], *, turned: bool = False
) -> Earlier | None:
    """Tell from the pixels of a JPEG file whether they had been a JPEG before.

    Parameters
    ----------
    pixels : (H, W, 3) uint8 array
    settings : JpegSettings
        The file's own.
    grid : (row, column)
        Where the file's blocks begin, modulo 8: (0, 0) unless the photo was turned after decoding.
    turned : bool
        Rows have become columns.
    """
    if min(pixels.shape[:2]) < _LEAST_SIDE:
        return None
    windows = choose_windows(pixels)
    votes = count_votes(windows)
    if votes.is_grid and votes.phase != grid:
        return Earlier(votes.phase)
    blocks = lively(clear_blocks(windows.luma, *grid, windows.clipped), _POWER)
    return _earlier(votes, grid, blocks, TableFit(settings.luma, (), turned, 0.0))


def _earlier(
    votes: GridVotes, phase: tuple[int, int], blocks: FloatArray, fit: TableFit | None
) -> Earlier | None:
    if fit is not None and fit.table is not None and len(blocks) >= _LEAST_BLOCKS:
        if fit.turned:
            blocks = blocks.reshape(-1, 8, 8).swapaxes(1, 2).reshape(-1, 64)
        qualities = earlier_on_grid(blocks, fit.table)
        if qualities is not None:
            return Earlier(None, qualities)
    other = earlier_grid(votes, phase)
    return None if other is None else Earlier(other)


def _put_together(
    votes: GridVotes, fit: TableFit | None, chroma: ChromaFit | None, earlier: Earlier | None
) -> PixelHistory:
    if fit is None:
        named, unit = "steps that cannot be told", (*votes.phase, BLOCK, BLOCK)
        return PixelHistory(grid=votes.phase, unit=unit, named=named, earlier=earlier)
    subsampling = None if chroma is None else chroma.subsampling
    if subsampling is not None and fit.turned:
        subsampling = _TURNED.get(subsampling, subsampling)
    table = None if chroma is None else chroma.fit.table
    settings = None
    if fit.table is not None:
        settings = JpegSettings(fit.table, table, subsampling or "4:4:4")
    size = (BLOCK, BLOCK) if chroma is None else UNITS[chroma.subsampling]
    return PixelHistory(
        grid=votes.phase,
        unit=(*(votes.phase if chroma is None else chroma.phase), *size),
        named="tables of its own" if settings is None else name_tables(settings).words,
        quality=None if settings is None else quality_of(settings),
        luma=fit.table,
        chroma=table,
        steps=fit.steps,
        subsampling=subsampling,
        turned=fit.turned,
        earlier=earlier,
    )


def _why_not(windows: Windows, votes: GridVotes) -> str:
    if _is_artificial(windows):
        return "artificial"
    if len(votes.zeros) < _LEAST_CELLS:
        return "clipped"
    if votes.votes.sum() < _LEAST_CELLS:
        return "flat"
    return "no grid"


def _is_artificial(windows: Windows) -> bool:
    """Tell whether most neighbours are of one colour: a drawing, or what has one colour at all."""
    pixels = windows.pixels
    differ = of_any(pixels[:, :, 1:] != pixels[:, :, :-1])
    return bool((~differ).mean() > _MOST_EQUAL)

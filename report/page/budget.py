"""What of many things a page has room for: marked ones first, then an even choice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from degrade.errors import line_of
from degrade.wording import byte_text
from report.page.contents import Row, Table

__all__ = ["PICTURES", "ROWS", "even_choice", "fitting"]

ROWS = 4_500_000
"""Bytes that the rows of a page's tables may take together, without their pictures."""

PICTURES = 3_000_000
"""Bytes that its pictures may take, as they stand in the page."""

_T = TypeVar("_T")
_CELL = 4
"""Bytes of what stands around a cell."""


def even_choice(things: Sequence[_T], most: int) -> list[_T]:
    """Return at most ``most`` things, evenly over their order, first and last included."""
    if len(things) <= most:
        return list(things)
    if most < 2:
        return list(things[: max(most, 0)])
    return [things[i * (len(things) - 1) // (most - 1)] for i in range(most)]


def fitting(
    table: Table,
    *,
    rows: int = ROWS,
    pictures: int = PICTURES,
    picture_of: Callable[[int], bytes] | None = None,
) -> Table:
    """Return a table that keeps its order and fits.

    Parameters
    ----------
    table : Table
    rows, pictures : int
        Bytes that there are for its rows and for their pictures.
    picture_of : callable or None
        Returns the PNG of the row of a number; called only while there is room.
    """
    marked = [n for n, column in enumerate(table.columns) if column.kind == "marks"]
    is_marked = [any(row.cells[n] for n in marked) for row in table.rows]
    sizes = [_size(row) for row in table.rows]
    shown = _chosen(is_marked, lambda number: sizes[number], rows)
    pngs: dict[int, bytes] = {}
    if picture_of is not None:

        def draw(number: int) -> int:
            pngs[number] = picture_of(number)
            return -(-len(pngs[number]) // 3) * 4

        drawn = _chosen([is_marked[n] for n in shown], lambda place: draw(shown[place]), pictures)
        pngs = {shown[place]: pngs[shown[place]] for place in drawn}
    kept = tuple(replace(table.rows[n], png=pngs.get(n, b"")) for n in shown)
    notes = [table.note] if table.note else []
    if len(kept) < len(table.rows):
        notes.append(
            f"{len(kept)} of {len(table.rows)} rows, marked ones first and an even choice of the "
            f"others: more than {byte_text(rows)} of them would make the page slow"
        )
    if pngs and len(pngs) < len(kept):
        notes.append(
            f"{len(pngs)} of {len(kept)} with their picture, marked ones first: there is room for "
            f"{byte_text(pictures)} of them"
        )
    return replace(table, rows=kept, note=". ".join(notes))


def _size(row: Row) -> int:
    return sum(_CELL + len(line_of(str(cell)).encode()) for cell in row.cells)


def _chosen(is_marked: Sequence[bool], size: Callable[[int], int], room: int) -> list[int]:
    """Return the numbers of what fits, in ascending order."""
    chosen = []
    for number in _in_order(is_marked):
        room -= size(number)
        if room < 0:
            break
        chosen.append(number)
    return sorted(chosen)


def _in_order(is_marked: Sequence[bool]) -> Iterator[int]:
    """Yield the marked, then the others, each so that any beginning is spread over all."""
    for wanted in (True, False):
        numbers = [n for n, marked in enumerate(is_marked) if marked == wanted]
        bits = len(numbers).bit_length()
        # The first, the one in the middle, those of the quarters, and so on.
        places = sorted(range(len(numbers)), key=lambda place: f"{place:0{bits}b}"[::-1])
        yield from (numbers[place] for place in places)

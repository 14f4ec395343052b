"""What a page consists of: sections of words, tables, diagrams and pictures to compare.

Whoever gathers facts makes these; :func:`report.page.rendering.render_page` makes HTML of them. All
texts are plain: what people have named may stand in them as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

__all__ = [
    "Block",
    "Cell",
    "Chart",
    "Column",
    "Compared",
    "Page",
    "Picture",
    "Row",
    "Section",
    "Table",
    "Words",
]

Cell: TypeAlias = str | int | float | None


@dataclass(frozen=True, slots=True)
class Words:
    """Lines of text; with ``folded``, behind a title that opens them."""

    lines: tuple[str, ...]
    folded: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    title : str
    kind : str
        ``text``; ``words``, which are many; ``name``, which may be cut; ``number``; or ``marks``:
        what is to be said against the row, which is coloured when that is not empty.
    """

    title: str
    kind: Literal["text", "words", "name", "number", "marks"] = "text"


@dataclass(frozen=True, slots=True)
class Row:
    """A row: a cell for each column, and a small PNG before them, if there is one."""

    cells: tuple[Cell, ...]
    png: bytes = b""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows that can be sorted by each column and searched.

    Attributes
    ----------
    title : str
    columns : tuple of Column
    rows : tuple of Row
    pictures : str
        What the small pictures show, such as ``kernel``; empty: the table has none.
    note : str
        One line below the title.
    """

    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    pictures: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """A diagram; ``alt`` says in words what it shows, for who does not see it."""

    title: str
    svg: str
    alt: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG of so many pixels."""

    png: bytes
    width: int
    height: int
    alt: str


@dataclass(frozen=True, slots=True)
class Compared:
    """Two pictures of one size, one over the other, and what is said of them."""

    title: str
    before: Picture
    after: Picture
    lines: tuple[str, ...]


Block: TypeAlias = Words | Table | Chart | Picture | Compared


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page, which its list of contents leads to."""

    title: str
    blocks: tuple[Block, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """The whole page.

    Attributes
    ----------
    title : str
    lines : tuple of str
        What matters, at the top.
    sections : tuple of Section
    made_by : str
        The program and its version.
    """

    title: str
    lines: tuple[str, ...]
    sections: tuple[Section, ...] = field(default_factory=tuple)
    made_by: str = ""

"""What sections share: what was told, rejects, and lines in the words of the command line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from degrade.images.sources import Reject
from pipelines.shared.reports import similar_rejects
from pipelines.shared.speech import said
from report.page.budget import fitting
from report.page.charts import bars
from report.page.contents import Block, Column, Row, Section, Table, Words

__all__ = ["Told", "reject_section", "words_of"]

_REJECTS = 800_000
"""Bytes of a table of rejects."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a page tells of one source: lines for its head, and sections."""

    lines: tuple[str, ...]
    sections: tuple[Section, ...]


def words_of(lines: Iterable[str], folded: str = "") -> Words:
    """Return lines of ours as people are to read them."""
    return Words(tuple(said(line) for line in lines), folded)


def reject_section(
    rejects: Sequence[Reject], title: str, share: float = 1.0, note: str = ""
) -> list[Section]:
    """Return a section that names all rejects and counts them by reason; none for none."""
    if not rejects:
        return []
    groups = sorted(similar_rejects(rejects), key=len, reverse=True)
    blocks: list[Block] = []
    if len(groups) > 1:
        blocks.append(bars("How many, by reason", [(g[0].reason, len(g)) for g in groups]))
    rows = tuple(Row((each.path, each.reason, each.remedy)) for each in rejects)
    columns = (
        Column("file", "name"),
        Column("what is wrong", "words"),
        Column("what to do", "words"),
    )
    table = fitting(Table("Refused", columns, rows), rows=int(share * _REJECTS))
    return [Section(title, (*blocks, table), note)]

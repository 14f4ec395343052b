"""The page of a report: what a command told, as ``degrade --report FILE`` wrote it."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from degrade.disk.files import read_file
from degrade.errors import CorruptDataError, printable
from degrade.images.sources import Reject
from degrade.wording import counted
from pipelines.reporting.common import Told, reject_section
from pipelines.shared.job import Job
from report.page.budget import fitting
from report.page.charts import Interval, Line, intervals, lines
from report.page.contents import Cell, Chart, Column, Row, Section, Table, Words

__all__ = ["tell_report"]

_MANY = 3
"""Facts of one kind from which on they stand in a table."""

_ROWS = 1_200_000
_MOST_COLUMNS = 24
_DEEPEST_PART = 4

_PRINTED_ROWS = {"expectation"}
"""Kinds of facts whose words are rows of a printed table, and say what their values say."""

_HEAD = "columns"
"""The kind of a fact whose words are the head of a printed table."""

_TITLES: Mapping[str, str] = {
    "auc": "AUC",
    "colour_gap": "Colours apart, dB",
    "decibels": "dB",
    "expectation": "What to expect",
    "gap": "Spectra apart, dB",
    "half_width": "By chance ±",
    "matched": "Of each set",
    "p_value": "p",
    "plant": "Planted",
    "right": "Right, share",
    "round": "Round",
    "typical": "Error, median, share",
    "unknown": "Not known",
    "untold": "Not told, share",
    "worst": "90 % within, share",
    "wrong": "Wrong, share",
}
"""What kinds and names of values are called, where that is not plain."""

_SECTIONS: Mapping[str, str] = {
    "beside": "Beside it",
    "difference": "Differences",
    "moment": "Moments",
    "round": "Rounds",
    "score": "Scores",
    "step": "Steps of the recipe",
}
"""What a section of facts is called, where that is not the kind."""

_Fact = Mapping[str, Any]


def tell_report(path: Path, job: Job, share: float) -> Told:
    """Gather what a report says, that of its parts included.

    Raises
    ------
    CorruptDataError
        It is damaged.
    """
    found = json.loads(read_file(path))
    try:
        return _tell(found, share, depth=0)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise CorruptDataError(
            f"{printable(path)} is damaged ({type(error).__name__}: {error}); make it anew"
        ) from None


def _tell(found: Mapping[str, Any], share: float, depth: int, part: str = "") -> Told:
    name = str(found.get("job", "report"))
    prefix = f"{part}{name}: " if depth else ""
    facts: dict[str, list[_Fact]] = defaultdict(list)
    for fact in found.get("facts", []):
        facts[str(fact["kind"])].append(fact)
    sections = []
    charts = _charts(facts)
    if charts:
        sections.append(Section(f"{prefix}Curves", tuple(charts)))
    few = [
        str(fact["words"])
        for kind, group in facts.items()
        if len(group) < _MANY and not (kind == _HEAD and _PRINTED_ROWS & facts.keys())
        for fact in group
    ]
    if few:
        sections.append(Section(f"{prefix}What was found", (Words(tuple(few)),)))
    many = {kind: group for kind, group in facts.items() if len(group) >= _MANY}
    for kind, group in many.items():
        table = fitting(_table(kind, group), rows=int(share * _ROWS / len(many)))
        title = _SECTIONS.get(kind, _titled(kind))
        sections.append(Section(f"{prefix}{title}", (table,)))
    rejects = [
        Reject(*(str(each.get(key, "")) for key in ("path", "reason", "remedy")))
        for each in found.get("rejects", [])
    ]
    sections += reject_section(rejects, f"{prefix}Refused", share)
    lines_ = [_head(found, name)] if not depth else []
    lines_ += [f"Error: {found['error']}"] if found.get("error") else []
    for inner in found.get("parts", []) if depth < _DEEPEST_PART else []:
        sections += _tell(inner, share, depth + 1, prefix).sections
    return Told(tuple(lines_), tuple(sections))


def _head(found: Mapping[str, Any], name: str) -> str:
    text = name
    if "done" in found:
        text += f": {counted(int(found['done']), str(found.get('unit', 'thing')))}"
    if found.get("seconds") is not None:
        text += f" in {float(found['seconds']):.1f} s"
    return f"{text}; exit code {found.get('exit_code')}"


def _titled(kind: str) -> str:
    if kind in _TITLES:
        return _TITLES[kind]
    words = kind.replace("_", " ").replace("-", " ")
    return words[:1].upper() + words[1:]


def _table(kind: str, group: Sequence[_Fact]) -> Table:
    """Return facts of one kind as a table: their values that are one, and their words."""
    names = dict.fromkeys(
        name
        for fact in group
        for name, value in fact.items()
        if name not in ("kind", "words") and isinstance(value, str | int | float | None)
    )
    told = [name for name in names if any(fact.get(name) not in (None, "") for fact in group)]
    shown = told[:_MOST_COLUMNS]
    has_words = kind not in _PRINTED_ROWS
    numbers = {
        name
        for name in shown
        if all(_is_number(fact.get(name)) or fact.get(name) is None for fact in group)
    }
    columns = (
        *(Column(_titled(n), "number" if n in numbers else "text") for n in shown),
        *([Column("In words", "words")] if has_words else []),
    )
    rows = tuple(
        Row(
            (
                *(_cell(fact.get(name)) for name in shown),
                *([str(fact["words"])] if has_words else []),
            )
        )
        for fact in group
    )
    return Table(_titled(kind), columns, rows)


def _cell(value: Any) -> Cell:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str | int | float | None) else ""


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _charts(facts: Mapping[str, Sequence[_Fact]]) -> list[Chart]:
    return [
        *_spectra(facts.get("spectra", ())),
        *_told_apart(facts),
        *_differences([*facts.get("difference", ()), *facts.get("unknown", ())]),
        *_directions(facts.get("direction", ())),
        *_rounds(facts),
    ]


def _curve(values: Sequence[float | None]) -> list[float]:
    """Return numbers; what cannot be told leaves a gap."""
    return [math.nan if value is None else float(value) for value in values]


def _spectra(facts: Sequence[_Fact]) -> list[Chart]:
    """Draw the spectra of sets that were compared."""
    charts = []
    for fact in facts:
        x = [float(f) for f in fact["frequencies"]]
        curves = {str(name): Line(x, _curve(ys)) for name, ys in fact["curves"].items()}
        title = f"Power of {fact.get('of', 'grey')} against low frequencies"
        charts.append(lines(title, curves, below="cycles per pixel", beside="dB"))
    return charts


def _directions(facts: Sequence[_Fact]) -> list[Chart]:
    """Draw what the kernels of a match keep in each direction."""
    charts = []
    for fact in facts:
        if "curves" not in fact:  # of this camera nothing is known
            continue
        x = [float(f) for f in fact["frequencies"]]
        curves = {str(name): Line(x, _curve(ys)) for name, ys in fact["curves"].items()}
        of = f"{fact['camera']}: what" if fact.get("camera") else "What"
        title = f"{of} kernels keep of the amplitude, by direction"
        charts.append(lines(title, curves, below="cycles per pixel of LR", beside="share"))
    return charts


def _told_apart(facts: Mapping[str, Sequence[_Fact]]) -> list[Chart]:
    """Draw how surely sets are told apart, the one in question first."""
    found = {}
    for fact in (*facts.get("verdict", ()), *facts.get("beside", ())):
        if _is_number(fact.get("auc")) and _is_interval(fact.get("interval")):
            name = str(fact.get("of") or "these")
            marked = bool(fact.get("told_apart"))
            found[name] = _interval(fact["auc"], fact["interval"], marked)
    if not found:
        return []
    below = "AUC: 0.5 and below is a guess, 1 right every time"
    return [intervals("How surely they are told apart", found, below=below, neutral=0.5)]


def _differences(facts: Sequence[_Fact]) -> list[Chart]:
    """Draw sizes with their intervals, those of one unit together."""
    by_unit: dict[str, dict[str, Interval]] = defaultdict(dict)
    for fact in facts:
        if not (_is_number(fact.get("size")) and _is_interval(fact.get("interval"))):
            continue
        name, there = str(fact.get("of", "")), bool(fact.get("name"))
        each = _interval(fact["size"], fact["interval"], there)
        by_unit[str(fact.get("unit", ""))][str(fact["name"]) if there else name] = each
    charts = []
    for unit, found in by_unit.items():
        is_ratio = unit == "ratio" and all(each.low > 0 for each in found.values())
        title = f"Differences, {unit}" if unit != "ratio" else "Differences, as ratios"
        below = "marked: it is there" if any(e.marked for e in found.values()) else ""
        neutral = 1.0 if unit == "ratio" else 0.0
        charts.append(intervals(title, found, below=below, neutral=neutral, log=is_ratio))
    return charts


def _rounds(facts: Mapping[str, Sequence[_Fact]]) -> list[Chart]:
    """Draw what changed from round to round, of facts that count rounds."""
    charts = []
    for group in facts.values():
        rounds = [fact for fact in group if _is_number(fact.get("round"))]
        if len(rounds) < 2:
            continue
        x = [float(fact["round"]) for fact in rounds]
        for name in rounds[0]:
            values = [fact.get(name) for fact in rounds]
            if name == "round" or not any(map(_is_number, values)):
                continue
            y = [float(v) if _is_number(v) else math.nan for v in values]  # type: ignore[arg-type]
            if len({v for v in y if not math.isnan(v)}) < 2:  # nothing changed
                continue
            title = f"{_titled(str(name))} by round"
            charts.append(lines(title, {str(name): Line(x, y)}, below="round"))
    return charts


def _interval(value: float, interval: Sequence[float], marked: bool) -> Interval:
    low, high = interval
    return Interval(float(value), float(low), float(high), marked)


def _is_interval(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_is_number, value))

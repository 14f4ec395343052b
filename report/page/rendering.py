"""A page's contents as one HTML file that fetches nothing."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from importlib.resources import files

from degrade.errors import MissingDependencyError, line_of
from report.page.contents import Cell, Chart, Compared, Page, Picture, Row, Section, Table, Words

__all__ = ["render_page", "require_jinja"]

_SHOWN = 50
"""Rows of a table that are seen at once, and without JavaScript."""

_KINDS: dict[type, str] = {
    Words: "words",
    Table: "table",
    Chart: "chart",
    Picture: "picture",
    Compared: "compared",
}


def require_jinja() -> None:
    """Raise MissingDependencyError unless Jinja is installed."""
    try:
        import jinja2  # noqa: F401
    except ImportError:
        raise MissingDependencyError("pages need jinja2: pip install 'degrade[report]'") from None


def render_page(page: Page) -> str:
    """Return a page as HTML.

    It holds its styles, script and pictures. Its content security policy lets a browser load
    nothing, and run that script alone. Texts are escaped, and what cannot be printed in them is
    written out: a name can neither end a tag nor turn the direction of what follows.

    Parameters
    ----------
    page : Page

    Returns
    -------
    str
        The same for the same page.

    Raises
    ------
    MissingDependencyError
        Jinja is not installed.
    """
    require_jinja()
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    environment = Environment(
        loader=FunctionLoader(_part), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters.update(line=line_of, png=_data_url, cell=_cell_text, rows=_rows_json)
    environment.globals.update(kind=lambda block: _KINDS[type(block)], shown=_SHOWN)
    script = _part("page.js")
    template = environment.get_template("page.html")
    return template.render(
        page=page,
        style=_part("page.css"),
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        names=_section_names(page.sections),
        svg=_with_own_names,
    )


def _part(name: str) -> str:
    return files("report.page").joinpath("templates", name).read_text(encoding="utf-8")


def _section_names(sections: tuple[Section, ...]) -> list[str]:
    """Return what each section is called in links: its number keeps equal titles apart."""
    words = (re.sub(r"[^a-z0-9]+", "-", section.title.lower()).strip("-") for section in sections)
    return [f"s{number}-{word}" for number, word in enumerate(words, 1)]


def _with_own_names(chart: Chart, number: str) -> str:
    """Return a diagram whose names are those of no other one."""
    return re.sub(r'( id="|href="#|url\(#)', rf"\g<1>{number}-", chart.svg)


def _data_url(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def _plain(cell: Cell) -> str | int | float | None:
    """Return a cell as JSON has it: numbers with four digits, of texts what can be printed."""
    if isinstance(cell, str):
        return line_of(cell)
    if isinstance(cell, float):
        return float(f"{cell:.4g}") if math.isfinite(cell) else None
    return cell


def _cell_text(cell: Cell) -> str:
    value = _plain(cell)
    return "–" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def _rows_json(rows: tuple[Row, ...]) -> str:
    """Return the rows for the script, as text that cannot end the element which holds it."""
    values = [[base64.b64encode(row.png).decode(), *map(_plain, row.cells)] for row in rows]
    text = json.dumps(values, separators=(",", ":"), ensure_ascii=False)
    for sign in "<>&'":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text

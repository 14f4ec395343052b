"""Results that lie among photos: a search passes over them, lest they become photos themselves."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from degrade.disk.files import read_file
from degrade.disk.journal import Journal
from degrade.errors import DegradeError

__all__ = ["results_in"]

_WHOLE: Mapping[str, Callable[[Mapping[str, Any]], bool]] = {
    "pool.json": lambda found: found.get("format") == "degrade-pool",
    "run.json": lambda found: {"settings", "config_hash"} <= found.keys(),
    "study.json": lambda found: found.get("format") == "degrade-study",
    "training.json": lambda found: {"preset", "samples"} <= found.keys() or {*found} == {"stages"},
}
"""Folders that hold nothing else: the file that marks each, and how it is told from others."""


def results_in(folder: Path, names: Collection[str]) -> set[Path] | None:
    """Return which files and folders below a folder are results; None when all of it is one.

    Parameters
    ----------
    folder : Path
    names : collection of str
        What is in it.
    """
    for name, is_mark in _WHOLE.items():
        if name in names and is_mark(_read(folder / name)):
            return None
    found = set[Path]()
    if "export.json" in names:
        content = _read(folder / "export.json")
        entries = content.get("entries") if "settings" in content else None
        found.update(folder / entry for entry in _texts(entries))
    for journal, field, other in (
        ("upscale.jsonl", "result", "source_sha256"),
        (".degrade.jsonl", "file", "by"),
    ):
        if journal in names:
            found.update(folder / name for name in _recorded(folder / journal, field, other))
    return found


def _read(path: Path) -> Mapping[str, Any]:
    """Return what a file of JSON holds; nothing when it is none."""
    try:
        found = json.loads(read_file(path))
    except (DegradeError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _recorded(path: Path, field: str, other: str) -> Iterator[str]:
    try:
        records = Journal(path).read()
    except DegradeError:
        return
    for record in records:
        if isinstance(record, dict) and other in record:
            yield from _texts([record.get(field)])


def _texts(values: Any) -> Iterator[str]:
    for value in values if isinstance(values, list) else ():
        if isinstance(value, str) and "\0" not in value:
            yield value

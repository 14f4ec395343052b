"""What a file or folder holds that a page can tell of."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Literal, TypeAlias

from degrade.disk.files import read_file
from degrade.errors import DegradeError, printable
from degrade.studies import STUDY_NAME
from pipelines.artifacts.table import TABLE as ARTIFACTS_TABLE
from pipelines.pairs.inspect_pairs import holds_pairs
from pipelines.shared.folder_kinds import FOLDER_KINDS
from pipelines.shared.reports import REPORT_MARK

__all__ = ["Kind", "kind_of"]

Kind: TypeAlias = Literal["pool", "pairs", "training", "study", "artifacts", "report"]

_WANTED = (
    "give a pool, pairs, a training, a study, what detect-artifacts has written, or the JSON of "
    "`report=FILE`"
)
_SHOWN = 4


def kind_of(path: Path) -> Kind:
    """Return what a path is.

    Raises
    ------
    DegradeError
        It is none of these; the text says what is there.
    """
    where = printable(path)
    if not os.path.lexists(path):
        raise DegradeError(f"{where}: no such file or folder; {_WANTED}")
    if path.is_file():
        return _kind_of_file(path)
    if not path.is_dir():
        raise DegradeError(f"{where} is neither a file nor a folder; {_WANTED}")
    if (path / "pool.json").exists():
        return "pool"
    if holds_pairs(path):
        return "pairs"
    if (path / "training.json").exists():
        return "training"
    if (path / STUDY_NAME).exists():
        return "study"
    if (path / ARTIFACTS_TABLE).is_file():
        return "artifacts"
    for mark, words in FOLDER_KINDS.items():
        if (path / mark).exists():
            raise DegradeError(f"{where} holds {words}, and no page tells of that; {_WANTED}")
    try:
        names = sorted(entry.name for entry in path.iterdir())
    except OSError as error:
        raise DegradeError(f"{where}: {error.strerror}; {_WANTED}") from None
    listed = ", ".join(map(printable, names[:_SHOWN]))
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    found = f"{listed}{more}" if names else "nothing"
    raise DegradeError(f"{where} holds {found}; {_WANTED}")


def _kind_of_file(path: Path) -> Kind:
    try:
        found = json.loads(read_file(path))
    except (ValueError, RecursionError):
        raise DegradeError(f"{printable(path)} is a file that is no JSON; {_WANTED}") from None
    if isinstance(found, dict) and found.get("format") == REPORT_MARK["format"]:
        if found.items() >= REPORT_MARK.items():
            return "report"
        raise DegradeError(
            f"{printable(path)} is a report of version {found.get('version')!r:.20}, and this "
            f"degrade reads version {REPORT_MARK['version']}; make it anew"
        )
    kind = found.get("format") if isinstance(found, dict) else None
    if str(kind.get("name") if isinstance(kind, dict) else kind).startswith("degrade-"):
        return "pool"  # a fingerprint, or what the pool's reader refuses in its own words
    raise DegradeError(f"{printable(path)} is JSON of something else; {_WANTED}")

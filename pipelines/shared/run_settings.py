"""What must not change between a run and its resumption, kept where the run writes."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from degrade.degradation import read_recipe
from degrade.disk.structs import parse_struct
from degrade.errors import ChangedConfigError, CorruptDataError, DegradeError, InvalidValueError
from degrade.pairs import Place
from degrade.wording import counted
from pipelines.shared.changes import changes_between
from pipelines.shared.reports import REJECTS_NAME

__all__ = ["RUN_FILE", "begin_anew", "begin_or_resume", "hash_settings"]

RUN_FILE = "run.json"
"""The file of the settings of a run that makes shards, in the place where its shards are."""

_HASH = re.compile(r",? ?\b[0-9a-f]{16,}$")
_COUNT = re.compile(r"(\d+) (\w+)s")
_CONTENTS = {
    "photos": "photos",
    "images": "images",
    "pairs": "pairs",
    "pool_digest": "the pool's content",
}
"""Settings that are a count and a hash, or a hash alone, and what they are of."""

_RECIPE = "recipe"

_WORDS = {"method": "what the command does"}
"""What people call a setting where that is not its name."""

_COMMANDS = (None, "build-pairs"), ("import", "import-pairs")
"""What ``method`` is in a run of pairs, and whose run that is."""

_CALLED_NOW = {"form": "format"}
"""Names that settings had in files of earlier versions: ``form`` in exports of 0.1."""


class _Run(msgspec.Struct, frozen=True):
    """What is compared of the file; what stands beside it is for others."""

    settings: dict[str, Any]
    config_hash: Any = None
    decoding: int | None = None


def hash_settings(settings: Mapping[str, Any]) -> str:
    """Return the SHA-256 that names these settings."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def begin_or_resume(
    place: Place, run: Mapping[str, Any], *, name: str = RUN_FILE, folder: Path | None = None
) -> None:
    """Write ``run``, or compare its ``settings`` with those of the run that was begun there.

    A run that made nothing, since it failed as it started, is forgotten.

    Parameters
    ----------
    place : Place
        Held by the caller.
    run : mapping
        Of JSON's types; what stands beside ``settings`` may change, but for ``decoding``.
    name : str
        The file.
    folder : Path or None
        What an error calls the run; None: the place.

    Raises
    ------
    ChangedConfigError
        The earlier run had other settings.
    CorruptDataError
        The file is damaged.
    DegradeError
        There are shards, but nothing that says of which run; or another command has begun the run;
        or it was begun by another version, whose files must not come to lie beside this
        one's; or the file cannot be written.
    """
    names = place.names()
    if name not in names:
        if any(other.startswith("shard-") for other in names):
            raise DegradeError(
                f"{place.shown()} holds shards of another kind of run; choose another folder"
            )
        _write(place, name, run)
        return
    try:
        found = parse_struct(place.read(name), _Run, name)
        then = _as_called_now(found.settings)
        differences = _differences(then, run["settings"])
        reads_otherwise = found.decoding != run.get("decoding")
    except (CorruptDataError, RecursionError):  # the latter: in showing a value of many levels
        raise CorruptDataError(
            f"{place.shown(name)} is damaged; choose another output folder or delete this one"
        ) from None
    unused = all(other in (name, REJECTS_NAME) or other[0] == "." for other in names)
    if (differences or reads_otherwise) and unused and _is_own(found, run):
        _write(place, name, run)
    elif (method := then.get("method")) != run["settings"].get("method"):
        raise DegradeError(
            f"{folder or place.shown()} was begun by {_command_of(method)}; choose another output "
            "folder"
        )
    elif reads_otherwise or "`version`" in differences:
        raise DegradeError(
            f"{folder or place.shown()} was begun by another version of degrade, whose files "
            "differ; finish it with that version, or choose another output folder"
        )
    elif differences:
        raise ChangedConfigError(folder or place.shown(), differences)


def begin_anew(place: Place, run: Mapping[str, Any]) -> None:
    """Write ``run`` over the one that was begun there: what that has made counts no more."""
    _write(place, RUN_FILE, run)


def _command_of(method: object) -> str:
    """Return the command that makes pairs by this setting, which build-pairs does not have."""
    names = [name for known, name in _COMMANDS if known == method]
    return f"`degrade {names[0]}`" if names else "another command"


def _is_own(found: _Run, run: Mapping[str, Any]) -> bool:
    """Tell whether a file that may be replaced was written by such a run, and not changed since."""
    if "config_hash" in run:
        return bool(found.config_hash == hash_settings(found.settings))
    return bool(_as_called_now(found.settings).keys() == run["settings"].keys())


def _as_called_now(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {_CALLED_NOW.get(name, name): value for name, value in settings.items()}


def _write(place: Place, name: str, run: Mapping[str, Any]) -> None:
    place.write(name, json.dumps(run, indent=1, sort_keys=True).encode())


def _differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Return what has changed, in words that a person can act on: options, counts, no hashes."""
    names = [name for name in now if name not in _CONTENTS and name != _RECIPE]
    options = changes_between(then, now, names=names, words=_WORDS)
    if then.get(_RECIPE) != now.get(_RECIPE):
        options[f"`{_RECIPE}`"] = _recipe_changes(then.get(_RECIPE), now.get(_RECIPE))
    contents = changes_between(
        then,
        now,
        names=[name for name in now if name in _CONTENTS],
        words=_CONTENTS,
        show=lambda _, value: _without_hash(str(value)),
    )
    for name, (before, after) in list(contents.items()):
        if before == after and options:  # such as --hr-size: it may be all that changes the hash
            del contents[name]
        elif before == after:
            what = "others of that number" if after else "changed"
            contents[name] = before or "as it was", what
    return options | contents


def _recipe_changes(then: Any, now: Any) -> tuple[str, str]:
    """Return the lines of each recipe that the other one lacks; their names when that is all."""
    before, after = _recipe_lines(then), _recipe_lines(now)
    gone = [line for line in before if line not in after]
    new = [line for line in after if line not in before]
    if not gone and not new:
        return str(then["name"]), str(now["name"])
    return "; ".join(gone) or "nothing", "; ".join(new) or "nothing"


def _recipe_lines(recipe: Any) -> list[str]:
    if recipe is None:  # of an earlier version, or of another kind of run
        return []
    try:
        return read_recipe(recipe).lines(whole=True)
    except InvalidValueError as error:
        raise CorruptDataError(str(error)) from None


def _without_hash(content: str) -> str:
    """Return the count of a content, ``7 photos, 0123…``, in words; empty when it is a hash."""
    text = _HASH.sub("", content)
    counts = _COUNT.fullmatch(text)
    return counted(int(counts[1]), counts[2]) if counts else text

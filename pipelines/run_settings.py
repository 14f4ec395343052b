"""What must not change between a run and its resumption, kept where the run writes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from degrade.errors import ChangedConfigError, CorruptDataError, DegradeError
from degrade.pairs import Place

__all__ = ["RUN_FILE", "begin_or_resume", "hash_settings"]

RUN_FILE = "run.json"
"""The file of the settings of a run that makes shards, in the place where its shards are."""


def hash_settings(settings: Mapping[str, Any]) -> str:
    """Return the SHA-256 that names these settings."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def begin_or_resume(
    place: Place, run: Mapping[str, Any], *, name: str = RUN_FILE, folder: Path | None = None
) -> None:
    """Write ``run``, or compare its ``settings`` with those of the run that was begun there.

    Parameters
    ----------
    place : Place
        Held by the caller.
    run : mapping
        Of JSON's types; what stands beside ``settings`` may change.
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
        There are shards, but nothing that says of which run; or the file cannot be written.
    """
    names = place.names()
    if name not in names:
        if any(other.startswith("shard-") for other in names):
            raise DegradeError(
                f"{place.shown()} holds shards of another kind of run; choose another folder"
            )
        place.write(name, json.dumps(run, indent=1, sort_keys=True).encode())
        return
    try:
        then = json.loads(place.read(name))["settings"]
        differences = {
            key: (str(then.get(key)), str(now))
            for key, now in run["settings"].items()
            if then.get(key) != now
        }
    except (CorruptDataError, ValueError, KeyError, AttributeError, TypeError, RecursionError):
        raise CorruptDataError(
            f"{place.shown(name)} is damaged; choose another output folder or delete this one"
        ) from None
    if differences:
        raise ChangedConfigError(folder or place.shown(), differences)

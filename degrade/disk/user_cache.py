"""Small results that cost time, kept for the same user's later commands; always safe to delete.

``DEGRADE_CACHE`` names the folder; where it is empty, nothing is kept. Without it the folder is
``degrade`` in ``XDG_CACHE_HOME``, or in ``~/.cache``.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

from degrade.disk.files import open_regular, write_atomically
from degrade.errors import DegradeError, InputError

__all__ = ["recall", "remember"]

_MOST_BYTES = 1 << 16


def recall(kind: str, key: str) -> Any | None:
    """Return what was remembered; None where there is nothing, or nothing that can be read.

    Parameters
    ----------
    kind, key : str
        Names of a folder and of a file in it, such as a hash of what the result follows from.

    Returns
    -------
    object or None
        Values of JSON. The file may be anybody's: check them.
    """
    path = _place(kind, key)
    if path is None:
        return None
    try:
        with open_regular(path) as file:
            return json.loads(file.read(_MOST_BYTES))
    except (InputError, OSError, ValueError, RecursionError):
        return None


def remember(kind: str, key: str, value: Any) -> None:
    """Keep values of JSON; where they cannot be kept, nothing happens."""
    path = _place(kind, key)
    if path is None:
        return
    with contextlib.suppress(DegradeError, OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(value).encode())


def _place(kind: str, key: str) -> Path | None:
    stated = os.environ.get("DEGRADE_CACHE")
    if stated is not None:
        return Path(stated) / kind / f"{key}.json" if stated else None
    common = os.environ.get("XDG_CACHE_HOME", "")
    try:
        # By the XDG specification, a path that is not absolute counts as none.
        folder = Path(common) if Path(common).is_absolute() else Path.home() / ".cache"
    except RuntimeError:  # nobody's home
        return None
    return folder / "degrade" / kind / f"{key}.json"

"""``pool.json``: what tells a pool's folder from any other."""

from __future__ import annotations

import json
from pathlib import Path

from degrade.disk.files import read_file, resolve_inside, write_atomically
from degrade.errors import CorruptDataError, DegradeError, InputError, printable

__all__ = ["check_folder", "make_folder"]

_FORMAT = {"format": "degrade-pool", "version": 1}


def make_folder(path: Path) -> None:
    """Make the folder of an empty pool, unless there is a pool.

    Raises
    ------
    DegradeError
        The folder holds other files, or cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        names = {entry.name for entry in path.iterdir()}
    except OSError as error:
        raise DegradeError(
            f"{printable(path)}: no pool can be made there ({error.strerror})"
        ) from None
    if "pool.json" not in names:
        if any(not name.endswith((".tmp", ".lock")) for name in names):
            raise DegradeError(
                f"{printable(path)} holds other files and is no pool; give a new folder"
            )
        write_atomically(path / "pool.json", json.dumps(_FORMAT).encode() + b"\n")


def check_folder(path: Path) -> None:
    """Refuse a folder that is no pool, or one of another version.

    Raises
    ------
    DegradeError
        The text names ``pool.json`` when that is what is wrong.
    """
    where = printable(path)
    if path.is_file():
        raise DegradeError(f"{where} is a file, and no folder of a degradation pool")
    if not (path / "pool.json").exists():
        raise DegradeError(
            f"{where} is no degradation pool; make one: degrade build-pool SRC --pool {where}"
        )
    try:
        found = json.loads(read_file(resolve_inside(path, "pool.json")))
    except (InputError, ValueError, RecursionError) as error:
        raise CorruptDataError(f"{where}/pool.json is damaged ({printable(str(error))})") from None
    if found != _FORMAT:
        raise CorruptDataError(f"{where}/pool.json is not of format {_FORMAT}, got {found!r:.80}")

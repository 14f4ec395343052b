"""``pool.json``: what tells a pool's folder from any other."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec

from degrade.disk.files import not_made, read_file, resolve_inside, write_atomically
from degrade.disk.results import refuse_other_files
from degrade.disk.structs import ready, refusal
from degrade.errors import CorruptDataError, DegradeError, InputError, as_typed, printable

__all__ = ["check_folder", "make_folder", "remove_if_unused"]

_NAME, _VERSION = "degrade-pool", 2
_RESTORE = "restore it from a copy, or copy that of any other pool: it is the same in all"


class _Format(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What ``pool.json`` holds."""

    format: str
    version: int


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
        raise DegradeError(f"no pool: {not_made(path, error)}") from None
    if "pool.json" not in names:
        refuse_other_files(printable(path), names, "pool")
        write_atomically(path / "pool.json", _encode())


def remove_if_unused(path: Path) -> None:
    """Remove a pool that nothing was ever added to; one that holds anything stays as it is."""
    own = {"pool.json", "index.jsonl", "kernels", "noise"}
    try:
        entries = list(path.iterdir())
        if any(e.name not in own or _has_content(e) for e in entries if e.name != "pool.json"):
            return
        for entry in sorted(entries, key=lambda e: e.name == "pool.json"):
            entry.rmdir() if entry.is_dir() else entry.unlink()
        path.rmdir()
    except OSError:
        return


def _has_content(entry: Path) -> bool:
    return any(entry.iterdir()) if entry.is_dir() else entry.stat().st_size > 0


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
        raise _no_pool(path)
    try:
        content = read_file(resolve_inside(path, "pool.json"))
        found = msgspec.json.decode(content, type=ready(_Format))
    except (InputError, ValueError, RecursionError) as error:
        said = f"{where}/pool.json is damaged ({refusal(error)}); {_RESTORE}"
        raise CorruptDataError(said) from None
    if found == _Format(_NAME, 1):
        raise DegradeError(
            f"{where} is a pool of format version 1, and this degrade reads version {_VERSION}; "
            "measure the photos again into a new folder: `degrade build-pool SRC pool=NEW`"
        )
    if found.format != _NAME:
        raise CorruptDataError(
            f"{where}/pool.json is not of format {_NAME}, got {printable(found.format):.80}"
        )
    if found.version != _VERSION:
        raise CorruptDataError(
            f"{where}/pool.json is of format version {str(found.version)[:20]}, and this degrade "
            f"reads version {_VERSION}: it was made by a newer degrade, install that, or is damaged"
            if found.version > _VERSION
            else f"{where}/pool.json is damaged (format version {str(found.version)[:20]}, which "
            f"no degrade has written); {_RESTORE}"
        )


def _no_pool(path: Path) -> DegradeError:
    """Return the error that says what is there instead; a folder of other files becomes no pool."""
    where, kind = printable(path), "degradation pool"
    remedy = "give a pool's folder, or make one: `degrade build-pool SRC pool=NEW`"
    try:
        names = [entry.name for entry in path.iterdir()]
        refuse_other_files(where, names, kind, remedy=remedy)
    except FileNotFoundError:
        where = f"{where} does not exist, and"
    except OSError as error:
        return DegradeError(f"{where} is no {kind} that can be read ({error.strerror}); {remedy}")
    except DegradeError as error:
        return error
    return DegradeError(
        f"{where} is no {kind}; make one: `degrade build-pool SRC pool={as_typed(path)}`"
    )


def _encode() -> bytes:
    return json.dumps({"format": _NAME, "version": _VERSION}).encode() + b"\n"

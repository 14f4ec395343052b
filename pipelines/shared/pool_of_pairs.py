"""Opening the pool that pairs were made with, which may have moved since."""

from __future__ import annotations

from pathlib import Path

from degrade.errors import CorruptDataError, DegradeError, printable
from degrade.pool import DegradationPool

__all__ = ["open_pool_of_pairs"]

_MARK = "pool.json"


def open_pool_of_pairs(place: Path | None) -> DegradationPool:
    """Open the pool that pairs were made with.

    No other will do, so an error does not advise to make one.

    Parameters
    ----------
    place : Path or None
        Where it is said to be, or was when the pairs were made; None: they were made without one.

    Raises
    ------
    CorruptDataError
        It is damaged.
    DegradeError
        It is not there, or of a version that is not read here.
    """
    if place is None:
        return DegradationPool.open(None)
    shown = printable(place)
    if not place.is_file() and not (place / _MARK).is_file():
        raise DegradeError(
            f"{shown}: the pool that these pairs were made with is not there; say where it is now: "
            "`pool=DIR`"
        )
    try:
        return DegradationPool.open(place)
    except CorruptDataError:
        raise
    except DegradeError as error:
        what = str(error).removeprefix(shown).partition("; ")[0]
        raise DegradeError(
            f"{shown}{what}; these pairs need the pool that they were made with: use the degrade "
            "that made it, or build the pairs again with another pool"
        ) from error

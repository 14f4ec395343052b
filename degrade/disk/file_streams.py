"""Writing a file piece by piece so that no half file is ever left behind."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from degrade.disk.files import fsync_folder, publish
from degrade.disk.processes import unique_token
from degrade.errors import DegradeError, write_failure

__all__ = ["replacing"]


@contextlib.contextmanager
def replacing(
    path: Path, *, scratch: Path, may_replace: Callable[[], bool] = lambda: True, size: int = 0
) -> Iterator[BinaryIO]:
    """Give a file to write that takes the place of ``path`` when all went well.

    Parameters
    ----------
    path : Path
        In a folder that exists.
    scratch : Path
        A folder on the same file system, where the file lies until it is whole; when that folder
        is locked (:func:`degrade.disk.locks.folder_lock`), what a killed process left is cleared.
    may_replace : callable
        Asked at the end whether a file that has the name then gives way.
    size : int
        Bytes that are going to be written, for the message of a full disk; 0: not known.

    Raises
    ------
    DegradeError
        The file cannot be written. ``path`` is as it was (or the new file, if only its name could
        not be made durable), and nothing else is left. Any other error of the block passes
        through, and leaves as little.
    FileExistsError
        Something has the name that may not be replaced.
    """
    temporary = scratch / f".{unique_token()}.tmp"
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        publish(temporary, path, replace=os.path.lexists(path) and may_replace())
        fsync_folder(path.parent)
    except FileExistsError:
        raise
    except OSError as error:
        raise DegradeError(write_failure(path, size, error)) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)

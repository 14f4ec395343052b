"""Reading files that may be anything, and writing so that no half file is ever left behind."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Mapping, Sequence
from io import BufferedReader
from pathlib import Path

from degrade.disk.processes import is_left_over, unique_token
from degrade.errors import DegradeError, InputError, printable, remedy_for, write_failure

__all__ = [
    "claim_folder",
    "clear_left_over",
    "fsync_folder",
    "make_folder",
    "not_made",
    "open_regular",
    "publish",
    "read_file",
    "remove_if_empty",
    "resolve_inside",
    "unshare",
    "write_atomically",
    "write_together",
]

_MAX_FILE_BYTES = 2**31
"""Above what 200 million 16-bit RGBA pixels take uncompressed: no input that is of use."""


def open_regular(path: Path) -> BufferedReader:
    """Open a regular file for reading; never hangs on a FIFO or a device.

    Raises
    ------
    InputError
        The path is missing, unreadable or no regular file.
    """
    try:
        # A FIFO without a writer would block an ordinary open for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(path, f"cannot be read ({reason})", "check path and permissions") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise InputError(path, "not a regular file", "give a file")
    return os.fdopen(descriptor, "rb")


def read_file(path: Path) -> bytes:
    """Return a regular file's bytes.

    Raises
    ------
    InputError
        As :func:`open_regular`, or the file is too large to be an image.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > _MAX_FILE_BYTES:
            raise InputError(path, f"{size} bytes are more than the {_MAX_FILE_BYTES} allowed")
        try:
            return file.read()
        except OSError as error:
            raise InputError(
                path, f"cannot be read ({error.strerror})", "copy it again from its source"
            ) from None


def write_atomically(path: Path, data: bytes, *, replace: bool = True) -> None:
    """Write ``data`` to ``path`` such that a reader sees the old file or the whole new one.

    A link is replaced, and what it leads to is left alone; so is another name of the same file.

    Raises
    ------
    DegradeError
        The file cannot be written (full disk, missing folder, no permission); nothing is left.
    FileExistsError
        It may not be replaced, and there is something of its name.
    """
    write_together([(path, data)], replace=replace)


def write_together(files: Sequence[tuple[Path, bytes]], *, replace: bool = True) -> None:
    """Write some files, each as :func:`write_atomically` does, and flush each folder once.

    All are open at once. A crash may leave any of them new and the others as they were.

    Raises
    ------
    DegradeError
        As for :func:`write_atomically`; no temporary file is left.
    FileExistsError
        As for it.
    """
    temporaries = [_temporary_beside(path) for path, _ in files]
    failed, needed = files[0][0], sum(len(data) for _, data in files)
    try:
        with contextlib.ExitStack() as stack:
            opened = []
            for (failed, data), temporary in zip(files, temporaries, strict=True):  # noqa: B007
                opened.append(stack.enter_context(temporary.open("xb")))
                opened[-1].write(data)
                opened[-1].flush()
            # Only now: while the first is flushed, the system writes the others already.
            for file in opened:
                os.fsync(file.fileno())
        for path, _ in files:
            publish(temporaries[0], path, replace=replace)
            del temporaries[0]  # it has that name now
        for folder in {path.parent for path, _ in files}:
            fsync_folder(folder)
    except FileExistsError:
        raise
    except OSError as error:
        raise DegradeError(write_failure(failed, needed, error)) from error
    finally:
        for temporary in temporaries:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


def publish(temporary: Path, path: Path, *, replace: bool) -> None:
    """Give a finished file its name, in one step.

    Parameters
    ----------
    temporary : Path
        Where it is, on the same file system.
    path : Path
    replace : bool
        Whether a file of that name gives way.

    Raises
    ------
    FileExistsError
        It may not be replaced, and there is something of that name.
    OSError
        The name cannot be given.
    """
    if replace:
        temporary.replace(path)
        return
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:
        # exFAT and some network file systems have no links: an empty file takes the name first.
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
        temporary.replace(path)
    else:
        temporary.unlink()


def unshare(path: Path) -> None:
    """Give a file that is about to grow bytes of its own, where it has other names (hard links).

    Raises
    ------
    DegradeError
        It cannot be read or written.
    """
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISREG(path.lstat().st_mode) and path.lstat().st_nlink > 1:
            write_atomically(path, read_file(path))


def _temporary_beside(path: Path) -> Path:
    # Cut, because a name may be as long as the file system allows already.
    stem = os.fsdecode(os.fsencode(path.name)[:200])
    return path.with_name(f"{stem}.{unique_token()}.tmp")


def clear_left_over(folder: Path) -> None:
    """Remove the temporary files of killed processes; those that cannot be removed do no harm.

    Files of processes that run, of other machines, and of any other name stay.

    Parameters
    ----------
    folder : Path
        Only what lies directly in it is looked at.
    """
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if is_left_over(path.name) and not path.is_dir():
                path.unlink(missing_ok=True)


def fsync_folder(folder: Path) -> None:
    """Flush a folder's entries to disk; file systems that cannot do so are left alone."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def resolve_inside(root: Path, relative: str) -> Path:
    """Return ``root / relative`` if that stays inside ``root`` when links are followed.

    Raises
    ------
    DegradeError
        The name is absolute, climbs out with ``..``, leads out through a symbolic link, or its
        links go in a circle.
    """
    base = root.resolve()
    try:
        target = (base / relative).resolve()
    except (OSError, RuntimeError, ValueError):  # links in a circle, names that cannot be
        where = f"{printable(relative)} in {printable(root)}"
        raise DegradeError(f"{where}: leads nowhere; refused") from None
    if Path(relative).is_absolute() or not target.is_relative_to(base):
        raise DegradeError(f"{printable(relative)}: leads outside {printable(root)}; refused")
    return target


def not_made(folder: Path, error: OSError) -> str:
    """Return the text of an error in making a folder."""
    if isinstance(error, FileExistsError | NotADirectoryError):
        return f"{printable(folder)}: cannot be made (a file is in its place); choose another name"
    remedy = remedy_for(error, "check the path, permissions and free space")
    return f"{printable(folder)}: cannot be made ({error.strerror}); {remedy}"


def make_folder(folder: Path) -> None:
    """Make a folder and those that it lies in, unless it is there.

    Raises
    ------
    DegradeError
        It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DegradeError(not_made(folder, error)) from None


def remove_if_empty(folder: Path) -> None:
    """Remove a folder that holds nothing; any other stays."""
    with contextlib.suppress(OSError):
        folder.rmdir()


def claim_folder(folder: Path, mark: str, kinds: Mapping[str, str]) -> None:
    """Make a folder for one kind of content.

    Parameters
    ----------
    folder : Path
    mark : str
        The file by which the content is known.
    kinds : mapping of str to str
        The marks of all kinds, and what folders with them hold.

    Raises
    ------
    DegradeError
        The folder cannot be made, or holds content of another kind, which would be mixed up.
    """
    make_folder(folder)
    for other, content in kinds.items():
        if other != mark and (folder / other).exists():
            raise DegradeError(f"{printable(folder)} holds {content}; choose another folder")

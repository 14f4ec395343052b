"""A prefix of an object store (S3 and whatever else fsspec reaches) as a place for pairs.

An object appears whole or not at all, and there is no rename: files are finished in a temporary
folder of this machine and uploaded. There is no lock that a dead process gives up by itself
either; see :meth:`RemotePlace.hold`.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from degrade.disk.locks import lock_content, require_stale
from degrade.errors import (
    CorruptDataError,
    DegradeError,
    FolderInUseError,
    InvalidValueError,
    MissingDependencyError,
    UnreachableError,
    disk_full,
    is_disk_full,
    printable,
)
from degrade.places.store_errors import (
    is_lasting,
    is_no_bucket,
    reason_of,
    remedy_of,
    without_credentials,
)
from degrade.places.temporary_folders import make_temporary_folder

__all__ = ["RemotePlace", "without_credentials"]

T = TypeVar("T")

_LOCK_NAME = ".lock"
_TRIES = 4
_FIRST_PAUSE_S = 0.5
_MAX_SMALL_BYTES = 2**31
# s3fs holds parts × size of a file in memory: 500 MB by its own defaults.
_UPLOAD_OPTIONS: dict[str, dict[str, int]] = {"s3": {"chunksize": 2**24, "max_concurrency": 2}}
_DOWNLOAD_OPTIONS: dict[str, dict[str, int]] = {"s3": {"chunksize": 2**23, "max_concurrency": 2}}


@dataclass(frozen=True, slots=True)
class RemotePlace:
    """A URL that fsspec knows, such as ``s3://bucket/prefix``; see :class:`degrade.pairs.Place`.

    Credentials are fsspec's business (environment, configuration files), on every worker.
    """

    url: str = field(repr=False)

    def __post_init__(self) -> None:
        self._files()

    def shown(self, name: str = "") -> str:
        """Return the URL without credentials."""
        base = without_credentials(self.url)
        return printable(f"{base.rstrip('/')}/{name}" if name else base)

    def absolute(self) -> RemotePlace:
        """Return this place: a URL is the same everywhere."""
        return self

    def claim(self, mark: str, kinds: Mapping[str, str]) -> None:
        """Refuse a prefix with content of another kind; there is nothing to make."""
        names = self.names()
        for other, content in kinds.items():
            if other != mark and other in names:
                raise DegradeError(f"{self.shown()} holds {content}; choose another place")

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """Keep other runs out by a lock that is an object.

        It names host, process and start. Where the store can refuse to write over an object (S3
        can), two runs cannot both get it; elsewhere two that begin within the same moment can.
        Shards stay right even so: both write the same bytes.
        """
        content = lock_content()
        self._take_lock(content)
        try:
            yield
        finally:
            with contextlib.suppress(DegradeError):
                if self.read(_LOCK_NAME) == content:
                    self.remove(_LOCK_NAME)

    def clear_unfinished(self) -> None:
        """Do nothing: an object is whole or not there; temporary folders are elsewhere."""

    def _take_lock(self, content: bytes) -> None:
        for _ in range(2):
            if self._create(_LOCK_NAME, content):
                return
            with contextlib.suppress(CorruptDataError):  # it has just been given up
                require_stale(self.read(_LOCK_NAME), self.shown(), self.shown(_LOCK_NAME))
                self.remove(_LOCK_NAME)
        raise FolderInUseError(
            f"{self.shown()}: another run has just taken this place; wait for it"
        )

    def _create(self, name: str, data: bytes) -> bool:
        """Write an object unless there is one; return whether it was written."""
        if self.size(name) is not None:
            return False

        def create(fs: Any, path: str) -> bool:
            try:
                fs.pipe_file(path, data, mode="create")
            except FileExistsError:
                return False
            except OSError as error:
                # S3 says "precondition failed", which s3fs passes on as EINVAL.
                if error.errno == errno.EINVAL and self.size(name) is not None:
                    return False
                raise
            return True

        return self._put(name, create)

    def names(self) -> list[str]:
        """List the prefix anew; what does not exist has no names."""

        def names(fs: Any, path: str) -> list[str]:
            fs.invalidate_cache()
            try:
                found = fs.ls(path, detail=False)
            except FileNotFoundError as error:
                if is_no_bucket(error):
                    raise UnreachableError(
                        f"{self.shown()}: there is no such bucket; {remedy_of(error)}"
                    ) from None
                return []
            return [str(name).rstrip("/").rpartition("/")[2] for name in found]

        return self._ask("", "be listed", names)

    def size(self, name: str) -> int | None:
        """Look an object up."""

        def size(fs: Any, path: str) -> int | None:
            fs.invalidate_cache()
            try:
                info = fs.info(path)
            except FileNotFoundError:
                return None
            return int(info["size"]) if info["type"] == "file" else None

        return self._ask(name, "be looked up", size)

    def read(self, name: str) -> bytes:
        """Read an object."""
        size = self.size(name)
        if size is None:
            raise CorruptDataError(f"{self.shown(name)}: cannot be read (no such object)")
        if size > _MAX_SMALL_BYTES:
            raise CorruptDataError(
                f"{self.shown(name)}: {size} bytes are more than the {_MAX_SMALL_BYTES} allowed"
            )
        try:
            return self._ask(name, "be read", lambda fs, path: bytes(fs.cat_file(path)))
        except FileNotFoundError:
            raise CorruptDataError(f"{self.shown(name)}: cannot be read (it has gone)") from None

    def write(self, name: str, data: bytes) -> None:
        """Upload an object, and make sure that all of it arrived."""

        def upload(fs: Any, path: str) -> None:
            fs.pipe_file(path, data)
            _require_arrival(fs, path, len(data))

        self._put(name, upload)

    def publish(self, files: Mapping[str, Path]) -> None:
        """Upload the files in order, and make sure that each arrived."""
        for name, local in files.items():
            size = local.stat().st_size

            def upload(fs: Any, path: str, local: Path = local, size: int = size) -> None:
                fs.put_file(str(local), path, **_options(fs, _UPLOAD_OPTIONS))
                _require_arrival(fs, path, size)

            self._put(name, upload)

    def remove(self, name: str) -> None:
        """Remove an object."""
        with contextlib.suppress(FileNotFoundError):
            self._ask(name, "be removed", lambda fs, path: fs.rm_file(path))

    def make_temporary_folder(self, name: str) -> Path:
        """Make a temporary folder where TMPDIR says."""
        try:
            return make_temporary_folder()
        except OSError as error:
            raise DegradeError(
                f"no temporary folder for {self.shown(name)} can be made ({error.strerror}); "
                "point TMPDIR to a disk with room"
            ) from error

    @contextlib.contextmanager
    def fetched(self, names: Iterable[str]) -> Iterator[Path]:
        """Download the objects to a temporary folder, which is deleted afterwards."""
        folder = self.make_temporary_folder("reading")
        try:
            for name in names:
                local = folder / name
                local.parent.mkdir(exist_ok=True)

                def download(fs: Any, path: str, local: Path = local) -> None:
                    fs.get_file(path, str(local), **_options(fs, _DOWNLOAD_OPTIONS))

                with contextlib.suppress(FileNotFoundError):  # what is missing is seen there
                    self._ask(name, "be read", download)
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _put(self, name: str, action: Callable[[Any, str], T]) -> T:
        try:
            return self._ask(name, "be written", action)
        except FileNotFoundError as error:
            raise UnreachableError(
                f"{self.shown(name)}: cannot be written ({reason_of(error)}); "
                "make the bucket, or check its name"
            ) from None

    def _ask(self, name: str, what: str, action: Callable[[Any, str], T]) -> T:
        """Do something with an object, again after a pause when that fails.

        FileNotFoundError passes through: that is an answer.
        """
        fs, root = self._files()
        path = f"{root}/{name}" if name else root
        for attempt in range(_TRIES):
            if attempt:
                time.sleep(_FIRST_PAUSE_S * 2 ** (attempt - 1))
            try:
                return action(fs, path)
            except (FileNotFoundError, DegradeError):
                raise
            # Every store has exceptions of its own, few of them are OSError.
            except Exception as error:
                failure = error
                if is_disk_full(error):
                    full = disk_full(Path(tempfile.gettempdir()))
                    raise DegradeError(
                        f"{full}, or point TMPDIR elsewhere: no room to copy {self.shown(name)}"
                    ) from None
                if is_lasting(error):
                    break
        failure = _explained(failure, fs, root)
        # The cause is not kept: what stores raise may quote signed addresses.
        raise UnreachableError(
            f"{self.shown(name)}: cannot {what} ({reason_of(failure)}); {remedy_of(failure)}"
        ) from None

    def _files(self) -> tuple[Any, str]:
        """Return fsspec's file system, which it keeps one of per process, and the root in it."""
        try:
            fs, root = importlib.import_module("fsspec.core").url_to_fs(self.url)
        except ImportError as error:
            raise MissingDependencyError(
                f"{self.shown()}: a package is missing ({reason_of(error)}); for s3:// "
                "pip install 'degrade[remote]', for other stores the package named there"
            ) from None
        except Exception as error:
            raise InvalidValueError(
                f"{self.shown()}: not a URL that fsspec can use ({reason_of(error)})"
            ) from None
        root = str(root).rstrip("/")
        if not root:
            raise InvalidValueError(f"{self.shown()}: give a place below the root of the store")
        return fs, root


def _explained(failure: Exception, fs: Any, root: str) -> Exception:
    """Return an error that says why: to some questions S3 answers no more than "Forbidden"."""
    if str(failure).rpartition("] ")[2] not in ("Forbidden", "Bad Request"):
        return failure
    try:
        fs.invalidate_cache()
        fs.ls(root)
    except FileNotFoundError:
        return failure
    except Exception as error:
        return error
    return failure


def _require_arrival(fs: Any, path: str, size: int) -> None:
    fs.invalidate_cache()
    there = int(fs.info(path)["size"])
    if there != size:
        raise OSError(errno.EIO, f"{there} of {size} bytes arrived")


def _options(fs: Any, by_protocol: Mapping[str, dict[str, int]]) -> dict[str, int]:
    protocols = (fs.protocol,) if isinstance(fs.protocol, str) else fs.protocol
    return next((by_protocol[name] for name in protocols if name in by_protocol), {})

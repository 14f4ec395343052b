"""The sidecar: the file beside a shard that says what is in it and that it is complete."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import msgspec

from degrade.disk.structs import Text, Whole, read_struct
from degrade.errors import CorruptDataError, InvalidValueError
from degrade.geometry import scale_from_json, scale_to_json
from degrade.images.sources import Reject
from degrade.pairs.pair_records import FileRecord, PairRecord, ShardSpec
from degrade.places.checked_json import encode_json, naming_file, read_json, take_format

if TYPE_CHECKING:
    from degrade.places.place import Place

__all__ = ["ShardHead", "Sidecar", "is_source"]

_FORMAT = "degrade-pairs-shard"
_VERSION = 2
_EARLIER = 1
"""Files have a SHA-256 in place of a CRC-32."""


@dataclass(frozen=True, slots=True)
class Sidecar(ShardSpec):
    """The file beside a shard that says what is in it, and whose presence says it is complete.

    Attributes
    ----------
    records : tuple of PairRecord
        In row order.
    sources : tuple of dict
        The photos behind the pairs, as given to the commit.
    rejects : tuple of Reject
        Inputs of this shard that could not be used.
    digest : str
        See :class:`PairsDigest`.
    files : tuple of FileRecord
        The data files, in the order of ``file_names``.
    """

    records: tuple[PairRecord, ...]
    sources: tuple[dict[str, Any], ...]
    rejects: tuple[Reject, ...]
    digest: str
    files: tuple[FileRecord, ...]

    @property
    def spec(self) -> ShardSpec:
        """What the shard was to be."""
        return ShardSpec(*(getattr(self, field.name) for field in fields(ShardSpec)))

    @property
    def size(self) -> int:
        """Bytes of all data files together."""
        return sum(file.size for file in self.files)

    def encode(self) -> bytes:
        """Return the content of the sidecar file."""
        spec = {field.name: getattr(self, field.name) for field in fields(ShardSpec)}
        # The index is in the file's name already, but a file can be renamed.
        return encode_json(
            spec
            | {
                "format": {"name": _FORMAT, "version": _VERSION},
                "scale": scale_to_json(self.scale),
                "store": self.format,
                "records": [record.to_json() for record in self.records],
                "sources": list(self.sources),
                "rejects": [reject.to_json() for reject in self.rejects],
                "digest": self.digest,
                "files": [file.to_json() for file in self.files],
            }
        )

    @property
    def head(self) -> ShardHead:
        """The sidecar without its records."""
        keys = [record.key for record in (*self.records[:1], *self.records[-1:])] or ["", ""]
        return ShardHead(
            self.spec, len(self.records), keys[0], keys[1], self.rejects, self.digest, self.files
        )

    @classmethod
    def read(cls, place: Place, index: int) -> Sidecar:
        """Read and check a sidecar file.

        Raises
        ------
        CorruptDataError
            It is missing, damaged, of another version, or contradicts itself.
        """
        with _opened(place, index) as written:
            spec = written.spec
            records = tuple(
                PairRecord.from_json(item, row, spec) for row, item in enumerate(written.records)
            )
            for before, after in itertools.pairwise(records):
                if before.key >= after.key:
                    raise CorruptDataError(
                        f"keys must ascend, got {after.key!r} after {before.key!r}"
                    )
            return cls(
                index=spec.index,
                format=spec.format,
                scale=spec.scale,
                hr_size=spec.hr_size,
                config_hash=spec.config_hash,
                records=records,
                sources=written.sources,
                rejects=tuple(reject.found() for reject in written.rejects),
                digest=written.digest,
                files=written.files,
            )


@dataclass(frozen=True, slots=True)
class ShardHead:
    """A sidecar without its records: what a run must know of a shard, small and quick to read.

    Attributes
    ----------
    spec : ShardSpec
    pairs : int
    first_key, last_key : str
        Empty when there are no pairs.
    rejects, digest, files
        As in :class:`Sidecar`.
    """

    spec: ShardSpec
    pairs: int
    first_key: str
    last_key: str
    rejects: tuple[Reject, ...]
    digest: str
    files: tuple[FileRecord, ...]

    @classmethod
    def read(cls, place: Place, index: int) -> ShardHead:
        """Read a sidecar file; of its records, which the checksum vouches for, only two keys.

        Raises
        ------
        CorruptDataError
            It is missing, damaged, or of another version.
        """
        with _opened(place, index) as written:
            ends = (*written.records[:1], *written.records[-1:])
            keys = [read_struct(item, _Keyed, "a record").key for item in ends] or ["", ""]
            return cls(
                spec=written.spec,
                pairs=len(written.records),
                first_key=keys[0],
                last_key=keys[1],
                rejects=tuple(reject.found() for reject in written.rejects),
                digest=written.digest,
                files=written.files,
            )


class _Keyed(msgspec.Struct, frozen=True):
    """Of a record, its key."""

    key: Text


class _WrittenReject(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    path: Text
    reason: Text
    remedy: str

    def found(self) -> Reject:
        return Reject(self.path, self.reason, self.remedy)


class _Written(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A :class:`Sidecar` as JSON has it; its records are still to be checked."""

    index: Whole
    store: str
    # Not of `Whole`: msgspec 0.22 crashes on such a union of bounded types.
    scale: int | tuple[int, int]
    hr_size: Whole | None
    config_hash: str
    records: list[Any]
    sources: tuple[dict[str, Any], ...]
    rejects: tuple[_WrittenReject, ...]
    digest: Text
    files: tuple[FileRecord, ...]

    def __post_init__(self) -> None:
        if not all(map(is_source, self.sources)):
            raise InvalidValueError("a source must be an object of texts and integers")
        names = self.spec.file_names
        if tuple(file.name for file in self.files) != names:
            raise InvalidValueError(f"a {self.store} shard has the files {names}")

    @property
    def spec(self) -> ShardSpec:
        scale = scale_from_json(self.scale)
        return ShardSpec(self.index, self.store, scale, self.hr_size, self.config_hash)


@contextlib.contextmanager
def _opened(place: Place, index: int) -> Iterator[_Written]:
    """Read a sidecar file; what is refused inside names the file, too."""
    name = f"shard-{index:05d}.json"
    content = read_json(place, name)
    with naming_file(place.shown(name)):
        version = take_format(content, _FORMAT, _VERSION, _EARLIER)
        written = read_struct(content, _Written, "the sidecar")
        kind = "crc32" if version == _VERSION else "sha256"
        for file in written.files:
            if getattr(file, kind) is None:
                raise CorruptDataError(f"of version {version} {file.name} must have a {kind}")
        if written.index != index:
            raise CorruptDataError(f"it belongs to shard {written.index}: the file was renamed")
        yield written


def is_source(data: object) -> bool:
    """Return whether ``data`` is what a sidecar keeps of a source: texts and integers by name."""
    return isinstance(data, Mapping) and all(
        isinstance(name, str) and (value is None or isinstance(value, (str, int)))
        for name, value in data.items()
    )

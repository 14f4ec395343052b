"""The sidecar: the file beside a shard that says what is in it and that it is complete."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from degrade.errors import CorruptDataError, InvalidValueError
from degrade.images.sources import Reject
from degrade.pairs.pair_records import FileRecord, PairRecord, ShardSpec
from degrade.places.checked_json import Fields, check_format, encode_json, naming_file, read_json

if TYPE_CHECKING:
    from degrade.places.place import Place

__all__ = ["ShardHead", "Sidecar", "is_source"]

_FORMAT = "degrade-pairs-shard"
_VERSION = 1


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
        name = f"shard-{index:05d}.json"
        given = read_json(place, name, "the sidecar")
        with naming_file(place.shown(name)):
            return cls._from_fields(given, index)

    @classmethod
    def _from_fields(cls, given: Fields, index: int) -> Sidecar:
        spec = _read_spec(given, index)
        records = tuple(
            PairRecord.from_json(item, row, spec) for row, item in enumerate(given.list("records"))
        )
        for before, after in itertools.pairwise(records):
            if before.key >= after.key:
                raise CorruptDataError(f"keys must ascend, got {after.key!r} after {before.key!r}")
        sidecar = cls(
            index=spec.index,
            format=spec.format,
            scale=spec.scale,
            hr_size=spec.hr_size,
            config_hash=spec.config_hash,
            records=records,
            sources=tuple(_read_source(item) for item in given.list("sources")),
            rejects=tuple(_read_reject(item) for item in given.list("rejects")),
            digest=given.text("digest"),
            files=_read_files(given, spec),
        )
        given.end()
        return sidecar


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
        name = f"shard-{index:05d}.json"
        given = read_json(place, name, "the sidecar")
        with naming_file(place.shown(name)):
            spec, records = _read_spec(given, index), given.list("records")
            ends = [Fields(item, "a record").text("key") for item in (*records[:1], *records[-1:])]
            first_key, last_key = ends or ("", "")
            head = cls(
                spec=spec,
                pairs=len(records),
                first_key=first_key,
                last_key=last_key,
                rejects=tuple(_read_reject(item) for item in given.list("rejects")),
                digest=given.text("digest"),
                files=_read_files(given, spec),
            )
            for item in given.list("sources"):
                _read_source(item)
            given.end()
        return head


def _read_spec(given: Fields, index: int) -> ShardSpec:
    check_format(given, _FORMAT, _VERSION)
    hr_size = given.take("hr_size")
    if hr_size is not None and type(hr_size) is not int:
        raise CorruptDataError("'hr_size' must be an integer or null")
    store: Any = given.text("store")
    try:
        spec = ShardSpec(
            index=given.whole("index"),
            format=store,
            scale=given.whole("scale"),
            hr_size=hr_size,
            config_hash=given.text("config_hash"),
        )
    except InvalidValueError as error:
        raise CorruptDataError(str(error)) from None
    if spec.index != index:
        raise CorruptDataError(f"it belongs to shard {spec.index}: the file was renamed")
    return spec


def _read_files(given: Fields, spec: ShardSpec) -> tuple[FileRecord, ...]:
    files = tuple(FileRecord.from_json(item) for item in given.list("files"))
    if tuple(file.name for file in files) != spec.file_names:
        raise CorruptDataError(f"a {spec.format} shard has the files {spec.file_names}")
    return files


def is_source(data: object) -> bool:
    """Return whether ``data`` is what a sidecar keeps of a source: texts and integers by name."""
    return isinstance(data, Mapping) and all(
        isinstance(name, str) and (value is None or isinstance(value, (str, int)))
        for name, value in data.items()
    )


def _read_source(data: Any) -> dict[str, Any]:
    if not is_source(data):
        raise CorruptDataError("a source must be an object of texts and integers")
    return dict(data)


def _read_reject(data: Any) -> Reject:
    given = Fields(data, "a reject")
    remedy = given.take("remedy")
    if not isinstance(remedy, str):
        raise CorruptDataError("a reject's remedy must be a text")
    reject = Reject(given.text("path"), given.text("reason"), remedy)
    given.end()
    return reject

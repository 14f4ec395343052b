"""What a shard is to be, and what is known of each pair and each file of it."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, fields
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
import numpy as np

from degrade.arrays import U8Array
from degrade.degradation import DegradationPlan, Pair
from degrade.disk.checksums import crc32
from degrade.disk.structs import Text, Whole, read_struct
from degrade.errors import CorruptDataError, InvalidValueError
from degrade.geometry import Scale, as_scale, fits, lr_side, lr_unit, side_wanted
from degrade.pairs.store_kinds import STORES

__all__ = [
    "FileRecord",
    "PairRecord",
    "PairsDigest",
    "ShardSpec",
    "pair_crc32",
]

Shape: TypeAlias = tuple[int, int, int]

# ASCII, and no '.': BasicSR takes what a line of meta_info.txt has before its first '.' as the key.
# 250 characters leave room for '.png' in a file name and stay below LMDB's 511.
_KEY = re.compile(r"[A-Za-z0-9_-]{1,250}")


@dataclass(frozen=True, slots=True)
class ShardSpec:
    """What a shard is to be.

    Attributes
    ----------
    index : int
        The shard's number within its folder.
    format : str
        A name in :data:`degrade.pairs.STORES`.
    scale : Scale
        HR size over LR size, as :func:`degrade.geometry.as_scale` takes it.
    hr_size : int or None
        Side of every HR image, which fits the scale; None: whole images of any size.
    config_hash : str
        Names the settings of the run; a shard of other settings does not count as committed.
    """

    index: int
    format: str
    scale: Scale
    hr_size: int | None
    config_hash: str

    def __post_init__(self) -> None:
        if self.index < 0:
            raise InvalidValueError(f"index must be at least 0, got {self.index}")
        if self.format not in STORES:
            known = ", ".join(STORES)
            raise InvalidValueError(f"format must be one of {known}, got {self.format!r}")
        object.__setattr__(self, "scale", as_scale(self.scale))
        if self.hr_size is not None and not fits(self.hr_size, self.scale):
            raise InvalidValueError(
                f"hr_size must be {side_wanted(self.scale)}, got {self.hr_size}"
            )
        if not self.config_hash:
            raise InvalidValueError("config_hash must not be empty")

    @property
    def name(self) -> str:
        """``shard-00000``: what the shard's files begin with."""
        return f"shard-{self.index:05d}"

    @property
    def sidecar_name(self) -> str:
        """The sidecar's file name."""
        return f"{self.name}.json"

    @property
    def entry_names(self) -> tuple[str, ...]:
        """What the shard puts into its folder besides the sidecar: files or folders."""
        return STORES[self.format].entry_names(self.name)

    @property
    def file_names(self) -> tuple[str, ...]:
        """The shard's data files, relative to the folder."""
        return STORES[self.format].file_names(self.name)

    @property
    def lr_size(self) -> int | None:
        """Side of every LR image; None: they vary."""
        return None if self.hr_size is None else lr_side(self.hr_size, self.scale)


_Crc32 = Annotated[int, msgspec.Meta(ge=0, lt=2**32)]
_SHA256 = re.compile("[0-9a-f]{64}")


class FileRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One data file of a shard.

    Attributes
    ----------
    name : str
        Relative to the folder.
    size : int
        In bytes.
    crc32 : int or None
        Of all its bytes.
    sha256 : str or None
        In place of it, 64 hex digits, where an earlier version wrote the sidecar.
    """

    name: Text
    size: Whole
    crc32: _Crc32 | None = None
    sha256: Text | None = None

    def __post_init__(self) -> None:
        if (self.crc32 is None) == (self.sha256 is None):
            raise InvalidValueError("a file has a crc32 or a sha256")
        if self.sha256 is not None and not _SHA256.fullmatch(self.sha256):
            raise InvalidValueError("a file's sha256 must be 64 hex digits")

    def to_json(self) -> dict[str, Any]:
        """Return the record as plain Python values."""
        values: dict[str, Any] = msgspec.to_builtins(self)
        return values


_Side = Annotated[int, msgspec.Meta(ge=1, le=2**53)]
_RgbShape = tuple[_Side, _Side, Literal[3]]


class _WrittenPair(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A :class:`PairRecord` as JSON has it."""

    key: Text
    row: Whole
    plan: dict[str, Any] | None
    hr_shape: _RgbShape
    lr_shape: _RgbShape
    crc32: _Crc32


@dataclass(frozen=True, slots=True)
class PairRecord:
    """One pair of a shard.

    Attributes
    ----------
    key : str
        ASCII letters, digits, ``_`` and ``-``.
    row : int
        Its place in the shard; keys ascend with it.
    plan : DegradationPlan or None
        How it was made; None: imported, so nobody here knows.
    hr_shape, lr_shape : (height, width, 3)
    crc32 : int
        Of the LR bytes followed by the HR bytes.
    """

    key: str
    row: int
    plan: DegradationPlan | None
    hr_shape: Shape
    lr_shape: Shape
    crc32: int

    @classmethod
    def from_pair(cls, pair: Pair, row: int, spec: ShardSpec) -> PairRecord:
        """Describe a pair, checking that it fits the shard.

        Raises
        ------
        InvalidValueError
            Key, types, shapes or plan are not what a pair of this shard has.
        """
        for side, image in (("LR", pair.lr_u8), ("HR", pair.hr_u8)):
            if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
                raise InvalidValueError(
                    f"{pair.key}: {side} must be (h, w, 3) uint8, got {image.shape} {image.dtype}"
                )
        record = cls(
            key=pair.key,
            row=row,
            plan=pair.plan,
            hr_shape=_shape_of(pair.hr_u8),
            lr_shape=_shape_of(pair.lr_u8),
            crc32=pair_crc32(pair.lr_u8, pair.hr_u8),
        )
        problem = record._misfit(spec)
        if problem is not None:
            raise InvalidValueError(problem)
        return record

    @classmethod
    def from_json(cls, data: Any, row: int, spec: ShardSpec) -> PairRecord:
        """Rebuild the record of a row; CorruptDataError when it is not one of this shard."""
        given = read_struct(data, _WrittenPair, f"record {row}")
        record = cls(
            key=given.key,
            row=given.row,
            plan=None if given.plan is None else DegradationPlan.from_json(given.plan),
            hr_shape=given.hr_shape,
            lr_shape=given.lr_shape,
            crc32=given.crc32,
        )
        problem = record._misfit(spec)
        if problem is None and record.row != row:
            problem = f"the record in place {row} says it is row {record.row}"
        if problem is not None:
            raise CorruptDataError(problem)
        return record

    def to_json(self) -> dict[str, Any]:
        """Return the record as plain Python values."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return values | {"plan": None if self.plan is None else self.plan.to_json()}

    def _misfit(self, spec: ShardSpec) -> str | None:
        """Return why this cannot be a pair of the shard, or None."""
        height, width, _ = self.lr_shape
        if not _KEY.fullmatch(self.key):
            return f"a key is 1…250 of A-Z a-z 0-9 _ -, got {self.key[:60]!r}"
        if self.plan is not None and (self.plan.key != self.key or self.plan.scale != spec.scale):
            return f"{self.key}: its plan is for {self.plan.key[:60]!r} at ×{self.plan.scale}"
        # Equal, and so exact: at 5/2 LR's sides are even, as HR's are multiples of 5.
        whole = not (height % lr_unit(spec.scale) or width % lr_unit(spec.scale))
        wanted = (height * spec.scale, width * spec.scale, 3)
        if min(height, width) < 1 or not whole or self.hr_shape != wanted:
            return f"{self.key}: HR {self.hr_shape} is not LR {self.lr_shape} × {spec.scale}"
        if spec.hr_size is not None and self.hr_shape[:2] != (spec.hr_size, spec.hr_size):
            return f"{self.key}: HR is {self.hr_shape}, the shard's pairs have side {spec.hr_size}"
        return None


def _shape_of(image: U8Array) -> Shape:
    height, width, channels = image.shape
    return (height, width, channels)


def pair_crc32(lr_u8: U8Array, hr_u8: U8Array) -> int:
    """Return the CRC-32 of the LR bytes followed by the HR bytes."""
    return crc32(_bytes_of(hr_u8), crc32(_bytes_of(lr_u8)))


def _bytes_of(image: U8Array) -> memoryview:
    return np.ascontiguousarray(image).data


class PairsDigest:
    """A SHA-256 over keys, shapes and checksums of a shard's pairs; the same in every format.

    It tells two sets apart at a glance. That the pixels are sound each pair's checksum tells, and
    each file's own; a SHA-256 of them would cost a fifth of all the time.
    """

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def update(self, record: PairRecord) -> None:
        """Take in the next pair."""
        line = f"{record.key} {record.lr_shape} {record.hr_shape} {record.crc32}\n"
        self._hash.update(line.encode())

    def hexdigest(self) -> str:
        """Return the digest of the pairs so far."""
        return self._hash.hexdigest()

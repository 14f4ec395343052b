"""What a pool's index tells: which kernels, noise patches and photos there are."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from degrade.degradation import NoiseChoice, PoolIndex
from degrade.pool.records import (
    KernelRecord,
    NoiseRecord,
    Record,
    SearchRecord,
    SourceRecord,
)

__all__ = ["PoolContents"]


@dataclass(frozen=True, slots=True)
class PoolContents:
    """The entries of a pool, by id; photos by sha256, searches by that and their settings."""

    kernels: dict[str, KernelRecord] = field(default_factory=dict)
    noise: dict[str, NoiseRecord] = field(default_factory=dict)
    sources: dict[str, SourceRecord] = field(default_factory=dict)
    searches: dict[tuple[str, str], SearchRecord] = field(default_factory=dict)

    def remember(self, records: Iterable[Record]) -> None:
        """Take in records; of a photo, and of a search, the latest counts."""
        for record in records:
            match record:
                case KernelRecord():
                    self.kernels[record.id] = record
                case NoiseRecord():
                    self.noise[record.id] = record
                case SourceRecord():
                    self.sources[record.sha256] = record
                case SearchRecord():
                    self.searches[record.sha256, record.settings] = record

    def has_fact(self, record: SourceRecord | SearchRecord) -> bool:
        """Tell whether the pool knows exactly this of a photo."""
        if isinstance(record, SourceRecord):
            return self.sources.get(record.sha256) == record
        return self.searches.get((record.sha256, record.settings)) == record

    def has(self, record: KernelRecord | NoiseRecord) -> bool:
        """Tell whether the pool has a thing of this content."""
        return record.id in self.kernels or record.id in self.noise

    def counts(self) -> tuple[int, int, int]:
        """Return the numbers of kernels, noise patches and photos."""
        return len(self.kernels), len(self.noise), len(self.sources)

    def file_names(self) -> Iterator[str]:
        """Return the names of all object files, relative to the pool."""
        yield from (f"kernels/{key}.npy" for key in self.kernels)
        yield from (f"noise/{key}.npy" for key in self.noise)

    def index(self, scale: int) -> PoolIndex:
        """Return what plans at ``scale`` may draw from."""
        return PoolIndex(
            tuple(key for key, kernel in self.kernels.items() if kernel.scale == scale),
            tuple(NoiseChoice(key, noise.size) for key, noise in self.noise.items()),
        )

    def digest(self, scale: int) -> str:
        """Return the sha256 of all that :meth:`index` offers; an id stands for its content."""
        index = self.index(scale)
        lines = [f"scale {scale}", *index.kernel_ids, "noise", *(n.id for n in index.noise)]
        for kind, found in index.measured.items():
            lines.append(f"measured {kind}")
            lines += (f"{m.photo_sha256} {json.dumps(m.values, sort_keys=True)}" for m in found)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

"""What a measurement hands to the pool: values, and kernels or patches that came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import degrade
from degrade.arrays import Box
from degrade.kernels import BlurKernel
from degrade.noise import NoisePatch
from degrade.pool.records import MeasurementRecord, PhotoRecord, Provenance

__all__ = ["Findings", "FoundObject"]


@dataclass(frozen=True, slots=True, eq=False)
class FoundObject:
    """A kernel or noise patch, how it was made, and what is to be remembered of it.

    Attributes
    ----------
    content : BlurKernel or NoisePatch
    method : str
    values : mapping of str to float
    flags : tuple of str
        What speaks against it, besides what speaks against all that was found.
    part : (top, left, height, width) or None
        The part of the photo that a kernel is of; None: all of it.
    """

    content: BlurKernel | NoisePatch
    method: str
    values: Mapping[str, float]
    flags: tuple[str, ...] = ()
    part: Box | None = None

    @property
    def box(self) -> Box | None:
        """The part of the photo that it comes from; None: all of it."""
        return self.content.box if isinstance(self.content, NoisePatch) else self.part


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Findings:
    """What one measurement found in one photo.

    Attributes
    ----------
    kind, settings, values, flags, confidence
        See :class:`~degrade.pool.records.MeasurementRecord`.
    objects : tuple of FoundObject or None
        What goes into the pool as files; None when the values are all that there is.
    """

    kind: str
    settings: Mapping[str, Any]
    values: Mapping[str, Any] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    confidence: float | None = None
    objects: tuple[FoundObject, ...] | None = None

    def provenance(self, found: FoundObject, photo: PhotoRecord) -> Provenance:
        """Return what the pool remembers of an object that was found in ``photo``."""
        return Provenance(
            source_name=photo.name,
            source_sha256=photo.sha256,
            box=found.box,
            method=found.method,
            settings=self.settings,
            tool_version=degrade.__version__,
            values=found.values,
            flags=(*self.flags, *found.flags),
        )

    def as_record(self, photo: PhotoRecord, ids: tuple[str, ...]) -> MeasurementRecord:
        """Return the index entry, with the objects' ids."""
        return MeasurementRecord(
            kind=self.kind,
            photo=photo.sha256,
            settings=self.settings,
            values=self.values,
            flags=self.flags,
            confidence=self.confidence,
            version=degrade.__version__,
            objects=None if self.objects is None else ids,
        )

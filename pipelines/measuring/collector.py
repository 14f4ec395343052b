"""What one run keeps and tells of one measurement, in the process that started it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from degrade.errors import printable
from degrade.images.sources import Reject
from degrade.pool import DegradationPool, Findings, MeasurementRecord
from pipelines.measuring.measurement import Measurement
from pipelines.shared.photo_scan import ScannedPhoto
from pipelines.shared.reports import Fact

__all__ = ["Collector", "describe_values"]

_LONGEST_LIST = 8
"""Values of a list that are shown."""


class Collector:
    """Knows which photos are to be measured, and takes what comes of it.

    This one does for any measurement: what is found goes into the pool, and a line of the report
    tells of each photo. Others override what they do otherwise.

    Attributes
    ----------
    measurement : Measurement
    job, unit, subject : str
        What a report calls the work, what it counts, and what a reject is called when the whole
        run found none.
    needs_all_first : bool
        Whether :meth:`begin` must see every photo of the run, those that are new included.
    rejects : list of Reject
        Photos that gave nothing.
    """

    needs_all_first = False

    def __init__(self, measurement: Measurement, *, job: str = "", unit: str = "photo") -> None:
        self.measurement = measurement
        self.job = job or f"measure {measurement.kind}"
        self.unit = unit
        self.subject = measurement.kind
        self._done = self._skipped = 0
        self.rejects: list[Reject] = []
        self._told: list[Fact] = []

    @property
    def done(self) -> int:
        """Units of this run."""
        return self._done

    @property
    def skipped(self) -> int:
        """Units that were there."""
        return self._skipped

    def begin(
        self, pool: DegradationPool | None, photos: Sequence[ScannedPhoto]
    ) -> list[ScannedPhoto]:
        """Return which of these photos are to be measured.

        A photo is measured again when an object that came of it is damaged or gone: that mends it.
        """
        if pool is None:
            return list(photos)
        known = pool.measured(self.measurement.kind, self.measurement.settings)
        todo, recalled = [], []
        for photo in photos:
            record = known.get(photo.sha256)
            is_there = record is not None and all(map(pool.has_sound, record.objects or ()))
            if record is None or not is_there or not self.recall(photo, record):
                todo.append(photo)
            else:
                recalled.append(record)
        pool.prefer(recalled)  # these settings are the ones that are wanted now
        return todo

    def recall(self, photo: ScannedPhoto, record: MeasurementRecord) -> bool:
        """Take what the pool knows of a photo; False when that is of no use."""
        self._skipped += 1
        return True

    def writing(self) -> AbstractContextManager[None]:
        """Hold what :meth:`keep` writes to, besides the pool."""
        return contextlib.nullcontext()

    def keep(self, photo: ScannedPhoto, findings: Findings) -> Findings | None:
        """Take what was found; return what of it goes into the pool."""
        text = describe_values(findings.values, findings.flags, findings.confidence)
        values = {
            "photo": photo.name,
            "values": findings.values,
            "flags": list(findings.flags),
            "confidence": findings.confidence,
        }
        self._told.append(Fact(findings.kind, f"{printable(photo.name)}: {text}", values))
        self._done += 1
        return findings

    def finish(self) -> None:
        """Do what needs all findings."""

    def interrupt(self) -> None:
        """Do what is left to do when the run ends early."""

    def facts(self) -> list[Fact]:
        """Return what a report tells."""
        return sorted(self._told, key=lambda fact: fact.words)

    def shortfall(self, rejects: Sequence[Reject]) -> str | None:
        """Return why a run that ended found nothing of what it was for; None when it did."""
        return None


def describe_values(
    values: Mapping[str, Any], flags: Sequence[str] = (), confidence: float | None = None
) -> str:
    """Return the values of any measurement on one line."""
    parts = [", ".join(f"{printable(name)} {_value(value)}" for name, value in values.items())]
    parts += [] if confidence is None else [f"confidence {confidence:.2f}"]
    parts += [f"flagged: {printable(', '.join(flags))}"] if flags else []
    return "; ".join(part for part in parts if part)


def _value(value: object) -> str:
    if isinstance(value, list | tuple) and len(value) > _LONGEST_LIST:
        return f"of {len(value)} numbers"
    text = f"{value:.4g}" if isinstance(value, float) else printable(str(value))
    return text if len(text) <= 40 else f"{text[:37]}..."

"""The measurement of noise: the flat patches of a photo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from degrade.errors import InputError
from degrade.images.sources import Reject
from degrade.jpeg.blocks import block_steps, noise_confidence
from degrade.noise import NoisePatch, NoiseSelection, search_noise_patches, take_patches
from degrade.pool import DegradationPool, Findings, MeasurementRecord
from degrade.pool.findings import FoundObject
from degrade.wording import counted
from pipelines.measuring.collector import Collector
from pipelines.measuring.measurement import Measurement
from pipelines.measuring.noise_findings import NoiseTally, PhotoFindings
from pipelines.shared.photo_scan import OpenPhoto, ScannedPhoto
from pipelines.shared.reports import Fact, usual_reason

__all__ = ["NoiseCollector", "NoisePatches"]

_METHOD = "variance"
_BLOCKY_NOTE = "JPEG blocks"


@dataclass(frozen=True, slots=True)
class NoisePatches(Measurement):
    """:func:`degrade.noise.search_noise_patches`; the patches go into the pool."""

    selection: NoiseSelection

    @property
    def kind(self) -> str:
        """What the pool calls it."""
        return "noise"

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that decides which patches a photo gives."""
        return {"method": _METHOD, **asdict(self.selection)}

    def seconds_for(self, pixels: int) -> float:
        """Return about how long a photo takes, decoding it included."""
        return 0.01 + 1e-7 * pixels

    def measure(self, photo: OpenPhoto) -> Findings:
        """Find the patches of a photo; none is a finding too.

        Raises
        ------
        InputError
            The photo is smaller than a patch, or the decoder refuses it.
        """
        _check_size(photo.scanned, self.selection.sizes()[-1])
        pixels = photo.photo.pixels
        search = search_noise_patches(pixels, self.selection)
        patches = take_patches(pixels, search, source=photo.scanned.name)
        found = PhotoFindings.of(search, block_steps(patches))
        common = {} if found.block_steps is None else {"block_steps": found.block_steps}
        return Findings(
            kind=self.kind,
            settings=self.settings,
            values=found.to_values(),
            flags=(_BLOCKY_NOTE,) if found.is_blocky else (),
            confidence=noise_confidence(found.block_steps),
            objects=tuple(
                FoundObject(
                    patch,
                    _METHOD,
                    {"variance": patch.variance, "brightness": patch.brightness, **common},
                )
                for patch in patches
            ),
        )


def _check_size(photo: ScannedPhoto, size: int) -> None:
    side = min(photo.height, photo.width)
    if side < size:
        raise InputError(
            photo.path,
            f"{photo.width}×{photo.height} is smaller than a noise patch of {size} pixels",
            f"use `patch_size={side}` or less" if side >= 8 else "use a larger photo",
        )


class NoiseCollector(Collector):
    """Counts patches, and tells of one photo what was found and why the rest was refused.

    Attributes
    ----------
    kept : set of str
        The sha256 of photos whose search is in the pool.
    """

    def __init__(self, selection: NoiseSelection, *, min_confidence: float = 0.0) -> None:
        super().__init__(NoisePatches(selection), job="extract-noise", unit="noise patch")
        self._selection, self._min_confidence = selection, min_confidence
        self._tally = NoiseTally()
        self._searched = 0
        self.kept: set[str] = set()
        self._pool: DegradationPool | None = None
        self._before = 0
        self._variances: dict[str, float] = {}

    def begin(
        self, pool: DegradationPool | None, photos: Sequence[ScannedPhoto]
    ) -> list[ScannedPhoto]:
        """Tally what the pool knows already; return the photos that are to be searched."""
        self._pool = pool
        known = () if pool is None else pool.noise
        self._before = len(known)
        self._variances = {patch.id: patch.variance for patch in known}
        return super().begin(pool, photos)

    def recall(self, photo: ScannedPhoto, record: MeasurementRecord) -> bool:
        """Tell of an earlier search as if it were made again; False when its record is odd."""
        found = PhotoFindings.from_record(record)
        ids = record.objects or ()
        if found is None or not all(key in self._variances for key in ids):
            return False
        if self._is_unsure(record.confidence):
            reason = (
                f"its noise is in the pool from an earlier run ({self._below(record.confidence)})"
            )
            remedy = "it stays there: give a new `pool` to be without it"
            self.rejects.append(Reject(str(photo.path), reason, remedy))
        variances = [self._variances[key] for key in ids]
        self._tally.add(photo.name, found, variances)
        self._searched += 1
        self.kept.add(photo.sha256)
        return True

    def keep(self, photo: ScannedPhoto, findings: Findings) -> Findings | None:
        """Take what was found; it goes into the pool if it is sure enough."""
        if findings.objects and self._is_unsure(findings.confidence):
            reason = f"JPEG blocks show in its noise: {self._below(findings.confidence)}"
            remedy = "use photos that are compressed less, or a lower `min_confidence`"
            self.rejects.append(Reject(str(photo.path), reason, remedy))
            return None
        patches = [found.content for found in findings.objects or ()]
        variances = [patch.variance for patch in patches if isinstance(patch, NoisePatch)]
        self._tally.add(photo.name, PhotoFindings(**findings.values), variances)
        self.kept.add(photo.sha256)
        return findings

    def _is_unsure(self, confidence: float | None) -> bool:
        return confidence is not None and confidence < self._min_confidence

    def _below(self, confidence: float | None) -> str:
        return f"confidence {confidence:.2f} is below {self._min_confidence:g}"

    @property
    def done(self) -> int:
        """Patches that the pool did not have."""
        return 0 if self._pool is None else len(self._pool.noise) - self._before

    @property
    def skipped(self) -> int:
        """Patches that it had, from this photo or another."""
        return self._tally.found - self.done

    def facts(self) -> list[Fact]:
        """Return a fact for each photo, and what is to be said of all."""
        each = sorted(self._tally.facts, key=lambda fact: fact.words)
        facts = [*each, *self._tally.together()]
        if self._searched:
            words = f"{counted(self._searched, 'photo')} searched before with these settings"
            facts.append(Fact("searched_before", words, {"photos": self._searched}))
        return facts

    def shortfall(self, rejects: Sequence[Reject]) -> str | None:
        """Tell the variances that were met and the setting that would have found some noise."""
        if self._tally.found:
            return None
        if self._tally.facts:
            return self._tally.why_nothing(self._selection)
        rejected = counted(len(rejects), "photo")
        return f"no noise patch found, {rejected} rejected: {usual_reason(rejects)}"

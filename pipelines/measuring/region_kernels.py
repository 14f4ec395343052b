"""A kernel for each region of each photo, in the place of one for the photo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from degrade.images.sources import Reject
from degrade.kernels.estimates import KernelEstimate, UnsuitablePhotoError, expected_width_error
from degrade.kernels.regions import RegionGrid
from degrade.pool import DegradationPool, Findings, MeasurementRecord
from degrade.pool.findings import FoundObject
from degrade.pool.kernel_estimates import flags_of, values_of
from degrade.pool.region_records import PhotoRegions, RegionFound, mean_sigma, radius_curves
from degrade.wording import counted
from pipelines.measuring.collector import Collector
from pipelines.measuring.kernel_methods import SpectralMethod
from pipelines.measuring.kernel_reports import facts_together, mixed_kernels
from pipelines.measuring.measurement import Measurement
from pipelines.measuring.region_words import curve_facts, reasons_text, region_fact
from pipelines.shared.photo_scan import OpenPhoto, ScannedPhoto
from pipelines.shared.reports import Fact

__all__ = ["RegionCollector", "RegionFindings", "RegionKernels"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class RegionFindings(Findings):
    """The findings of all regions of a photo.

    Attributes
    ----------
    found : PhotoRegions
        What ``values`` hold.
    estimates : tuple of KernelEstimate
        Of those regions that tell, as ``objects`` are.
    """

    found: PhotoRegions
    estimates: tuple[KernelEstimate, ...]


@dataclass(frozen=True, slots=True)
class RegionKernels(Measurement):
    """:func:`degrade.spectral.regions.estimate_region_kernels`."""

    method: SpectralMethod
    grid: RegionGrid

    @property
    def kind(self) -> str:
        """What the pool calls the measurement, as that of whole photos."""
        return self.method.kind

    @property
    def settings(self) -> dict[str, Any]:
        """Those of the method, and the grid."""
        return {**self.method.settings, "regions": [self.grid.rows, self.grid.columns]}

    def seconds_for(self, pixels: int) -> float:
        """Return the time for a whole photo, and for what each region costs besides."""
        return self.method.seconds_for(pixels) + 0.005 * self.grid.rows * self.grid.columns

    def measure(self, photo: OpenPhoto) -> RegionFindings:
        """Estimate a kernel for each region that tells.

        Raises
        ------
        UnsuitablePhotoError
            No region tells, or the photo is too small for the regions.
        """
        from degrade.spectral.regions import estimate_region_kernels

        name, pixels = photo.scanned.name, photo.photo.as_u8()
        estimated = estimate_region_kernels(pixels, self.grid, self.method.scale, source=name)
        regions, objects, estimates = [], [], []
        for each in estimated:
            place = {name: getattr(each.region, name) for name in ("row", "column", "radius")}
            known = RegionFound(**place, reason=each.reason)
            if (own := each.estimate) is not None:
                known = RegionFound(
                    **place,
                    sigma=mean_sigma(own.kernel),
                    error=expected_width_error(own.kernel.weights, own.expected_kpsnr),
                    confidence=own.confidence,
                    flags=flags_of(own),
                )
                values = {**values_of(own), **place}
                objects.append(FoundObject(own.kernel, own.method, values, flags_of(own), each.box))
                estimates.append(own)
            regions.append(known)
        if not objects:
            raise UnsuitablePhotoError(
                name,
                f"none of its {self.grid} regions tells a kernel: {reasons_text(regions)}",
                "use a photo with detail, or leave `regions` out",
            )
        camera = photo.scanned.camera
        found = PhotoRegions(self.grid.rows, self.grid.columns, tuple(regions), camera)
        return RegionFindings(
            kind=self.kind,
            settings=self.settings,
            values=msgspec.to_builtins(found),
            objects=tuple(objects),
            estimates=tuple(estimates),
            found=found,
        )


class RegionCollector(Collector):
    """Keeps the kernels of regions that are sure enough.

    Parameters
    ----------
    measurement : RegionKernels
    min_confidence : float
        Regions that are less sure are left out; a photo without others is rejected.

    Attributes
    ----------
    kept : set of str
        The sha256 of photos that have kernels.
    """

    def __init__(self, measurement: RegionKernels, *, min_confidence: float) -> None:
        super().__init__(measurement, job="estimate-kernels", unit="kernel")
        self.subject = "kernels of regions"
        self._scale = measurement.method.scale
        self._min_confidence = min_confidence
        self._pool: DegradationPool | None = None
        self.kept: set[str] = set()
        self._estimates: list[KernelEstimate] = []
        self._conclusions: list[Fact] = []

    def begin(
        self, pool: DegradationPool | None, photos: Sequence[ScannedPhoto]
    ) -> list[ScannedPhoto]:
        """Return the photos to measure."""
        self._pool = pool
        return super().begin(pool, photos)

    def recall(self, photo: ScannedPhoto, record: MeasurementRecord) -> bool:
        """Take known kernels; False where regions that were left out are sure enough now."""
        found = PhotoRegions.from_record(record)
        if found is None:
            return False
        floor = self._min_confidence
        known = [region for region in found.regions if region.confidence is not None]
        if any(region.reason and (region.confidence or 0) >= floor for region in known):
            return False
        kept = [region for region in known if not region.reason]
        unsure = [region for region in kept if (region.confidence or 0) < floor]
        self._skipped += len(kept) - len(unsure)
        if unsure:
            reason = (
                f"{counted(len(unsure), 'kernel')} of its regions, of confidence below {floor:g}, "
                "in the pool from an earlier run"
            )
            remedy = "they stay there: give a new `pool` to be without them"
            self.rejects.append(Reject(str(photo.path), reason, remedy))
        if len(kept) > len(unsure):
            self.kept.add(photo.sha256)
        return True

    def keep(self, photo: ScannedPhoto, findings: Findings) -> Findings | None:
        """Take the kernels that are sure enough."""
        if not isinstance(findings, RegionFindings):
            raise TypeError(f"findings must be those of regions, got {type(findings).__name__}")
        findings = self._sure_part(findings)
        if not findings.estimates:
            reason = f"none of its regions tells: {reasons_text(findings.found.regions)}"
            remedy = "use a photo with more straight edges, or a lower `min_confidence`"
            self.rejects.append(Reject(str(photo.path), reason, remedy))
            return None
        self._told.append(region_fact(photo.name, self._scale, findings.found, findings.estimates))
        self._estimates += findings.estimates
        self._done += len(findings.estimates)
        self.kept.add(photo.sha256)
        return findings

    def _sure_part(self, findings: RegionFindings) -> RegionFindings:
        regions = tuple(map(self._with_reason, findings.found.regions))
        found = msgspec.structs.replace(findings.found, regions=regions)
        pairs = zip(findings.objects or (), findings.estimates, strict=True)
        sure = [pair for pair in pairs if pair[1].confidence >= self._min_confidence]
        return replace(
            findings,
            found=found,
            values=msgspec.to_builtins(found),
            objects=tuple(item for item, _ in sure),
            estimates=tuple(estimate for _, estimate in sure),
        )

    def _with_reason(self, region: RegionFound) -> RegionFound:
        if region.confidence is None or region.confidence >= self._min_confidence:
            return region
        return msgspec.structs.replace(region, reason=f"confidence below {self._min_confidence:g}")

    def finish(self) -> None:
        """Tell of all photos of the pool together."""
        if self._pool is not None:
            self._conclusions = [
                *curve_facts(radius_curves(self._pool)),
                *mixed_kernels(self._pool, self._scale),
            ]

    def facts(self) -> list[Fact]:
        """Return a fact for each photo, and what is to be said of all."""
        return [*super().facts(), *facts_together(self._estimates), *self._conclusions]

"""Where estimated kernels go, and what is told of them; here one for each photo."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from degrade.disk.files import make_folder
from degrade.disk.results import Results
from degrade.field_names import composed
from degrade.geometry import scale_from_json
from degrade.images.sources import Reject
from degrade.kernels import BlurKernel
from degrade.kernels.estimates import KernelEstimate
from degrade.kernels.kernelgan_mat import encode_kernelgan_mat, kernelgan_mat_path
from degrade.pool import DegradationPool, Findings, MeasurementRecord
from degrade.pool.camera_kernels import settle_camera_kernels
from degrade.pool.kernel_estimates import confidence_text
from pipelines.measuring.collector import Collector
from pipelines.measuring.kernel_methods import EstimationMethod, KernelFindings
from pipelines.measuring.kernel_reports import (
    camera_facts_of,
    facts_together,
    kernel_fact,
    mixed_kernels,
    reason_against,
    remedy_for,
)
from pipelines.shared.photo_scan import ScannedPhoto
from pipelines.shared.reports import Fact

__all__ = ["KernelCollector", "SeparateKernels", "estimate_in"]


class KernelCollector(Collector):
    """What both ways to keep kernels have in common.

    Parameters
    ----------
    method : EstimationMethod
    min_confidence : float
        A photo whose kernel is less sure is rejected.
    mats : Results or None
        The folder for KernelGAN's own layout too.

    Attributes
    ----------
    kept : set of str
        The sha256 of photos that have a kernel.
    """

    def __init__(
        self, method: EstimationMethod, *, min_confidence: float, mats: Results | None
    ) -> None:
        super().__init__(method, job="estimate-kernels", unit="kernel")
        self._method = method
        self._min_confidence = min_confidence
        self._mats = mats
        self._pool: DegradationPool | None = None
        self._estimates: list[tuple[str, KernelEstimate]] = []
        self.kept: set[str] = set()
        self._conclusions: list[Fact] = []

    def _is_sure(self, photo: ScannedPhoto, estimate: KernelEstimate) -> bool:
        """Tell whether an estimate is sure enough; one that is not becomes a reject."""
        if estimate.confidence >= self._min_confidence:
            return True
        reason = reason_against(estimate, self._min_confidence)
        self.rejects.append(Reject(str(photo.path), reason, remedy_for(estimate)))
        return False

    def _mat(self, mats: Results, stem: str) -> Path:
        return kernelgan_mat_path(
            mats.folder, stem, scale_from_json(self._method.settings["scale"])
        )

    def _require_free(self, stems: Iterable[str]) -> None:
        """Refuse to begin where files stand that no such run has made."""
        if self._mats is not None:
            self._mats.require_free([self._mat(self._mats, stem) for stem in stems])

    def _write_mat(self, stem: str, kernel: BlurKernel) -> None:
        if self._mats is not None:
            path = self._mat(self._mats, stem)
            make_folder(path.parent)
            self._mats.write(path, encode_kernelgan_mat(kernel))

    def facts(self) -> list[Fact]:
        """Return a fact for each kernel of this run, and what is to be said of all."""
        each = [kernel_fact(name, estimate) for name, estimate in self._estimates]
        together = facts_together([estimate for _, estimate in self._estimates])
        return [*sorted(each, key=lambda fact: fact.words), *together, *self._conclusions]


class SeparateKernels(KernelCollector):
    """One kernel for each photo, kept as soon as it is there."""

    def __init__(
        self, method: EstimationMethod, *, min_confidence: float, mats: Results | None
    ) -> None:
        super().__init__(method, min_confidence=min_confidence, mats=mats)
        # The files' names depend on those of all photos.
        self.needs_all_first = mats is not None
        self._stems: dict[str, str] = {}

    def begin(
        self, pool: DegradationPool | None, photos: Sequence[ScannedPhoto]
    ) -> list[ScannedPhoto]:
        """Return the photos to measure; write the files of kernels that the pool has."""
        self._pool = pool
        self._stems = _file_stems(photos)
        self._require_free(self._stems.values())
        return super().begin(pool, photos)

    def recall(self, photo: ScannedPhoto, record: MeasurementRecord) -> bool:
        """Take a known kernel; one that is not sure enough becomes a reject."""
        confidence = 1.0 if record.confidence is None else record.confidence
        if confidence < self._min_confidence:
            self.rejects.append(self._known_but_unsure(photo, confidence))
            return True
        self._skipped += 1
        self.kept.add(photo.sha256)
        if self._mats is not None and self._pool is not None and record.objects:
            self._write_mat(self._stems[photo.sha256], self._pool.read_kernel(record.objects[0]))
        return True

    def _known_but_unsure(self, photo: ScannedPhoto, confidence: float) -> Reject:
        return Reject(
            str(photo.path),
            f"its kernel, of confidence {confidence_text(confidence)}, below "
            f"{self._min_confidence:g}, is in the pool from an earlier run",
            "it stays there: give a new `pool` to be without it",
        )

    def keep(self, photo: ScannedPhoto, findings: Findings) -> Findings | None:
        """Take one estimate, if it is sure enough."""
        estimate = estimate_in(findings)
        if not self._is_sure(photo, estimate):
            return None
        if self._mats is not None:
            self._write_mat(self._stems[photo.sha256], estimate.kernel)
        self._estimates.append((photo.name, estimate))
        self.kept.add(photo.sha256)
        self._done += 1
        return findings

    def finish(self) -> None:
        """Make each kernel's one nearer to its camera's; tell of kernels of regions."""
        if self._pool is not None:
            scale = scale_from_json(self._method.settings["scale"])
            self._conclusions = [
                *mixed_kernels(self._pool, scale),
                *camera_facts_of(settle_camera_kernels(self._pool)),
            ]


def estimate_in(findings: Findings) -> KernelEstimate:
    """Return the estimate that findings of a kernel hold; TypeError for other findings."""
    if not isinstance(findings, KernelFindings):
        raise TypeError(f"findings must be those of a kernel, got {type(findings).__name__}")
    return findings.estimate


def _file_stems(photos: Sequence[ScannedPhoto]) -> dict[str, str]:
    """Return each photo's name without folder and ending, by its sha256.

    Photos that share one, from two folders or on a system where capitals do not count, all get a
    part of their hash: which of them is finished first must not decide. So do those whose names are
    too long for the file's ending.
    """
    stems = {photo.sha256: Path(photo.name).stem for photo in photos}
    counts = Counter(composed(stem).casefold() for stem in stems.values())
    return {
        sha256: stem
        if counts[composed(stem).casefold()] == 1 and len(os.fsencode(stem)) <= _LONGEST_STEM
        else f"{_cut(stem)}-{sha256[:8]}"
        for sha256, stem in stems.items()
    }


_LONGEST_STEM = 200
"""Bytes; a file's name may have 255 with its ending and a temporary one."""


def _cut(stem: str) -> str:
    """Return as many letters as fit."""
    return os.fsencode(stem)[: _LONGEST_STEM - 9].decode("utf-8", "ignore")

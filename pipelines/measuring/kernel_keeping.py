"""Where estimated kernels go: one for each photo, or one that the photos share."""

from __future__ import annotations

import contextlib
import hashlib
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import degrade
from degrade.disk.files import resolve_inside
from degrade.errors import printable
from degrade.images.exif import read_camera
from degrade.images.sources import Reject
from degrade.kernels import BlurKernel
from degrade.kernels.estimates import KernelEstimate, share_estimates
from degrade.kernels.files import write_kernelgan_mat
from degrade.pool import DegradationPool, Findings, MeasurementRecord, Provenance
from degrade.pool.kernel_estimates import confidence_text, estimate_from, flags_of, statistics_of
from degrade.wording import counted
from pipelines.measuring.collector import Collector
from pipelines.measuring.kernel_methods import EstimationMethod, KernelFindings
from pipelines.measuring.kernel_reports import (
    describe_kernel,
    describe_outliers,
    describe_together,
    reason_against,
    remedy_for,
)
from pipelines.shared.photo_scan import ScannedPhoto
from pipelines.shared.reports import Fact, usual_reason

__all__ = ["KernelCollector", "SeparateKernels", "SharedKernel"]

_LONGEST_LIST = 60
_SHARED_STEM = "shared"
_SINGLES = "singles"
"""A pool inside the pool, of the estimates that a shared kernel is made of: plans never draw from
it; a run that was interrupted, or has more photos, need not repeat what is there."""


class KernelCollector(Collector):
    """What both ways to keep kernels have in common.

    Parameters
    ----------
    method : EstimationMethod
    min_confidence : float
        A photo whose kernel is less sure is rejected.
    out_mat : Path or None
        A folder for KernelGAN's own layout too.
    """

    def __init__(
        self, method: EstimationMethod, *, min_confidence: float, out_mat: Path | None
    ) -> None:
        super().__init__(method, job="estimate-kernels", unit="kernel")
        self._method = method
        self._min_confidence = min_confidence
        self._out_mat = out_mat
        self._pool: DegradationPool | None = None
        self._estimates: list[tuple[str, KernelEstimate]] = []
        self._conclusions: list[str] = []

    def _is_sure(self, photo: ScannedPhoto, estimate: KernelEstimate) -> bool:
        """Tell whether an estimate is sure enough; one that is not becomes a reject."""
        if estimate.confidence >= self._min_confidence:
            return True
        reason = reason_against(estimate, self._min_confidence)
        self.rejects.append(Reject(str(photo.path), reason, remedy_for(estimate)))
        return False

    def _write_mat(self, stem: str, kernel: BlurKernel) -> None:
        if self._out_mat is not None:
            write_kernelgan_mat(self._out_mat, stem, kernel)

    def facts(self) -> list[Fact]:
        """Return a line for each kernel of this run, and what is to be said of all."""
        each = sorted(describe_kernel(name, estimate) for name, estimate in self._estimates)
        together = describe_together([estimate for _, estimate in self._estimates])
        return [Fact("kernels", line) for line in (*each, *together, *self._conclusions)]


class SeparateKernels(KernelCollector):
    """One kernel for each photo, kept as soon as it is there."""

    def __init__(
        self, method: EstimationMethod, *, min_confidence: float, out_mat: Path | None
    ) -> None:
        super().__init__(method, min_confidence=min_confidence, out_mat=out_mat)
        # The files' names depend on those of all photos.
        self.needs_all_first = out_mat is not None
        self._stems: dict[str, str] = {}

    def begin(
        self, pool: DegradationPool | None, photos: Sequence[ScannedPhoto]
    ) -> list[ScannedPhoto]:
        """Return the photos to measure; write the files of kernels that the pool has."""
        self._pool = pool
        self._stems = _file_stems(photos)
        return super().begin(pool, photos)

    def recall(self, photo: ScannedPhoto, record: MeasurementRecord) -> bool:
        """Take a known kernel; one that is not sure enough becomes a reject."""
        confidence = 1.0 if record.confidence is None else record.confidence
        if confidence < self._min_confidence:
            self.rejects.append(self._known_but_unsure(photo, confidence))
            return True
        self._skipped += 1
        if self._out_mat is not None and self._pool is not None and record.objects:
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
        estimate = _estimate_in(findings)
        if not self._is_sure(photo, estimate):
            return None
        if self._out_mat is not None:
            self._write_mat(self._stems[photo.sha256], estimate.kernel)
        self._estimates.append((photo.name, estimate))
        self._done += 1
        return findings


class SharedKernel(KernelCollector):
    """One kernel for all photos, which are one camera's.

    It is known again by its photos, so another photo, or another least confidence, gives another.
    """

    needs_all_first = True

    def __init__(
        self, method: EstimationMethod, *, min_confidence: float, out_mat: Path | None
    ) -> None:
        super().__init__(method, min_confidence=min_confidence, out_mat=out_mat)
        self.subject = "shared kernel"
        floor = float(min_confidence)
        self._settings = {**method.settings, "shared": True, "min_confidence": floor}
        self._sha256 = ""
        self._photos: list[ScannedPhoto] = []
        self._singles: DegradationPool | None = None
        self._found: list[tuple[ScannedPhoto, KernelEstimate]] = []
        self._reused = 0

    def begin(
        self, pool: DegradationPool | None, photos: Sequence[ScannedPhoto]
    ) -> list[ScannedPhoto]:
        """Return the photos to measure: none when the pool has the kernel that they share."""
        self._pool = pool
        self._photos = list(photos)
        hashes = sorted(photo.sha256 for photo in photos)
        self._sha256 = hashlib.sha256("\n".join(hashes).encode()).hexdigest()
        known = None if pool is None else pool.kernel_made(self._settings, self._sha256)
        if pool is not None and known is not None and pool.has_sound(known):
            self._skipped = 1
            self._write_mat(_SHARED_STEM, pool.read_kernel(known))
            return []
        self._singles = _open_singles(pool, make=False)
        estimates = self._known_estimates()
        todo = []
        for photo in photos:
            if photo.sha256 in estimates:
                self._reused += 1
                self._take(photo, estimates[photo.sha256])
            else:
                todo.append(photo)
        self._singles = _open_singles(pool, make=bool(todo))
        return todo

    def _known_estimates(self) -> dict[str, KernelEstimate]:
        """Return what this or another run has estimated of its photos, by their sha256."""
        estimates, wanted = {}, {photo.sha256 for photo in self._photos}
        for pool in (self._pool, self._singles):
            known = {} if pool is None else pool.measured(self._method.kind, self._method.settings)
            for sha256 in wanted & known.keys():
                estimate = _read_estimate(pool, known[sha256])
                if estimate is not None:
                    estimates[sha256] = estimate
        return estimates

    def writing(self) -> AbstractContextManager[None]:
        """Hold the pool of single estimates."""
        return contextlib.nullcontext() if self._singles is None else self._singles.writing()

    def _take(self, photo: ScannedPhoto, estimate: KernelEstimate) -> bool:
        is_sure = self._is_sure(photo, estimate)
        if is_sure:
            self._found.append((photo, estimate))
        return is_sure

    def keep(self, photo: ScannedPhoto, findings: Findings) -> None:
        """Take one estimate; it goes into the pool of single ones, sure or not."""
        if self._singles is not None:
            self._singles.add_findings(photo.as_record(), [findings])
        estimate = _estimate_in(findings)
        if self._take(photo, estimate):
            self._estimates.append((photo.name, estimate))

    def finish(self) -> None:
        """Share the estimates, if there are enough, and keep what comes of it."""
        if self.skipped or len(self._found) < 2:
            return
        # Workers end in any order, and sums must not depend on it.
        found = sorted(self._found, key=lambda pair: pair[0].sha256)
        photos, estimates = [photo for photo, _ in found], [estimate for _, estimate in found]
        shared = share_estimates(estimates, spread=self._method.spread)
        kept = [photo for i, photo in enumerate(photos) if i not in shared.outliers]
        self._put(shared.estimate, kept)
        self._done = 1
        title = f"shared by {len(kept)} of {counted(len(self._photos), 'photo')}"
        reused = f"{counted(self._reused, 'estimate')} of single photos from an earlier run"
        self._conclusions = [
            *([reused] if self._reused else []),
            describe_kernel(title, shared.estimate),
            *describe_outliers([photo.name for photo in photos], estimates, shared),
            *_warn_of_cameras(self._photos),
            *self._warn_of_others(shared.estimate.kernel),
        ]

    def _put(self, estimate: KernelEstimate, photos: Sequence[ScannedPhoto]) -> None:
        """Keep the shared kernel, and the photos that it was measured on."""
        self._write_mat(_SHARED_STEM, estimate.kernel)
        if self._pool is None:
            return
        for photo in photos:
            self._pool.add_photo(photo.as_record())
        provenance = Provenance(
            source_name=_name_photos(sorted(photo.name for photo in photos)),
            source_sha256=self._sha256,
            box=None,
            method=estimate.method,
            settings=self._settings,
            tool_version=degrade.__version__,
            statistics=statistics_of(estimate),
            notes=flags_of(estimate),
        )
        self._pool.add_kernel(estimate.kernel, provenance)

    def _warn_of_others(self, kernel: BlurKernel) -> list[str]:
        kernels = () if self._pool is None else self._pool.kernels
        others = sum(record.scale == kernel.scale for record in kernels) - 1
        if others < 1:
            return []
        return [
            f"warning: the pool has {counted(others, 'other kernel')} of this scale, which pairs "
            "will have too; for the shared one alone give a new `pool`"
        ]

    def interrupt(self) -> None:
        """Say what is kept for the next run."""
        if self._pool is None:
            self._conclusions = ["nothing of a shared kernel is kept without a pool"]
            return
        known = counted(len(self._known_estimates()), "estimate")
        self._conclusions = [f"{known} of single photos kept for the next run"]

    def shortfall(self, rejects: Sequence[Reject]) -> str | None:
        """Say that the photos are too few."""
        if self.skipped or len(self._found) >= 2:
            return None
        reason = f"; {usual_reason(rejects)}" if rejects else ""
        return (
            "a shared kernel needs at least two photos that can be used, "
            f"got {len(self._found)} of {len(self._photos)}{reason}"
        )


def _estimate_in(findings: Findings) -> KernelEstimate:
    if not isinstance(findings, KernelFindings):
        raise TypeError(f"findings must be those of a kernel, got {type(findings).__name__}")
    return findings.estimate


def _open_singles(pool: DegradationPool | None, *, make: bool) -> DegradationPool | None:
    if pool is None:
        return None
    folder = resolve_inside(pool.path, _SINGLES)
    return DegradationPool.create(folder) if make or folder.exists() else None


def _read_estimate(
    pool: DegradationPool | None, record: MeasurementRecord
) -> KernelEstimate | None:
    """Return what was estimated; None when it is damaged, or no estimate of a kernel."""
    if pool is None or not record.objects or not pool.has_sound(record.objects[0]):
        return None
    return estimate_from(pool.read_kernel(record.objects[0]), record)


def _warn_of_cameras(photos: Sequence[ScannedPhoto]) -> list[str]:
    """Say so when the photos' EXIF data name several cameras."""
    cameras = Counter(read_camera(photo.path) for photo in photos)
    del cameras[None]
    if len(cameras) < 2:
        return []
    named = [f"{printable(str(camera))} ({count})" for camera, count in cameras.most_common(4)]
    more = f" and {len(cameras) - 4} more" if len(cameras) > 4 else ""
    return [
        f"warning: the photos are of {len(cameras)} cameras: {', '.join(named)}{more}; share a "
        "kernel among the photos of one, or leave `shared` out"
    ]


def _name_photos(names: Sequence[str]) -> str:
    listed = ", ".join(names)
    if len(listed) > _LONGEST_LIST:
        listed = f"{listed[: _LONGEST_LIST - 1]}…"
    return f"{counted(len(names), 'photo')}: {listed}"


def _file_stems(photos: Sequence[ScannedPhoto]) -> dict[str, str]:
    """Return each photo's name without folder and ending, by its sha256.

    Photos that share one, from two folders, all get a part of their hash: which of them is
    finished first must not decide.
    """
    stems = {photo.sha256: Path(photo.name).stem for photo in photos}
    counts = Counter(stems.values())
    return {
        sha256: stem if counts[stem] == 1 else f"{stem}-{sha256[:8]}"
        for sha256, stem in stems.items()
    }

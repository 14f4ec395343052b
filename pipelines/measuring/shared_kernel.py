"""One kernel for all photos, which are one camera's."""

from __future__ import annotations

import contextlib
import hashlib
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager

import degrade
from degrade.disk.files import resolve_inside
from degrade.disk.results import Results
from degrade.errors import printable
from degrade.images.sources import Reject
from degrade.kernels import BlurKernel
from degrade.kernels.estimates import KernelEstimate, share_estimates
from degrade.pool import DegradationPool, Findings, MeasurementRecord, Provenance
from degrade.pool.kernel_estimates import estimate_from, flags_of, values_of
from degrade.wording import counted, most_first
from pipelines.measuring.kernel_keeping import KernelCollector, estimate_in
from pipelines.measuring.kernel_methods import EstimationMethod
from pipelines.measuring.kernel_reports import describe_kernel, kernel_values, outlier_facts
from pipelines.shared.photo_scan import ScannedPhoto
from pipelines.shared.reports import Fact, usual_reason

__all__ = ["SharedKernel"]

_LONGEST_LIST = 60
_SHARED_STEM = "shared"
_SINGLES = "singles"
"""A pool inside the pool, of the estimates that a shared kernel is made of: plans never draw from
it; a run that was interrupted, or has more photos, need not repeat what is there."""


class SharedKernel(KernelCollector):
    """One kernel for all photos, which are one camera's.

    It is known again by its photos, so another photo, or another least confidence, gives another.
    """

    needs_all_first = True

    def __init__(
        self, method: EstimationMethod, *, min_confidence: float, mats: Results | None
    ) -> None:
        super().__init__(method, min_confidence=min_confidence, mats=mats)
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
        self._require_free([_SHARED_STEM])
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
        estimate = estimate_in(findings)
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
        self._conclusions = [
            *self._tell_of_reused(),
            self._tell_of_shared(shared.estimate, len(kept)),
            *outlier_facts([photo.name for photo in photos], estimates, shared),
            *_warn_of_cameras(self._photos),
            *self._warn_of_others(shared.estimate.kernel),
        ]

    def _tell_of_reused(self) -> list[Fact]:
        if not self._reused:
            return []
        words = f"{counted(self._reused, 'estimate')} of single photos from an earlier run"
        return [Fact("reused_estimates", words, {"estimates": self._reused})]

    def _tell_of_shared(self, estimate: KernelEstimate, photos: int) -> Fact:
        title = f"shared by {photos} of {counted(len(self._photos), 'photo')}"
        values = kernel_values(_SHARED_STEM, estimate.kernel, estimate)
        values |= {"photos": photos, "of": len(self._photos)}
        return Fact("shared_kernel", describe_kernel(title, estimate), values)

    def _put(self, estimate: KernelEstimate, photos: Sequence[ScannedPhoto]) -> None:
        """Keep the shared kernel, and the photos that it was measured on."""
        self._write_mat(_SHARED_STEM, estimate.kernel)
        if self._pool is None:
            return
        self._pool.add_photos([photo.as_record() for photo in photos])
        provenance = Provenance(
            source_name=_name_photos(sorted(photo.name for photo in photos)),
            source_sha256=self._sha256,
            box=None,
            method=estimate.method,
            settings=self._settings,
            tool_version=degrade.__version__,
            values=values_of(estimate),
            flags=flags_of(estimate),
        )
        self._pool.add_kernel(estimate.kernel, provenance)

    def _warn_of_others(self, kernel: BlurKernel) -> list[Fact]:
        kernels = () if self._pool is None else self._pool.kernels
        others = sum(record.scale == kernel.scale for record in kernels) - 1
        if others < 1:
            return []
        words = (
            f"warning: the pool has {counted(others, 'other kernel')} of this scale, which pairs "
            "will have too; for the shared one alone give a new `pool`"
        )
        return [Fact("other_kernels", words, {"kernels": others})]

    def interrupt(self) -> None:
        """Say what is kept for the next run."""
        known = 0 if self._pool is None else len(self._known_estimates())
        words = f"{counted(known, 'estimate')} of single photos kept for the next run"
        if self._pool is None:
            words = "nothing of a shared kernel is kept without a pool"
        self._conclusions = [Fact("kept_estimates", words, {"estimates": known})]

    def shortfall(self, rejects: Sequence[Reject]) -> str | None:
        """Say that the photos are too few."""
        if self.skipped or len(self._found) >= 2:
            return None
        reason = f"; {usual_reason(rejects)}" if rejects else ""
        return (
            "a shared kernel needs at least two photos that can be used, "
            f"got {len(self._found)} of {len(self._photos)}{reason}"
        )


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


def _warn_of_cameras(photos: Sequence[ScannedPhoto]) -> list[Fact]:
    """Say so when the photos' EXIF data name several cameras."""
    known = (photo.camera for photo in photos)
    cameras = most_first(Counter(camera for camera in known if camera is not None))
    if len(cameras) < 2:
        return []
    named = [f"{printable(camera)} ({count})" for camera, count in cameras[:4]]
    more = f" and {len(cameras) - 4} more" if len(cameras) > 4 else ""
    words = (
        f"warning: the photos are of {len(cameras)} cameras: {', '.join(named)}{more}; share a "
        "kernel among the photos of one, or leave `shared` out"
    )
    return [Fact("cameras", words, {"cameras": dict(cameras)})]


def _name_photos(names: Sequence[str]) -> str:
    listed = ", ".join(names)
    if len(listed) > _LONGEST_LIST:
        listed = f"{listed[: _LONGEST_LIST - 1]}…"
    return f"{counted(len(names), 'photo')}: {listed}"

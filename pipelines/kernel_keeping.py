"""Where estimated kernels go: one for each photo, or one that the photos share."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import degrade
from degrade.errors import DegradeError, printable
from degrade.estimates import KernelEstimate, SharedEstimate, share_estimates
from degrade.kernel_files import write_kernelgan_mat
from degrade.kernel_metrics import kernel_psnr
from degrade.kernels import BlurKernel
from degrade.pool import DegradationPool, KernelRecord, Provenance
from degrade.sources import Reject
from pipelines.kernel_methods import EstimationMethod
from pipelines.kernel_reports import confidence_text, describe_kernel, notes_of, statistics_of
from pipelines.photo_scan import ScannedPhoto

__all__ = ["KernelKeeper", "KernelPlaces", "SeparateKernels", "SharedKernel", "TooFewPhotosError"]

_LONGEST_LIST = 60
_SHARED_STEM = "shared"


class TooFewPhotosError(DegradeError):
    """A shared kernel was asked for, and fewer than two photos can be used.

    ``rejects`` are the photos that cannot, once the run has gathered them.
    """

    def __init__(self, text: str, rejects: Sequence[Reject] = ()) -> None:
        super().__init__(text)
        self.rejects = tuple(rejects)


class KernelPlaces:
    """A pool, a folder of ``.mat`` files, or both; what is not there is passed over."""

    def __init__(self, pool: Path | None, out_mat: Path | None) -> None:
        self._pool = None if pool is None else DegradationPool.create(pool)
        self._out_mat = out_mat

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the pool for adding."""
        with contextlib.nullcontext() if self._pool is None else self._pool.writing():
            yield

    def known(self, settings: str) -> dict[str, KernelRecord]:
        """Return the pool's kernels made with these settings, by their source's sha256."""
        if self._pool is None:
            return {}
        records = {record.id: record for record in self._pool.kernels}
        measured = self._pool.kernels_measured(settings)
        return {sha256: records[key] for sha256, key in measured.items()}

    def copy_to_file(self, record: KernelRecord, stem: str) -> None:
        """Write the file of a kernel that the pool has already."""
        if self._pool is not None and self._out_mat is not None:
            self._write_mat(stem, self._pool.read_kernel(record.id))

    def put(
        self, kernel: BlurKernel, provenance: Provenance, photos: Sequence[ScannedPhoto], stem: str
    ) -> None:
        """Keep a kernel, and the photos that it was measured on."""
        self._write_mat(stem, kernel)
        if self._pool is not None:
            for photo in photos:
                self._pool.add_source(photo.as_record())
            self._pool.add_kernel(kernel, provenance)

    def _write_mat(self, stem: str, kernel: BlurKernel) -> None:
        if self._out_mat is not None:
            write_kernelgan_mat(self._out_mat, stem, kernel)


class KernelKeeper(Protocol):
    """Knows which photos are to be measured, and keeps what comes of it.

    Attributes
    ----------
    done, skipped : int
        Kernels kept in this run, and kernels that were there.
    """

    done: int
    skipped: int

    def begin(self, photos: Sequence[ScannedPhoto]) -> tuple[list[ScannedPhoto], list[Reject]]:
        """Return the photos to measure, and those whose kernel in the pool is too doubtful."""
        ...

    def keep(self, photo: ScannedPhoto, estimate: KernelEstimate) -> None:
        """Take one estimate."""
        ...

    def finish(self) -> list[str]:
        """Do what needs all estimates; return lines for the report."""
        ...


class SeparateKernels:
    """One kernel for each photo, kept as soon as it is there; see :class:`KernelKeeper`."""

    def __init__(
        self, places: KernelPlaces, method: EstimationMethod, *, min_confidence: float
    ) -> None:
        self._places = places
        self._method = method
        self._settings = canonical_json(method.settings)
        self._min_confidence = min_confidence
        self._stems: dict[str, str] = {}
        self.done = self.skipped = 0

    def begin(self, photos: Sequence[ScannedPhoto]) -> tuple[list[ScannedPhoto], list[Reject]]:
        """See :class:`KernelKeeper`."""
        self._stems = _file_stems(photos)
        known = self._places.known(self._settings)
        doubtful = []
        for photo in photos:
            if photo.sha256 not in known:
                continue
            record = known[photo.sha256]
            confidence = record.provenance.statistics.get("confidence", 1.0)
            if confidence < self._min_confidence:
                doubtful.append(self._doubtful(photo, confidence))
            else:
                self.skipped += 1
                self._places.copy_to_file(record, self._stems[photo.sha256])
        return [photo for photo in photos if photo.sha256 not in known], doubtful

    def _doubtful(self, photo: ScannedPhoto, confidence: float) -> Reject:
        return Reject(
            str(photo.path),
            f"its kernel, of confidence {confidence_text(confidence)}, below "
            f"{self._min_confidence:g}, is in the pool from an earlier run",
            "it stays there: give a new --pool to be without it",
        )

    def keep(self, photo: ScannedPhoto, estimate: KernelEstimate) -> None:
        """See :class:`KernelKeeper`."""
        provenance = make_provenance(estimate, self._settings, photo.name, photo.sha256)
        self._places.put(estimate.kernel, provenance, [photo], self._stems[photo.sha256])
        self.done += 1

    def finish(self) -> list[str]:
        """See :class:`KernelKeeper`."""
        return []


class SharedKernel:
    """One kernel for all photos, which are one camera's; see :class:`KernelKeeper`.

    It is known again by its photos, so another photo, or another least confidence, gives another.
    """

    def __init__(
        self, places: KernelPlaces, method: EstimationMethod, *, min_confidence: float
    ) -> None:
        self._places = places
        self._method = method
        settings = {**method.settings, "shared": True, "min_confidence": float(min_confidence)}
        self._settings = canonical_json(settings)
        self._sha256 = ""
        self._found: list[tuple[ScannedPhoto, KernelEstimate]] = []
        self._total = 0
        self.done = self.skipped = 0

    def begin(self, photos: Sequence[ScannedPhoto]) -> tuple[list[ScannedPhoto], list[Reject]]:
        """See :class:`KernelKeeper`."""
        hashes = sorted(photo.sha256 for photo in photos)
        self._sha256 = hashlib.sha256("\n".join(hashes).encode()).hexdigest()
        self._total = len(photos)
        known = self._places.known(self._settings).get(self._sha256)
        if known is None:
            return list(photos), []
        self.skipped = 1
        self._places.copy_to_file(known, _SHARED_STEM)
        return [], []

    def keep(self, photo: ScannedPhoto, estimate: KernelEstimate) -> None:
        """See :class:`KernelKeeper`."""
        self._found.append((photo, estimate))

    def finish(self) -> list[str]:
        """See :class:`KernelKeeper`.

        Raises
        ------
        TooFewPhotosError
            Fewer than two photos gave a kernel.
        """
        if self.skipped:
            return []
        if len(self._found) < 2:
            raise TooFewPhotosError(
                f"a shared kernel needs at least two photos that can be used, "
                f"got {len(self._found)} of {self._total}"
            )
        # Workers end in any order, and sums must not depend on it.
        found = sorted(self._found, key=lambda pair: pair[0].sha256)
        photos, estimates = [photo for photo, _ in found], [estimate for _, estimate in found]
        shared = share_estimates(estimates, spread=self._method.spread)
        kept = [photo.name for i, photo in enumerate(photos) if i not in shared.outliers]
        name = _name_photos(sorted(kept))
        provenance = make_provenance(shared.estimate, self._settings, name, self._sha256)
        self._places.put(shared.estimate.kernel, provenance, photos, _SHARED_STEM)
        self.done = 1
        return [
            describe_kernel(f"shared by {len(kept)} of {self._total} photos", shared.estimate),
            *_describe_outliers(photos, estimates, shared),
        ]


def _describe_outliers(
    photos: Sequence[ScannedPhoto], estimates: Sequence[KernelEstimate], shared: SharedEstimate
) -> list[str]:
    lines = []
    for index in shared.outliers:
        own = estimates[index]
        distance = kernel_psnr(own.kernel.weights, shared.estimate.kernel.weights)
        lines.append(
            f"left out of the shared kernel: {printable(photos[index].name)}, whose kernel is "
            f"{distance:.1f} dB from it where {own.expected_kpsnr:.1f} dB were to be expected"
        )
    return sorted(lines)


def _name_photos(names: Sequence[str]) -> str:
    listed = ", ".join(names)
    if len(listed) > _LONGEST_LIST:
        listed = f"{listed[: _LONGEST_LIST - 1]}…"
    return f"{len(names)} photos: {listed}"


def canonical_json(settings: dict[str, Any]) -> str:
    """Return the text by which the pool compares settings."""
    return json.dumps(settings, sort_keys=True)


def make_provenance(estimate: KernelEstimate, settings: str, name: str, sha256: str) -> Provenance:
    """Return what the pool remembers of an estimate."""
    return Provenance(
        source_name=name, source_sha256=sha256, box=None, method=estimate.method,
        settings=settings, tool_version=degrade.__version__,
        statistics=statistics_of(estimate), notes=notes_of(estimate),
    )  # fmt: skip


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

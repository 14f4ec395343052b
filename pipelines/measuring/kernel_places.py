"""Where estimated kernels are kept: a pool, a folder of ``.mat`` files, or both."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from degrade.disk.files import resolve_inside
from degrade.kernels import BlurKernel
from degrade.kernels.estimates import KernelEstimate
from degrade.kernels.files import write_kernelgan_mat
from degrade.pool import DegradationPool, KernelRecord, Provenance
from pipelines.measuring.kernel_reports import estimate_from
from pipelines.shared.photo_scan import ScannedPhoto

__all__ = ["KernelPlaces"]

_SINGLES = "singles"


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

    def singles(self, *, make: bool) -> KernelPlaces:
        """Return a place for estimates that a shared kernel is made of: a pool inside the pool.

        Plans never draw from it; a run that was interrupted, or has more photos, need not repeat
        what is there. Nowhere when there is no pool, or none inside and ``make`` is false.
        """
        folder = None if self._pool is None else resolve_inside(self._pool.path, _SINGLES)
        if folder is not None and not make and not folder.exists():
            folder = None
        return KernelPlaces(folder, None)

    def others(self, kernel: BlurKernel) -> int:
        """Return how many kernels of this one's scale the pool has besides it."""
        kernels = () if self._pool is None else self._pool.kernels
        return max(sum(record.scale == kernel.scale for record in kernels) - 1, 0)

    @property
    def has_pool(self) -> bool:
        """Whether estimates are remembered."""
        return self._pool is not None

    def known(self, settings: str) -> dict[str, KernelRecord]:
        """Return the pool's kernels made with these settings, by their source's sha256.

        One that is damaged is passed over: it is made again, and mended if that gives the same.
        """
        if self._pool is None:
            return {}
        records = {record.id: record for record in self._pool.kernels}
        measured = self._pool.kernels_measured(settings)
        return {
            sha256: records[key] for sha256, key in measured.items() if self._pool.has_sound(key)
        }

    def read_estimate(self, record: KernelRecord) -> KernelEstimate | None:
        """Return the estimate that a kernel was; None when it was none."""
        if self._pool is None:
            return None
        return estimate_from(self._pool.read_kernel(record.id), record.provenance)

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

"""Where estimated kernels go: one for each photo, or one that the photos share."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

import degrade
from degrade.errors import DegradeError, printable
from degrade.images.exif import read_camera
from degrade.images.sources import Reject
from degrade.kernels import BlurKernel
from degrade.kernels.estimates import KernelEstimate, share_estimates
from degrade.pool import Provenance
from degrade.wording import counted
from pipelines.measuring.kernel_methods import EstimationMethod
from pipelines.measuring.kernel_places import KernelPlaces
from pipelines.measuring.kernel_reports import (
    confidence_text,
    describe_kernel,
    describe_outliers,
    flags_of,
    reason_against,
    remedy_for,
    statistics_of,
)
from pipelines.shared.photo_scan import ScannedPhoto

__all__ = [
    "KernelKeeper",
    "SeparateKernels",
    "SharedKernel",
    "TooFewEstimatesError",
]

_LONGEST_LIST = 60
_SHARED_STEM = "shared"


class TooFewEstimatesError(DegradeError):
    """Fewer than two photos gave an estimate to share."""


class KernelKeeper(Protocol):
    """Knows which photos are to be measured, and keeps what comes of it.

    Attributes
    ----------
    done, skipped : int
        Kernels kept in this run, and kernels that were there.
    """

    done: int
    skipped: int

    def writing(self) -> AbstractContextManager[None]:
        """Hold what :meth:`keep` writes to."""
        ...

    def begin(self, photos: Sequence[ScannedPhoto]) -> tuple[list[ScannedPhoto], list[Reject]]:
        """Return the photos to measure, and those whose known kernel is of too low confidence."""
        ...

    def keep(self, photo: ScannedPhoto, estimate: KernelEstimate) -> Reject | None:
        """Take one estimate, or say why not."""
        ...

    def finish(self) -> list[str]:
        """Do what needs all estimates; return lines for the report.

        Raises
        ------
        TooFewEstimatesError
            They are too few for that.
        """
        ...

    def interrupt(self) -> list[str]:
        """Return lines for the report of a run that ends early."""
        ...


def _refusal(photo: ScannedPhoto, estimate: KernelEstimate, min_confidence: float) -> Reject | None:
    if estimate.confidence >= min_confidence:
        return None
    reason = reason_against(estimate, min_confidence)
    return Reject(str(photo.path), reason, remedy_for(estimate))


class SeparateKernels:
    """One kernel for each photo, kept as soon as it is there; see :class:`KernelKeeper`."""

    def __init__(
        self, places: KernelPlaces, method: EstimationMethod, *, min_confidence: float
    ) -> None:
        self._places = places
        self._settings = canonical_json(method.settings)
        self._min_confidence = min_confidence
        self._stems: dict[str, str] = {}
        self.done = self.skipped = 0

    def writing(self) -> AbstractContextManager[None]:
        """See :class:`KernelKeeper`."""
        return self._places.writing()

    def begin(self, photos: Sequence[ScannedPhoto]) -> tuple[list[ScannedPhoto], list[Reject]]:
        """See :class:`KernelKeeper`."""
        self._stems = _file_stems(photos)
        known = self._places.known(self._settings)
        unsure = []
        for photo in photos:
            if photo.sha256 not in known:
                continue
            record = known[photo.sha256]
            confidence = record.provenance.statistics.get("confidence", 1.0)
            if confidence < self._min_confidence:
                unsure.append(self._known_but_unsure(photo, confidence))
            else:
                self.skipped += 1
                self._places.copy_to_file(record, self._stems[photo.sha256])
        return [photo for photo in photos if photo.sha256 not in known], unsure

    def _known_but_unsure(self, photo: ScannedPhoto, confidence: float) -> Reject:
        return Reject(
            str(photo.path),
            f"its kernel, of confidence {confidence_text(confidence)}, below "
            f"{self._min_confidence:g}, is in the pool from an earlier run",
            "it stays there: give a new --pool to be without it",
        )

    def keep(self, photo: ScannedPhoto, estimate: KernelEstimate) -> Reject | None:
        """See :class:`KernelKeeper`."""
        refusal = _refusal(photo, estimate, self._min_confidence)
        if refusal is None:
            provenance = make_provenance(estimate, self._settings, photo.name, photo.sha256)
            self._places.put(estimate.kernel, provenance, [photo], self._stems[photo.sha256])
            self.done += 1
        return refusal

    def finish(self) -> list[str]:
        """See :class:`KernelKeeper`."""
        return []

    def interrupt(self) -> list[str]:
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
        self._singles = places.singles(make=False)
        self._method = method
        self._single_settings = canonical_json(method.settings)
        settings = {**method.settings, "shared": True, "min_confidence": float(min_confidence)}
        self._settings = canonical_json(settings)
        self._min_confidence = min_confidence
        self._sha256 = ""
        self._found: list[tuple[ScannedPhoto, KernelEstimate]] = []
        self._reused = 0
        self._photos: list[ScannedPhoto] = []
        self.done = self.skipped = 0

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """See :class:`KernelKeeper`."""
        with self._places.writing(), self._singles.writing():
            yield

    def begin(self, photos: Sequence[ScannedPhoto]) -> tuple[list[ScannedPhoto], list[Reject]]:
        """See :class:`KernelKeeper`."""
        hashes = sorted(photo.sha256 for photo in photos)
        self._sha256 = hashlib.sha256("\n".join(hashes).encode()).hexdigest()
        self._photos = list(photos)
        known = self._places.known(self._settings).get(self._sha256)
        if known is not None:
            self.skipped = 1
            self._places.copy_to_file(known, _SHARED_STEM)
            return [], []
        estimates = self._known_estimates()
        self._reused = sum(photo.sha256 in estimates for photo in photos)
        taken = [
            self._take(photo, estimates[photo.sha256])
            for photo in photos
            if photo.sha256 in estimates
        ]
        todo = [photo for photo in photos if photo.sha256 not in estimates]
        self._singles = self._places.singles(make=bool(todo))
        return todo, [refusal for refusal in taken if refusal is not None]

    def _known_estimates(self) -> dict[str, KernelEstimate]:
        """Return what this or another run has estimated of its photos, by their sha256."""
        estimates, wanted = {}, {photo.sha256 for photo in self._photos}
        for places in (self._places, self._singles):
            for sha256, record in places.known(self._single_settings).items():
                estimate = places.read_estimate(record) if sha256 in wanted else None
                if estimate is not None:
                    estimates[sha256] = estimate
        return estimates

    def _take(self, photo: ScannedPhoto, estimate: KernelEstimate) -> Reject | None:
        refusal = _refusal(photo, estimate, self._min_confidence)
        if refusal is None:
            self._found.append((photo, estimate))
        return refusal

    def keep(self, photo: ScannedPhoto, estimate: KernelEstimate) -> Reject | None:
        """See :class:`KernelKeeper`."""
        provenance = make_provenance(estimate, self._single_settings, photo.name, photo.sha256)
        self._singles.put(estimate.kernel, provenance, [], "")
        return self._take(photo, estimate)

    def finish(self) -> list[str]:
        """See :class:`KernelKeeper`."""
        if self.skipped:
            return []
        if len(self._found) < 2:
            raise TooFewEstimatesError(
                "a shared kernel needs at least two photos that can be used, "
                f"got {len(self._found)} of {len(self._photos)}"
            )
        # Workers end in any order, and sums must not depend on it.
        found = sorted(self._found, key=lambda pair: pair[0].sha256)
        photos, estimates = [photo for photo, _ in found], [estimate for _, estimate in found]
        shared = share_estimates(estimates, spread=self._method.spread)
        kept = [photo for i, photo in enumerate(photos) if i not in shared.outliers]
        name = _name_photos(sorted(photo.name for photo in kept))
        provenance = make_provenance(shared.estimate, self._settings, name, self._sha256)
        self._places.put(shared.estimate.kernel, provenance, kept, _SHARED_STEM)
        self.done = 1
        title = f"shared by {len(kept)} of {counted(len(self._photos), 'photo')}"
        reused = f"{counted(self._reused, 'estimate')} of single photos from an earlier run"
        return [
            *([reused] if self._reused else []),
            describe_kernel(title, shared.estimate),
            *describe_outliers([photo.name for photo in photos], estimates, shared),
            *_warn_of_cameras(self._photos),
            *self._warn_of_others(shared.estimate.kernel),
        ]

    def _warn_of_others(self, kernel: BlurKernel) -> list[str]:
        others = self._places.others(kernel)
        if not others:
            return []
        return [
            f"warning: the pool has {counted(others, 'other kernel')} of this scale, which pairs "
            "will have too; for the shared one alone give a new --pool"
        ]

    def interrupt(self) -> list[str]:
        """See :class:`KernelKeeper`."""
        if not self._places.has_pool:
            return ["nothing of a shared kernel is kept without a pool"]
        known = len(self._known_estimates())
        return [f"{counted(known, 'estimate')} of single photos kept for the next run"]


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
        "kernel among the photos of one, or leave --shared out"
    ]


def _name_photos(names: Sequence[str]) -> str:
    listed = ", ".join(names)
    if len(listed) > _LONGEST_LIST:
        listed = f"{listed[: _LONGEST_LIST - 1]}…"
    return f"{counted(len(names), 'photo')}: {listed}"


def canonical_json(settings: dict[str, Any]) -> str:
    """Return the text by which the pool compares settings."""
    return json.dumps(settings, sort_keys=True)


def make_provenance(estimate: KernelEstimate, settings: str, name: str, sha256: str) -> Provenance:
    """Return what the pool remembers of an estimate."""
    return Provenance(
        source_name=name,
        source_sha256=sha256,
        box=None,
        method=estimate.method,
        settings=settings,
        tool_version=degrade.__version__,
        statistics=statistics_of(estimate),
        notes=flags_of(estimate),
    )


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

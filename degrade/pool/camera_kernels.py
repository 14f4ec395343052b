"""What a pool tells of a camera beside each photo's own kernel: that one, moved towards all.

It is a function of what the pool holds, whatever the order in which that came: of each photo its
own kernel stays, and when photos are added all that was moved is made anew. Plans draw each photo's
own, and these where a recipe says so. Which photos are of one camera says
:mod:`degrade.pool.camera_groups`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from degrade.degradation.index import CAMERA_KERNEL
from degrade.errors import CorruptDataError
from degrade.kernels import BlurKernel
from degrade.kernels.shrinking import ShrunkKernel, shrink_kernels
from degrade.pool.camera_groups import CameraGroup, camera_group
from degrade.pool.findings import Findings, FoundObject
from degrade.pool.records import (
    TOWARDS_CAMERA,
    MeasurementRecord,
    PhotoRecord,
    canonical_json,
)
from degrade.pool.store import DegradationPool

__all__ = ["CameraKernels", "cameras_of", "settle_camera_kernels"]

_NOT_THE_CAMERAS = "already upscaled"

_Group: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CameraKernels:
    """One camera's photos whose kernels were moved nearer to each other.

    Attributes
    ----------
    camera : str
        For people.
    shares : tuple of float
        How far each was moved, of the way to their mean.
    """

    camera: str
    shares: tuple[float, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Own:
    """A photo's own kernel and what was measured with it."""

    photo: PhotoRecord
    record: MeasurementRecord
    kernel: BlurKernel
    kernel_id: str
    expected_kpsnr: float


def settle_camera_kernels(pool: DegradationPool) -> list[CameraKernels]:
    """Move the kernels that a pool holds now towards their cameras'; nothing is written twice.

    Raises
    ------
    DegradeError
        The pool is in use, or cannot be written.
    """
    groups: dict[tuple[str, _Group], list[_Own]] = defaultdict(list)
    photos = {photo.sha256: photo for photo in pool.photos}
    cameras = cameras_of(pool)
    names: dict[_Group, str] = {}
    for record in pool.measurements:  # by kind, settings and photo: in one order
        camera = cameras.get(record.photo)
        if record.kind != "kernel" or camera is None:
            continue
        own = _read_own(pool, record, photos[record.photo])
        if own is not None:
            names[camera.facts] = camera.name
            groups[canonical_json(record.settings), camera.facts].append(own)
    found: list[tuple[PhotoRecord, Findings]] = []
    told = []
    for (_, group), members in sorted(groups.items(), key=lambda item: item[0]):
        if len({own.kernel_id for own in members}) < 2:
            continue
        shrunk = shrink_kernels(
            [own.kernel for own in members], [own.expected_kpsnr for own in members]
        )
        told.append(CameraKernels(names[group], tuple(one.share for one in shrunk)))
        found += [
            (own.photo, _findings(own, one, names[group], len(members)))
            for own, one in zip(members, shrunk, strict=True)
        ]
    pool.add_all_findings([*found, *_withdrawn(pool, found, photos)])
    return sorted(told, key=lambda each: (-len(each.shares), each.camera))


def cameras_of(pool: DegradationPool) -> dict[str, CameraGroup]:
    """Return the group of each photo of a pool whose camera is known, by the photo's hash."""
    cameras = {m.photo: m.values for m in pool.drawn_values("camera")}
    groups = {}
    for photo in pool.photos:
        values = cameras.get(photo.sha256, {})
        if group := camera_group(values, (photo.height, photo.width)):
            groups[photo.sha256] = group
    return groups


def _read_own(pool: DegradationPool, record: MeasurementRecord, photo: PhotoRecord) -> _Own | None:
    """Return a photo's kernel; None when its error is not known, or it is none of a camera."""
    expected = record.values.get("expected_kpsnr")
    if not record.objects or _NOT_THE_CAMERAS in record.flags or type(expected) is not float:
        return None
    try:
        kernel = pool.read_kernel(record.objects[0])
    except CorruptDataError:
        return None  # whoever draws it says so
    return _Own(photo, record, kernel, record.objects[0], expected)


def _findings(own: _Own, shrunk: ShrunkKernel, camera: str, photos: int) -> Findings:
    numbers = {
        "camera_share": shrunk.share,
        "camera_photos": float(photos),
        "expected_kpsnr": round(shrunk.expected_kpsnr, 3),
    }
    confidence = own.record.confidence
    known = numbers if confidence is None else {**numbers, "confidence": confidence}
    is_moved = shrunk.share > 0
    return Findings(
        kind=CAMERA_KERNEL,
        settings={**own.record.settings, **TOWARDS_CAMERA},
        values={"own": own.kernel_id, "camera": camera, **numbers},
        flags=own.record.flags,
        confidence=confidence,
        objects=(
            FoundObject(shrunk.kernel, str(own.record.settings.get("method", "other")), known),
        )
        if is_moved
        else (),
    )


def _withdrawn(
    pool: DegradationPool,
    found: Sequence[tuple[PhotoRecord, Findings]],
    photos: Mapping[str, PhotoRecord],
) -> list[tuple[PhotoRecord, Findings]]:
    """Return the end of what was moved of photos that are in no group now."""
    kept = {(photo.sha256, canonical_json(each.settings)) for photo, each in found}
    return [
        (photos[m.photo], Findings(kind=CAMERA_KERNEL, settings=m.settings, objects=()))
        for m in pool.measurements
        if m.kind == CAMERA_KERNEL and m.objects and m.photo in photos
        if (m.photo, canonical_json(m.settings)) not in kept
    ]

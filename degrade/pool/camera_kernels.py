"""What a pool tells of a camera beside each photo's own kernel: that one, moved towards all.

It is a function of what the pool holds, whatever the order in which that came: of each photo its
own kernel stays, and when photos are added all that was moved is made anew. Plans draw each photo's
own, and these where a recipe says so. Photos are of one camera
when their EXIF data name the same make, model, lens, focal length and digital zoom, their ISO
setting is of one class and their sizes are equal, since of a smaller copy the kernel is another; or
when the user said so, by a name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from degrade.degradation.index import CAMERA_KERNEL
from degrade.errors import CorruptDataError
from degrade.images.exif import camera_name
from degrade.kernels import BlurKernel
from degrade.kernels.shrinking import ShrunkKernel, shrink_kernels
from degrade.pool.findings import Findings, FoundObject
from degrade.pool.records import (
    TOWARDS_CAMERA,
    MeasurementRecord,
    PhotoRecord,
    canonical_json,
)
from degrade.pool.store import DegradationPool

__all__ = ["NAMED", "CameraGroup", "CameraKernels", "cameras_of", "settle_camera_kernels"]

NAMED = "named"
"""The key of a camera's values under which a name stands that the user gave; empty: no camera."""

_HIGH_ISO = 800
"""Above it cameras blur more, to take the noise away."""

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


@dataclass(frozen=True, slots=True)
class CameraGroup:
    """What photos of one camera, taken alike, have in common.

    Attributes
    ----------
    facts : tuple of str
        Equal for photos of one group.
    name : str
        The camera, for people.
    """

    facts: _Group
    name: str


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
        if facts := _group_of(values, photo):
            groups[photo.sha256] = CameraGroup(facts, _name_of(values))
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


def _group_of(camera: Mapping[str, Any], photo: PhotoRecord) -> _Group:
    """Return what photos of one camera have in common; empty when that is not known."""
    if NAMED in camera:
        return (NAMED, str(camera[NAMED])) if camera[NAMED] else ()
    if not camera.get("model"):
        return ()
    iso = camera.get("iso")
    sensitivity = "" if iso is None else "high" if iso > _HIGH_ISO else "low"
    facts = (camera.get(name, "") for name in ("make", "model", "lens", "focal_length"))
    zoom, sides = camera.get("digital_zoom", 1), sorted((photo.height, photo.width))
    return (*map(str, facts), str(zoom), sensitivity, *map(str, sides))


def _name_of(camera: Mapping[str, Any]) -> str:
    if NAMED in camera:
        return str(camera[NAMED])
    return camera_name(str(camera.get("make", "")), str(camera.get("model", "")))


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

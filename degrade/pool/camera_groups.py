"""Which photos are of one camera, as their EXIF data, or the user, say.

Photos are of one camera and taken alike when their EXIF data name the same make, model, lens, focal
length and digital zoom, their ISO setting is of one class and their sizes are equal, since of a
smaller copy the kernel is another; or when the user said so, by a name. Noise and compression
depend on less, and noise on the ISO setting itself: :func:`camera_sets`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from degrade.images.exif import camera_name

__all__ = ["NAMED", "UNKNOWN", "CameraGroup", "camera_group", "camera_sets", "name_of_camera"]

NAMED = "named"
"""The key of a camera's values under which a name stands that the user gave; empty: no camera."""

UNKNOWN = "no camera named"
"""The set of photos that tell no camera: they count as one."""

_HIGH_ISO = 800
"""Above it cameras blur more, to take the noise away."""

_Facts: TypeAlias = tuple[str, ...]


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

    facts: _Facts
    name: str


def camera_group(values: Mapping[str, Any], sides: tuple[int, int] | None) -> CameraGroup | None:
    """Return the group of a photo; None when its camera is not known.

    Parameters
    ----------
    values : mapping of str to JSON's types
        What was measured as ``camera``.
    sides : (int, int) or None
        Height and width of the photo; None: they are not known.
    """
    name = name_of_camera(values)
    if NAMED in values:
        return CameraGroup((NAMED, name), name) if name else None
    if not values.get("model"):
        return None
    facts = (values.get(key, "") for key in ("make", "model", "lens", "focal_length"))
    zoom = values.get("digital_zoom", 1)
    alike = (*map(str, facts), str(zoom), _sensitivity(values), *map(str, sorted(sides or ())))
    return CameraGroup(alike, name)


def camera_sets(values: Mapping[str, Any], sides: tuple[int, int] | None) -> tuple[str, ...]:
    """Return the sets of photos, for noise and compression, that a photo is in, by name.

    The narrowest first: of its camera, size and ISO setting; of its camera, size and class of ISO;
    of its camera. One that the user named has that set alone, as have those of no known camera.
    Parameters as for :func:`camera_group`.
    """
    name = name_of_camera(values)
    if NAMED in values or not values.get("model"):
        return (name if NAMED in values and name else UNKNOWN,)
    size = "×".join(map(str, sorted(sides or ())))
    zoom = f"×{values['digital_zoom']}" if "digital_zoom" in values else ""
    taken = ", ".join(filter(None, (name, size, zoom)))
    return (f"{taken}, ISO {values.get('iso', '?')}", f"{taken}, ISO {_sensitivity(values)}", name)


def _sensitivity(values: Mapping[str, Any]) -> str:
    iso = values.get("iso")
    if not isinstance(iso, int | float):  # values of a fingerprint may be anything
        return ""
    return "high" if iso > _HIGH_ISO else "low"


def name_of_camera(values: Mapping[str, Any]) -> str:
    """Return the camera that was measured as ``camera``, for people; empty: it is not known."""
    if NAMED in values:
        return str(values[NAMED] or "")
    return camera_name(*(str(values.get(key) or "") for key in ("make", "model")))

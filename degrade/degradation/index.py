"""What plans may draw from: the contents of a pool, without a file of it being read."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self

from degrade.noise.groups import NoiseGroups

__all__ = [
    "BY_CAMERA",
    "CAMERA_KERNEL",
    "MATCHED",
    "SPECTRAL_KERNEL",
    "Measured",
    "NoiseChoice",
    "PoolIndex",
]

BY_CAMERA: Final = "by-camera"
"""Stands among kinds of measurements for which photos are of one camera: no other fact of EXIF data
is offered with it."""

CAMERA_KERNEL: Final = "camera-kernel"
"""The kind of record that names the kernel which a camera's photos make of a photo's own."""

SPECTRAL_KERNEL: Final = "spectral-kernel"
"""Stands among kinds of measurements for which kernels the spectral estimator found."""

MATCHED: Final = "matched"
"""The kind of measurement, the recipe and the method of kernels that `degrade match` makes."""

_ENOUGH = 4
"""From so many photos at one setting on, none of the camera's others are drawn."""


@dataclass(frozen=True, slots=True)
class NoiseChoice:
    """One residual that a plan may draw.

    Attributes
    ----------
    id : str
    size : int
        Its side in pixels.
    photo_sha256 : str
        Of the file that it came from; empty: not known, so it counts as one of its own.
    levels : (float, float, float)
        Mean grey levels of the patch, in 8-bit units.
    jpeg_unit : (row, column, height, width) or None
        Where, in the residual, a unit of the JPEG grid of its photo begins, modulo its size; and
        that size. None: it is not known that the photo was compressed, or nobody asks.
    """

    id: str
    size: int
    photo_sha256: str = ""
    levels: tuple[float, float, float] = (128.0, 128.0, 128.0)
    jpeg_unit: tuple[int, int, int, int] | None = None

    def starts(self, length: int, axis: int) -> range:
        """Return where a window of ``length`` pixels may begin along an axis, 0 or 1.

        Where the photo was compressed, only so that the window's blocks are whole; anywhere when no
        such place is there.
        """
        free = self.size - length + 1
        if self.jpeg_unit is None:
            return range(free)
        return range(self.jpeg_unit[axis], free, self.jpeg_unit[axis + 2]) or range(free)

    def is_placed(self, height: int, width: int) -> bool:
        """Tell whether windows of a size can stand on the photo's grid."""
        if self.jpeg_unit is None:
            return False
        return self.jpeg_unit[0] + height <= self.size and self.jpeg_unit[1] + width <= self.size


@dataclass(frozen=True, slots=True)
class Measured:
    """What one measurement found in one photo.

    Attributes
    ----------
    photo_sha256 : str
        The photo's file.
    values : mapping of str to JSON's types
        By name; what they mean the kind of measurement says.
    """

    photo_sha256: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PoolIndex:
    """What plans draw from; sorted, so that the order in which it was found does not matter.

    Attributes
    ----------
    kernel_ids : tuple of str
        Of one scale, as they were estimated or imported.
    noise : tuple of NoiseChoice
    noise_by_photo : tuple of tuple of NoiseChoice
        The same, those of one photo together; by the first id.
    measured : mapping of str to tuple of Measured
        By kind of measurement, one for each photo at most.
    matched_ids : tuple of str
        Kernels of that scale of the last match: corrected until LR looked like the photos, and for
        training also as they were estimated.
    kernel_kpsnr : mapping of str to float
        By id, the kernel PSNR that an estimate expects, dB; without those that know none.
    moved : mapping of str to str
        By id of a photo's own kernel, that one moved towards its camera's.
    kernel_photos : mapping of str to str
        By id, the photo of which a kernel is one of several that share one chance: of regions, or
        of a match.
    spectral : frozenset of str
        Of the kernels those that the spectral estimator found; empty where no step asks.
    kernels_by_photo : tuple of tuple of str
        The kernels, those of one photo's regions together and others alone; by the first id.
    matched_by_photo : tuple of tuple of str
        The matched ones likewise.
    camera_by_photo : tuple of tuple of str
        The kernels likewise, each that was moved towards its camera's so.
    kernel_sources : mapping of str to str
        By id, the photo that a kernel is of; without those of no photo, which were imported or are
        shared by photos. Pairs that leave noise to training may have kernels that are no longer
        offered: their photos are told, too.
    cameras : mapping of str to tuple of str
        By photo, the sets of photos of its camera that it is in, the narrowest first: at its ISO
        setting, at one like it, of all its camera. Both are there for steps that draw by camera.
    noise_by_id : mapping of str to NoiseChoice
    noise_groups : NoiseGroups
        What was measured as ``noise-model``, by camera.
    """

    kernel_ids: tuple[str, ...]
    noise: tuple[NoiseChoice, ...] = ()
    measured: Mapping[str, tuple[Measured, ...]] = field(default_factory=dict)
    kernel_kpsnr: Mapping[str, float] = field(default_factory=dict)
    matched_ids: tuple[str, ...] = ()
    kernel_photos: Mapping[str, str] = field(default_factory=dict)
    moved: Mapping[str, str] = field(default_factory=dict)
    kernel_sources: Mapping[str, str] = field(default_factory=dict, compare=False)
    cameras: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    spectral: frozenset[str] = frozenset()
    kernels_by_photo: tuple[tuple[str, ...], ...] = field(init=False)
    matched_by_photo: tuple[tuple[str, ...], ...] = field(init=False)
    camera_by_photo: tuple[tuple[str, ...], ...] = field(init=False)
    noise_by_photo: tuple[tuple[NoiseChoice, ...], ...] = field(init=False)
    noise_by_id: Mapping[str, NoiseChoice] = field(init=False, repr=False, compare=False)
    noise_groups: NoiseGroups = field(init=False, repr=False, compare=False)
    _noise_with_model: list[Self] = field(init=False, repr=False, compare=False)
    _by_camera: _ByCamera = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "kernel_ids", tuple(sorted(self.kernel_ids)))
        object.__setattr__(self, "matched_ids", tuple(sorted(self.matched_ids)))
        object.__setattr__(self, "kernels_by_photo", self._by_photo(self.kernel_ids))
        object.__setattr__(self, "matched_by_photo", self._by_photo(self.matched_ids))
        moved = tuple(
            tuple(self.moved.get(key, key) for key in group) for group in self.kernels_by_photo
        )
        object.__setattr__(self, "camera_by_photo", moved)
        object.__setattr__(self, "noise", tuple(sorted(self.noise, key=lambda n: n.id)))
        object.__setattr__(self, "noise_by_id", {choice.id: choice for choice in self.noise})
        photos: dict[str, list[NoiseChoice]] = defaultdict(list)
        for choice in self.noise:
            photos[choice.photo_sha256 or choice.id].append(choice)
        object.__setattr__(self, "noise_by_photo", tuple(map(tuple, photos.values())))
        measured = {
            kind: tuple(sorted(self.measured[kind], key=lambda found: found.photo_sha256))
            for kind in sorted(self.measured)
        }
        object.__setattr__(self, "measured", measured)
        models = [(found.photo_sha256, found.values) for found in measured.get("noise-model", ())]
        object.__setattr__(self, "noise_groups", NoiseGroups(models))
        object.__setattr__(self, "_noise_with_model", [])
        object.__setattr__(self, "_by_camera", _ByCamera())

    def _by_photo(self, ids: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
        groups: dict[str, list[str]] = defaultdict(list)
        for key in ids:
            groups[self.kernel_photos.get(key, key)].append(key)
        return tuple(map(tuple, groups.values()))

    @property
    def noise_with_model(self) -> Self:
        """The same with those residuals alone whose photo's noise is known as a model."""
        if not self._noise_with_model:
            known = [c for c in self.noise if self.noise_groups.has_photo(c.photo_sha256)]
            self._noise_with_model.append(replace(self, noise=tuple(known)))
        return self._noise_with_model[0]

    def camera_set(
        self, kernel_id: str | None, kind: str, photos: Callable[[PoolIndex], Collection[str]]
    ) -> str:
        """Return which set of photos of a kernel's camera a step is drawn from.

        The narrowest that has four photos with what the step draws; of a whole camera one is
        enough, since another camera's would be further off.

        Parameters
        ----------
        kernel_id : str or None
        kind : str
            Of the step.
        photos : callable
            Returns the photos of an index that the step can be of; asked once for a kind.

        Returns
        -------
        str
            Empty: all of the pool, since the kernel is of no photo, or its camera has nothing.
        """
        counts = self._by_camera.counts.get(kind)
        if counts is None:
            counts = Counter(name for sha in photos(self) for name in self.cameras.get(sha, ()))
            self._by_camera.counts[kind] = counts
        sets = self.cameras.get(self.kernel_sources.get(kernel_id or "", ""), ())
        fewest = (*[_ENOUGH] * (len(sets) - 1), 1)
        enough = (name for name, least in zip(sets, fewest, strict=False) if counts[name] >= least)
        return next(enough, "")

    def of_camera(
        self, kernel_id: str | None, kind: str, photos: Callable[[PoolIndex], Collection[str]]
    ) -> PoolIndex:
        """Return the noise and measurements of :meth:`camera_set`; the index itself where empty.

        Each set is put together once, without a look at the others.
        """
        name = self.camera_set(kernel_id, kind, photos)
        if not name:
            return self
        known = self._by_camera
        if not known.noise and not known.measured:
            known.fill(self)
        if name not in known.indexes:
            measured = {of: tuple(found) for of, found in known.measured[name].items()}
            known.indexes[name] = PoolIndex((), tuple(known.noise[name]), measured)
        return known.indexes[name]


class _ByCamera:
    """What an index offers, by the names of sets of photos; put together when it is asked for."""

    def __init__(self) -> None:
        self.counts: dict[str, Counter[str]] = {}
        self.noise: dict[str, list[NoiseChoice]] = {}
        self.measured: dict[str, dict[str, list[Measured]]] = {}
        self.indexes: dict[str, PoolIndex] = {}

    def fill(self, index: PoolIndex) -> None:
        """Sort noise and measurements into the sets of their photos."""
        noise: dict[str, list[NoiseChoice]] = defaultdict(list)
        measured: dict[str, dict[str, list[Measured]]] = defaultdict(dict)
        for choice in index.noise:
            for name in index.cameras.get(choice.photo_sha256, ()):
                noise[name].append(choice)
        for kind, found in index.measured.items():
            for one in found:
                for name in index.cameras.get(one.photo_sha256, ()):
                    measured[name].setdefault(kind, []).append(one)
        self.noise, self.measured = noise, measured  # whole: threads may ask meanwhile

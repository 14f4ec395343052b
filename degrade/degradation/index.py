"""What plans may draw from: the contents of a pool, without a file of it being read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Measured", "NoiseChoice", "PoolIndex"]


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
    """

    id: str
    size: int
    photo_sha256: str = ""


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
        Of one scale.
    noise : tuple of NoiseChoice
    noise_by_photo : tuple of tuple of NoiseChoice
        The same, those of one photo together; by the first id.
    measured : mapping of str to tuple of Measured
        By kind of measurement, one for each photo at most.
    kernel_kpsnr : mapping of str to float
        By id, the kernel PSNR that an estimate expects, dB; without those that know none.
    """

    kernel_ids: tuple[str, ...]
    noise: tuple[NoiseChoice, ...] = ()
    measured: Mapping[str, tuple[Measured, ...]] = field(default_factory=dict)
    kernel_kpsnr: Mapping[str, float] = field(default_factory=dict)
    noise_by_photo: tuple[tuple[NoiseChoice, ...], ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "kernel_ids", tuple(sorted(self.kernel_ids)))
        object.__setattr__(self, "noise", tuple(sorted(self.noise, key=lambda n: n.id)))
        photos: dict[str, list[NoiseChoice]] = defaultdict(list)
        for choice in self.noise:
            photos[choice.photo_sha256 or choice.id].append(choice)
        object.__setattr__(self, "noise_by_photo", tuple(map(tuple, photos.values())))
        measured = {
            kind: tuple(sorted(self.measured[kind], key=lambda found: found.photo_sha256))
            for kind in sorted(self.measured)
        }
        object.__setattr__(self, "measured", measured)

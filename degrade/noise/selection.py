"""Which patches of a photo count as noise."""

from __future__ import annotations

from dataclasses import dataclass, fields

from degrade.errors import InvalidValueError

__all__ = ["ENOUGH", "PATCH_SIZES", "NoiseSelection"]

PATCH_SIZES = (256, 128, 64, 32, 16)
"""Sizes in pixels that are tried where none is given, the best first: larger patches hold more of
the noise's spectrum, smaller ones fit between the things in a photo."""

ENOUGH = 4
"""Patches of one photo for which no smaller size is tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseSelection:
    """Which patches count as noise. Levels are 8-bit grey units (0…255), whatever the file's depth.

    Attributes
    ----------
    patch_size : int or None
        Side of a patch in pixels. None: chosen for each photo, the largest of ``PATCH_SIZES`` of
        which the photo has ``ENOUGH`` patches, else the one of which it has most.
    stride : int or None
        Step between positions; None: the patch size, or half of it where that is chosen.
    max_variance : float
        Largest grey variance (RealSR's released setting: 20).
    min_variance : float
        Smallest grey variance: below it there is no noise to learn, only quantisation.
    min_mean : float
        Smallest mean grey level (RealSR: 50 for photos, 0 for its synthetic track).
    max_clipped : float
        Largest share of samples at 0 or at the maximum: clipping makes noise one-sided.
    max_structure : float
        Largest ratio of the most to the mean variance over 4×4 blocks of the patch, in any colour
        channel: texture and edges gather in some blocks, noise does not (cf. Chen et al., GCBD,
        CVPR 2018, eq. 2).
    max_unevenness : float
        Largest share of the variance that lies between the means of those blocks, in any colour
        channel: gradients and soft shapes are no noise. Grey levels alone would miss what only
        the colour tells.
    min_roughness : float
        Smallest :func:`degrade.noise.roughness.measure_roughness`: what is smoother is a soft
        shape. White noise has 1; what cameras leave of it after demosaicing and denoising 0.3 to
        0.6; out-of-focus structure below 0.2.
    max_patches : int
        Most patches kept of one photo. Of more accepted ones those are kept that lie far from
        each other: the first in reading order, then in turn the one whose nearest kept one is
        farthest (ties: the first in reading order). Where they lie alone decides, so that the
        levels of noise and brightness that are kept are those of the photo.
    """

    patch_size: int | None = None
    stride: int | None = None
    max_variance: float = 20.0
    min_variance: float = 0.02
    min_mean: float = 0.0
    max_clipped: float = 0.005
    max_structure: float = 3.0
    max_unevenness: float = 0.4
    min_roughness: float = 0.2
    max_patches: int = 64

    def __post_init__(self) -> None:
        if self.patch_size is not None and self.patch_size < 8:
            raise InvalidValueError(f"patch_size must be at least 8, got {self.patch_size}")
        if self.stride is not None and self.stride < 1:
            raise InvalidValueError(f"stride must be at least 1, got {self.stride}")
        if not self.min_variance >= 0:
            raise InvalidValueError(f"min_variance must be at least 0, got {self.min_variance}")
        if not self.max_variance > self.min_variance:
            raise InvalidValueError(
                f"max_variance must be above the least, {self.min_variance}, got "
                f"{self.max_variance}"
            )
        if not 0 <= self.min_mean <= 255:
            raise InvalidValueError(f"min_mean must be in 0…255, got {self.min_mean}")
        if not 0 <= self.max_clipped <= 1:
            raise InvalidValueError(f"max_clipped must be in 0…1, got {self.max_clipped}")
        if not self.max_structure >= 1:
            raise InvalidValueError(f"max_structure must be at least 1, got {self.max_structure}")
        if not 0 <= self.max_unevenness <= 1:
            raise InvalidValueError(f"max_unevenness must be in 0…1, got {self.max_unevenness}")
        if not 0 <= self.min_roughness < 1:
            raise InvalidValueError(f"min_roughness must be in 0…1, got {self.min_roughness}")
        if self.max_patches < 1:
            raise InvalidValueError(f"max_patches must be at least 1, got {self.max_patches}")
        for name in (f.name for f in fields(self) if f.type == "float"):
            object.__setattr__(self, name, float(getattr(self, name)))  # 20 and 20.0 are one

    def sizes(self) -> tuple[int, ...]:
        """Return the patch sizes to try, in order."""
        return PATCH_SIZES if self.patch_size is None else (self.patch_size,)

    def step(self, size: int) -> int:
        """Return the step between patches of ``size`` pixels."""
        return self.stride or (size // 2 if self.patch_size is None else size)

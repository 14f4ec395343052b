"""What a user decides for ``degrade upscale``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from degrade.errors import InvalidValueError
from degrade.images.image_rows import ROW_FORMATS, RowFormat
from degrade.limits import MAX_PIXELS
from esrgan.devices import UpscalingPrecision

__all__ = ["MOST_MIRRORED", "UpscaleConfig"]

MOST_MIRRORED = 256
"""LR pixels: more than any network that is known here sees of a photo."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpscaleConfig:
    """The settings of ``degrade upscale``.

    Attributes
    ----------
    sources : tuple of Path
        Photos: files, folders, manifests.
    weights : Path
        Of a generator for RGB images, in any naming; or the folder of a training.
    out : Path
        Folder for the results; below it they lie as in the source folders.
    other : Path or None
        Weights of the same form, to mix with.
    alpha : float or None
        Their share, from 0 to 1.
    scale : int or None
        For weights that leave it open; an error says when that is so.
    format : {"png", "jpeg", "tiff", "webp"}
    suffix : str
        Put behind each name, before its ending.
    keep_profile : bool
        Enlarge photos with an ICC profile in their own colours and embed it in the results. False:
        results are sRGB.
    samples : int or None
        So many plausible results of each photo, by weights that take noise: ``photo-1.png``,
        ``photo-2.png`` …; None: one, under its own name.
    flips : bool
        See :class:`esrgan.upscaling.upscaler.Upscaler`.
    mirror : int
        LR pixels; see :class:`esrgan.upscaling.upscaler.Upscaler`.
    tile : int or None
        In LR pixels. None: what ``max_memory`` allows.
    max_memory : float or None
        GiB for a tile at work; see :func:`esrgan.devices.tile_memory`.
    device : str
        A torch device, or "auto".
    precision : {"auto", "fp32", "bf16", "fp16"}
        See :func:`esrgan.devices.half_type`.
    overwrite : bool
        Replace results that are there.
    max_pixels : int
        Larger photos are rejected before they are decoded.
    """

    sources: tuple[Path, ...]
    weights: Path
    out: Path
    other: Path | None = None
    alpha: float | None = None
    scale: int | None = None
    format: RowFormat = "png"
    suffix: str = ""
    keep_profile: bool = False
    samples: int | None = None
    flips: bool = False
    mirror: int = 0
    tile: int | None = None
    max_memory: float | None = None
    device: str = "auto"
    precision: UpscalingPrecision = "auto"
    overwrite: bool = False
    max_pixels: int = MAX_PIXELS

    def __post_init__(self) -> None:
        if (self.other is None) != (self.alpha is None):
            raise InvalidValueError("`other` and `alpha` belong together: give both or neither")
        if self.alpha is not None and not 0 <= self.alpha <= 1:
            raise InvalidValueError(f"alpha must be between 0 and 1, got {self.alpha}")
        if self.format not in ROW_FORMATS:
            raise InvalidValueError(
                f"format must be one of {', '.join(ROW_FORMATS)}, got {self.format!r}"
            )
        if set(self.suffix) & set("/\\\0"):
            raise InvalidValueError(
                f"suffix is a part of a name, without slashes, got {self.suffix!r}"
            )
        if self.samples is not None and self.samples < 1:
            raise InvalidValueError(f"samples must be at least 1, got {self.samples}")
        if not 0 <= self.mirror <= MOST_MIRRORED:
            raise InvalidValueError(
                f"mirror must be between 0 and {MOST_MIRRORED}, got {self.mirror}"
            )
        if self.tile is not None and self.tile < 1:
            raise InvalidValueError(f"tile must be at least 1, got {self.tile}")
        if self.max_memory is not None and not self.max_memory > 0:
            raise InvalidValueError(f"max_memory must be above 0, got {self.max_memory}")

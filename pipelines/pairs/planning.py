"""What ``build-pairs`` will make: which HR patches of which photos, in which shards.

Decided from the settings and the photos alone, before any pixel is decoded, so that shards are
the same on every machine and in every run.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from degrade.arrays import Box
from degrade.degradation import MEASURED, DegradationConfig, Recipe, hr_boxes
from degrade.degradation.recipes import (
    NOISE_SOURCES,
    with_error_spectrum,
    with_model_error,
    with_noise_from,
    with_step,
    without_noise,
)
from degrade.degradation.steps import MOST_BASE, ErrorSize, ModelError
from degrade.errors import InvalidValueError, printable
from degrade.field_names import composed
from degrade.geometry import (
    Scale,
    as_scale,
    fits,
    fitting_side,
    hr_unit,
    lr_side,
    side_wanted,
)
from degrade.images.image_io import MAX_PIXELS
from degrade.images.sources import Reject
from degrade.pairs import STORES, Place, ShardSpec
from pipelines.pairs.build_shard import PlannedPhoto, ShardTask
from pipelines.pairs.shard_runs import group_by_size
from pipelines.shared.photo_scan import ScannedPhoto
from pipelines.shared.recipes import refuse_without_pool

__all__ = ["BuildPairsConfig", "fit_hr_size", "plan_photos", "plan_shards"]

_HR_SIZES = (512, 256, 128, 64)
"""Sides of HR patches that are tried where none is given; recipes cut crops of 128 or less."""

_MOST_TOO_SMALL = 0.1
"""Share of the photos that may be too small for a side that is chosen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildPairsConfig:
    """The settings that decide what is built.

    Attributes
    ----------
    pool : Path or None
        The degradation pool, or a fingerprint; None: the recipe draws from none, and ``hr`` is
        given.
    out : Path or str
        The folder of the pairs, made when missing; or a URL that fsspec knows, such as
        ``s3://bucket/prefix``.
    hr : tuple of Path
        Clean HR photos: files, folders, manifests. Empty: the photos that the pool was measured
        on, cleaned up by bicubic ½.
    format : str
        A name in :data:`degrade.pairs.STORES`.
    scale : Scale
        HR size over LR size; the pool needs kernels of this scale.
    hr_size : int or "auto" or None
        Side of the HR patches; None keeps whole photos. ``auto`` is the largest of 512, 256, 128
        and 64 (or what of them fits the scale) for which at most one photo in ten is too
        small.
    recipe : Recipe
        Which steps pairs are made by; what follows changes it.
    noise : {"bake", "defer", "none"}
        ``bake`` adds what the recipe has of noise to LR now; ``defer`` leaves it, and every step
        after it, to training, where every epoch draws others; ``none`` takes it out.
    noise_from : {"patches", "scaled", "model"} or None
        What a camera's noise is taken from: patches of noise as they are; these, scaled to what the
        camera's noise has at the brightness of LR; or the model of the camera's noise. None: as the
        recipe has it.
    model_error : "auto", "none" or float
        The error of the kernels as a model, which is added before the noise: ``auto`` as the recipe
        has it (but not where ``noise`` is none), a standard deviation in grey levels, or none. It
        is left to training when the noise is.
    error_spectrum : "white", "residual" or None
        The spectrum of that: white, or what the best linear kernel of real pairs leaves. None: as
        the recipe has it.
    clean_up : int or None
        1 takes the photos as they are, 2 halves them first; None: 1 with ``hr``, or as a match had
        it whose kernels are drawn; without ``hr`` 2.
    further : tuple of str
        Kinds of steps that every plan has besides.
    omitted : tuple of str
        Kinds of steps that no plan has.
    seed : int
    shard_mib : int or None
        Size of a shard. None: 256 MiB, in most formats less on small sets, so that every core has
        several; never anything that depends on the machine.
    max_pixels : int
        Larger photos are rejected before they are decoded.
    """

    pool: Path | None = None
    out: Path | str
    hr: tuple[Path, ...] = ()
    format: str = "hdf5"
    scale: Scale = 4
    hr_size: int | Literal["auto"] | None = "auto"
    recipe: Recipe = MEASURED
    noise: Literal["bake", "defer", "none"] = "bake"
    noise_from: Literal["patches", "scaled", "model"] | None = None
    model_error: Literal["auto", "none"] | float = "auto"
    error_spectrum: Literal["white", "residual"] | None = None
    clean_up: int | None = None
    further: tuple[str, ...] = ()
    omitted: tuple[str, ...] = ()
    seed: int = 0
    shard_mib: int | None = None
    max_pixels: int = MAX_PIXELS

    def __post_init__(self) -> None:
        recipe = self.degradation.recipe  # checks what it is made of
        if self.pool is None:
            refuse_without_pool(recipe)
            if not self.hr:
                raise InvalidValueError("without a pool there are no photos: give `hr`")
        if self.format not in STORES:
            known = ", ".join(STORES)
            raise InvalidValueError(f"format must be one of {known}, got {self.format!r}")
        if self.seed < 0:
            raise InvalidValueError(f"seed must be at least 0, got {self.seed}")
        if self.shard_mib is not None and self.shard_mib < 1:
            raise InvalidValueError(f"shard_mib must be at least 1, got {self.shard_mib}")
        scale = as_scale(self.scale)
        object.__setattr__(self, "scale", scale)
        side = hr_unit(scale) if self.hr_size in ("auto", None) else self.hr_size
        if not isinstance(side, int) or not fits(side, scale):
            raise InvalidValueError(f"hr_size must be {side_wanted(scale)}, got {self.hr_size}")

    @property
    def patch_side(self) -> int | None:
        """Side of the HR patches, once it is known; None: whole photos."""
        if self.hr_size == "auto":
            raise InvalidValueError("hr_size must be known by now; see fit_hr_size")
        return self.hr_size

    @property
    def degradation(self) -> DegradationConfig:
        """The part that plans need."""
        return DegradationConfig(
            scale=self.scale,
            recipe=self._changed_recipe(),
            defers_noise=self.noise == "defer",
            clean_up=self.clean_up or (1 if self.hr else 2),
        )

    def _changed_recipe(self) -> Recipe:
        if self.noise not in ("bake", "defer", "none"):
            raise InvalidValueError(f"noise must be bake, defer or none, got {self.noise!r}")
        recipe = without_noise(self.recipe) if self.noise == "none" else self.recipe
        if self.noise_from is not None:
            if self.noise_from not in NOISE_SOURCES:
                known = ", ".join(NOISE_SOURCES)
                raise InvalidValueError(
                    f"noise_from must be one of {known}, got {self.noise_from!r}"
                )
            kinds = {entry.kind for entry in recipe.possible}
            if self.noise != "none" and not kinds & {*NOISE_SOURCES.values()}:
                raise InvalidValueError(
                    f"`noise_from={self.noise_from}` changes nothing: the recipe "
                    f"{printable(recipe.name)} adds no noise of a camera; leave it out, or use a "
                    "recipe that does"
                )
            recipe = with_noise_from(recipe, self.noise_from)
        recipe = recipe.without(self.omitted)
        if self.model_error == "none":
            recipe = recipe.without((ModelError.kind,))
        elif self.model_error != "auto":
            recipe = with_model_error(recipe, _error_size(self.model_error))
        if self.error_spectrum is not None:
            if self.error_spectrum not in ("white", "residual"):
                raise InvalidValueError(
                    f"error_spectrum must be white or residual, got {self.error_spectrum!r}"
                )
            white = self.error_spectrum == "white"
            recipe = with_error_spectrum(recipe, None if white else "residual")
        for kind in self.further:
            recipe = with_step(recipe, kind)
        # What no plan has is no part of it: a run goes on when that is all that changed.
        return replace(recipe, entries=recipe.possible)


def _error_size(sigma: str | float) -> ErrorSize:
    if isinstance(sigma, str):
        raise InvalidValueError(f"model_error must be auto, none or a number, got {sigma!r}")
    if not 0 < sigma <= MOST_BASE:
        raise InvalidValueError(
            f"model_error must be above 0 and at most {MOST_BASE:g} grey levels, got {sigma:g}; "
            "for none use `model_error=none`"
        )
    return ErrorSize(float(sigma))


def fit_hr_size(config: BuildPairsConfig, photos: Sequence[ScannedPhoto]) -> BuildPairsConfig:
    """Return the settings with a side for the HR patches that fits the photos."""
    if config.hr_size != "auto":
        return config
    factor = config.degradation.clean_up
    sides = sorted(min(photo.height, photo.width) // factor for photo in photos)
    smallest = sides[int(_MOST_TOO_SMALL * len(sides))] if sides else 0
    sizes = [fitting_side(side, config.scale) or hr_unit(config.scale) for side in _HR_SIZES]
    side = next((side for side in sizes if side <= smallest), sizes[-1])
    return replace(config, hr_size=side)


def plan_photos(
    photos: Sequence[ScannedPhoto], config: BuildPairsConfig
) -> tuple[list[PlannedPhoto], list[Reject]]:
    """Choose every photo's HR boxes; sorted by key, each content once.

    A photo that is too small for one is rejected.
    """
    planned, rejects = {}, []
    boxes_of = functools.cache(_boxes)  # one tuple for all photos of a size
    factor = config.degradation.clean_up
    for photo in sorted(photos, key=lambda p: (p.sha256, p.name)):
        if photo.sha256 in planned:
            continue
        clean = (photo.height // factor, photo.width // factor)
        boxes = boxes_of(clean, config.patch_side, config.scale)
        if boxes:
            key = _photo_key(photo)
            planned[photo.sha256] = PlannedPhoto(
                photo.path, photo.name, photo.sha256, key, boxes, photo.crc32
            )
        else:
            rejects.append(_too_small(photo, clean, config))
    # Within a photo, pair keys only append digits; "_" keeps one photo's key from running on into
    # another's, so this order is the order of the pair keys too.
    return sorted(planned.values(), key=lambda p: p.key + "_"), rejects


def _boxes(size: tuple[int, int], hr_size: int | None, scale: Scale) -> tuple[Box, ...]:
    return tuple(hr_boxes(size, hr_size, scale))


def _photo_key(photo: ScannedPhoto) -> str:
    """Return a name of ASCII letters, digits and ``-`` that only this content has."""
    # Composed, so that a Mac's archive gives the keys that others give.
    stem = re.sub(r"[^A-Za-z0-9]+", "-", Path(composed(photo.name)).stem).strip("-")[:40]
    return f"{stem or 'photo'}-{photo.sha256[:12]}"


def _too_small(photo: ScannedPhoto, clean: tuple[int, int], config: BuildPairsConfig) -> Reject:
    size, scale = config.patch_side or hr_unit(config.scale), config.scale
    height, width = clean
    halved = " after its clean-up by ½" if config.degradation.clean_up == 2 else ""
    largest = fitting_side(min(clean), scale)
    remedy = f"use `hr_size={largest}` or `hr_size=full`" if largest else "use a larger photo"
    reason = f"{width}×{height}{halved} is smaller than the HR patch of {size} pixels"
    return Reject(str(photo.path), reason, remedy)


def plan_shards(
    config: BuildPairsConfig,
    place: Place,
    pool_end: int,
    planned: Sequence[PlannedPhoto],
    config_hash: str,
) -> list[ShardTask]:
    """Group the photos, in order, into shards of about the wanted size."""
    bytes_of = functools.cache(_pair_bytes)
    sizes = [sum(bytes_of(box, config.scale) for box in photo.boxes) for photo in planned]
    groups = group_by_size(planned, sizes, _shard_bytes(config, sum(sizes)))
    return [
        ShardTask(
            place=place,
            spec=ShardSpec(
                index=number,
                format=config.format,
                scale=config.scale,
                hr_size=config.patch_side,
                config_hash=config_hash,
            ),
            photos=tuple(group),
            pool=config.pool and config.pool.absolute(),
            pool_end=pool_end,
            degradation=config.degradation,
            seed=config.seed,
            max_pixels=config.max_pixels,
        )
        for number, group in enumerate(groups)
    ]


def _pair_bytes(box: Box, scale: Scale) -> int:
    return 3 * (box[2] * box[3] + lr_side(box[2], scale) * lr_side(box[3], scale))


def _shard_bytes(config: BuildPairsConfig, total: int) -> int:
    if config.shard_mib is not None:
        return config.shard_mib << 20
    return min(max(total // 32, STORES[config.format].smallest_shard), 256 << 20)

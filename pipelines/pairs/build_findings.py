"""What a build of pairs says of its recipe and of its noise, before anyone trains on it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from degrade.degradation import NoiseChoice, PoolIndex
from degrade.degradation.steps import (
    Jpeg,
    JpegChoice,
    ModelledNoise,
    Residual,
    ScaledResidual,
)
from degrade.errors import printable
from degrade.geometry import lr_side
from degrade.noise.groups import NoiseGroups
from degrade.pool import DegradationPool
from degrade.wording import counted
from pipelines.pairs.planning import BuildPairsConfig
from pipelines.shared.camera_draws import camera_draws
from pipelines.shared.job import Job
from pipelines.shared.recipes import spectral_share

__all__ = ["FROM_PATCHES", "tell_clipping", "tell_noise", "tell_recipe", "tell_spectral"]

FROM_PATCHES = frozenset({Residual.kind, ScaledResidual.kind})
"""Steps that read noise patches."""

_FROM_MODELS = frozenset({ScaledResidual.kind, ModelledNoise.kind})
"""Steps whose noise is as strong as a model says."""

_LEAST_SHIFT = 0.0005
"""Grey levels: what is 0.000 when it is told."""

_MOST_TOLD = 8
"""Cameras whose noise is told."""


def tell_recipe(job: Job, config: BuildPairsConfig) -> None:
    """Say which steps LR goes through, and which of them training adds."""
    drawn = config.degradation
    job.found("recipe", f"recipe {printable(drawn.recipe.name)}:", **drawn.recipe.to_json())
    now = replace(drawn.recipe, entries=drawn.entries)
    for line in now.lines():
        job.found("step", f"  {line}", deferred=False)
    for entry in drawn.deferred_entries:
        job.found("step", f"  {entry.words()}; left to training", deferred=True)


def tell_spectral(job: Job, pool: DegradationPool, config: BuildPairsConfig) -> None:
    """Say how many kernels have a step that is for the spectral estimator's, if not all."""
    drawn = config.degradation
    share = spectral_share(drawn.recipe, pool.index(config.scale, drawn.measured_kinds))
    if share and share[0] < share[1]:
        words = f"the spectral estimator found {share[0]} of the {counted(share[1], 'kernel')}"
        job.found("spectral_kernels", words, found=share[0], kernels=share[1])


def tell_clipping(job: Job, config: BuildPairsConfig, shift: float) -> None:
    """Say by how much clipping moved the mean of LR, and what is clipped.

    Parameters
    ----------
    job : Job
    config : BuildPairsConfig
    shift : float
        8-bit grey levels.
    """
    noise = dict.fromkeys(one.kind for one in config.degradation.entries if one.step.is_noise)
    if not noise and abs(shift) < _LEAST_SHIFT:
        return
    of = f"with its noise ({', '.join(noise)})" if noise else "which has no noise,"
    words = f"clipping LR, {of} to 0…255 moved its mean by {shift:+.3f} grey levels"
    job.found("clipping", words, grey_levels=shift, noise=list(noise))


def tell_noise(job: Job, pool: DegradationPool, config: BuildPairsConfig) -> None:
    """Say of whom noise is, where patches are smaller than LR, and what is compressed twice."""
    index = pool.index(config.scale)
    for drawn in camera_draws(config.degradation.recipe, index):
        job.found("by_camera", drawn.words(), **drawn.values())
    kinds = {entry.kind for entry in config.degradation.recipe.possible}
    noise = index.noise if kinds & FROM_PATCHES else ()
    if Jpeg.kind in kinds:
        _tell_compression(job, index, noise, config)
    models = index.noise_groups if kinds & _FROM_MODELS else None
    if models is not None:
        _tell_models(job, models, _once_jpeg(index) if Jpeg.kind in kinds else frozenset())
    if config.degradation.defers_noise:
        return
    least = config.patch_side and lr_side(config.patch_side, config.scale)
    smaller = [choice for choice in noise if least is None or choice.size < least]
    if smaller:
        words = (
            f"{len(smaller)} of {counted(len(noise), 'noise patch')} are smaller than LR: "
            "noise is sewn from them, without repetition"
        )
        job.found("sewn_noise", words, smaller=len(smaller), patches=len(noise))


def _tell_models(job: Job, models: NoiseGroups, compressed: Collection[str]) -> None:
    """Say how strong which camera's noise is, and how much of it was compressed before."""
    count = len(models.members)
    words = f"noise of {counted(models.photos, 'photo')}, by camera:"
    job.found("noise_models", words, photos=models.photos, cameras=count)
    for group in range(min(count, _MOST_TOLD)):
        noise = models.fitted(group)
        camera = printable(noise.measured.camera) or "camera not known"
        line = f"  {camera} ({counted(noise.measured.photos, 'photo')}): {noise.words()}"
        job.found("noise_model", line, camera=noise.measured.camera, model=noise.to_json())
    if count > _MOST_TOLD:
        job.found("more_noise_models", f"  and {count - _MOST_TOLD} more", cameras=count)
    twice = sum(map(models.has_photo, compressed))
    if twice:
        words = (
            f"{twice} of {counted(models.photos, 'photo')} are or were JPEGs: the noise that "
            "compression left there is compressed once more"
        )
        job.found("modelled_twice", words, compressed=twice, photos=models.photos)


def _once_jpeg(index: PoolIndex) -> set[str]:
    """Return the photos that are JPEG files, or were, by their pixels."""
    return {
        found.photo_sha256
        for found in index.measured.get(Jpeg.kind, ())
        if "luma" in found.values or "grid" in found.values.get("pixels", {})
    }


def _tell_compression(
    job: Job, index: PoolIndex, noise: Sequence[NoiseChoice], config: BuildPairsConfig
) -> None:
    """Say which noise has been a JPEG, and what the compression of LR does to it."""
    looked_at = {found.photo_sha256 for found in index.measured.get("jpeg", ())}
    entries = config.degradation.recipe.possible
    settings = [entry.settings for entry in entries]
    takes_own = all(s.is_measured for s in settings if isinstance(s, JpegChoice))
    # Scaled, residuals are no multiples of their steps any more.
    takes_own = takes_own and all(entry.kind != ScaledResidual.kind for entry in entries)
    known = Jpeg.photos(index) if takes_own else set()
    side = config.patch_side
    lr_side = 1 if side is None else side // config.scale
    compressed = [choice for choice in noise if choice.jpeg_unit is not None]
    placed = [
        choice
        for choice in compressed
        if side is not None and choice.is_placed(lr_side, lr_side) and choice.photo_sha256 in known
    ]
    twice, of = len(compressed) - len(placed), counted(len(noise), "noise patch")
    if compressed:
        words = f"{len(compressed)} of {of} are from JPEG photos"
        if placed:
            words += (
                f": {len(placed)} stand on their grid, and LR goes through the same tables, which "
                "leaves that noise as it is"
            )
        if twice:
            words += (
                f"{'; the others are' if placed else ': that noise is'} compressed a second time, "
                "and a little weaker (larger patches can stand on their grid)"
            )
        job.found("compressed_noise", words, placed=len(placed), twice=twice, patches=len(noise))
    unknown = sum(choice.photo_sha256 not in looked_at for choice in noise)
    if unknown:
        words = f"whether {unknown} of {of} were compressed before, the pool does not know"
        job.found("unknown_compression", words, unknown=unknown, patches=len(noise))

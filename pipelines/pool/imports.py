"""Bring kernels and noise that other tools have made into a pool."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import degrade
from degrade.errors import DegradeError, InputError, InvalidValueError, printable
from degrade.geometry import Scale, as_scale, scale_number, scale_to_json
from degrade.images.image_io import MAX_PIXELS
from degrade.images.sources import Reject, SourceFile, find_images, hash_file
from degrade.jpeg.blocks import block_steps
from degrade.kernels import BlurKernel, kernel_sigmas
from degrade.kernels.files import (
    KERNEL_SUFFIXES,
    Convention,
    import_kernel,
    scale_in_name,
)
from degrade.noise import NoisePatch, NoiseSelection, search_noise_patches, take_patches
from degrade.pool import DegradationPool, Provenance
from degrade.pool.records import IMPORTED
from degrade.wording import counted
from pipelines.measuring.kernel_reports import kernel_values
from pipelines.measuring.noise_findings import PhotoFindings
from pipelines.pool.kernel_choice import PassedOver, chosen_kernels
from pipelines.shared.finding_photos import find_photos
from pipelines.shared.job import Job
from pipelines.shared.photo_scan import ScannedPhoto, read_scanned
from pipelines.shared.reports import (
    REJECTS_NAME,
    Fact,
    ProgressCallback,
    RunReport,
    check_rejects,
    usual_reason,
    write_rejects,
)

__all__ = ["ImportKernelsConfig", "ImportNoiseConfig", "import_kernels", "import_noise"]

_MAX_VARIANCE = 400.0
"""Grey variance, 8-bit units, above which a file is taken for a picture: noise of sigma 20."""

_WIDE = 3.0
"""Standard deviation of a kernel, in pixels of LR, that no lens in focus has."""

_REASONS = {
    "clipped": "too many of its pixels are black or white",
    "flat": "nothing varies in it",
    "variance": f"it varies more than {_MAX_VARIANCE:g}, as pictures do",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportKernelsConfig:
    """The settings of ``degrade import-kernels``.

    Attributes
    ----------
    sources : tuple of Path
        Kernel files (``.mat``, ``.npy``, ``.npz``) or folders of them; by name also ``.pth``, gray
        pictures and ``.csv`` or ``.txt``.
    pool : Path
        Where the kernels go; made when missing.
    scale : Scale
        The downscaling factor that they belong to. What a file, its name or its folder states for
        another one is passed over in folders, and rejected where it was asked for.
    index : tuple of int
        Which kernels of a file to take, counted from 0 as their labels are; empty: all.
    convention : {"auto", "correlate", "convolve"}
        How their makers apply them; see :func:`degrade.kernels.files.import_kernel`.
    """

    sources: tuple[Path, ...]
    pool: Path
    scale: Scale = 4
    index: tuple[int, ...] = ()
    convention: Convention = "auto"

    def __post_init__(self) -> None:
        object.__setattr__(self, "scale", as_scale(self.scale))
        if min(self.index, default=0) < 0:
            raise InvalidValueError(f"index must be at least 0, got {min(self.index)}")
        if self.convention not in get_args(Convention):
            known = ", ".join(get_args(Convention))
            raise InvalidValueError(f"convention must be one of {known}, got {self.convention!r}")


@dataclass(frozen=True, slots=True, eq=False)
class _Imported:
    kernel: BlurKernel
    notes: list[str]
    sha256: str
    is_assumed: bool


def import_kernels(
    config: ImportKernelsConfig, *, on_progress: ProgressCallback | None = None
) -> RunReport:
    """Put the kernels of other tools' files into a pool, by the project's phase rule.

    Returns
    -------
    RunReport
        Each line tells of one kernel what was decided and mended.

    Raises
    ------
    DegradeError
        No kernel can be used, or the pool is damaged or in use.
    """
    job = Job("import-kernels", "kernel", on_progress)
    files, job.rejects = find_images(config.sources, suffixes=KERNEL_SUFFIXES)
    passed = PassedOver()
    imported: list[_Imported] = []
    for done, file in enumerate(files):
        job.progress(done, len(files))
        try:
            imported += _read_kernels(file, config, job.rejects, passed)
        except InputError as error:
            job.rejects.append(Reject.from_error(error))
    if not imported:
        raise DegradeError(_no_kernel(config, passed, job.rejects))

    pool = DegradationPool.create(config.pool)
    check_rejects(config.pool)
    with pool.writing():
        there = {record.id for record in pool.kernels}
        added = [pool.add_kernel(i.kernel, _kernel_provenance(i, config)) for i in imported]
    write_rejects(config.pool, job.rejects)
    for item in imported:
        values = kernel_values(item.kernel.source, item.kernel, notes=item.notes)
        job.found("kernel", _describe_kernel(item), **values)
    if passed.scales:
        found = {"files": len(passed.files), "kernels": len(passed.kernels)}
        job.found("passed_over", passed.words(), **found)
    if assumed := [item.kernel.source for item in imported if item.is_assumed]:
        words = (
            f"×{config.scale} is assumed for {counted(len(assumed), 'kernel')}, such as "
            f"{printable(assumed[0])}: neither file, name nor folder states a scale"
        )
        job.found("scale_assumed", words, kernels=len(assumed), scale=scale_number(config.scale))
    done = len(set(added) - there)
    return job.report(done, skipped=len(added) - done, rejects_file=str(config.pool / REJECTS_NAME))


_REMEDY = "make the kernel anew, or leave it out"


def _read_kernels(
    file: SourceFile, config: ImportKernelsConfig, rejects: list[Reject], passed: PassedOver
) -> Iterator[_Imported]:
    in_folder = file.path not in config.sources
    stated = scale_in_name(file.path)
    if in_folder and stated not in (None, config.scale):
        passed.files.append(file.name)
        passed.scales.add(stated)
        return
    sha256 = hash_file(file.path)
    kernels = chosen_kernels(file.path, config.index)
    # A file of several scales has what was asked for and more; its number is asked for as it is.
    some_fit = any(raw.scale in (None, config.scale) for raw in kernels)
    for raw in kernels:
        if raw.scale not in (None, config.scale):
            if (in_folder or some_fit) and not config.index:
                passed.kernels.append(raw.label)
                passed.scales.add(raw.scale)
            else:
                reason = f"{printable(raw.label)} is named for ×{raw.scale}, not ×{config.scale}"
                remedy = f"use `scale={raw.scale}`, or choose another kernel: `index`"
                rejects.append(Reject(str(file.path), reason, remedy))
            continue
        try:
            kernel, notes = import_kernel(raw, config.scale, config.convention)
        except InvalidValueError as error:
            whose = "" if raw.label == file.path.name else f"{printable(raw.label)}: "
            rejects.append(Reject(str(file.path), f"{whose}{error}", _REMEDY))
        else:
            _, narrow = kernel_sigmas(kernel.weights)
            if narrow > _WIDE * float(config.scale):
                notes.append("wide, as a photo or an enlarged kernel is: see that it is none")
            yield _Imported(kernel, notes, sha256, raw.scale is None)


def _kernel_provenance(item: _Imported, config: ImportKernelsConfig) -> Provenance:
    settings = {
        "method": IMPORTED,
        "scale": scale_to_json(config.scale),
        "convention": config.convention,
        "notes": item.notes,
    }
    return Provenance(
        source_name=item.kernel.source,
        source_sha256=item.sha256,
        box=None,
        method=IMPORTED,
        settings=settings,
        tool_version=degrade.__version__,
    )


def _describe_kernel(item: _Imported) -> str:
    kernel = item.kernel
    wide, narrow = kernel_sigmas(kernel.weights)
    facts = (
        f"×{kernel.scale}, {kernel.size}×{kernel.size} taps, sigma {narrow:.2f}…{wide:.2f} HR px"
    )
    return "; ".join([f"{printable(kernel.source)}: {facts}", *item.notes])


def _no_kernel(config: ImportKernelsConfig, passed: PassedOver, rejects: list[Reject]) -> str:
    where = ", ".join(printable(source) for source in config.sources)
    if rejects:
        return f"no kernel can be used, {len(rejects)} rejected: {usual_reason(rejects)}"
    if passed.scales:
        scales = ", ".join(map(str, sorted(passed.scales)))
        return f"the files of {where} are named for scale {scales}: use that `scale`"
    return (
        f"no kernel file in {where}; a folder is searched for "
        f"{' '.join(sorted(KERNEL_SUFFIXES))}, others (.csv .png .pth .txt) are given by name"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportNoiseConfig:
    """The settings of ``degrade import-noise``.

    Attributes
    ----------
    sources : tuple of Path
        Square noise images, such as the patches that RealSR collects, or folders of them.
    pool : Path
        Where the patches go; made when missing.
    max_pixels : int
        Larger images are rejected before they are decoded.
    """

    sources: tuple[Path, ...]
    pool: Path
    max_pixels: int = MAX_PIXELS


def import_noise(
    config: ImportNoiseConfig, *, on_progress: ProgressCallback | None = None
) -> RunReport:
    """Put noise images that other tools have made into a pool.

    An image is one patch. It is refused when it is clipped, has no noise at all, or varies so much
    that it is a picture; whether it is textured or uneven was for its makers to decide.

    Raises
    ------
    DegradeError
        No image can be used, or the pool is damaged or in use.
    """
    job = Job("import-noise", "noise patch", on_progress)
    photos, job.rejects = find_photos(config.sources, max_pixels=config.max_pixels)
    pool = DegradationPool.create(config.pool)
    check_rejects(config.pool)
    there = {record.id for record in pool.noise}
    ids: list[str] = []
    with job.stoppable(), pool.writing():
        for done, photo in enumerate(photos):
            job.progress(done, len(photos))
            try:
                patch, fact = _read_noise(photo, config)
            except InputError as error:
                job.rejects.append(Reject.from_error(error))
            else:
                ids.append(pool.add_noise(patch, _noise_provenance(photo, patch)))
                job.facts.append(fact)
    write_rejects(config.pool, job.rejects)
    if not ids and job.interrupted is None:
        raise DegradeError(
            f"no noise can be used, {len(job.rejects)} rejected: {usual_reason(job.rejects)}"
        )
    done = len(set(ids) - there)
    return job.report(done, skipped=len(ids) - done, rejects_file=str(config.pool / REJECTS_NAME))


def _read_noise(photo: ScannedPhoto, config: ImportNoiseConfig) -> tuple[NoisePatch, Fact]:
    """Return the patch that an image is, and what a report tells of it.

    Raises
    ------
    InputError
        The image cannot be read, is not square, or cannot be noise.
    """
    size = f"{photo.width}×{photo.height}"
    if photo.height != photo.width or photo.height < 8:
        raise InputError(
            photo.path,
            f"{size} is no square of at least 8 pixels",
            "degrade extract-noise cuts the flat parts out of photos",
        )
    decoded = read_scanned(photo.path, photo.sha256, max_pixels=config.max_pixels)
    gates = NoiseSelection(
        patch_size=photo.height,
        max_variance=_MAX_VARIANCE,
        max_structure=math.inf,
        max_unevenness=1.0,
        min_roughness=0.0,
    )
    search = search_noise_patches(decoded.pixels, gates)
    level = float(search.variances[0])
    variance = f"grey variance {level:.0f}" if level >= 1000 else f"grey variance {level:.3g}"
    if not search.boxes:
        gate = next(name for name, count in search.refused.items() if count)
        raise InputError(
            photo.path,
            f"no noise: {_REASONS[gate]} ({variance})",
            "degrade extract-noise finds noise in photos",
        )
    (patch,) = take_patches(decoded.pixels, search, source=photo.name)
    words = "; ".join([f"{printable(photo.name)}: {size}, {variance}", *decoded.notes])
    found = PhotoFindings.of(search, block_steps([patch]))
    return patch, Fact("noise", words, found.fact_values(photo.name, [patch.variance]))


def _noise_provenance(photo: ScannedPhoto, patch: NoisePatch) -> Provenance:
    return Provenance(
        source_name=photo.name,
        source_sha256=photo.sha256,
        box=patch.box,
        method=IMPORTED,
        settings={"method": IMPORTED},
        tool_version=degrade.__version__,
        values={"variance": patch.variance, "brightness": patch.brightness},
    )

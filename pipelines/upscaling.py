"""Enlarge photos with a trained generator."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from degrade.errors import DegradeError, InputError, InvalidValueError, printable
from degrade.files import resolve_inside
from degrade.image_io import MAX_PIXELS, read_photo, write_png
from degrade.sources import Reject, SourceFile, find_images
from esrgan.checkpoints import read_generator
from esrgan.networks import RRDBNet, check_device
from esrgan.upscaling import DEFAULT_OVERLAP, DEFAULT_TILE, upscale_pixels
from pipelines.interrupts import interrupt_signal
from pipelines.reports import ProgressCallback, RunReport, no_progress, write_rejects

__all__ = ["UpscaleConfig", "run_upscaling"]

_MAX_RESULT_PIXELS = 2**30
"""What OpenCV agrees to decode: a larger result could not be opened again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpscaleConfig:
    """The settings of ``degrade upscale``.

    Attributes
    ----------
    sources : tuple of Path
        Photos: files, folders, manifests.
    weights : Path
        RRDBNet weights, such as the ``generator.pth`` of ``degrade train``.
    out : Path
        Folder for the PNG files; below it they lie as in the source folders.
    tile, overlap : int
        In LR pixels; see :func:`esrgan.upscaling.upscale`.
    device : str
        A torch device.
    max_pixels : int
        Larger photos are rejected before they are decoded.
    """

    sources: tuple[Path, ...]
    weights: Path
    out: Path
    tile: int = DEFAULT_TILE
    overlap: int = DEFAULT_OVERLAP
    device: str = "cpu"
    max_pixels: int = MAX_PIXELS

    def __post_init__(self) -> None:
        if self.tile < 1:
            raise InvalidValueError(f"tile must be at least 1, got {self.tile}")
        if self.overlap < 0:
            raise InvalidValueError(f"overlap must be at least 0, got {self.overlap}")


def run_upscaling(
    config: UpscaleConfig, *, on_progress: ProgressCallback | None = None
) -> RunReport:
    """Enlarge every photo of ``config.sources`` and write it as PNG, of 16 bits where it had them.

    Parameters
    ----------
    config : UpscaleConfig
    on_progress : callable or None
        Called with (photos done, photos in all).

    Returns
    -------
    RunReport
        Counts photos. What cannot be read is rejected by name and the rest goes on.

    Raises
    ------
    DegradeError
        The weights cannot be used, there is no photo, or a result would replace its own source or
        cannot be written.
    """
    started = time.monotonic()
    check_device(config.device)
    generator = read_generator(config.weights)
    files, rejects = find_images(config.sources)
    if not files and not rejects:
        raise DegradeError("no photo was found; give files, or folders that hold some")
    targets = _targets(config.out, files)
    report, interrupted, lines = on_progress or no_progress, None, []
    done = 0
    try:
        report(0, len(files))
        for number, (file, target) in enumerate(zip(files, targets, strict=True), 1):
            try:
                lines.append(_upscale_file(file, target, generator, config))
                done += 1
            except InputError as error:
                rejects.append(Reject.from_error(error))
            report(number, len(files))
    except KeyboardInterrupt as error:
        interrupted = interrupt_signal(error)
    _write_rejects(config.out, rejects)
    return RunReport(
        job="upscale", done=done, unit="photos", seconds=time.monotonic() - started,
        rejects=tuple(rejects), lines=tuple(lines), interrupted=interrupted,
    )  # fmt: skip


def _targets(out: Path, files: Sequence[SourceFile]) -> list[Path]:
    """Choose where each result goes; two photos that differ in their ending only keep it."""
    names = [str(Path(file.name).with_suffix(".png")) for file in files]
    counts = Counter(name.casefold() for name in names)
    chosen: set[Path] = set()
    targets = []
    for file, name in zip(files, names, strict=True):
        base = file.name + ".png" if counts[name.casefold()] > 1 else name
        target = resolve_inside(out, base)
        number = 2
        while target in chosen:
            # Of two folders that were given, both may hold this name.
            target = resolve_inside(out, f"{base.removesuffix('.png')}-{number}.png")
            number += 1
        chosen.add(target)
        targets.append(target)
    sources = {file.path.resolve() for file in files}
    for target in targets:
        if target in sources:
            raise DegradeError(
                f"{printable(target)} is a source and would be replaced by an enlargement; "
                "choose another --out"
            )
    return targets


def _upscale_file(file: SourceFile, target: Path, generator: RRDBNet, config: UpscaleConfig) -> str:
    photo = read_photo(file.path, max_pixels=config.max_pixels)
    if file.sha256 is not None and photo.sha256 != file.sha256:
        raise InputError(file.path, "its content is not what the manifest states (sha256 differs)")
    height, width = (generator.scale * side for side in photo.pixels.shape[:2])
    if height * width > _MAX_RESULT_PIXELS:
        raise InputError(
            file.path, f"its enlargement would have {width}×{height} pixels", "cut it into parts"
        )
    sr = upscale_pixels(
        photo.pixels, generator, tile=config.tile, overlap=config.overlap, device=config.device
    )
    write_png(target, sr)
    notes = f" ({', '.join(photo.notes)})" if photo.notes else ""
    return f"{printable(target)}: {width}×{height}{notes}"


def _write_rejects(out: Path, rejects: Sequence[Reject]) -> None:
    if out.is_dir() or rejects:
        out.mkdir(parents=True, exist_ok=True)
        write_rejects(out, rejects)

"""The results of both networks for photos, made where they are not there yet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from degrade.artifacts import SMALLEST_SIDE
from degrade.errors import InputError
from pipelines.shared.interrupts import Interrupted
from pipelines.shared.job import Job
from pipelines.shared.photo_scan import ScannedPhoto
from pipelines.shared.reports import ProgressCallback
from pipelines.upscaling.upscale import UpscaleConfig, upscale

__all__ = ["enlarge_by_both"]


def enlarge_by_both(
    sources: Sequence[Path],
    mse: Path,
    gan: Path,
    out: Path,
    *,
    job: Job,
    on_progress: ProgressCallback,
    device: str,
    mirror: int,
    max_memory: float | None,
    max_pixels: int,
    smallest: Callable[[ScannedPhoto], int] = lambda _photo: 1,
) -> tuple[Path, Path]:
    """Return the folders of the results, below ``out``; those that are there are not made again.

    Parameters
    ----------
    sources : sequence of Path
    mse, gan, out : Path
    job : Job
        Gets a reject for each photo that cannot be used.
    on_progress : callable
        Called with the pixels that are done and those to do, of both networks together.
    device : str
    mirror : int
        LR pixels.
    max_memory : float or None
    max_pixels : int
    smallest : callable
        The pixels that a side of a photo must have; one that is smaller is rejected before it is
        enlarged, as is one whose results would be too small to be compared.

    Raises
    ------
    DegradeError
        As :func:`pipelines.upscaling.upscale.upscale`.
    Interrupted
        A signal ended it.
    """

    def check(photo: ScannedPhoto, scale: int) -> None:
        size = f"{photo.width}×{photo.height} pixels are"
        if min(photo.width, photo.height) < (least := smallest(photo)):
            reason = f"{size} smaller than a crop of {least}"
            raise InputError(photo.path, reason, "use a smaller `hr_patch`")
        if scale * min(photo.width, photo.height) < SMALLEST_SIDE:
            raise InputError(photo.path, f"{size} too few to be judged", "give a larger photo")

    folders = out / "mse", out / "gan"
    both = _Both(on_progress)
    for weights, folder in zip((mse, gan), folders, strict=True):
        made = upscale(
            UpscaleConfig(
                sources=tuple(sources),
                weights=weights,
                out=folder,
                device=device,
                mirror=mirror,
                max_memory=max_memory,
                max_pixels=max_pixels,
            ),
            check=check,
            keep_alpha=False,
            on_progress=both.advance,
        )
        job.rejects += [reject for reject in made.rejects if reject not in job.rejects]
        if made.interrupted is not None:
            raise Interrupted(made.interrupted)
        both.end_first()
    return folders


class _Both:
    """What two networks do to the same photos, one after the other, counted as one."""

    def __init__(self, on_progress: ProgressCallback) -> None:
        self._on_progress = on_progress
        self._total = 0
        self._first: int | None = None

    def advance(self, done: int, total: int) -> None:
        """Count what the one at work does."""
        self._total = total
        before = 0 if self._first is None else self._first
        self._on_progress(before + done, (total if self._first is None else before) + total)

    def end_first(self) -> None:
        """Count on from what the first one did."""
        self._first = self._total

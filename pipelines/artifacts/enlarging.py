"""The results of both networks for photos, made where they are not there yet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipelines.shared.interrupts import Interrupted
from pipelines.shared.job import Job
from pipelines.upscaling.upscale import UpscaleConfig, upscale

__all__ = ["enlarge_by_both"]


def enlarge_by_both(
    sources: Sequence[Path],
    mse: Path,
    gan: Path,
    out: Path,
    *,
    job: Job,
    device: str,
    max_memory: float | None,
    max_pixels: int,
) -> tuple[Path, Path]:
    """Return the folders of the results, below ``out``; those that are there are not made again.

    Raises
    ------
    DegradeError
        As :func:`pipelines.upscaling.upscale.upscale`.
    Interrupted
        A signal ended it.
    """
    folders = out / "mse", out / "gan"
    for weights, folder in zip((mse, gan), folders, strict=True):
        made = upscale(
            UpscaleConfig(
                sources=tuple(sources),
                weights=weights,
                out=folder,
                device=device,
                max_memory=max_memory,
                max_pixels=max_pixels,
            ),
            on_progress=job.progress,
        )
        job.rejects += [reject for reject in made.rejects if reject not in job.rejects]
        if made.interrupted is not None:
            raise Interrupted(made.interrupted)
    return folders

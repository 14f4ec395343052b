"""LR photos with the results of both networks, and what is flagged in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from degrade.arrays import U8Array
from degrade.artifacts import (
    Detection,
    DetectionSettings,
    Region,
    TextureWeights,
    calibrate,
    detect_artifacts,
    pseudo_truth,
    rank_regions,
    sample_textures,
)
from degrade.errors import InputError
from degrade.images.image_io import read_photo
from degrade.images.sources import Reject, SourceFile
from pipelines.shared.job import Job

__all__ = ["EnlargedPhoto", "Judge", "JudgedPhoto", "read_enlarged"]


@dataclass(frozen=True, slots=True, eq=False)
class EnlargedPhoto:
    """A photo and its results, (h, w, 3) and (scale·h, scale·w, 3) uint8 arrays.

    Attributes
    ----------
    name : str
    path : Path
        Of the photo.
    lr, mse, gan : U8Array
    """

    name: str
    path: Path
    lr: U8Array
    mse: U8Array
    gan: U8Array


@dataclass(frozen=True, slots=True, eq=False)
class JudgedPhoto:
    """What is flagged in a photo's result.

    Attributes
    ----------
    photo : EnlargedPhoto
    flagged : (scale·h, scale·w) bool array
    regions : tuple of Region
        The most visible first.
    wanted : (scale·h, scale·w, 3) uint8 array
        What the GAN should have drawn.
    """

    photo: EnlargedPhoto
    flagged: npt.NDArray[np.bool_]
    regions: tuple[Region, ...]
    wanted: U8Array


class Judge:
    """The detection, always with the same settings and weights.

    Parameters
    ----------
    settings : DetectionSettings
    clean : sequence of EnlargedPhoto
        Photos without artefacts, which calibrate; none: all weights are 1.
    """

    def __init__(self, settings: DetectionSettings, clean: Sequence[EnlargedPhoto]) -> None:
        self._settings = settings
        self.textures: TextureWeights | None = None
        if clean:
            self.textures = calibrate([sample_textures(each.mse, each.gan) for each in clean])

    def flagged(self, mse: U8Array, gan: U8Array) -> npt.NDArray[np.bool_]:
        """Return what is flagged of a GAN's result."""
        return self._find(mse, gan).flagged

    def judge(self, photo: EnlargedPhoto) -> JudgedPhoto:
        """Find and rank what is flagged of a photo."""
        found = self._find(photo.mse, photo.gan)
        regions = rank_regions(found, photo.mse, photo.gan)
        threshold = self._settings.threshold
        wanted = pseudo_truth(photo.mse, photo.gan, found.flagged, found.weighted, threshold)
        return JudgedPhoto(photo, found.flagged, tuple(regions), wanted)

    def _find(self, mse: U8Array, gan: U8Array) -> Detection:
        weights = None if self.textures is None else self.textures.of(mse)
        return detect_artifacts(mse, gan, weights=weights, settings=self._settings)


def read_enlarged(
    job: Job,
    files: Sequence[SourceFile],
    places: tuple[dict[Path, Path], dict[Path, Path]],
    scale: int,
    max_pixels: int,
) -> list[EnlargedPhoto]:
    """Return the photos whose results are there; others were rejected when they were enlarged.

    Parameters
    ----------
    job : Job
    files : sequence of SourceFile
    places : pair of dict of Path to Path
        Where the MSE network's and the GAN's result of each photo lie.
    scale, max_pixels : int
    """
    found = []
    for file in files:
        results = [sides[file.path] for sides in places]
        if not all(path.is_file() for path in results):
            continue
        try:
            lr = read_photo(file.path, max_pixels=max_pixels).as_u8()
            most = max_pixels * scale**2
            mse, gan = (read_photo(path, max_pixels=most).as_u8() for path in results)
            for path, image in zip(results, (mse, gan), strict=True):
                if image.shape != (scale * lr.shape[0], scale * lr.shape[1], 3):
                    raise InputError(path, f"is not ×{scale} of its photo", "delete it")
        except InputError as error:
            job.rejects.append(Reject.from_error(error))
        else:
            found.append(EnlargedPhoto(file.name, file.path, lr, mse, gan))
    return found

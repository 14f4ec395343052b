"""What a GAN is tuned on, and what it is held against meanwhile."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import reduce
from operator import add

import numpy as np

from degrade.arrays import U8Array
from degrade.artifacts import RepairScores, compare_repair, grow_flagged
from esrgan.data import AimedSamples, Place
from esrgan.devices import tile_memory
from esrgan.networks import Generator
from esrgan.training.validation import Scores
from esrgan.upscaling.tiling import Tiler
from esrgan.upscaling.upscaler import Upscaler
from pipelines.artifacts.judged_photos import Judge, JudgedPhoto

__all__ = ["RepairValidation", "make_samples"]


def make_samples(
    repaired: Sequence[JudgedPhoto],
    others: Sequence[JudgedPhoto],
    *,
    share: int,
    hr_patch: int,
    scale: int,
    seed: int,
) -> AimedSamples:
    """Return crops around flagged areas, and more around what is not flagged.

    Parameters
    ----------
    repaired : sequence of JudgedPhoto
        Where crops of both kinds come from.
    others : sequence of JudgedPhoto
        Where the second kind alone comes from.
    share, hr_patch, scale, seed : int
        See :class:`esrgan.data.AimedSamples`.

    Raises
    ------
    InvalidValueError
        As :class:`esrgan.data.AimedSamples`.
    """
    step = max(hr_patch // scale // 2, 1)
    wanted: list[Place] = []
    kept: list[Place] = []
    for number, each in enumerate((*repaired, *others)):
        repairs, rest = _places(each, number, scale, step)
        if number < len(repaired):
            wanted += repairs
        kept += rest
    images = [(each.photo.lr, each.wanted) for each in (*repaired, *others)]
    return AimedSamples(
        images,
        wanted,
        kept,
        share=share,
        hr_patch=hr_patch,
        scale=scale,
        seed=seed,
        # What little is left of an artefact must not be made good by texture lost elsewhere.
        near_flagged=[grow_flagged(each.flagged) for each in (*repaired, *others)],
    )


def _places(
    judged: JudgedPhoto, number: int, scale: int, step: int
) -> tuple[list[Place], list[Place]]:
    """Return the middles of cells with something flagged, and of the others."""
    height, width = judged.photo.lr.shape[:2]
    cells = judged.flagged.reshape(height, scale, width, scale)
    flagged = np.asarray(cells.any(axis=(1, 3)))
    repairs: list[Place] = []
    rest: list[Place] = []
    for top in range(0, height, step):
        for left in range(0, width, step):
            rows, columns = np.nonzero(flagged[top : top + step, left : left + step])
            if len(rows):
                middle = top + round(float(rows.mean())), left + round(float(columns.mean()))
                repairs.append((number, *middle))
            else:
                middle = top + step // 2, left + step // 2
                rest.append((number, min(middle[0], height - 1), min(middle[1], width - 1)))
    return repairs, rest


class RepairValidation:
    """Photos that are not tuned on: what is still flagged, and what else has changed.

    Parameters
    ----------
    photos : sequence of JudgedPhoto
        As they were before.
    judge : Judge
    tolerance : float
        See :meth:`degrade.artifacts.RepairScores.score`.
    device : str
    mirror : int
        LR pixels by which photos are mirrored on.
    """

    best_by: str = "repair"

    def __init__(
        self,
        photos: Sequence[JudgedPhoto],
        judge: Judge,
        *,
        tolerance: float,
        device: str,
        mirror: int = 0,
    ) -> None:
        self._photos, self._judge = list(photos), judge
        self._tolerance, self._device, self._mirror = tolerance, device, mirror

    @property
    def fingerprint(self) -> str:
        """Of the photos and of what was flagged."""
        digest = hashlib.sha256()
        for each in self._photos:
            for image in (each.photo.lr, each.photo.gan, each.flagged):
                digest.update(repr(image.shape).encode())
                digest.update(np.ascontiguousarray(image).tobytes())
        return digest.hexdigest()

    def scores(self, generator: Generator) -> Scores:
        """See the base; photos are enlarged as ``degrade upscale`` does in float32."""
        found = reduce(add, (scores for scores, _ in self.compared(generator)))
        values = {
            "flagged": found.flagged_after / found.pixels,
            "gone": found.gone,
            "psnr_elsewhere": found.psnr,
            "ssim_elsewhere": found.ssim,
            "texture_elsewhere": found.texture,
        }
        words = (
            f"{found.gone:.0%} of the flagged area gone, texture elsewhere {found.texture:.1%}, "
            f"PSNR elsewhere {found.psnr:.1f} dB"
        )
        score = found.score(self._tolerance)
        return Scores(values | {"score": score}, score, words)

    def compared(self, generator: Generator) -> list[tuple[RepairScores, U8Array]]:
        """Return what has changed in each photo, and its result now."""
        tiler = Tiler(generator, memory=tile_memory(self._device, None), passing=True)
        upscaler = Upscaler(generator, tiler, device=self._device, mirror=self._mirror)
        compared = []
        for each in self._photos:
            after = upscaler.enlarged(each.photo.lr)
            flagged = self._judge.flagged(each.photo.mse, after)
            scores = compare_repair(each.photo.gan, after, each.flagged, flagged)
            compared.append((scores, after))
        return compared

"""The photos of ``degrade finetune-artifacts``: enlarged, judged, sorted by what they are for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from degrade.errors import DegradeError, InputError, InvalidValueError, line_of, printable
from degrade.images.sources import SourceFile, find_images, hash_file
from degrade.pairs import open_pairs
from degrade.rng import rng_for
from degrade.wording import counted
from esrgan.networks import Generator
from esrgan.upscaling.upscaler import upscale
from esrgan.weights.files import read_network
from esrgan.weights.finding import find_weights
from pipelines.artifacts.enlarging import enlarge_by_both
from pipelines.artifacts.finetune_settings import FinetuneConfig
from pipelines.artifacts.judged_photos import EnlargedPhoto, Judge, JudgedPhoto, read_enlarged
from pipelines.shared.job import Job
from pipelines.upscaling.results import choose_results

__all__ = ["TunedPairs", "TuningPhotos", "enlarge_photos", "read_pairs", "sort_photos"]

_HELD_OUT_SHARE = 3
"""One of so many photos with artefacts is held out, where the user does not say which."""

_MOST_PAIRS = 200


@dataclass(frozen=True, slots=True, eq=False)
class TunedPairs:
    """LR images of pairs with results that are computed at each start.

    Attributes
    ----------
    found : list of JudgedPhoto
        Those without artefacts.
    record : dict
        What they come from: devices and threads may compute other pixels of the same.
    """

    found: list[JudgedPhoto] = field(default_factory=list)
    record: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class TuningPhotos:
    """The photos by what they are for.

    Attributes
    ----------
    judge : Judge
    repaired : list of JudgedPhoto
        Those with artefacts, of which the GAN is tuned.
    held_out : list of JudgedPhoto
        Those with artefacts, by which tuning is judged.
    others : list of JudgedPhoto
        Those without any; what the GAN makes of them is kept.
    pairs : TunedPairs
    """

    judge: Judge
    repaired: list[JudgedPhoto]
    held_out: list[JudgedPhoto]
    others: list[JudgedPhoto]
    pairs: TunedPairs = field(default_factory=TunedPairs)


def enlarge_photos(
    config: FinetuneConfig, job: Job, files: Sequence[SourceFile], scale: int, lr_patch: int
) -> list[EnlargedPhoto]:
    """Return the photos with both results, which are made where they are not there yet.

    Parameters
    ----------
    config : FinetuneConfig
    job : Job
        Gets a reject for each photo that cannot be used.
    files : sequence of SourceFile
    scale : int
    lr_patch : int
        The pixels that each side of a photo must have, those held out aside.

    Raises
    ------
    DegradeError
        No photo can be used.
    """
    held_files = _identities(config.held_out)
    folders = enlarge_by_both(
        [*config.sources, *config.held_out, *config.clean],
        config.mse,
        config.gan,
        config.out,
        job=job,
        on_progress=job.progress,
        device=config.device,
        mirror=config.mirror,
        max_memory=config.max_memory,
        max_pixels=config.max_pixels,
        smallest=lambda photo: 1 if _identity(photo.path) in held_files else lr_patch,
    )
    mse, gan = (choose_results(folder, files, suffix="", ending=".png") for folder in folders)
    rejected = {reject.path for reject in job.rejects}
    usable = [file for file in files if str(file.path) not in rejected]
    photos = read_enlarged(job, usable, (mse, gan), scale, config.max_pixels)
    if not photos:
        raise DegradeError(f"no photo can be used: {job.rejects[-1]}")
    return photos


def sort_photos(
    config: FinetuneConfig, job: Job, photos: Sequence[EnlargedPhoto]
) -> TuningPhotos | None:
    """Find what is flagged, and choose what is held out; None where nothing is flagged.

    Raises
    ------
    DegradeError
        Too few photos have artefacts to hold one out.
    """
    clean_files, held_files = (_identities(paths) for paths in (config.clean, config.held_out))
    clean = [photo for photo in photos if _identity(photo.path) in clean_files]
    judge = Judge(config.detection, clean)
    judged = [judge.judge(photo) for photo in photos if _identity(photo.path) not in clean_files]
    held_paths = {photo.path for photo in photos if _identity(photo.path) in held_files}
    broken = [each for each in judged if each.regions]
    areas = sum(len(each.regions) for each in broken)
    if not broken:
        words = f"nothing is flagged in {counted(len(judged), 'photo')}: there is nothing to tune"
        job.found("nothing", words, photos=len(judged))
        return None
    pixels = sum(each.flagged.size for each in judged)
    flagged = sum(int(each.flagged.sum()) for each in judged)
    job.found(
        "flagged",
        f"{counted(areas, 'area')} flagged in {len(broken)} of {counted(len(judged), 'photo')}: "
        f"{flagged / pixels:.2%} of all pixels",
        areas=areas,
        share=flagged / pixels,
    )
    held_out = [each for each in broken if each.photo.path in held_paths]
    if not config.held_out:
        order = rng_for(config.seed, "held out").permutation(len(broken))
        held_out = [broken[i] for i in sorted(order[: max(len(broken) // _HELD_OUT_SHARE, 1)])]
    repaired = [
        each for each in broken if each not in held_out and each.photo.path not in held_paths
    ]
    if not held_out or not repaired:
        where = "those held out" if repaired else "those to tune on"
        raise DegradeError(
            f"artefacts were found in {counted(len(broken), 'photo')}, and none of {where} has "
            "any: at least two photos must have some, one to tune on and one to hold out"
        )
    job.found(
        "held_out",
        f"held out: {', '.join(line_of(each.photo.name) for each in held_out[:8])}"
        + (f" and {len(held_out) - 8} more" if len(held_out) > 8 else ""),
        photos=[each.photo.name for each in held_out],
    )
    used = {id(each) for each in (*repaired, *held_out)}
    others = [each for each in judged if id(each) not in used and each.photo.path not in held_paths]
    others += [_unflagged(photo) for photo in clean]
    return TuningPhotos(judge, repaired, held_out, others)


def _identities(paths: Sequence[Path]) -> set[tuple[int, int]]:
    return {_identity(file.path) for file in find_images(paths)[0]}


def _identity(path: Path) -> tuple[int, int]:
    """Return what every name of a file shares: the search for photos keeps one of its names."""
    try:
        status = path.stat()
    except OSError as error:
        raise InputError(path, f"cannot be read ({error.strerror})", "restore it") from None
    return status.st_dev, status.st_ino


def _unflagged(photo: EnlargedPhoto) -> JudgedPhoto:
    return JudgedPhoto(photo, np.zeros(photo.gan.shape[:2], bool), (), photo.gan)


def read_pairs(
    config: FinetuneConfig,
    job: Job,
    generator: Generator,
    judge: Judge,
    device: str,
    lr_patch: int,
) -> TunedPairs:
    """Return LR images of pairs with the GAN's own results, those without artefacts.

    Raises
    ------
    InvalidValueError
        The pairs are of another scale than the networks.
    DegradeError
        They cannot be read.
    """
    found: list[JudgedPhoto] = []
    content: list[Any] = []
    with open_pairs(config.pairs or Path()) as reader:
        if reader.scale != generator.scale:
            raise InvalidValueError(
                f"{printable(reader.folder)}: the pairs are ×{reader.scale}, the networks "
                f"×{generator.scale}"
            )
        order = rng_for(config.seed, "pairs", reader.folder.name).permutation(len(reader))
        mse = read_network(config.mse)
        for number in sorted(order[:_MOST_PAIRS].tolist()):
            lr, _ = reader.read(number)
            pair = reader.records[number]
            content.append([pair.key, pair.crc32])
            photo = EnlargedPhoto(
                pair.key,
                reader.folder,
                lr,
                *(
                    upscale(lr, network, device=device, mirror=config.mirror)
                    for network in (mse, generator)
                ),
            )
            if min(lr.shape[:2]) >= lr_patch and not judge.flagged(photo.mse, photo.gan).any():
                found.append(_unflagged(photo))
    words = f"{counted(len(found), 'pair')} without artefacts: what the GAN makes of them is kept"
    job.found("pairs", words, pairs=len(found))
    record = {
        "pairs": hashlib.sha256(json.dumps(content).encode()).hexdigest(),
        "mse": hash_file(find_weights(config.mse)),
        "threshold": config.threshold,
        "min_area": config.min_area,
    }
    return TunedPairs(found, record)

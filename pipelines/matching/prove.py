"""``degrade prove``: whether training on pairs will help."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from degrade.arrays import FloatArray, U8Array, round_to_u8
from degrade.audit.filter_bank import FilterBank, sum_pair
from degrade.audit.proof import (
    LEAST_JUDGES,
    Gain,
    Proof,
    Table,
    helps_for_sure,
    learn,
    prove,
    prove_gains,
    score_bank,
)
from degrade.audit.scores import SCORE_NAMES
from degrade.errors import DegradeError, InvalidValueError, printable
from degrade.geometry import border_of, whole_scale
from degrade.images.image_io import MAX_PIXELS
from degrade.images.sources import Reject
from degrade.pairs import open_pairs
from degrade.resample import imresize
from degrade.rng import rng_for
from degrade.wording import counted
from pipelines.matching.judges import (
    LARGEST_LR,
    Judge,
    middle_of,
    pairs_of_photos,
    planes_of,
    real_pairs,
)
from pipelines.matching.photo_sets import even_choice, why_fewer
from pipelines.matching.prove_network import LearnedPair, check_networks_folder, judge_by_network
from pipelines.shared.job import Job
from pipelines.shared.reports import ProgressCallback, RunReport

__all__ = ["ProveConfig", "prove_pairs"]

_MOST_LR_PIXELS = 1_300_000
_LARGEST_LR = 160
_UNITS = {"psnr": "dB", "shifted": "dB", "calibrated": "dB", "ssim": "", "gmsd": ""}
_NAMES = {
    "psnr": "PSNR",
    "shifted": "PSNR after the best shift",
    "calibrated": "PSNR after the best shift, gain and offset",
    "ssim": "SSIM",
    "gmsd": "GMSD (less is better)",
}
_HELPS = {True: "they help", False: "they harm", None: "no gain that is sure"}
_REAL_WORDS = (
    "a bank of filters stands in for a network here: where pairs differ clearly it ranks them as "
    "small networks do, and it says nothing of sharpness that is liked"
)
_PHOTO_WORDS = (
    "judged on photos made smaller by the kernels that they themselves tell: this shows whether "
    "the pairs agree with those kernels, and cannot show whether the kernels are right; real pairs "
    "would (`real=DIR`)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProveConfig:
    """The settings of ``degrade prove``.

    Attributes
    ----------
    pairs : Path
        A folder of pairs, built or imported.
    real : Path or None
        Real pairs: a folder of pairs, or of images of both sides.
    photos : tuple of Path
        Photos of the camera in question, where there are no real pairs.
    networks : Path or None
        Where to train a small network on the pairs, and another on bicubic ones, which takes some
        minutes each; None: filters alone.
    steps : int
        Of each of these trainings.
    seed : int
        Of halves, intervals and trainings.
    max_pixels : int
        Larger photos, and images of real pairs, are rejected before they are decoded.
    """

    pairs: Path
    real: Path | None = None
    photos: tuple[Path, ...] = ()
    networks: Path | None = None
    steps: int = 2000
    seed: int = 0
    max_pixels: int = MAX_PIXELS

    def __post_init__(self) -> None:
        if (self.real is None) == (not self.photos):
            raise InvalidValueError("give either `real` or `photos`: something must judge")
        if self.steps < 1:
            raise InvalidValueError(f"steps must be at least 1, got {self.steps}")


def prove_pairs(config: ProveConfig, *, on_progress: ProgressCallback | None = None) -> RunReport:
    """Learn from the pairs and from bicubic ones of the same HR, and let others judge.

    One core, two minutes at most: of large sets an even choice is learned from. Networks, where
    they are asked for, learn from the same choice.

    Raises
    ------
    DegradeError
        There are no pairs, they shall judge themselves, or fewer than eight images can judge.
    """
    job = Job("prove", "photo", on_progress)
    with open_pairs(config.pairs) as reader:
        higher = border_of(reader.scale)
        why = f"the filters enlarge by whole numbers; prove pairs of `scale={higher}` instead"
        scale = whole_scale(reader.scale, why)
        if config.networks is not None:
            check_networks_folder(config.networks, scale)
        chosen = _choose([record.lr_shape for record in reader.records])
    if config.real is not None:
        if config.real.exists() and config.real.samefile(config.pairs):
            raise DegradeError(
                f"{printable(config.pairs)} cannot judge itself: give pairs of other scenes as "
                "`real`, or photos as `photos`"
            )
        judges = real_pairs(job, config.real, scale, max_pixels=config.max_pixels)
    else:
        judges = pairs_of_photos(
            job, config.photos, scale, max_pixels=config.max_pixels, seed=config.seed
        )
    if len(judges) < LEAST_JUDGES:
        raise DegradeError(
            f"{counted(len(judges), 'image')} can judge, at least {LEAST_JUDGES} are needed"
            f"{why_fewer(job)}"
        )
    learned = _read(job, config.pairs, chosen, judges)
    own = learn([sum_pair(*_planes(lr, hr)) for lr, _, hr in learned])
    bicubic = learn([sum_pair(*_planes(plain, hr)) for _, plain, hr in learned])
    tables = _judged(job, judges, (bicubic, own), config.seed, learned=len(chosen))
    found = prove(*tables, rng=rng_for(config.seed, "prove"))
    _tell(job, found, len(learned), is_real=config.real is not None)
    if config.networks is not None:
        both = judge_by_network(job, learned, judges, config.networks, config.steps, config.seed)
        if both is not None:
            _tell_networks(job, prove_gains(*both, rng=rng_for(config.seed, "networks")), config)
    return job.report(found.photos)


def _read(
    job: Job, folder: Path, chosen: Sequence[int], judges: Sequence[Judge]
) -> list[LearnedPair]:
    """Return the middle of pairs, with bicubic LR; those are left out that judge too."""
    scenes = {judge.scene for judge in judges}
    learned: list[LearnedPair] = []
    common = 0
    with open_pairs(folder) as reader:
        for done, number in enumerate(chosen, 1):
            job.progress(done, len(chosen) + 2 * len(judges))
            try:
                lr, hr = middle_of(*reader.read(number), most=_LARGEST_LR)
            except DegradeError as error:
                job.rejects.append(Reject(str(folder), str(error)))
                continue
            if planes_of(*middle_of(lr, hr, most=LARGEST_LR)).scene in scenes:
                common += 1
                continue
            simple = imresize(hr.astype(np.float32), 1 / float(reader.scale))
            learned.append((lr, round_to_u8(simple), hr))
    if not learned:
        if common:
            raise DegradeError(
                f"{printable(folder)}: every pair judges too; others are needed to learn from"
            )
        raise DegradeError(f"{printable(folder)}: no pair can be read")
    if common:
        words = f"{counted(common, 'pair')} whose HR judges too: not learned from"
        job.found("common", words, pairs=common)
    return learned


def _planes(lr_u8: U8Array, hr_u8: U8Array) -> tuple[FloatArray, FloatArray]:
    both = planes_of(lr_u8, hr_u8)
    return both.lr, both.hr


def _choose(shapes: Sequence[tuple[int, int, int]]) -> list[int]:
    """Return an even choice of pairs that two minutes are enough for."""
    pixels = [min(rows, _LARGEST_LR) * min(columns, _LARGEST_LR) for rows, columns, _ in shapes]
    most = max(int(_MOST_LR_PIXELS / np.mean(pixels)), 1)
    return even_choice(len(shapes), most)


def _judged(
    job: Job, judges: Sequence[Judge], banks: Sequence[FilterBank], seed: int, *, learned: int
) -> tuple[Table, Table, Table]:
    """Return the scores of each bank, and of filters that were learned from the other judges."""
    count = len(judges)
    sums = []
    for number, judge in enumerate(judges, 1):
        sums.append(sum_pair(judge.lr, judge.hr))
        job.progress(learned + number, learned + 2 * count)
    second = rng_for(seed, "prove", "halves").permutation(count) % 2 == 1
    halves = {
        side: learn(
            [each for each, is_second in zip(sums, second, strict=True) if is_second != side]
        )
        for side in (False, True)
    }
    rows: list[list[tuple[float, ...]]] = []
    for number, (judge, side) in enumerate(zip(judges, second, strict=True), 1):
        rows.append([score_bank(bank, judge.lr, judge.hr) for bank in (*banks, halves[bool(side)])])
        job.progress(learned + count + number, learned + 2 * count)
    table = np.array(rows)
    return table[:, 0], table[:, 1], table[:, 2]


def _tell(job: Job, found: Proof, pairs: int, *, is_real: bool) -> None:
    gains = {gain.name: gain for gain in found.gains}
    possible = {gain.name: gain for gain in found.possible}
    judged = "real pairs" if is_real else "photos made smaller"
    words = (
        f"{_HELPS[found.helps]}: {_gain(gains['calibrated'])} against bicubic pairs of the same HR"
    )
    share = None
    if found.share is None:
        words += f"; {judged} themselves bring hardly more than bicubic ones, so there is no share"
    else:
        share, low, high = found.share
        words += (
            f"; {share:.0%} [{low:.0%}, {high:.0%}] of what {judged} of other scenes bring "
            f"({_gain(possible['calibrated'])})"
        )
    job.found(
        "proof",
        words,
        helps=found.helps,
        share=None if found.share is None else list(found.share),
        photos=found.photos,
        pairs=pairs,
    )
    for name, floor in zip(SCORE_NAMES, found.floor, strict=True):
        words = (
            f"{_NAMES[name]}: {floor:.4g} by bicubic pairs, {_gain(gains[name])} by these, "
            f"{_gain(possible[name])} by {judged}"
        )
        job.found(
            "score",
            words,
            score=name,
            floor=floor,
            gain=gains[name].mean,
            interval=list(gains[name].interval),
            possible=possible[name].mean,
        )
    job.found(
        "learned", f"learned from {counted(pairs, 'pair')}, judged by {found.photos} {judged}"
    )
    job.found("limits", _REAL_WORDS if is_real else _PHOTO_WORDS)


def _tell_networks(job: Job, gains: Sequence[Gain], config: ProveConfig) -> None:
    by_name = {gain.name: gain for gain in gains}
    helps = helps_for_sure(gains)
    words = (
        f"networks of {config.steps} steps, {_HELPS[helps]}: {_gain(by_name['calibrated'])} "
        "against bicubic pairs of the same HR"
    )
    job.found("networks", words, helps=helps, steps=config.steps)
    for gain in gains:
        words = f"{_NAMES[gain.name]}, of networks: {_gain(gain)}"
        job.found(
            "network_score", words, score=gain.name, gain=gain.mean, interval=list(gain.interval)
        )


def _gain(gain: Gain) -> str:
    unit = _UNITS[gain.name]
    digits = 2 if unit else 4
    low, high = gain.interval
    size = f"{gain.mean:+.{digits}f}{' ' if unit else ''}{unit}"
    return f"{size} [{low:+.{digits}f}, {high:+.{digits}f}]"

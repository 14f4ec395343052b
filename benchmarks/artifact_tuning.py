"""A small GAN that breaks, and what ``degrade finetune-artifacts`` makes of it.

LR is HR made smaller by 4, bicubically. A small network is trained by pixels, then as a GAN with
far too high a weight of the adversarial loss, until its results break inside photos; then it is
tuned. There are four sets of photos: for both trainings, to tune on, to stop by, and to be judged
by, which decide nothing. All by the commands' own functions. ``--out`` keeps what is done, and
``--minutes`` ends a call in time: the same command goes on, and prints the table at the end.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.parts import run_main
from degrade.arrays import U8Array, round_to_u8
from degrade.artifacts import DetectionSettings, RepairScores, compare_repair, detect_artifacts
from degrade.artifacts.similarity import local_deviation
from degrade.images.image_io import read_photo, write_png
from degrade.images.sources import find_images
from degrade.resample import imresize
from esrgan.networks import Generator
from esrgan.training.checkpoints import newest_step
from esrgan.upscaling.upscaler import upscale
from esrgan.weights.files import read_network
from pipelines.artifacts.finetune import FinetuneConfig, finetune_artifacts
from pipelines.pairs.import_pairs import ImportPairsConfig, import_pairs
from pipelines.training.train import TrainConfig, train

SHARED = Path(__file__).parents[2] / "shared" / "data"
_SCALE, _SIDE = 4, 640
_SIZES = ("features=16", "blocks=2", "growth=8", "discriminator_features=16")
_PIXELS = ("adversarial_weight=0", "learning_rate=3e-4", "pixel_steps=300")
_BREAKING = ("adversarial_weight=0.02", "learning_rate=2e-4", "pixel_steps=0")
_EDGE = 48
"""HR pixels: what a network of this size draws within them depends on a photo's end."""

_STOPPING = 3
"""One of so many photos of ``--tune`` decides when tuning stops."""

_MIN_AREA = 200
_HALVINGS = 8
"""Steps of the search for the share of the MSE result that leaves as much texture."""

_MIRROR = 32
"""LR pixels: without, most of what is flagged are lines along the photos' edges."""

_TUNING = ("batch_size=4", "hr_patch=192", "loss_margin=32")
"""Losses leave out what a crop's end makes of it, as no photo's end is shown."""


def main() -> None:
    """Train, break, tune, and print what has changed on photos that decided nothing."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--train", type=Path, default=SHARED / "train2", help="photos to train on")
    parser.add_argument(
        "--tune", type=Path, default=SHARED / "train", help="to tune on, to stop by"
    )
    parser.add_argument("--judge", type=Path, default=SHARED / "hr", help="photos to judge by")
    parser.add_argument("--out", type=Path, help="folder for everything; else none is left")
    parser.add_argument("--steps", type=int, help="of tuning, at most")
    parser.add_argument("--mse-steps", type=int, default=1500, help="of the training by pixels")
    parser.add_argument("--save-every", type=int, default=100, help="steps between validations")
    parser.add_argument("--breaking-steps", type=int, default=800, help="of the GAN's training")
    parser.add_argument("--gans", type=int, nargs="+", default=[0, 1], help="seeds of GANs")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1], help="of each one's tuning")
    parser.add_argument("--minutes", type=float, help="go on later where it stopped after so many")
    parser.add_argument("--set", action="append", default=[], help="a setting of the tuning")
    parser.add_argument("--break-by", action="append", default=[], help="one of the GAN's training")
    parser.add_argument("--share", type=int, default=4, help="one crop of so many is aimed")
    parser.add_argument("--name", default="tuned", help="folder of this tuning")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        _run(given, given.out or Path(folder))


class _Clock:
    def __init__(self, minutes: float | None) -> None:
        self._end = None if minutes is None else time.monotonic() + 60 * minutes

    @property
    def left(self) -> float | None:
        return None if self._end is None else max((self._end - time.monotonic()) / 60, 0.01)


def _run(given: argparse.Namespace, out: Path) -> None:
    clock = _Clock(given.minutes)
    for name, source in (("train", given.train), ("tune", given.tune), ("judge", given.judge)):
        _make_lr(source, out / name)
    pairs = out / "pairs"
    if not pairs.exists():
        places = {side: out / "train" / side for side in ("hr", "lr")}
        import_pairs(ImportPairsConfig(out=pairs, scale=_SCALE, **places))
    mse = out / "mse"
    weights = mse / "generator.pth"
    common = {"pairs": pairs, "batch_size": 4, "save_every": 250}
    if not _trained(
        TrainConfig(
            out=mse,
            settings=_SIZES + _PIXELS,
            steps=given.mse_steps,
            hr_patch=64,
            max_minutes=clock.left,
            **common,
        )
    ):
        return
    rows: list[tuple[str, _Judged | None]] = []
    for number in given.gans:
        gan = out / f"gan-{number}"
        config = TrainConfig(
            out=gan,
            init=weights,
            settings=(*_SIZES, *_BREAKING, *given.break_by),
            steps=given.breaking_steps,
            hr_patch=128,
            seed=number,
            max_minutes=clock.left,
            **common,
        )
        if not _trained(config):
            return
        for seed in given.seeds:
            folder = out / f"{given.name}-{number}-{seed}"
            before = weights, gan / "generator.pth"
            if not _tuned(given, out, before, folder, seed, clock):
                return
            judged = None
            if (tuned := folder / "generator.pth").exists():
                networks = [read_network(path) for path in (*before, tuned)]
                judged = _judged(out / "judge" / "lr", networks)
            rows.append((f"{number}, {seed}", judged))
    print(_table(rows))


def _tuned(
    given: argparse.Namespace,
    out: Path,
    networks: tuple[Path, Path],
    folder: Path,
    seed: int,
    clock: _Clock,
) -> bool:
    """Tune, or go on; tell whether it is done, with weights if any step was better."""
    photos = sorted((out / "tune" / "lr").iterdir())
    mse, gan = networks
    report = finetune_artifacts(
        FinetuneConfig(
            sources=tuple(path for n, path in enumerate(photos) if n % _STOPPING),
            held_out=tuple(photos[::_STOPPING]),
            mse=mse,
            gan=gan,
            out=folder,
            settings=(*_TUNING, *given.set),
            steps=given.steps,
            share=given.share,
            min_area=_MIN_AREA,
            mirror=_MIRROR,
            save_every=given.save_every,
            seed=seed,
            max_minutes=clock.left,
            device="cpu",
        )
    )
    print(report.summary(), flush=True)
    return report.interrupted is None and all(fact.kind != "stopped" for fact in report.facts)


@dataclass(frozen=True, slots=True)
class _Judged:
    """What tuning came to, and which shares were flagged before and after.

    ``excess`` is the share that is left, where something was flagged, of the deviation that the
    result before had beyond the MSE result's. ``mixed`` are what is gone inside, and that, when so
    much of the MSE result is mixed into the results before that as much texture is left elsewhere:
    what tuning must be better than.
    """

    scores: RepairScores
    inside: tuple[float, float]
    edges: tuple[float, float]
    excess: float
    mixed: tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False)
class _Results:
    """A photo's results, and what is flagged of the one before tuning."""

    mse: U8Array
    before: U8Array
    after: U8Array
    flagged: npt.NDArray[np.bool_]


def _judged(lr: Path, networks: Sequence[Generator]) -> _Judged:
    photos = [_enlarged(path, networks) for path in sorted(lr.iterdir())]
    scores, counts = _counted(photos, [each.after for each in photos])
    shares = counts[:, 1:] / counts[:, :1]
    inside, edges = ((float(before), float(after)) for before, after in shares)
    least, most = 0.0, 1.0
    for _ in range(_HALVINGS):
        share = (least + most) / 2
        found, counts = _counted(photos, [_mixed(each, share) for each in photos])
        least, most = (least, share) if found.texture < scores.texture else (share, most)
    tuned = _excess(photos, [each.after for each in photos])
    mixed = _excess(photos, [_mixed(each, share) for each in photos])
    return _Judged(scores, inside, edges, tuned, (1 - float(counts[0, 2] / counts[0, 1]), mixed))


def _excess(photos: Sequence[_Results], afters: Sequence[U8Array]) -> float:
    sums = np.zeros(3)
    for photo, after in zip(photos, afters, strict=True):
        images = (photo.mse, photo.before, after)
        sums += [local_deviation(image)[photo.flagged].sum(dtype=np.float64) for image in images]
    _, before, left = sums - sums[0]
    return float(left / before)


def _enlarged(path: Path, networks: Sequence[Generator]) -> _Results:
    lr = read_photo(path).as_u8()
    mse, before, after = (upscale(lr, network, mirror=_MIRROR) for network in networks)
    return _Results(mse, before, after, _flagged(mse, before))


def _flagged(mse: U8Array, sr: U8Array) -> npt.NDArray[np.bool_]:
    return detect_artifacts(mse, sr, settings=DetectionSettings(min_area=_MIN_AREA)).flagged


def _mixed(photo: _Results, share: float) -> U8Array:
    before = photo.before.astype(np.float32)
    return round_to_u8(before + np.float32(share) * (photo.mse - before))


def _counted(
    photos: Sequence[_Results], afters: Sequence[U8Array]
) -> tuple[RepairScores, npt.NDArray[np.float64]]:
    """Return scores; and pixels, those flagged before and after, inside and at the edges."""
    parts, counts = [], np.zeros((2, 3))
    inner = (slice(_EDGE, -_EDGE), slice(_EDGE, -_EDGE))
    for photo, after in zip(photos, afters, strict=True):
        flagged = _flagged(photo.mse, after)
        parts.append(compare_repair(photo.before, after, photo.flagged, flagged))
        masks = [np.ones_like(flagged), photo.flagged, flagged]
        inside = np.array([mask[inner].sum() for mask in masks], float)
        counts += [inside, [mask.sum() for mask in masks] - inside]
    return reduce(add, parts), counts


def _table(rows: Sequence[tuple[str, _Judged | None]]) -> str:
    def gone(shares: tuple[float, float]) -> str:
        before, after = shares
        return f"{before:.2%} → {after:.2%}, {1 - after / before if before else 0:.0%}"

    lines = [
        "| GAN, seed | inside | along edges | all gone | excess left | texture elsewhere "
        "| PSNR elsewhere | mixed: inside, excess left |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, row in rows:
        if row is None:
            lines.append(f"| {name} | no step was better |" + " |" * 6)
            continue
        scores = row.scores
        lines.append(
            f"| {name} | {gone(row.inside)} | {gone(row.edges)} | {scores.gone:.0%} "
            f"| {row.excess:.0%} | {scores.texture:.1%} | {scores.psnr:.1f} dB "
            f"| {row.mixed[0]:.0%}, {row.mixed[1]:.0%} |"
        )
    return "\n".join(lines)


def _trained(config: TrainConfig) -> bool:
    """Train, or go on; tell whether it is done."""
    if newest_step(config.out) != config.steps:
        report = train(config)
        print(config.out.name, *report.lines, sep="\n  ", flush=True)
    return newest_step(config.out) == config.steps


def _make_lr(source: Path, out: Path) -> None:
    for file in find_images([source])[0]:
        name = f"{file.path.stem}.png"
        if (out / "lr" / name).exists():
            continue
        hr = read_photo(file.path).as_u8()
        sides = [min(_SIDE, length // _SCALE * _SCALE) for length in hr.shape[:2]]
        top, left = ((length - side) // 2 for length, side in zip(hr.shape, sides, strict=False))
        hr = hr[top : top + sides[0], left : left + sides[1]]
        write_png(out / "hr" / name, hr)
        write_png(out / "lr" / name, round_to_u8(imresize(hr.astype(np.float32), 1 / _SCALE)))


if __name__ == "__main__":
    run_main(main)

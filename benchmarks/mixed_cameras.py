"""Two planted cameras in one pool: LR with the blur of one and the noise of the other, told apart.

    python -m benchmarks.mixed_cameras [--pairs FOLDER …] [--count N] [--splits N …]
    python -m benchmarks.mixed_cameras --network planted|real [--pairs FOLDER …] [OPTIONS]

HR scenes become photos of a sharp and noisy camera and of a soft and clean one. A pool is measured
in both, and LR of other scenes is made with noise of any photo of the pool, and with noise of the
camera that the kernel is of. The classifier of ``degrade audit`` looks at LR and photos; beside it
stands how noise goes with softness from photo to photo.

With ``--network`` the tiny network is trained on pairs of both kinds, of other clean photos: from a
pool of planted cameras, judged on photos that they take of the other scenes; or from real LR photos
of half of the scenes, cameras by the letters that file names begin with, judged on the other half.
"""

from __future__ import annotations

import argparse
import shlex
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.downstream.command import SHARED
from benchmarks.downstream.real_pairs import RealPair, read_real_pairs
from benchmarks.downstream.training_sets import run_degrade
from benchmarks.mixed_network import WHOSE, Teaching, network_rows, real_halves
from degrade.arrays import FloatArray, U8Array, round_to_u8
from degrade.audit.divergence import divergence
from degrade.audit.features import PhotoFeatures
from degrade.degradation import Entry
from degrade.degradation.steps import ModelledNoise, ModelledNoiseSettings, Of
from degrade.images.image_io import write_png
from degrade.kernels import BlurKernel, downsample, gaussian_kernel
from degrade.pool import DegradationPool
from degrade.rng import rng_for
from pipelines.matching.match_bench import Bench, Tail
from pipelines.matching.match_given import MatchConfig, kernels_of, make_bench
from pipelines.matching.match_loop import close_loop
from pipelines.matching.photo_sets import find_set
from pipelines.shared.job import Job

SCALE = 4
CAMERAS = {"sharp": (1.6, 5.0), "soft": (3.0, 0.7)}
"""σ of the kernel in HR pixels, and of the noise in grey levels."""


def main(words: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mixed_cameras", description=__doc__)
    default = [SHARED / "pairs" / name for name in ("realsr_x4", "drealsr_x4")]
    parser.add_argument("--pairs", type=Path, nargs="+", default=default, help="NAME_LR, NAME_HR")
    parser.add_argument("--count", type=int, default=40, help="photos of each camera")
    parser.add_argument("--splits", type=int, nargs="+", default=[0])
    add = parser.add_argument_group("networks").add_argument
    add("--network", choices=("planted", "real"), help="train on pairs of both")
    add("--hr", type=Path, nargs="+", default=[SHARED / "train"], help="clean photos of its pairs")
    add("--options", default="", help="words for build-pairs, such as '--model-error none'")
    add("--steps", type=int, default=2000, help="by L1")
    add("--seeds", type=int, default=2, help="networks of each set; their scores are averaged")
    add("--keep", type=Path, metavar="FOLDER", help="keep all there, and go on from it")
    options = parser.parse_args(words)
    pairs = [pair for folder in options.pairs for pair in read_real_pairs(folder)]
    if options.network:
        _print_networks(pairs, options)
        return
    scenes = [pair.hr_u8 for pair in pairs]
    print("| split | kernels | noise of | AUC | figures apart | noise with softness, photos | LR |")
    print("|---|---|---|---|---|---|---|")
    for split in options.splits:
        with tempfile.TemporaryDirectory(prefix="mixed-") as folder:
            for row in rows(Path(folder), scenes, options.count, split):
                print(f"| {split} | {row}", flush=True)


def _print_networks(pairs: list[RealPair], options: argparse.Namespace) -> None:
    teaching = Teaching(
        hr=tuple(options.hr),
        options=tuple(shlex.split(options.options)),
        steps=options.steps,
        seeds=options.seeds,
    )
    heads = ["measured", "networks", "pairs that differ", "photos"]
    for score in ("calibrated dB", "raw dB", "SSIM"):
        heads += [f"{score}, of the pool", "of the camera, more"]
    print(f"| {' | '.join(heads)} |\n{'|---' * len(heads)}|")
    with tempfile.TemporaryDirectory(prefix="mixed-") as folder:
        kept = options.keep or Path(folder)
        for split in options.splits:
            for name, photos, judged in _halves(kept, pairs, options, split):
                own = kept / f"{options.network}-{split}-{name}"
                for row in network_rows(own, photos, judged, teaching, scale=SCALE, seed=split):
                    print(f"| split {split}, {name} | {row}", flush=True)


def _halves(
    folder: Path, pairs: list[RealPair], options: argparse.Namespace, split: int
) -> Iterator[tuple[str, dict[str, list[Path]], list[RealPair]]]:
    """Yield a name, photos by camera, and the pairs by which a network is judged."""
    if options.network == "real":
        yield from real_halves(pairs, split)
        return
    scenes = [pair.hr_u8 for pair in pairs]
    own = folder / f"photos-{split}"
    photos = take_photos(own, scenes, options.count, split)
    judged = []
    for number, place in enumerate(others(len(scenes), options.count, split)):
        sigma, noise = list(CAMERAS.values())[number % len(CAMERAS)]
        lr = taken(scenes[place], sigma, noise, split, int(place))
        judged.append(RealPair(own / f"{place:04}.png", lr, scenes[place]))
    yield "planted", photos, judged


def rows(folder: Path, scenes: Sequence[U8Array], count: int, seed: int) -> Iterator[str]:
    """Yield a row for people for each kind of kernels, and for whose noise LR has."""
    pool = folder / "pool"
    for camera, own in take_photos(folder / "photos", scenes, count, seed).items():
        to = ("--pool", pool, "--scale", str(SCALE), "--camera", camera)
        run_degrade("build-pool", *own, *to)
    for place in others(len(scenes), count, seed):
        write_png(folder / "hr" / f"{place:04}.png", scenes[place])
    config = MatchConfig(
        photos=(folder / "photos",), pool=pool, hr=(folder / "hr",), scale=SCALE, aim="match"
    )
    bench, kernels, known = prepared(config)
    for name, given in (("known", known), ("estimated", kernels)):
        for of in WHOSE:
            yield _row(name, of, bench, bench.lr(given, _noise(of)))
    for of in WHOSE:
        found = close_loop(bench, kernels, _noise(of))
        yield _row("corrected", of, bench, found.lr or bench.lr(found.kernels, found.behind_blur))


def take_photos(
    folder: Path, scenes: Sequence[U8Array], count: int, seed: int
) -> dict[str, list[Path]]:
    """Write the photos that each camera takes of ``count`` scenes of its own."""
    order, found = _order(len(scenes), seed), {}
    for number, (camera, (sigma, noise)) in enumerate(CAMERAS.items()):
        for place in order[number * count : (number + 1) * count]:
            photo = taken(scenes[place], sigma, noise, seed, int(place))
            write_png(folder / f"{camera}-{place:04}.png", photo)
        found[camera] = sorted(folder.glob(f"{camera}-*"))
    return found


def others(scenes: int, count: int, seed: int) -> list[int]:
    """Return the scenes that no camera took a photo of."""
    return [int(place) for place in _order(scenes, seed)[len(CAMERAS) * count :]]


def _order(scenes: int, seed: int) -> np.ndarray:
    return rng_for(seed, "scenes").permutation(scenes)


def taken(scene: U8Array, sigma: float, noise: float, seed: int, number: int) -> U8Array:
    """Return the photo that a camera takes of a scene."""
    levels: FloatArray = downsample(scene.astype(np.float32), _gaussian(sigma))
    grain = rng_for(seed, "grain", number).normal(0, noise, levels.shape)
    return round_to_u8(np.clip(levels + grain, 0, 255).astype(np.float32))


def _gaussian(sigma: float) -> BlurKernel:
    return gaussian_kernel(8 * SCALE + 1, SCALE, (sigma, sigma))


def prepared(
    config: MatchConfig,
) -> tuple[Bench, Mapping[str, BlurKernel], Mapping[str, BlurKernel]]:
    """Return what a match begins with: photos and HR, kernels as estimated, and the known ones."""
    job = Job("mixed-cameras", "photo", None)
    pool = DegradationPool.open(config.pool)
    photos, clean = (
        find_set(job, given, max_pixels=config.max_pixels) for given in (config.photos, config.hr)
    )
    records = kernels_of(job, pool, config, photos)
    bench = make_bench(job, pool, config, photos, clean, None)
    sigmas = {one.id: CAMERAS[one.provenance.source_name.partition("-")[0]][0] for one in records}
    return (
        bench,
        {one.id: pool.read_kernel(one.id) for one in records},
        {key: _gaussian(sigma) for key, sigma in sigmas.items()},
    )


def _noise(of: Of) -> Tail:
    return (Entry(ModelledNoise.kind, ModelledNoiseSettings(of=of)),)


def _row(kernels: str, of: Of, bench: Bench, lr: Sequence[PhotoFeatures]) -> str:
    found = bench.compared(lr).result
    auc = "–" if found is None else "{:.2f} [{:.2f}, {:.2f}]".format(found.auc, *found.interval)
    apart = divergence(*bench.matched(lr))
    together = [_correlation(part) for part in (bench.photos, lr)]
    words = " | ".join(f"{each:+.2f}" for each in together)
    return f"{kernels} | {of} | {auc} | {apart:.3f} | {words} |"


def _correlation(part: Sequence[PhotoFeatures]) -> float:
    """Return how the noise goes with softness from photo to photo, by their ranks."""
    both = [[photo.measures[name] for photo in part] for name in ("noise", "softness")]
    kept = np.array(both)[:, np.isfinite(both).all(axis=0)]
    ranks = np.argsort(np.argsort(kept, axis=1), axis=1)
    return float(np.corrcoef(ranks)[0, 1])


if __name__ == "__main__":
    main()

"""Train the network of ``degrade.spectral`` for one scale.

    python -m spectral_training PHOTO… --scale 2 --samples CACHE --out FILE

PHOTO… are clean photos, folders or manifests whose licence lets you train on them; every sixth, by
the hash of its content, is held out to measure with. Drawn scenes are trained on beside them, for
few photos are soon known by heart. Samples are made once and kept in CACHE: an interrupted run goes
on where it was. The figures of all epochs go to FILE's name with ``.jsonl``, and the weights as
they stand are written after each epoch: a run that is stopped leaves usable ones.

This is for whoever makes a release, not for users, so it has a command line of its own beside that
of ``degrade``, and plain argparse suffices: no job, no pool and no report stand behind it. joblib
spreads thousands of like samples over processes; the executors of ``pipelines`` are out of reach
from here.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
import torch
from joblib import Parallel, delayed
from tqdm import tqdm

from degrade.disk.results import Results
from degrade.errors import DegradeError
from degrade.images.image_io import read_photo
from degrade.images.sources import find_images, hash_file
from degrade.kernels.families import Weights
from degrade.kernels.files import read_kernel_file
from degrade.rng import rng_for
from degrade.spectral.network import Calibration, NetworkEnsemble
from degrade.spectral.weights import encode_network, read_network, write_network
from spectral_training.fit import (
    FitConfig,
    as_ensemble,
    fit_network,
    measure_networks,
)
from spectral_training.network import TrainableNetwork
from spectral_training.samples import (
    FAMILY_SHARES,
    ByteArray,
    Samples,
    draw_samples,
    make_variants,
)
from spectral_training.scenes import draw_scene

_HELD_OUT = 6
_CHUNK = 250
_SCENES = 4  # for each chunk
_SCENE_SIDE = 720


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--scale", type=int, choices=(2, 3, 4), default=2)
    parser.add_argument("--samples", type=Path, required=True, metavar="CACHE")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    parser.add_argument("--overwrite", action="store_true", help="replace FILE whoever made it")
    parser.add_argument("--kernels", nargs="*", type=Path, default=[], help="measured kernels")
    parser.add_argument("--count", type=int, default=40000)
    parser.add_argument("--drawn-count", type=int, default=20000, help="samples of drawn scenes")
    parser.add_argument("--held-out-count", type=int, default=2000)
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--floor", type=float, default=FitConfig(scale=2).floor)
    parser.add_argument(
        "--start",
        type=Path,
        metavar="FILE",
        help="weights to train on from; the photos that their log held out stay held out",
    )
    parser.add_argument("--learning-rate", type=float, default=FitConfig(scale=2).learning_rate)
    parser.add_argument(
        "--beside",
        type=Path,
        metavar="FILE",
        help="weights trained before, whose answers are averaged with the new network's",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    return parser


def main() -> None:
    """Refuse what cannot be used, make the samples that are missing, train, write."""
    parser = _parser()
    arguments = parser.parse_args()
    out, log_file = arguments.out, arguments.out.with_suffix(".jsonl")
    results = Results(out.parent, "spectral_training", overwrite=arguments.overwrite)
    try:
        results.require_free([out, log_file])
    except DegradeError as error:
        parser.error(str(error).replace("`overwrite`", "--overwrite"))
    files, rejects = find_images(arguments.photos)
    if rejects:
        parser.error(str(rejects[0]))
    earlier, start = (_read(parser, path) for path in (arguments.beside, arguments.start))
    hashes = {file.path: hash_file(file.path) for file in files}
    paths = sorted(hashes, key=lambda path: hashes[path])
    kept_out = _held_out(paths, hashes, arguments.start)
    training, held_out = _samples(arguments, paths, kept_out)

    run = {
        "scale": arguments.scale,
        "samples": arguments.count,
        "photos": len(paths),
        "drawn_samples": arguments.drawn_count,
        "family_shares": FAMILY_SHARES,
        "kernels": [path.name for path in arguments.kernels],
    }
    log = [json.dumps(run)]
    log += [
        json.dumps({"photo": path.name, "sha256": hashes[path], "held_out": path in kept_out})
        for path in paths
    ]

    def report(figures: Mapping[str, object]) -> None:
        log.append(json.dumps(figures))
        tqdm.write(log[-1])

    def keep(figures: Mapping[str, object], network: TrainableNetwork) -> None:
        report(figures)
        unfinished = as_ensemble([network], Calibration())
        write_network(out.with_suffix(".unfinished.safetensors"), unfinished)

    torch.set_num_threads(1)
    config = FitConfig(
        scale=arguments.scale,
        floor=arguments.floor,
        epochs=arguments.epochs,
        learning_rate=arguments.learning_rate,
        seed=arguments.seed,
    )
    report(asdict(config))
    first = None
    if start is not None:
        first = TrainableNetwork.from_network(start.members[0])
        report({"start": hash_file(arguments.start)})
        report({"epoch": 0, "held_out": asdict(measure_networks([first], held_out))})
    networks = [fit_network(training, held_out, config, start=first, on_epoch=keep)]
    if earlier is not None:
        report({"beside": hash_file(arguments.beside)})
        networks[:0] = map(TrainableNetwork.from_network, earlier.members)
    together = measure_networks(networks, held_out)
    report({"together": asdict(together)})
    results.write(out, encode_network(as_ensemble(networks, together.calibration)))
    results.write(log_file, "\n".join([*log, ""]).encode())
    out.with_suffix(".unfinished.safetensors").unlink()


def _read(parser: argparse.ArgumentParser, path: Path | None) -> NetworkEnsemble | None:
    """Return the weights of a file for the scale asked for."""
    if path is None:
        return None
    network, scale = read_network(path), parser.parse_args().scale
    if network.scale != scale:
        parser.error(f"{path} is for ×{network.scale}, not for ×{scale}")
    return network


def _held_out(paths: Sequence[Path], hashes: Mapping[Path, str], start: Path | None) -> set[Path]:
    """Return the photos to measure with: those held out before, and every sixth of the others."""
    known: dict[str, bool] = {}
    if start is not None:
        lines = start.with_suffix(".jsonl").read_text(encoding="utf-8").splitlines()
        photos = [line for line in map(json.loads, lines) if "sha256" in line]
        for index, photo in enumerate(photos):
            known[photo["sha256"]] = photo.get("held_out", index % _HELD_OUT == 0)
    new = [path for path in paths if hashes[path] not in known]
    return {path for path in paths if known.get(hashes[path])} | set(new[::_HELD_OUT])


def _samples(
    arguments: argparse.Namespace, paths: Sequence[Path], kept_out: set[Path]
) -> tuple[Samples, Samples]:
    """Return the samples to train on and those to measure with; make those that are missing."""
    measured = [
        np.asarray(kernel.weights, np.float64)
        for path in arguments.kernels
        for kernel in read_kernel_file(path)
    ]
    own = [path for path in paths if path not in kept_out]
    chunks = [
        *_make_samples(arguments, "training", arguments.count, own, measured),
        *_make_samples(arguments, "drawn", arguments.drawn_count, None, measured),
    ]
    others, count = [path for path in paths if path in kept_out], arguments.held_out_count
    held_out = _make_samples(arguments, "held-out", count, others, measured)
    return _read_samples(chunks), _read_samples(held_out)


def _make_samples(
    arguments: argparse.Namespace,
    role: str,
    count: int,
    photos: Sequence[Path] | None,
    measured: Sequence[Weights],
) -> list[Path]:
    """Make those samples of a role that the cache has not; return the files of all.

    Without photos scenes are drawn, others for each chunk.
    """
    folder = arguments.samples / f"x{arguments.scale}-{arguments.seed}"
    folder.mkdir(parents=True, exist_ok=True)
    keys = [f"{role} {index}" for index in range(count)]
    chunks = [keys[start : start + _CHUNK] for start in range(0, len(keys), _CHUNK)]
    files = [folder / f"{chunk[0].replace(' ', '-')}-{len(chunk)}.npz" for chunk in chunks]
    missing = [index for index, file in enumerate(files) if not file.exists()]
    if missing:
        variants = None
        if photos is not None:
            variants = [make_variants(read_photo(path).as_float()) for path in photos]
        tasks = (
            delayed(_make_chunk)(
                variants, arguments.scale, chunks[index], arguments.seed, measured, files[index]
            )
            for index in missing
        )
        done = Parallel(n_jobs=arguments.jobs, return_as="generator_unordered")(tasks)
        for _ in tqdm(done, total=len(missing), desc=role, unit="chunk"):
            pass
    return files


def _read_samples(files: Sequence[Path]) -> Samples:
    counts = [int(file.stem.rpartition("-")[2]) for file in files]
    return Samples.join((_read_chunk(file) for file in files), sum(counts))


def _make_chunk(
    variants: Sequence[Sequence[ByteArray]] | None,
    scale: int,
    keys: Sequence[str],
    seed: int,
    measured: Sequence[Weights],
    file: Path,
) -> None:
    cv2.setNumThreads(1)
    variants = variants or [
        make_variants(np.repeat(scene[..., None] / 255, 3, axis=2))
        for scene in (
            draw_scene(rng_for(seed, "scene", scale, keys[0], number), _SCENE_SIDE)
            for number in range(_SCENES)
        )
    ]
    samples = draw_samples(variants, scale, keys, seed=seed, measured=measured)
    unfinished = file.with_suffix(f".{os.getpid()}.tmp.npz")
    np.savez(unfinished, **{name: getattr(samples, name) for name in Samples.__slots__})
    unfinished.replace(file)


def _read_chunk(file: Path) -> Samples:
    with np.load(file) as arrays:
        return Samples(**{name: arrays[name] for name in Samples.__slots__})


if __name__ == "__main__":
    main()

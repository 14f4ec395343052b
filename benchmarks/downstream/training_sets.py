"""The kinds of pairs that are learned from."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.downstream.real_pairs import RealPair, camera_of
from degrade.arrays import FloatArray, U8Array, round_to_u8
from degrade.kernels import downsample, gaussian_kernel
from degrade.pairs import open_pairs
from degrade.resample import imresize
from degrade.rng import rng_for
from pipelines.matching.photo_sets import even_choice

FLOOR, CEILING = "bicubic", "real pairs"
GAUSSIAN_SIGMA = 0.6
"""In LR pixels."""

NOISE = 2.0
"""Grey levels: white, at LR."""

MOST_PAIRS = 80

Pair = tuple[U8Array, U8Array]


class CommandFailedError(SystemExit):
    """A command of the program failed; the text is what it said."""


def run_degrade(*words: str | Path) -> None:
    """Run a command of the program as its users do; CommandFailedError, with its words."""
    command = [sys.executable, "-m", "pipelines.cli", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 3):  # 3: some photos were rejected
        raise CommandFailedError(f"degrade {shlex.join(map(str, words))}: {done.stderr[-1000:]}")


def make_pools(
    sources: Sequence[RealPair], hr: Sequence[Path], folder: Path, scale: int
) -> dict[str, Path]:
    """Measure LR photos alone: a kernel each, the same by camera, and one for all."""
    photos = folder / "photos"
    photos.mkdir(parents=True)
    for pair in sources:
        shutil.copy(pair.lr_path, photos)
    single, pooled, cameras = (folder / name for name in ("pool", "pooled", "camera"))
    run_degrade("build-pool", photos, "--pool", single, "--scale", str(scale))
    for camera in sorted({camera_of(pair.lr_path) for pair in sources}):  # they have no EXIF
        own = [pair.lr_path for pair in sources if camera_of(pair.lr_path) == camera]
        to = ("--pool", cameras, "--scale", str(scale), "--camera", camera)
        run_degrade("build-pool", *own, *to)
    run_degrade("estimate-kernels", photos, "--pool", pooled, "--shared", "--scale", str(scale))
    run_degrade("extract-noise", photos, "--pool", pooled)
    words = [word for path in hr for word in ("--hr", path)]
    for pool in (single, cameras):
        run_degrade("match", photos, "--pool", pool, *words, "--scale", str(scale))
    return {"pool": single, "pooled": pooled, "camera": cameras}


def build_set(
    pool: Path, hr: Sequence[Path], out: Path, options: Sequence[str], *, scale: int, seed: int
) -> None:
    """Build pairs of clean photos with the program's own command."""
    photos = [word for path in hr for word in ("--hr", str(path))]
    where = ["--pool", str(pool), "--out", str(out), "--scale", str(scale), "--seed", str(seed)]
    run_degrade("build-pairs", *where, *photos, *options)


def read_set(folder: Path) -> list[Pair]:
    """Read an even choice of the pairs of a folder."""
    with open_pairs(folder) as reader:
        return [reader.read(i) for i in even_choice(len(reader), MOST_PAIRS)]


def synthetic_sets(
    hr: Sequence[U8Array], scale: int, seed: int
) -> Iterator[tuple[str, list[Pair]]]:
    """Yield controls of the same HR: two kernels that nobody measured, with and without noise."""
    kernel = gaussian_kernel(8 * scale + 1, scale, (GAUSSIAN_SIGMA * scale,) * 2)
    makers: dict[str, Callable[[FloatArray], FloatArray]] = {
        FLOOR: lambda levels: imresize(levels, 1 / scale),
        "gaussian": lambda levels: downsample(levels, kernel),
    }
    for name, make in makers.items():
        clean = [make(image.astype(np.float32)) for image in hr]
        yield name, [(round_to_u8(lr), image) for lr, image in zip(clean, hr, strict=True)]
        noisy = []
        for number, lr in enumerate(clean):
            noise = rng_for(seed, name, number).normal(0, NOISE, lr.shape)
            noisy.append(round_to_u8(lr + noise))
        yield f"{name} + noise", list(zip(noisy, hr, strict=True))

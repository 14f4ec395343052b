"""Tell whether a fingerprint's pairs are as its pool's: statistics of LR beside their spread.

    python -m benchmarks.fingerprint [PHOTOS] [--hr FOLDER] [--scale 4] [--seeds 4] [--json FILE]

PHOTOS and the folder of clean photos are ``real`` and ``hr`` of ``../shared/data`` by default. A
pool is built of the photos and written as a fingerprint. Pairs are built of both, with so many
seeds each, every LR compressed as the pool's JPEG files are and with noise of the camera's model;
and with the pool's own patches of noise, which a fingerprint has not. Among the clean photos are
walls of squares of one level, which show noise by brightness.

A line has the mean over the pool's seeds, how far apart its seeds are (the largest less the
smallest), the fingerprint's mean, and by how much that differs. A difference within three times
what the mean of so many seeds is unsure of by itself is none.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.parts import run_main, write_json
from degrade.arrays import U8Array
from degrade.errors import DegradeError
from degrade.geometry import Scale, as_scale, lr_side
from degrade.images.image_io import write_png
from degrade.luma import luma_fast
from degrade.pairs import open_pairs
from degrade.pool import DegradationPool
from degrade.rng import rng_for
from pipelines import (
    BuildPairsConfig,
    BuildPoolConfig,
    EstimateKernelsConfig,
    ExtractNoiseConfig,
    build_pairs,
    build_pool,
)
from pipelines.executors import make_executor
from pipelines.pool.fingerprints import FingerprintConfig, write_fingerprint

DATA = Path(__file__).parents[2] / "shared" / "data"
SIDE, SQUARE, WALLS = 512, 128, 8
BANDS = 12
LEVELS = (32, 96, 160, 224)
_MARGIN = 6
"""LR pixels along the edge of a square that a kernel mixes with the next one."""

_LEAST = 1e-3

Figures = dict[str, float]
Floats = npt.NDArray[np.float64]


def wall(number: int) -> U8Array:
    """Return squares of one level each."""
    rng = rng_for(0, "benchmarks.fingerprint", "wall", number)
    levels = rng.integers(LEVELS[0], LEVELS[-1], (SIDE // SQUARE,) * 2, np.uint8)
    whole = np.kron(levels, np.ones((SQUARE, SQUARE), np.uint8))
    return np.repeat(whole[..., None], 3, axis=2)


def log_power(luma: Floats) -> Floats:
    """Return the power in twelve bands of frequency up to 0.5 cycles per pixel, in dB."""
    window = np.outer(*(np.hanning(side) for side in luma.shape))
    power = np.abs(np.fft.rfft2((luma - luma.mean()) * window)) ** 2 / (window**2).sum()
    rows, columns = np.fft.fftfreq(luma.shape[0])[:, None], np.fft.rfftfreq(luma.shape[1])
    band = (np.hypot(rows, columns) * 2 * BANDS).astype(int)
    inside = band < BANDS
    total = np.bincount(band[inside], power[inside], BANDS)
    return np.asarray(10 * np.log10(total / np.bincount(band[inside], minlength=BANDS) + _LEAST))


def blockiness(luma: Floats) -> float:
    """Return by which share steps between pixels are larger at the borders of 8×8 blocks."""
    across = [np.abs(np.diff(plane, axis=1)).mean(axis=0) for plane in (luma, luma.T)]
    at = np.mean([steps[7::8].mean() for steps in across])
    return float(at / np.mean([np.delete(steps, np.s_[7::8]).mean() for steps in across]) - 1)


def variances(luma: Floats, hr_u8: U8Array, scale: Scale) -> Iterable[tuple[float, float]]:
    """Yield level and variance of LR in each square of a wall."""
    for top in range(0, hr_u8.shape[0] - SQUARE + 1, SQUARE):
        for left in range(0, hr_u8.shape[1] - SQUARE + 1, SQUARE):
            inner = [
                slice(lr_side(edge, scale) + _MARGIN, lr_side(edge + SQUARE, scale) - _MARGIN)
                for edge in (top, left)
            ]
            square = luma[inner[0], inner[1]]
            yield float(hr_u8[top, left, 0]), float(square.var())


def figures_of(folder: Path, scale: Scale) -> Figures:
    """Return the statistics of the LR of a set of pairs."""
    powers, blocks = [], []
    noise: list[tuple[float, float]] = []
    with open_pairs(folder) as reader:
        for number in range(len(reader)):
            lr_u8, hr_u8 = reader.read(number)
            luma = np.asarray(luma_fast(lr_u8.astype(np.float32)), dtype=np.float64)
            if reader.keys[number].startswith("wall"):
                noise += variances(luma, hr_u8, scale)
            else:
                powers.append(log_power(luma))
                blocks.append(blockiness(luma))
    levels, found = np.array(noise).T
    figures = {
        f"power at {(band + 0.5) / (2 * BANDS):.2f} c/px, dB": float(value)
        for band, value in enumerate(np.mean(powers, axis=0))
    }
    for low, high in itertools.pairwise(LEVELS):
        inside = (levels >= low) & (levels < high)
        figures[f"noise at levels {low}–{high}"] = float(np.sqrt(found[inside].mean()))
    figures["steps at 8×8 borders, %"] = 100 * float(np.mean(blocks))
    return figures


def sets_of(
    source: Path, hr: tuple[Path, ...], out: Path, scale: Scale, seeds: int, noise_from: Any
) -> list[Figures]:
    """Build pairs with each seed and return their statistics."""
    found = []
    for seed in range(seeds):
        folder = out / f"{source.stem} {noise_from} {seed}"
        config = BuildPairsConfig(
            pool=source,
            hr=hr,
            out=folder,
            scale=scale,
            hr_size=SIDE,
            noise_from=noise_from,
            further=("jpeg",),
            seed=seed if source.is_dir() else seeds + seed,
        )
        build_pairs(config, executor=make_executor(1))
        found.append(figures_of(folder, scale))
    return found


def compare(own: list[Figures], other: list[Figures]) -> dict[str, dict[str, float]]:
    """Return mean, spread and difference of each figure of two sources of pairs."""
    table = {}
    for name in own[0]:
        mine, made = (np.array([each[name] for each in runs]) for runs in (own, other))
        doubt = 3 * float(np.sqrt(mine.var(ddof=1) / len(mine) + made.var(ddof=1) / len(made)))
        apart = float(made.mean() - mine.mean())
        table[name] = {
            "pool": float(mine.mean()),
            "spread": float(np.ptp(mine)),
            "other": float(made.mean()),
            "apart": apart,
            "doubt": doubt,
        }
    return table


def lines(title: str, table: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Return the table as text."""
    heads = ("pool", "its seeds apart", title, "differs", "none below")
    text = [f"{'':26}" + "".join(f"{head:>17}" for head in heads)]
    for name, row in table.items():
        cells = "".join(
            f"{row[key]:>17.3f}" for key in ("pool", "spread", "other", "apart", "doubt")
        )
        mark = "" if abs(row["apart"]) <= row["doubt"] else "  *"
        text.append(f"{name:26}{cells}{mark}")
    return text


def run(photos: list[Path], hr: Path, scale: Scale, seeds: int) -> dict[str, Any]:
    """Build the pool, its fingerprint and all pairs, and compare them.

    Raises
    ------
    DegradeError
        Photos cannot be used, or the pool lacks what LR goes through.
    """
    if seeds < 2:
        raise DegradeError("a spread takes two seeds at least")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        common: dict[str, Any] = {"sources": tuple(photos), "pool": folder / "pool"}
        build_pool(
            BuildPoolConfig(
                kernels=EstimateKernelsConfig(scale=scale, **common),
                noise=ExtractNoiseConfig(**common),
            )
        )
        pool, camera = folder / "pool", folder / "camera.json"
        write_fingerprint(FingerprintConfig(pool=pool, out=camera))
        for number in range(WALLS):
            write_png(folder / "walls" / f"wall {number}.png", wall(number))
        given = (hr, folder / "walls")
        own, made = (
            sets_of(source, given, folder, scale, seeds, "model") for source in (pool, camera)
        )
        found = {
            "bytes": camera.stat().st_size,
            "kernels": [len(DegradationPool.open(path).kernels) for path in (pool, camera)],
            "fingerprint": compare(own, made),
        }
        if DegradationPool.open(pool).noise:
            patches = sets_of(pool, given, folder, scale, seeds, "patches")
            found["patches"] = compare(own, patches)
        return found


def main() -> None:
    """Run the comparison that the command line asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("photos", nargs="*", type=Path, default=[DATA / "real"])
    parser.add_argument("--hr", type=Path, default=DATA / "hr")
    parser.add_argument("--scale", type=as_scale, default=4)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    found = run(arguments.photos, arguments.hr, arguments.scale, arguments.seeds)
    of_pool, of_file = found["kernels"]
    print(f"{of_file} of {of_pool} kernels in {found['bytes'] / 1024:.0f} KiB")
    for title in ("fingerprint", "patches"):
        if title in found:
            print("\n".join(["", *lines(title, found[title])]))
    print("\n*: differs by more than seeds alone explain")
    write_json(arguments.json, found)


if __name__ == "__main__":
    run_main(main)

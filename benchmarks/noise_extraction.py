"""Time extract-noise against RealSR's published collection and naive loops, on one core.

    python -m benchmarks.noise_extraction PHOTO… [--rounds 3] [--json FILE]

The published collection (Ji et al., CVPRW 2020, released code, described in words): each photo is
decoded by Pillow, every 256 px window of a grid of that step is measured by np.var and np.mean on
its 8-bit grey levels, and the windows of a variance below 20 are saved as PNG, one by one. The
naive loops are the same two measures at every 32nd position and the last; our search measures
clipping, texture and unevenness in each colour too. All sides work on the same photo in turns, so
that other work on the machine slows all; figures are CPU time, medians over the rounds.

"worker" is what one photo costs a worker of extract-noise: reading, hashing, decoding, searching,
cutting out, residuals. "command" is the whole command for that photo, finding it and writing into
a new pool included, with the same settings; "wall" is how long that takes, waiting for the disk
included. "floor" is what no way round is known for: the file's SHA-256, its stream unpacked and
filters undone, windows summed, each once. Residual crops of 32×32 are read from a pool of 300
patches, each at random and each patch read once before.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from benchmarks.parts import DRAWN, draw_noise, seconds, write_json
from degrade.arrays import AnyArray
from degrade.disk.processes import keep_freed_memory
from degrade.images.decoding import DECODERS
from degrade.images.image_io import read_photo, read_photo_header
from degrade.noise import NoiseSelection, patch_positions, search_noise_patches, take_patches
from degrade.noise.window_statistics import measure_windows
from degrade.pool import DegradationPool
from degrade.rng import rng_for
from pipelines.measuring.extract_noise import ExtractNoiseConfig, NoNoiseError, extract_noise

PATCH = 256
STRIDE = 32
POOL_PATCHES = 300
CROPS = 20_000
CROP = 32


def published_collection(path: Path, out: Path) -> int:
    """Save a photo's flat windows as the published code does; return how many."""
    image = Image.open(path).convert("RGB")
    pixels, grey = np.array(image), np.array(image.convert("L"))
    height, width = grey.shape
    saved = 0
    for top in range(0, height - PATCH + 1, PATCH):
        for left in range(0, width - PATCH + 1, PATCH):
            window = grey[top : top + PATCH, left : left + PATCH]
            if np.var(window) < 20 and np.mean(window) > 0:
                patch = pixels[top : top + PATCH, left : left + PATCH]
                Image.fromarray(patch).save(out / f"{saved}.png")
                saved += 1
    return saved


def naive_search(pixels: AnyArray) -> int:
    """Measure every window by two loops; return how many are flat."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    flat = 0
    for top in patch_positions(len(grey), PATCH, STRIDE):
        for left in patch_positions(grey.shape[1], PATCH, STRIDE):
            window = grey[top : top + PATCH, left : left + PATCH]
            flat += bool(np.var(window) < 20 and np.mean(window) > 0)
    return flat


def worker(path: Path) -> int:
    """Do what a worker does for one photo, and all its residuals; return how many."""
    pixels = read_photo(path).pixels
    patches = take_patches(
        pixels, search_noise_patches(pixels, NoiseSelection(patch_size=PATCH)), source=path.name
    )
    return len([patch.residual for patch in patches])


def floor(data: bytes, path: Path) -> None:
    """Hash and decode a file that is in memory, and sum its windows: nothing else."""
    hashlib.sha256(data).hexdigest()
    header = read_photo_header(data, path)
    pixels = DECODERS[header.format](data, header).pixels
    stride = NoiseSelection(patch_size=PATCH).step(PATCH)
    rows, columns = (patch_positions(side, PATCH, stride) for side in pixels.shape[:2])
    measure_windows(pixels, rows, columns, PATCH)


def command(path: Path, pool: Path) -> None:
    """Run the job for one photo, into a new pool."""
    config = ExtractNoiseConfig(
        sources=(path,), pool=pool, selection=NoiseSelection(patch_size=PATCH)
    )
    try:
        extract_noise(config)
    except NoNoiseError:
        return  # all the work was done, only nothing was there to write


def timed(job: Callable[[], object]) -> tuple[float, float]:
    """Return the milliseconds of CPU and of wall-clock time that a job takes."""
    wall = time.perf_counter()
    cpu = seconds(job)
    return 1000 * cpu, 1000 * (time.perf_counter() - wall)


def measure_photo(path: Path, rounds: int) -> dict[str, Any]:
    """Return milliseconds and ratios for one photo."""
    data, pixels = path.read_bytes(), read_photo(path).pixels
    dense = NoiseSelection(patch_size=PATCH, stride=STRIDE)
    with tempfile.TemporaryDirectory() as out, tempfile.TemporaryDirectory() as pools:
        numbers = itertools.count()
        jobs: dict[str, Callable[[], object]] = {
            "published": lambda: published_collection(path, Path(out)),
            "worker": lambda: worker(path),
            "command": lambda: command(path, Path(pools) / str(next(numbers))),
            "floor": lambda: floor(data, path),
            "decode": lambda: read_photo(path),
            "search": lambda: search_noise_patches(pixels, NoiseSelection(patch_size=PATCH)),
            "naive_stride_32": lambda: naive_search(pixels),
            "search_stride_32": lambda: search_noise_patches(pixels, dense),
        }
        jobs["command"]()  # imports, caches
        turns = [{name: timed(job) for name, job in jobs.items()} for _ in range(rounds)]
        saved = published_collection(path, Path(out))
    cpu = {name: statistics.median(turn[name][0] for turn in turns) for name in jobs}
    return {
        "height": pixels.shape[0],
        "width": pixels.shape[1],
        "published_patches": saved,
        "patches": worker(path),
        "milliseconds": cpu,
        "command_wall_milliseconds": statistics.median(turn["command"][1] for turn in turns),
        "ratios": {
            "worker": cpu["published"] / cpu["worker"],
            "command": cpu["published"] / cpu["command"],
            "floor": cpu["published"] / cpu["floor"],
            "search_stride_32": cpu["naive_stride_32"] / cpu["search_stride_32"],
        },
    }


def measure_crops() -> float:
    """Return how many residual crops are read in a second of CPU time."""
    rng = rng_for(0, "benchmark", "crops")
    with tempfile.TemporaryDirectory() as folder:
        pool = DegradationPool.create(Path(folder) / "pool")
        with pool.writing():
            keys = [pool.add_noise(patch, DRAWN) for patch in draw_noise(rng, POOL_PATCHES)]
        for key in keys:
            pool.read_residual_crop(key, 0, 0, CROP, CROP)
        chosen = rng.integers(0, len(keys), CROPS)
        corners = rng.integers(0, PATCH - CROP, (CROPS, 2))

        def read_all() -> None:
            for key, (top, left) in zip(chosen, corners, strict=True):
                pool.read_residual_crop(keys[key], int(top), int(left), CROP, CROP)

        return CROPS / min(seconds(read_all) for _ in range(3))


def main() -> None:
    """Measure, print, and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    keep_freed_memory()  # as the command line does
    found: dict[str, Any] = {"photos": {}}
    for path in arguments.photos:
        figures = measure_photo(path, arguments.rounds)
        found["photos"][path.name] = figures
        print(
            f"{path.name}: {figures['width']}×{figures['height']}, patches: published "
            f"{figures['published_patches']}, ours {figures['patches']}"
        )
        for name, value in figures["milliseconds"].items():
            print(f"  {name:18} {value:8.1f} ms")
        print(f"  {'command, wall':18} {figures['command_wall_milliseconds']:8.1f} ms")
        for name, value in figures["ratios"].items():
            print(f"  {name:18} {value:8.1f} ×")
    found["residual_crops_per_second"] = measure_crops()
    print(f"residual crops per second: {found['residual_crops_per_second']:.0f}")
    write_json(arguments.json, found)


if __name__ == "__main__":
    main()

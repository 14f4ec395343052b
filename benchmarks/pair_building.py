"""Time build-pairs against RealSR's published loop and against decoding alone, on one core.

    python -m benchmarks.pair_building PHOTO… [--hr-size full] [--workers] [--json FILE]

The published loop (Ji et al., CVPRW 2020, released code, described in words): each photo is
decoded, blurred at full resolution by a 21×21 kernel, one channel after the other, every fourth
pixel is kept, and HR and LR are saved as PNG; with clean-up the photo is first halved by a bicubic
resize. Both sides work on the same photos in turns, so that other work on the machine slows both;
each photo's figures are CPU time, medians over the photos. Ours is the whole job: finding, hashing
and decoding the photos, blur, noise, the shard with all its checks, sidecar and manifest. What a
run costs whatever its photos is shared by those given; ``further_photo_ms`` is what each photo but
the first adds.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import msgspec
import numpy as np
from scipy import ndimage

from benchmarks.parts import DRAWN, draw_noise, seconds, write_json
from degrade.arrays import AnyArray
from degrade.disk.processes import keep_freed_memory
from degrade.images.image_io import decode_photo
from degrade.kernels import gaussian_kernel
from degrade.kernels.estimates import SPECTRAL
from degrade.pool import DegradationPool
from degrade.resample import imresize
from degrade.rng import rng_for
from pipelines.executors import Executor, ProcessExecutor
from pipelines.pairs.build_pairs import build_pairs
from pipelines.pairs.planning import BuildPairsConfig

SCALE = 4
PNG_LEVEL = 6  # zlib's own default, which the published loop's library uses


def make_pool(folder: Path, size: int) -> DegradationPool:
    """Return a pool of random kernels of ``size`` taps and of noise patches."""
    pool = DegradationPool.create(folder)
    rng = rng_for(0, "benchmark", size)
    with pool.writing():
        for _ in range(16):
            first, second = rng.uniform(1.2, 3.5, 2)
            kernel = gaussian_kernel(size, SCALE, (first, second), rng.uniform(0, np.pi))
            # As if they were estimated: then pairs go through all steps of the recipe.
            pool.add_kernel(kernel, msgspec.structs.replace(DRAWN, method=SPECTRAL))
        for patch in draw_noise(rng, 16):
            pool.add_noise(patch, DRAWN)
    return pool


def published_loop(path: Path, weights: AnyArray, out: Path, factor: int) -> None:
    """Make one pair as the published code does."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if factor > 1:
        height, width = (side - side % factor for side in image.shape[:2])
        smaller = imresize(image[:height, :width].astype(np.float32), 1 / factor)
        image = np.rint(smaller.clip(0, 255)).astype(np.uint8)
    blurred = [ndimage.correlate(image[..., channel], weights) for channel in range(3)]
    lr = np.stack(blurred, axis=-1)[::SCALE, ::SCALE]
    for name, pixels in (("hr", image), ("lr", lr)):
        encoding = [cv2.IMWRITE_PNG_COMPRESSION, PNG_LEVEL]
        cv2.imwrite(str(out / f"{name}.png"), pixels, encoding)


def decode_times(path: Path) -> tuple[float, float]:
    """Return the seconds of OpenCV's decoder and of the one that the toolkit takes."""
    data = path.read_bytes()
    plain = seconds(lambda: cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR))
    return plain, seconds(lambda: decode_photo(data, path))


def build(
    photos: list[Path],
    pool: Path,
    factor: int,
    arguments: argparse.Namespace,
    *,
    executor: Executor | None = None,
    shard_mib: int = 256,
    clock: Callable[[], float] = time.process_time,
) -> float:
    """Return the seconds that building the pairs of some photos takes."""
    hr_size = None if arguments.hr_size == "full" else int(arguments.hr_size)
    with tempfile.TemporaryDirectory() as out:
        config = BuildPairsConfig(
            pool=pool,
            out=Path(out) / "pairs",
            hr=tuple(photos),
            format=arguments.format,
            scale=SCALE,
            hr_size=hr_size,
            clean_up=factor,
            shard_mib=shard_mib,
        )
        return seconds(lambda: build_pairs(config, executor=executor), clock=clock)


def measure(photos: list[Path], factor: int, arguments: argparse.Namespace) -> dict[str, float]:
    """Return milliseconds per photo and the ratios of one recipe."""
    with tempfile.TemporaryDirectory() as folder:
        pool = make_pool(Path(folder) / "pool", arguments.kernel_size).path
        weights = gaussian_kernel(21, SCALE, (2.5, 1.8), 0.4).weights
        build(photos[:1], pool, factor, arguments)  # imports, caches
        published, ours, alone, plain, own = [], [], [], [], []
        for path in photos:
            published.append(
                seconds(lambda p=path: published_loop(p, weights, Path(folder), factor))
            )  # type: ignore[misc]
            times = decode_times(path)
            plain.append(times[0])
            own.append(times[1])
            ours.append(build(photos, pool, factor, arguments) / len(photos))
            alone.append(build(photos[:1], pool, factor, arguments))
    medians = [1000 * statistics.median(times) for times in (published, plain, own, ours)]
    added = 1000 * (statistics.median(ours) * len(photos) - statistics.median(alone))
    further = added / max(len(photos) - 1, 1)
    return {
        "published_ms": medians[0],
        "opencv_decode_ms": medians[1],
        "decode_ms": medians[2],
        "build_pairs_ms": medians[3],
        "times_the_published": medians[0] / medians[3],
        "over_decode": medians[3] / medians[2],
        "further_photo_ms": further,
        "further_over_decode": further / medians[2],
        "over_opencv_decode": medians[3] / medians[1],
    }


def measure_workers(photos: list[Path], arguments: argparse.Namespace) -> dict[str, float]:
    """Return the wall seconds of one worker and of two, their start included, and the ratio."""
    with tempfile.TemporaryDirectory() as folder:
        pool = make_pool(Path(folder) / "pool", arguments.kernel_size).path
        walls: dict[int, list[float]] = {1: [], 2: []}
        for _ in range(3):
            for count, found in walls.items():
                seconds_taken = build(
                    photos,
                    pool,
                    1,
                    arguments,
                    executor=ProcessExecutor(count),
                    shard_mib=16,
                    clock=time.perf_counter,
                )
                found.append(seconds_taken)
    one, two = (min(found) for found in walls.values())
    return {"one_worker_s": one, "two_workers_s": two, "one_over_two": one / two}


def main() -> None:
    """Measure with and without clean-up, print, and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--hr-size", default="512")
    parser.add_argument("--format", default="hdf5")
    parser.add_argument("--kernel-size", type=int, default=21)
    parser.add_argument("--workers", action="store_true", help="compare two workers with one, too")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    keep_freed_memory()  # as the command line does
    found: dict[str, dict[str, float]] = {}
    for name, factor in (("clean HR", 1), ("with clean-up", 2)):
        found[name] = measure(arguments.photos, factor, arguments)
        print(name)
        for figure, value in found[name].items():
            print(f"  {figure:22} {value:8.1f}")
    if arguments.workers:
        found["workers"] = measure_workers(arguments.photos, arguments)
        print(f"two workers are {found['workers']['one_over_two']:.2f} times as fast as one")
    found["process"] = {"peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}
    print(f"peak memory of the process {found['process']['peak_mb']:.0f} MB")
    write_json(arguments.json, found)


if __name__ == "__main__":
    main()

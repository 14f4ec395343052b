"""Judge noise that pairs get against noise that is there: photos whose mean of shots is known.

    python -m benchmarks.noise_model FOLDER [--only CAMERA …] [--json FILE]

FOLDER holds NAME_real and NAME_mean in any format; what NAME begins with, up to the first ``_``, is
the camera. For each camera a pool is built of its noisy photos alone, as ``degrade build-pool``
does it; then steps are drawn from that pool, as ``degrade build-pairs`` draws them, and applied to
the mean photos: ``residual`` (RealSR: patches as they are), ``scaled-residual``, ``noise-model``;
and white noise of the patches' mean variance. Each is compared with the real noise in windows of 32
px that are flat in the mean photo and not clipped in the real one, without their best planes:
variance by level (32 levels a bin, 8 windows at least), correlation of neighbours, and of channels.
Of photos larger than 1024 px their middle is judged.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.parts import write_json
from degrade.arrays import AnyArray, FloatArray, U8Array, round_to_u8
from degrade.degradation.steps import StepInputs, find_step
from degrade.images.image_io import IMAGE_SUFFIXES, read_photo
from degrade.noise import NoiseSelection
from degrade.noise.cells import residuals_of
from degrade.pool import DegradationPool
from degrade.rng import rng_for
from pipelines import BuildPoolConfig, EstimateKernelsConfig, ExtractNoiseConfig, build_pool

WINDOW, STEP, BIN = 32, 16, 32
MOST_SIDE, DRAWS = 1024, 3
FLAT = 4.0
"""Most variance that the mean photo may have in a window, in any channel."""

MOST_CLIPPED = 0.005
MOST_VARIANCE = 100.0
"""Of patches: these photos were taken at high ISO."""

WANTED = {"variance": 0.10, "lag 1": 0.05, "channels": 0.05}

Way = Callable[[FloatArray, int], FloatArray]


def pool_of(photos: list[Path], folder: Path) -> DegradationPool:
    """Build a pool of noisy photos."""
    common: dict[str, Any] = {"sources": tuple(photos), "pool": folder / "pool"}
    build_pool(
        BuildPoolConfig(
            kernels=EstimateKernelsConfig(scale=2, **common),
            noise=ExtractNoiseConfig(
                selection=NoiseSelection(max_variance=MOST_VARIANCE), **common
            ),
        )
    )
    return DegradationPool.open(folder / "pool")


def ways_of(pool: DegradationPool) -> dict[str, Way]:
    """Return the ways to make LR noisy, given its levels and a number."""
    index, given = pool.index(2), StepInputs(pool)
    residuals = [pool.read_residual(choice.id) for choice in index.noise]
    variances = [255**2 * residual.var(axis=(0, 1)) for residual in residuals]
    sigma = np.sqrt(np.mean(variances, axis=0)).astype(np.float32)

    def white(levels: FloatArray, number: int) -> FloatArray:
        return levels + rng_for(number, "white").standard_normal(levels.shape, np.float32) * sigma

    def step(kind: str) -> Way:
        def noisy(levels: FloatArray, number: int) -> FloatArray:
            drawn = find_step(kind).draw(index, levels.shape[:2], rng_for(number, "step"))
            return drawn.apply(levels, given)

        return noisy

    kinds = ("residual", "scaled-residual", "noise-model")
    return {"white": white, **{kind: step(kind) for kind in kinds}}


def windows_of(image: AnyArray) -> FloatArray:
    """Return (N, 32, 32, 3) windows at steps of 16 px."""
    seen = np.lib.stride_tricks.sliding_window_view(image, (WINDOW, WINDOW), axis=(0, 1))
    chosen = seen[::STEP, ::STEP].reshape(-1, 3, WINDOW, WINDOW).transpose(0, 2, 3, 1)
    return chosen.astype(np.float32)


def middle_of(photo: U8Array) -> U8Array:
    """Return what is judged of a photo."""
    top, left = (max(side - MOST_SIDE, 0) // 2 for side in photo.shape[:2])
    return photo[top : top + MOST_SIDE, left : left + MOST_SIDE]


def describe(noise: FloatArray, levels: AnyArray) -> dict[str, Any]:
    """Return the variance by channel and bin, correlations of neighbours and of channels."""
    clear = residuals_of(noise)
    variances = clear.var(axis=(1, 2))
    strength = {}
    for channel in range(3):
        bins = levels[:, channel] // BIN
        for number in np.unique(bins):
            inside = bins == number
            if inside.sum() >= 8 * DRAWS:
                strength[f"{channel}:{int(number) * BIN}"] = variances[inside, channel].mean()
    clear /= np.sqrt(np.maximum(variances, 1e-6))[:, None, None, :]  # windows count alike
    lags = [
        (clear[:, 1:] * clear[:, :-1]).mean(axis=(0, 1, 2)),
        (clear[:, :, 1:] * clear[:, :, :-1]).mean(axis=(0, 1, 2)),
    ]
    together = np.corrcoef(clear.reshape(-1, 3).T)[np.triu_indices(3, 1)]
    return {"variance": strength, "lag 1": np.concatenate(lags), "channels": together}


def judge(pairs: list[tuple[Path, Path]]) -> dict[str, dict[str, float]]:
    """Return, for each way, how far its noise is from the real one of a camera."""
    noise = defaultdict(list)
    levels = []
    with tempfile.TemporaryDirectory() as folder:
        ways = ways_of(pool_of([real for real, _ in pairs], Path(folder)))
        for number, pair in enumerate(pairs):
            real, mean = (middle_of(read_photo(path).as_u8()) for path in pair)
            windows, seen = windows_of(mean), windows_of(real)
            flat = residuals_of(windows).var(axis=(1, 2)).max(axis=1) < FLAT
            clipped = ((seen == 0) | (seen == 255)).mean(axis=(1, 2)).max(axis=1)
            flat &= clipped <= MOST_CLIPPED
            levels += [windows[flat].mean(axis=(1, 2))] * DRAWS
            clean = mean.astype(np.float32)
            noise["real"] += [seen[flat] - windows[flat]] * DRAWS
            for name, way in ways.items():
                for draw in range(DRAWS):
                    noisy = round_to_u8(way(clean, DRAWS * number + draw))
                    noise[name].append(windows_of(noisy)[flat] - windows[flat])
    level = np.concatenate(levels)
    return compare({name: describe(np.concatenate(n), level) for name, n in noise.items()}, level)


def compare(found: dict[str, dict[str, Any]], level: AnyArray) -> dict[str, dict[str, float]]:
    """Return how far each way is from what is called real."""
    real, table = found.pop("real"), {}
    for name, made in found.items():
        ratios = np.array(
            [made["variance"][key] / real["variance"][key] for key in real["variance"]]
        )
        off = np.abs(ratios - 1)
        table[name] = {
            "variance, median error": float(np.median(off)),
            "variance, median": float(np.median(ratios)),
            "variance, worst": float(off.max()),
            "variance, within 10 %": float((off <= WANTED["variance"]).mean()),
            "lag 1": float(np.abs(made["lag 1"] - real["lag 1"]).max()),
            "channels": float(np.abs(made["channels"] - real["channels"]).max()),
            "windows": float(len(level) // DRAWS),
            "bins": float(len(ratios)),
        }
    return table


def main() -> None:
    """Judge every camera, print, and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", nargs="*", help="cameras")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    cameras: Mapping[str, list[tuple[Path, Path]]] = defaultdict(list)
    for path in sorted(arguments.folder.glob("*_real.*")):
        means = path.parent.glob(f"{path.stem.removesuffix('_real')}_mean.*")
        mean = next((other for other in means if other.suffix.lower() in IMAGE_SUFFIXES), None)
        camera = path.name.split("_")[0]
        if mean is not None and (not arguments.only or camera in arguments.only):
            cameras[camera].append((path, mean))
    found = {}
    for camera, pairs in cameras.items():
        found[camera] = judge(pairs)
        print(camera)
        for name, figures in found[camera].items():
            line = ", ".join(f"{key} {value:.3f}" for key, value in figures.items())
            print(f"  {name}: {line}", flush=True)
    for name in next(iter(found.values()), {}):
        tables = [table[name] for table in found.values()]
        each = {key: [table[key] for table in tables] for key in tables[0]}
        median = {key: float(np.median(values)) for key, values in each.items()}
        print(f"all, {name}: ", ", ".join(f"{key} {value:.3f}" for key, value in median.items()))
    write_json(arguments.json, found)


if __name__ == "__main__":
    main()

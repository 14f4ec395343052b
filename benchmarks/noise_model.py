"""Judge noise that pairs get against noise that is there: photos whose mean of shots is known.

    python -m benchmarks.noise_model FOLDER [--only CAMERA …] [--json FILE]

FOLDER holds NAME_real and NAME_mean in any format; what NAME begins with, up to the first ``_``, is
the camera. For each camera a pool is built of its noisy photos alone, as ``degrade build-pool``
does it; then steps are drawn from that pool, as ``degrade build-pairs`` draws them, and applied to
the mean photos: ``residual`` (RealSR: patches as they are), ``scaled-residual``, ``noise-model``;
and white noise of the patches' mean variance. ``truth`` is a model that was fitted to the real
noise itself: nothing that has the form of a model comes nearer, whatever it is measured by.
``truth of others`` is fitted to that of the camera's other scenes: so far apart are the scenes of
one camera at one ISO setting.

Each is compared with the real noise in windows of 32 px that are flat in the mean photo and not
clipped in the real one, without their best planes: variance by level (32 levels a bin, 8 windows at
least), correlation of neighbours, and of channels. The real noise is what a photo has in common
with its difference from the mean, so that rounding and JPEG compression of the mean are none of it.
Of photos larger than 1024 px their middle is judged.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.parts import write_json
from degrade.arrays import AnyArray, FloatArray, U8Array, round_to_u8
from degrade.degradation.steps import StepInputs, find_step
from degrade.images.image_io import IMAGE_SUFFIXES, read_photo
from degrade.noise import NoiseSelection
from degrade.noise.cells import residuals_of
from degrade.noise.model import fit_noise, make_noise
from degrade.noise.statistics import PRODUCTS, ColourNoise, NoiseStatistics, flat_grain
from degrade.pool import DegradationPool
from degrade.rng import rng_for
from pipelines import BuildPoolConfig, EstimateKernelsConfig, ExtractNoiseConfig, build_pool

WINDOW, STEP, BIN = 32, 16, 32
MOST_SIDE, DRAWS, FEWEST = 1024, 3, 8
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


def describe(noise: FloatArray, levels: AnyArray, seen: AnyArray | None = None) -> dict[str, Any]:
    """Return the variance by channel and bin, correlations of neighbours and of channels.

    Of what the noise has in common with the windows that were ``seen``, where they are given.
    """
    clear = residuals_of(noise)
    own = clear if seen is None else residuals_of(seen.astype(np.float32))
    variances = np.maximum((own * clear).mean(axis=(1, 2)), clear.var(axis=(1, 2)) / 4)
    strength = {}
    for channel in range(3):
        bins = levels[:, channel] // BIN
        for number in np.unique(bins):
            inside = bins == number
            if inside.sum() >= FEWEST:
                strength[f"{channel}:{int(number) * BIN}"] = variances[inside, channel].mean()
    size = np.sqrt(np.maximum(variances, 1e-6))[:, None, None, :]  # windows count alike
    clear, own = clear / size, own / size
    lags = [
        (own[:, 1:] * clear[:, :-1] + clear[:, 1:] * own[:, :-1]).mean(axis=(0, 1, 2)) / 2,
        (own[:, :, 1:] * clear[:, :, :-1] + clear[:, :, 1:] * own[:, :, :-1]).mean(axis=(0, 1, 2))
        / 2,
    ]
    products = own.reshape(-1, 3).T @ clear.reshape(-1, 3)
    spread = np.sqrt(np.diag(products))
    together = ((products + products.T) / 2 / np.outer(spread, spread))[np.triu_indices(3, 1)]
    return {"variance": strength, "lag 1": np.concatenate(lags), "channels": together}


def truth_of(scenes: Sequence[_Scene]) -> Way:
    """Return the way to make noise by a model that is fitted to the real noise of scenes."""
    noise, seen = (
        quarters(np.concatenate([getattr(scene, name) for scene in scenes]))
        for name in ("real", "seen")
    )
    levels = np.concatenate([scene.levels for scene in scenes])
    clear, own = residuals_of(noise), residuals_of(seen.astype(np.float32))
    products = [(clear[..., one] * own[..., other]).mean(axis=(1, 2)) for one, other in PRODUCTS]
    rows = np.concatenate([np.repeat(levels, 4, axis=0), np.stack(products, axis=1)], axis=1)
    rows[:, 3:6] = np.maximum(rows[:, 3:6], 0.01)
    keys = (rows[:, :3] // BIN).astype(int) @ [64, 8, 1]
    colours = []
    for key in np.unique(keys):
        inside = keys == key
        colours.append(ColourNoise._make([*rows[inside].mean(axis=0).tolist(), int(inside.sum())]))
    moving = clear.var(axis=(1, 2)).min(axis=1) > 0
    grain = np.clip(flat_grain(noise[moving]), -1, 1).tolist()
    measured = NoiseStatistics(
        looked_at=len(noise),
        cells=len(noise),
        colours=tuple(colours),
        grain=tuple(tuple(lags) for lags in grain),
    )
    model = fit_noise([measured]).model
    return lambda clean, number: clean + make_noise(model, clean, number)


def quarters(windows: AnyArray) -> AnyArray:
    """Return the cells of 16 px of windows, (4 N, 16, 16, 3)."""
    half = WINDOW // 2
    cut = windows.reshape(-1, 2, half, 2, half, 3).swapaxes(2, 3)
    return cut.reshape(-1, half, half, 3)


def judge(pairs: list[tuple[Path, Path]]) -> dict[str, dict[str, float]]:
    """Return, for each way, how far its noise is from the real one of a camera."""
    scenes = [_Scene.of(*pair) for pair in pairs]
    level = np.concatenate([scene.levels for scene in scenes])
    seen = np.concatenate([scene.seen for scene in scenes])
    real = np.concatenate([scene.real for scene in scenes])
    found = {"real": describe(real, level, seen)}
    with tempfile.TemporaryDirectory() as folder:
        ways = ways_of(pool_of([photo for photo, _ in pairs], Path(folder)))
        each = {name: [way] * len(scenes) for name, way in ways.items()} | _true_ways(scenes)
        for name, of_scenes in each.items():
            noise = [
                scene.noise_of(way, DRAWS * number + draw)
                for draw in range(DRAWS)
                for number, (way, scene) in enumerate(zip(of_scenes, scenes, strict=True))
            ]
            found[name] = describe(np.concatenate(noise), np.concatenate([level] * DRAWS))
    return compare(found, level)


def _true_ways(scenes: Sequence[_Scene]) -> dict[str, list[Way]]:
    """Return, for each scene, the noise of all scenes, and that of all but this one."""
    ways = {"truth": [truth_of(scenes)] * len(scenes)}
    if len(scenes) > 1:
        ways["truth of others"] = [
            truth_of([other for other in scenes if other is not scene]) for scene in scenes
        ]
    return ways


@dataclass(frozen=True)
class _Scene:
    """A mean photo, which windows of it are flat, and what the noisy photo shows there."""

    mean: U8Array
    flat: AnyArray
    seen: FloatArray
    levels: AnyArray

    @property
    def real(self) -> FloatArray:
        return self.seen - self.flat_windows(self.mean)

    @classmethod
    def of(cls, noisy: Path, clean: Path) -> _Scene:
        real, mean = (middle_of(read_photo(path).as_u8()) for path in (noisy, clean))
        windows, seen = windows_of(mean), windows_of(real)
        flat = residuals_of(windows).var(axis=(1, 2)).max(axis=1) < FLAT
        clipped = ((seen == 0) | (seen == 255)).mean(axis=(1, 2)).max(axis=1)
        flat &= clipped <= MOST_CLIPPED
        return cls(mean, flat, seen[flat], windows[flat].mean(axis=(1, 2)))

    def flat_windows(self, image: AnyArray) -> FloatArray:
        return windows_of(image)[self.flat]

    def noise_of(self, way: Way, number: int) -> FloatArray:
        made = round_to_u8(way(self.mean.astype(np.float32), number))
        return self.flat_windows(made) - self.flat_windows(self.mean)


def compare(found: dict[str, dict[str, Any]], level: AnyArray) -> dict[str, dict[str, float]]:
    """Return how far each way is from what is called real."""
    real, table = found.pop("real"), {}
    for name, made in found.items():
        kept = [key for key in real["variance"] if key in made["variance"]]
        ratios = np.array([made["variance"][key] / real["variance"][key] for key in kept])
        off = np.abs(ratios - 1)
        table[name] = {
            "variance, median error": float(np.median(off)),
            "variance, median": float(np.median(ratios)),
            "variance, worst": float(off.max()),
            "variance, within 10 %": float((off <= WANTED["variance"]).mean()),
            "lag 1": float(np.abs(made["lag 1"] - real["lag 1"]).max()),
            "channels": float(np.abs(made["channels"] - real["channels"]).max()),
            "windows": float(len(level)),
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

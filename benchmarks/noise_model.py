"""Judge noise that is made against noise that is there: photos whose mean over many shots is known.

    python -m benchmarks.noise_model FOLDER [--json FILE]

FOLDER holds NAME_real.png and NAME_mean.png; what NAME begins with, up to the first ``_``, is the
camera. For each camera, flat patches of its noisy photos alone feed three ways to make noise: white
of the patches' mean variance; residuals as they are, drawn and sewn (RealSR); and the model. Each
makes noise on the mean photos. It is compared with the real noise in windows of 32 px that are flat
in the mean photo and not clipped in the real one, without their best planes: variance by level (32
levels a bin, 8 windows at least), correlation of neighbours, and of channels.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.parts import write_json
from degrade.arrays import AnyArray, FloatArray, U8Array, round_to_u8
from degrade.images.image_io import read_photo
from degrade.noise import NoisePatch, NoiseSelection, extract_noise_patches
from degrade.noise.cells import without_plane
from degrade.noise.model import fit_noise_model, make_noise
from degrade.noise.quilting import quilt_noise
from degrade.rng import rng_for

WINDOW, STEP, BIN = 32, 16, 32
FLAT = 4.0
"""Most variance that the mean photo may have in a window, in any channel."""

MOST_CLIPPED = 0.005
MOST_VARIANCE = 100.0
"""Of patches: these photos were taken at ISO 3200."""

Noise = Callable[[FloatArray, int], FloatArray]


def patches_of(photo_u8: U8Array) -> list[NoisePatch]:
    """Return the flat patches of a noisy photo."""
    selection = NoiseSelection(
        patch_size=WINDOW, stride=STEP, max_variance=MOST_VARIANCE, max_patches=10**4
    )
    return extract_noise_patches(photo_u8, selection)


def makers(photos: list[U8Array]) -> dict[str, Noise]:
    """Return the ways to make noise on levels, with a seed."""
    patches = [found for photo in photos if (found := patches_of(photo))]
    model = fit_noise_model([[patch.pixels for patch in found] for found in patches])
    residuals = [[patch.residual * np.float32(255) for patch in found] for found in patches]
    flat = [residual.var(axis=(0, 1)) for found in residuals for residual in found]
    sigma = np.sqrt(np.mean(flat, axis=0)).astype(np.float32)

    def white(levels: FloatArray, seed: int) -> FloatArray:
        return rng_for(seed, "white").standard_normal(levels.shape, np.float32) * sigma

    def plain(levels: FloatArray, seed: int) -> FloatArray:
        found = residuals[seed % len(residuals)]
        return quilt_noise(found[:16], levels.shape[0], levels.shape[1], seed)

    def modelled(levels: FloatArray, seed: int) -> FloatArray:
        return make_noise(model, levels, seed)

    return {"white": white, "RealSR": plain, "model": modelled}


def windows_of(image: AnyArray) -> AnyArray:
    """Return (N, 32, 32, 3) windows at steps of 16 px."""
    seen = np.lib.stride_tricks.sliding_window_view(image, (WINDOW, WINDOW), axis=(0, 1))
    chosen: AnyArray = seen[::STEP, ::STEP].reshape(-1, 3, WINDOW, WINDOW).transpose(0, 2, 3, 1)
    return chosen.astype(np.float64)


def describe(noise: AnyArray, levels: AnyArray) -> dict[str, Any]:
    """Return the variance by channel and bin, correlations of neighbours and of channels."""
    clear = without_plane(noise)
    variances = clear.var(axis=(1, 2))
    strength = {}
    for channel in range(3):
        bins = levels[:, channel] // BIN
        for number in np.unique(bins):
            inside = bins == number
            if inside.sum() >= 8:
                strength[f"{channel}:{int(number) * BIN}"] = variances[inside, channel].mean()
    clear /= np.sqrt(variances)[:, None, None, :]  # windows count alike, strong or weak
    lags = [
        (clear[:, 1:] * clear[:, :-1]).mean(axis=(0, 1, 2)),
        (clear[:, :, 1:] * clear[:, :, :-1]).mean(axis=(0, 1, 2)),
    ]
    together = np.corrcoef(clear.reshape(-1, 3).T)[np.triu_indices(3, 1)]
    return {"variance": strength, "lag 1": np.concatenate(lags), "channels": together}


def judge(pairs: list[tuple[U8Array, U8Array]]) -> dict[str, dict[str, float]]:
    """Return, for each way, how far its noise is from the real one of a camera."""
    ways = makers([real for real, _ in pairs])
    noise = defaultdict(list)
    levels = []
    for number, (real, mean) in enumerate(pairs):
        flat = without_plane(windows_of(mean)).var(axis=(1, 2)).max(axis=1) < FLAT
        seen = windows_of(real)
        flat &= ((seen == 0) | (seen == 255)).mean(axis=(1, 2)).max(axis=1) <= MOST_CLIPPED
        levels.append(windows_of(mean)[flat].mean(axis=(1, 2)))
        clean = mean.astype(np.float32)
        made = {name: round_to_u8(clean + way(clean, number)) for name, way in ways.items()}
        for name, noisy in ({"real": real} | made).items():
            noise[name].append(windows_of(noisy.astype(np.float32) - clean)[flat])
    level = np.concatenate(levels)
    found = {name: describe(np.concatenate(parts), level) for name, parts in noise.items()}
    real = found.pop("real")
    table = {}
    for name, made in found.items():
        ratios = np.array(
            [made["variance"][key] / real["variance"][key] for key in real["variance"]]
        )
        table[name] = {
            "variance, median error": float(np.median(np.abs(ratios - 1))),
            "variance, worst": float(np.abs(ratios - 1).max()),
            "variance, within 10 %": float((np.abs(ratios - 1) <= 0.1).mean()),
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
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    cameras: dict[str, list[tuple[U8Array, U8Array]]] = defaultdict(list)
    for path in sorted(arguments.folder.glob("*_real.png")):
        mean = path.with_name(path.name.replace("_real", "_mean"))
        cameras[path.name.split("_")[0]].append(
            (read_photo(path).as_u8(), read_photo(mean).as_u8())
        )
    found = {camera: judge(pairs) for camera, pairs in cameras.items()}
    for camera, table in found.items():
        print(camera)
        for name, figures in table.items():
            print(
                f"  {name:8}", *(f"{key} {value:.3f}" for key, value in figures.items()), sep="  "
            )
    write_json(arguments.json, found)


if __name__ == "__main__":
    main()

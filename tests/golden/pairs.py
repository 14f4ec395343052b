"""Pairs of every kind from material that is exact on any machine, and the digests of their pixels.

    python -m tests.golden.pairs > tests/golden/pairs.json

writes the digests anew. They were made with version 0.1.0's first plans (version 1), before a plan
was a list of steps; whoever changes them changes the bytes of everybody's pairs. Three are newer:
baked noise on whole photos, whose patches are too small, is sewn and no longer mirrored. Those
with a model error came with that, those at ×2.5 with scales that are no integers. The model error
`auto` is white of 2 levels since pairs with it were found to teach more.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Literal

import numpy as np

from degrade.arrays import AnyArray, U8Array
from degrade.geometry import Scale, as_scale
from degrade.kernels import BlurKernel
from degrade.noise import NoisePatch
from degrade.pairs import open_pairs
from degrade.pool import DegradationPool, Provenance
from degrade.rng import rng_for
from pipelines import BuildPairsConfig, build_pairs

NOISE: tuple[Literal["bake", "defer", "none"], ...] = ("bake", "defer", "none")


def make_photo(name: str, height: int, width: int) -> U8Array:
    """Return integer noise, smoothed by adding neighbours, with flat clipped parts."""
    levels = rng_for(0, "golden photo", name).integers(0, 256, (height + 8, width + 8, 3))
    total = sum(levels[y : y + height, x : x + width] for y in range(9) for x in range(9))
    photo: AnyArray = np.clip((np.asarray(total) // 81 - 100) * 5, 0, 255).astype(np.uint8)
    return photo


def make_material(folder: Path) -> None:
    """Write two photos as PPM and a pool whose kernels are sums of powers of two."""
    (folder / "hr").mkdir(parents=True)
    for name, height, width in (("a", 101, 150), ("b", 96, 97)):
        head = f"P6 {width} {height} 255\n".encode()
        (folder / "hr" / f"{name}.ppm").write_bytes(
            head + make_photo(name, height, width).tobytes()
        )
    provenance = Provenance(
        source_name="by hand",
        source_sha256=None,
        box=None,
        method="test",
        settings={},
        tool_version="0",
        values={},
    )
    pool = DegradationPool.create(folder / "pool")
    with pool.writing():
        for kernel in make_kernels():
            pool.add_kernel(kernel, provenance)
        for index in range(3):
            levels = rng_for(0, "golden noise", index).integers(100, 141, (24, 24, 3))
            patch = NoisePatch(levels.astype(np.uint8), 140.0, 120.0, "by hand", (0, 0, 24, 24))
            pool.add_noise(patch, provenance)


def make_kernels() -> Iterator[BlurKernel]:
    """Yield kernels for each scale, some of them with negative taps."""
    profiles = {2: ((1, 3, 3, 1), (-1, 9, 9, -1)), 3: ((1, 2, 1), (-1, 0, 18, 0, -1))}
    profiles[4] = profiles[2]
    between = ((1, 5, 7, 3), (-1, 6, 11, 0))  # whose middle lies a quarter after a tap's
    for scale, (soft, sharp) in profiles.items():
        for down, right in ((soft, soft), (soft, sharp), (sharp, sharp)):
            weights = np.outer(_centred(down, scale), _centred(right, scale))
            yield BlurKernel(weights.astype(np.float32), scale, "by hand")
    for down, right in product(between, repeat=2):
        taps = np.zeros((13, 13), np.float32)
        taps[5:9, 5:9] = np.outer(down, right) / 256
        yield BlurKernel(taps, as_scale("2.5"), "by hand")


def _centred(profile: tuple[int, ...], scale: int) -> AnyArray:
    """Put the middle of a profile where the phase rule wants it, within 13 taps."""
    taps = np.zeros(13)
    start = 6 + (scale - len(profile)) // 2
    taps[start : start + len(profile)] = profile
    return taps / sum(profile)


def digest_of_run(config: BuildPairsConfig) -> str:
    """Build the pairs of some settings and hash every key and pixel, in order."""
    build_pairs(config)
    digest = hashlib.sha256()
    with open_pairs(Path(config.out)) as reader:
        for number, key in enumerate(reader.keys):
            lr_u8, hr_u8 = reader.read(number)
            digest.update(key.encode())
            digest.update(lr_u8.tobytes())
            digest.update(hr_u8.tobytes())
    return digest.hexdigest()


def make_configs(folder: Path) -> Iterator[tuple[str, BuildPairsConfig]]:
    """Yield each kind of run under its name."""
    for scale, noise, (clean_up, hr_size) in product(
        (2, 3, 4), NOISE, ((1, 48), (1, None), (2, 48))
    ):
        name = f"x{scale} {noise} clean-up {clean_up} hr-size {hr_size or 'full'}"
        run = _config(folder, name, scale)
        yield (
            name,
            replace(run, noise=noise, model_error="none", clean_up=clean_up, hr_size=hr_size),
        )
    for scale in (2, 3):
        name = f"x{scale} bake model-error auto"
        yield name, _config(folder, name, scale)
        name = f"x{scale} bake linear-light"
        yield name, replace(_config(folder, name, scale), omitted=())
    for noise, hr_size in (("bake", 50), ("none", None)):
        name = f"x2.5 {noise} hr-size {hr_size or 'full'}"
        run = _config(folder, name, as_scale("2.5"), hr_size)
        yield name, replace(run, noise=noise, model_error="none")
    name = "x4 none model-error 2.0"
    yield name, replace(_config(folder, name, 4), noise="none", model_error=2.0)


def _config(folder: Path, name: str, scale: Scale, hr_size: int | None = 48) -> BuildPairsConfig:
    return BuildPairsConfig(
        pool=folder / "pool",
        hr=(folder / "hr",),
        out=folder / name.replace(" ", "-"),
        omitted=("linear-light",),
        scale=scale,
        hr_size=hr_size,
    )


def make_digests(folder: Path) -> dict[str, str]:
    """Return the digest of every run of :func:`make_configs`."""
    make_material(folder)
    return {name: digest_of_run(config) for name, config in make_configs(folder)}


def main() -> None:
    """Print the digests as JSON."""
    with tempfile.TemporaryDirectory() as name:
        json.dump(make_digests(Path(name)), sys.stdout, indent=1)
        sys.stdout.write("\n")


if __name__ == "__main__":
    main()

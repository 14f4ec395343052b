"""Things that tests make: pictures with something to see, a pool filled by hand."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy import ndimage

from degrade.arrays import FloatArray
from degrade.kernels import BlurKernel, gaussian_kernel
from degrade.kernels.estimates import KernelEstimate, Verdict
from degrade.noise import NoisePatch
from degrade.noise.residuals import tile_residual
from degrade.pairs import Location, ShardSpec, find_committed
from degrade.pool import DegradationPool, Provenance
from degrade.rng import rng_for


def make_scene(name: str, height: int, width: int) -> FloatArray:
    """Return a picture of soft blobs and hard edges on [0, 1], the same for the same name."""
    rng = rng_for(0, "scene", name)
    soft = ndimage.gaussian_filter(rng.standard_normal((height, width, 3)), (6, 6, 0))
    hard = ndimage.gaussian_filter(rng.standard_normal((height, width)), 4) > 0
    scene = 0.5 + 1.2 * soft + np.where(hard, 0.15, -0.15)[..., None]
    return np.clip(scene, 0.05, 0.95).astype(np.float32)


@dataclass(frozen=True)
class PoolInHand:
    """Kernels and residuals by name, where a step would read a pool's files."""

    kernels: dict[str, BlurKernel] = field(default_factory=dict)
    residuals: dict[str, FloatArray] = field(default_factory=dict)

    def read_kernel(self, kernel_id: str) -> BlurKernel:
        return self.kernels[kernel_id]

    def read_residual_crop(
        self, noise_id: str, top: int, left: int, height: int, width: int
    ) -> FloatArray:
        return tile_residual(self.residuals[noise_id], top, left, height, width)


def fill_pool(
    path: Path,
    *,
    scale: int = 2,
    kernels: int = 3,
    patches: int = 4,
    means: tuple[float, ...] = (),
) -> DegradationPool:
    """Return a pool of Gaussian kernels and white noise of sigma 3 grey levels.

    With ``means``, there is a noise patch about each of them.
    """
    pool = DegradationPool.create(path)
    provenance = Provenance(
        source_name="by hand",
        source_sha256=None,
        box=None,
        method="test",
        settings={},
        tool_version="0",
        values={},
    )
    with pool.writing():
        for index in range(kernels):
            kernel = gaussian_kernel(13, scale, (1.0 + 0.3 * index, 0.8), 0.4 * index)
            pool.add_kernel(kernel, provenance)
        for index, mean in enumerate(means or (120.0,) * patches):
            noise = rng_for(0, "noise", index).normal(mean, 3, (64, 64, 3))
            pixels = np.rint(noise).astype(np.uint8)
            patch = NoisePatch(pixels, float(pixels.var()), 120.0, "by hand", (0, 0, 64, 64))
            pool.add_noise(patch, provenance)
    return pool


def open_below(folder: Path) -> list[str]:
    """Return the files below a folder, or the folder itself, that this process has open.

    All that a process has open may become fewer meanwhile, by what other tests have left.
    """
    found = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # closed since, as that of this list is
            path = descriptor.readlink()
            if path.is_relative_to(folder.resolve()):
                found.append(str(path))
    return found


def is_committed(where: Location, spec: ShardSpec) -> bool:
    """Return whether a shard counts."""
    return find_committed(where, spec) is not None


def make_estimate(
    confidence: float, verdicts: tuple[Verdict, ...] = (), *, settled: bool = True
) -> KernelEstimate:
    """Return what an estimator might say of a blur of 1.5 by 1.0 pixels."""
    return KernelEstimate(
        kernel=gaussian_kernel(13, 2, (1.5, 1.0)),
        method="spectral",
        expected_kpsnr=44.0,
        confidence=confidence,
        seconds=0.031,
        verdicts=verdicts,
        settled=settled,
    )

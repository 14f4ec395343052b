"""The whole chain on real photos, and what its pairs must be: aligned, as bright, as noisy.

    python -m benchmarks.chain SOURCES HR OUT [--scale 4] [--iterations 1500] [--jobs 2]

SOURCES are photos of one or more cameras, HR clean ones. Prints, for both formats, the shift of LR
against HR, the change in brightness without noise, and the noise of LR beside that of the pool;
leaves the pool, its sheet, the pairs and a picture of some pairs in OUT.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np

from degrade.arrays import AnyArray, FloatArray, U8Array
from degrade.degradation.steps import Residual
from degrade.disk.results import Results
from degrade.images.image_io import encode_png
from degrade.kernels.registration import measure_shift
from degrade.noise import NoiseSelection
from degrade.pairs import open_pairs
from degrade.pool import DegradationPool
from degrade.resample import imresize
from kernelgan import KernelGANConfig
from pipelines.executors import make_executor
from pipelines.measuring.estimate_kernels import EstimateKernelsConfig
from pipelines.measuring.extract_noise import ExtractNoiseConfig
from pipelines.pairs.build_pairs import BuildPairsConfig, build_pairs
from pipelines.pairs.checks import verify
from pipelines.pool.build_pool import BuildPoolConfig, build_pool
from report.pool_sheet import draw_pool_sheet


def measure_pairs(noisy: Path, clean: Path) -> dict[str, Any]:
    """Compare LR with HR, and LR with and without noise, over all pairs of two runs."""
    shifts, kernels, weights = [], [], []
    means, residuals, wanted = [], [], []
    with open_pairs(noisy) as a, open_pairs(clean) as b:
        pool = DegradationPool.open(Path(a.run["pool"]))
        for row in range(len(a)):
            lr, hr = b.read(row)
            reference = imresize(hr.astype(np.float32) / 255, 1 / a.scale)
            if reference.std() > 0.03:  # flat patches have nothing to register by
                shifts.append(measure_shift(lr.astype(np.float32) / 255, reference))
                kernels.append(b.records[row].plan.kernel_id)
                weights.append(detail(reference))
            means.append(lr.mean(axis=(0, 1)) - 255 * reference.mean(axis=(0, 1), dtype=np.float64))
            residuals.append(float((a.read(row)[0].astype(np.float64) - lr).std()))
            (noise,) = (s for s in a.records[row].plan.steps if isinstance(s, Residual))
            wanted.append(255 * float(pool.read_residual(noise.noise_id).std()))
    return {
        "pairs": len(means),
        "shift_lr_px": summarise_shifts(np.array(shifts), np.array(kernels), np.array(weights)),
        "mean_change_grey_levels": {
            "average_rgb": np.mean(means, axis=0).tolist(),
            "worst": float(np.abs(means).max()),
        },
        "noise_sigma": {"of_lr": float(np.mean(residuals)), "of_pool": float(np.mean(wanted))},
    }


def detail(image: FloatArray) -> float:
    """Return the gradient energy along the direction that has least of it."""
    rows, columns = np.gradient(image.mean(axis=2))
    moments = [[(p * q).sum() for q in (rows, columns)] for p in (rows, columns)]
    return float(np.linalg.eigvalsh(np.array(moments))[0])


def summarise_shifts(shifts: AnyArray, kernels: AnyArray, weights: AnyArray) -> dict[str, Any]:
    """Tell the shift of single patches from that of a kernel over all its patches.

    A kernel without symmetry delays each frequency differently, so the shift that one patch shows
    depends on its content; over many patches that averages out, a kernel off its place does not.
    """
    single = np.abs(shifts).max(axis=1)
    by_kernel = [
        np.abs(np.average(shifts[kernels == k], axis=0, weights=weights[kernels == k])).max()
        for k in np.unique(kernels)
    ]
    return {
        "patches": {"median": float(np.median(single)), "worst": float(single.max())},
        "all_patches_together": np.average(shifts, axis=0, weights=weights).round(4).tolist(),
        "kernels": len(by_kernel),
        "kernels_within_0.05": int((np.array(by_kernel) <= 0.05).sum()),
        "worst_kernel": float(max(by_kernel)),
    }


def draw_pairs(folder: Path, path: Path, count: int = 8) -> None:
    """Write HR patches over their LR patches, enlarged without interpolation."""
    columns: list[U8Array] = []
    with open_pairs(folder) as reader:
        for row in np.linspace(0, len(reader) - 1, count).astype(int):
            lr, hr = reader.read(int(row))
            large = lr.repeat(reader.scale, axis=0).repeat(reader.scale, axis=1)
            side = min(256, *hr.shape[:2])
            columns.append(np.concatenate([hr[:side, :side], large[:side, :side]]))
    side = min(column.shape[1] for column in columns)
    picture = np.concatenate([c[: 2 * side, :side] for c in columns], axis=1)
    Results(path.parent, "benchmarks").write(path, encode_png(picture))


@click.command()
@click.argument("sources", type=click.Path(path_type=Path))
@click.argument("hr", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--scale", default=4, show_default=True)
@click.option("--iterations", default=1500, show_default=True)
@click.option("--patch-size", default=64, show_default=True)
@click.option("--jobs", default=2, show_default=True)
def main(
    sources: Path, hr: Path, out: Path, scale: int, iterations: int, patch_size: int, jobs: int
) -> None:
    """Run the chain and print its figures as JSON."""
    executor = make_executor(jobs)
    pool = out / "pool"
    config = BuildPoolConfig(
        kernels=EstimateKernelsConfig(
            sources=(sources,),
            pool=pool,
            method="kernelgan",
            scale=scale,
            kernelgan=KernelGANConfig(scale=scale, iterations=iterations),
        ),
        noise=ExtractNoiseConfig(
            sources=(sources,), pool=pool, selection=NoiseSelection(patch_size=patch_size)
        ),
    )
    click.echo(build_pool(config, executor=executor).summary())
    draw_pool_sheet(DegradationPool.open(pool), out / "pool.png")
    figures = {}
    for store in ("hdf5", "lmdb"):
        noisy = BuildPairsConfig(
            pool=pool, out=out / store, hr=(hr,), scale=scale, hr_size=256, format=store
        )
        clean = replace(noisy, out=out / f"{store}-clean", noise="none")
        click.echo(build_pairs(noisy, executor=executor).summary())
        build_pairs(clean, executor=executor)
        verify(noisy.out)
        figures[store] = measure_pairs(noisy.out, clean.out)
    draw_pairs(out / "hdf5", out / "pairs.png")
    click.echo(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()

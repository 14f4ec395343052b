"""Is real LR brighter where levels vary? Real pairs, camera by camera, each left out in turn.

python -m benchmarks.linear_light [--pairs FOLDER …]

HR is made smaller; a filter of ten Gaussians, an offset, and the local variance times a gain are
fitted to LR, photo by photo. The gain of the other cameras is then tried on each: by how much does
it lessen what the filter alone leaves?
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from benchmarks.downstream.command import SHARED
from benchmarks.downstream.real_pairs import RealPair, read_real_pairs
from degrade.arrays import FloatArray
from degrade.degradation.steps.linear_light import variance_around
from degrade.luma import luma_studio
from degrade.resample import imresize

_SIGMAS = (0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 8.0)
"""LR pixels: differences of such Gaussians make any kernel that is alike from all sides."""

_BORDER = 6
_LEAST_PHOTOS = 8

_Sums = npt.NDArray[np.float64]


def main(words: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.linear_light", description=__doc__)
    default = [SHARED / "pairs" / name for name in ("realsr_x4", "drealsr_x4")]
    parser.add_argument("--pairs", type=Path, nargs="+", default=default, help="NAME_LR, NAME_HR")
    cameras: dict[str, list[_Sums]] = {}
    for folder in parser.parse_args(words).pairs:
        for pair in read_real_pairs(folder):
            camera = f"{folder.name} {pair.lr_path.name.split('_')[0]}"
            cameras.setdefault(camera, []).append(sums_of(pair))
    sums = {name: each for name, each in cameras.items() if len(each) >= _LEAST_PHOTOS}
    print("\n".join(table(sums)))


def sums_of(pair: RealPair) -> _Sums:
    """Return the moments of the variance and of LR, both without what filters explain.

    Returns
    -------
    (2, 2) float64 array
        Means of the squares and of the product; the variance in hundreds of levels².
    """
    hr = pair.hr_u8.astype(np.float32)
    scale = pair.hr_u8.shape[0] / pair.lr_u8.shape[0]
    small: FloatArray = imresize(hr, 1 / scale)
    plane = luma_studio(small / 255)
    filtered = [plane, *(ndimage.gaussian_filter(plane, sigma) for sigma in _SIGMAS)]
    varied = luma_studio(variance_around(small) / 255) - luma_studio(np.zeros_like(small))
    wanted = luma_studio(pair.lr_u8)
    explained = np.stack([*map(_inner, filtered), np.ones_like(_inner(plane))], axis=1)
    told = np.stack([_inner(varied) / 100, _inner(wanted)], axis=1)
    weights, *_ = np.linalg.lstsq(explained, told, rcond=None)
    left = told - explained @ weights
    return np.asarray(left.T @ left / len(left))


def _inner(plane: npt.NDArray[np.floating]) -> _Sums:
    inner = plane[_BORDER:-_BORDER, _BORDER:-_BORDER]
    return np.asarray(inner, np.float64).ravel()


def table(cameras: dict[str, list[_Sums]]) -> list[str]:
    """Return a row for each camera, for people."""
    lines = [
        "| camera | photos | gain | brighter in | left by filters, levels² | by the others' gain |",
        "|---|---|---|---|---|---|",
    ]
    means = {name: np.mean(each, axis=0) for name, each in cameras.items()}
    for name, photos in cameras.items():
        own = means[name]
        others = np.sum([mean for other, mean in means.items() if other != name], axis=0)
        gain = others[0, 1] / others[0, 0]
        left = own[1, 1] - 2 * gain * own[0, 1] + gain**2 * own[0, 0]
        positive = np.mean([each[0, 1] > 0 for each in photos])
        lines.append(
            f"| {name} | {len(photos)} | {own[0, 1] / own[0, 0]:.2f} | {positive:.0%} | "
            f"{own[1, 1]:.1f} | −{1 - left / own[1, 1]:.0%} |"
        )
    return lines


if __name__ == "__main__":
    main()

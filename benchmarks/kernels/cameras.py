"""Real pairs again, each kernel moved towards those of its camera as a pool does it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from benchmarks.kernels.real_pairs import SCALE, PairScore, RealPair
from benchmarks.kernels.scoring import as_float
from degrade.kernels.metrics import fit_redegradation, register_pair
from degrade.kernels.shrinking import shrink_kernels
from degrade.spectral import estimate_kernel

__all__ = ["BY_CAMERA", "camera_of", "score_by_camera"]

BY_CAMERA = "spectral, by camera"


def camera_of(name: str) -> str:
    """Return the set and the word that a pair's name begins with; the files have no EXIF data."""
    folder, _, file = name.rpartition("/")
    return f"{folder}/{re.split('[_0-9]', file)[0]}"


def score_by_camera(pairs: Sequence[RealPair]) -> Iterator[PairScore]:
    """Estimate the kernels of all pairs, move them by camera, and score them."""
    cameras: dict[str, list[RealPair]] = defaultdict(list)
    for pair in pairs:
        cameras[camera_of(pair.name)].append(pair)
    for members in cameras.values():
        if len(members) < 2:
            continue
        estimates = [estimate_kernel(pair.lr_u8, SCALE) for pair in members]
        shrunk = shrink_kernels(
            [estimate.kernel for estimate in estimates],
            [estimate.expected_kpsnr for estimate in estimates],
        )
        for pair, one in zip(members, shrunk, strict=True):
            hr, lr = as_float(pair.hr_u8), as_float(pair.lr_u8)
            start = register_pair(hr, lr, SCALE)
            psnr = fit_redegradation(hr, lr, one.kernel, start=start).psnr
            yield PairScore(pair.name, BY_CAMERA, psnr)

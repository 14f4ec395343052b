"""Make what tells whether a photo is of a kind that the networks were trained on.

    python -m spectral_training.usual PHOTO… --log spectral_x4.jsonl --out usual.safetensors

PHOTO… are the photos of a training, LOG says which of them it held out. Of the others samples are
drawn as in training, at all scales; the mean and the covariance of their summaries are usual. The
limit is set by samples of the photos that were held out.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from degrade.arrays import FloatArray
from degrade.disk.results import Results
from degrade.errors import DegradeError
from degrade.images.image_io import read_photo
from degrade.images.sources import find_images, hash_file
from degrade.spectral.usual import FEWEST_WINDOWS, UsualFeatures, encode_usual, summary_of
from degrade.spectral.weights import SCALES
from spectral_training.samples import Samples, draw_samples, make_variants

__all__ = ["fit_usual", "main", "summaries_of"]

_SHARE = 0.995
"""Of the samples of held-out photos below the limit."""

_SHRINKAGE = 0.005
"""By how much the covariance is moved towards one without correlations."""

_PHOTOS_AT_ONCE = 12


def summaries_of(samples: Samples) -> FloatArray:
    """Return the (N, n) summaries of samples, without those of too few windows."""
    many = samples.counts >= FEWEST_WINDOWS
    # Zeros stand behind the windows that there are.
    sums = samples.windows[many].sum(axis=1, dtype=np.float64)
    return summary_of(sums / samples.counts[many, None], samples.photos[many])


def fit_usual(training: FloatArray, held_out: FloatArray) -> UsualFeatures:
    """Return what is usual, from summaries.

    Parameters
    ----------
    training : (N, n) float32 array
        N more than n.
    held_out : (M, n) float32 array
        Of other photos: they set the limit.
    """
    values = training.astype(np.float64)
    mean, spread = values.mean(axis=0), values.std(axis=0) + 1e-3
    count = len(mean)
    covariance = (1 - _SHRINKAGE) * np.cov((values - mean).T / spread[:, None])
    root = np.linalg.cholesky(np.linalg.inv(covariance + _SHRINKAGE * np.eye(count)))
    # As the file keeps them.
    whitening = (root / spread[:, None] / count**0.5).astype(np.float16).astype(np.float32)
    usual = UsualFeatures(mean.astype(np.float32), whitening, 1.0)
    limit = round(float(np.quantile(usual.distances(held_out), _SHARE)), 4)
    return UsualFeatures(usual.mean, usual.whitening, limit)


def main(words: Sequence[str] | None = None) -> None:
    """Draw samples, fit, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    parser.add_argument("--overwrite", action="store_true", help="replace FILE whoever made it")
    parser.add_argument("--count", type=int, default=1200, help="samples of each scale")
    parser.add_argument(
        "--held-out-count", type=int, default=400, help="the same, to set the limit"
    )
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args(words)
    results = Results(arguments.out.parent, "spectral_training", overwrite=arguments.overwrite)
    try:
        results.require_free([arguments.out])
    except DegradeError as error:
        parser.error(str(error).replace("`overwrite`", "--overwrite"))
    found = [json.loads(line) for line in arguments.log.read_text(encoding="utf-8").splitlines()]
    is_held_out = {each["sha256"]: each["held_out"] for each in found if "sha256" in each}
    files, rejects = find_images(arguments.photos)
    if rejects:
        parser.error(str(rejects[0]))
    hashes = {hash_file(file.path): file.path for file in files}
    missing = sorted(set(is_held_out) - set(hashes))
    if missing:
        parser.error(f"{len(missing)} photos of {arguments.log} are not among those given")
    training, held_out = (
        _draw(
            [hashes[sha] for sha in sorted(is_held_out) if is_held_out[sha] is wanted],
            f"usual {role}",
            count,
            arguments.seed,
        )
        for role, wanted, count in (
            ("training", False, arguments.count),
            ("held-out", True, arguments.held_out_count),
        )
    )
    usual = fit_usual(training, held_out)
    results.write(arguments.out, encode_usual(usual))
    tqdm.write(f"{len(training)} and {len(held_out)} samples, the limit is {usual.limit:g}")


def _draw(photos: Sequence[Path], role: str, count: int, seed: int) -> FloatArray:
    """Return summaries of so many samples of each scale, as many of each lot of photos."""
    parts = []
    lots = [photos[at : at + _PHOTOS_AT_ONCE] for at in range(0, len(photos), _PHOTOS_AT_ONCE)]
    for number, lot in enumerate(lots):
        variants = [make_variants(read_photo(path).as_float()) for path in lot]
        for scale in SCALES:
            share = count * len(lot) // len(photos)
            keys = [f"{role} {number} {index}" for index in range(share)]
            parts.append(summaries_of(draw_samples(variants, scale, keys, seed=seed, measured=())))
    return np.concatenate(parts)


if __name__ == "__main__":
    main()

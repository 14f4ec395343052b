"""Real pairs: how near the estimate from LR alone brings HR to that LR."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import optimize

from benchmarks.kernels.cases import MANIFEST
from benchmarks.kernels.methods import Method, Photo, gaussian_of, isotropic_gaussian
from benchmarks.kernels.scoring import WALL, as_float, run_method
from degrade.arrays import FloatArray, U8Array
from degrade.images.image_io import read_photo
from degrade.kernels.metrics import fit_redegradation, register_pair

SCALE = 4
CONSTANT_SIGMAS = tuple(np.round(np.arange(0.4, 0.85, 0.05) * SCALE, 2).tolist())
BEST_CONSTANT = "best constant"


@dataclass(frozen=True, slots=True, eq=False)
class RealPair:
    """Two photos of one scene, registered by their makers."""

    name: str
    hr_u8: U8Array
    lr_u8: U8Array


@dataclass(frozen=True, slots=True)
class PairScore:
    """One method on one pair: how near its degraded HR comes to LR, in dB."""

    pair: str
    method: str
    psnr: float | None = None
    seconds: float | None = None
    confidence: float | None = None
    problem: str = ""


def read_pairs(shared: Path, count: int | None = None) -> Iterator[RealPair]:
    """Yield the real pairs of ×4 that the manifest lists."""
    with (shared / MANIFEST).open(newline="", encoding="utf-8") as file:
        listed = [row["file"] for row in csv.DictReader(file) if row["role"] == "real_pair_lr"]
    for name in islice(listed, count):
        lr_path = shared / "data" / name
        hr_path = lr_path.with_name(lr_path.name.replace("_LR", "_HR"))
        lr_u8, hr_u8 = read_photo(lr_path).as_u8(), read_photo(hr_path).as_u8()
        height, width = (SCALE * side for side in lr_u8.shape[:2])
        if hr_u8.shape[:2] == (height, width):
            yield RealPair(name.removeprefix("pairs/").removesuffix("_LR.png"), hr_u8, lr_u8)


def score_pair(
    pair: RealPair, methods: Mapping[str, Method], iterations: int
) -> Iterator[PairScore]:
    """Yield the scores of all methods, of constant Gaussians and of the pair's best Gaussian.

    Constants are named by their sigma; which is best only all pairs together can tell.
    """
    hr, lr = as_float(pair.hr_u8), as_float(pair.lr_u8)
    start = register_pair(hr, lr, SCALE)
    photo = Photo(pair.name, pair.lr_u8, SCALE, iterations)
    for label, method in methods.items():
        if not method.is_for(SCALE):
            continue
        estimate, seconds, problem = run_method(method, photo)
        if estimate is None:
            yield PairScore(pair.name, label, None, seconds, problem=problem)
        else:
            psnr = fit_redegradation(hr, lr, estimate.kernel, start=start).psnr
            yield PairScore(pair.name, label, psnr, seconds, estimate.confidence)
    constants = {
        sigma: fit_redegradation(hr, lr, isotropic_gaussian(sigma, SCALE), start=start)
        for sigma in CONSTANT_SIGMAS
    }
    for sigma, fit in constants.items():
        yield PairScore(pair.name, constant_name(sigma), fit.psnr)
    best = max(constants, key=lambda sigma: constants[sigma].psnr)
    yield PairScore(pair.name, WALL, fit_gaussian(hr, lr, best, constants[best].shift))


def constant_name(sigma: float) -> str:
    """Return the name of a constant Gaussian among the scores."""
    return f"gaussian {sigma:.1f}"


def fit_gaussian(hr: FloatArray, lr: FloatArray, sigma: float, shift: tuple[float, float]) -> float:
    """Return the PSNR of the Gaussian, of any two widths and angle, that fits the pair best."""

    def loss(parameters: npt.NDArray[np.float64]) -> float:
        return -fit_redegradation(hr, lr, gaussian_of(parameters, SCALE), start=shift).psnr

    first = np.array([np.log(sigma), 0.0, 0.0])
    simplex = first + np.vstack([np.zeros(3), 0.15 * np.eye(3)])
    options = {"maxfev": 40, "initial_simplex": simplex, "xatol": 1e-2, "fatol": 1e-3}
    return -float(optimize.minimize(loss, first, method="Nelder-Mead", options=options).fun)


def name_best_constant(scores: list[PairScore]) -> tuple[list[PairScore], float]:
    """Keep, of the constant Gaussians, the one that is best on average; return its sigma too."""
    means = {
        sigma: float(np.mean([s.psnr for s in scores if s.method == constant_name(sigma)]))
        for sigma in CONSTANT_SIGMAS
    }
    sigma = max(means, key=lambda value: means[value])
    names = {constant_name(value): "" for value in means} | {constant_name(sigma): BEST_CONSTANT}
    kept = [s for s in scores if names.get(s.method, s.method)]
    renamed = [
        PairScore(s.pair, names.get(s.method, s.method), s.psnr, s.seconds, s.confidence, s.problem)
        for s in kept
    ]
    return renamed, sigma

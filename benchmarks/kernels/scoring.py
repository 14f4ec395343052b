"""Running methods on a set and scoring what they answer."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from benchmarks.kernels.cases import Case
from benchmarks.kernels.methods import Estimate, Method, Photo, best_gaussian
from degrade.arrays import FloatArray, U8Array
from degrade.errors import DegradeError
from degrade.kernels import BlurKernel, kernel_sigmas
from degrade.kernels.metrics import align_kernels, kernel_psnr, redegradation_psnr

WALL = "best gaussian"


@dataclass(frozen=True, slots=True)
class Score:
    """One method on one photo; figures are None where the method gave no kernel.

    Attributes
    ----------
    set, case, method : str
    kpsnr, repsnr : float or None
        In dB.
    width_error : float or None
        By which share the kernel's width (the geometric mean of its two) is off.
    seconds : float or None
        CPU time of the estimate; None for walls.
    confidence, expected_kpsnr : float or None
        What the method said of itself.
    problem : str
        Why there is no kernel.
    """

    set: str
    case: str
    method: str
    kpsnr: float | None = None
    repsnr: float | None = None
    width_error: float | None = None
    seconds: float | None = None
    confidence: float | None = None
    expected_kpsnr: float | None = None
    problem: str = ""


def as_float(image_u8: U8Array) -> FloatArray:
    """Return an image on [0, 1]."""
    return image_u8.astype(np.float32) / np.float32(255)


def run_method(method: Method, photo: Photo) -> tuple[Estimate | None, float, str]:
    """Return a method's answer, its CPU seconds and, without an answer, the reason."""
    start = time.process_time()
    try:
        estimate = method.estimate(photo)
    except DegradeError as error:
        return None, time.process_time() - start, str(error)
    return estimate, time.process_time() - start, ""


def score_set(
    name: str, cases: Iterable[Case], methods: Mapping[str, Method], iterations: int
) -> Iterator[Score]:
    """Yield the score of every method, and of the wall, on every case."""
    for case in cases:
        scale = case.truth.scale
        photo = Photo(case.name, case.lr_u8, scale, iterations)
        for label, method in methods.items():
            if not method.is_for(scale):
                continue
            estimate, seconds, problem = run_method(method, photo)
            if estimate is None:
                yield Score(name, case.name, label, seconds=seconds, problem=problem)
            else:
                yield score(name, case, label, estimate, seconds)
        yield score(name, case, WALL, Estimate(best_gaussian(case.truth)), None)


def score(
    set_name: str, case: Case, method: str, estimate: Estimate, seconds: float | None
) -> Score:
    """Compare an estimate with the truth; degrade the photo with it and compare with clean LR."""
    aligned, _ = align_kernels(estimate.kernel.weights, case.truth.weights)
    return Score(
        set_name,
        case.name,
        method,
        kpsnr=kernel_psnr(estimate.kernel.weights, case.truth.weights),
        repsnr=redegradation_psnr(
            as_float(case.hr_u8), as_float(case.clean_lr_u8), aligned, case.truth.scale
        ),
        width_error=_width(estimate.kernel) / _width(case.truth) - 1,
        seconds=seconds,
        confidence=estimate.confidence,
        expected_kpsnr=estimate.expected_kpsnr,
    )


def _width(kernel: BlurKernel) -> float:
    """Return a width above 0; a single tap has that of a pixel."""
    return float(np.sqrt(np.prod(np.maximum(kernel_sigmas(kernel.weights), 12**-0.5))))

"""Estimating the kernels of photos, one after the other, each on its own random numbers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch

from degrade.arrays import FloatArray
from degrade.errors import DegradeError, InvalidValueError
from degrade.kernels import BlurKernel
from degrade.rng import rng_for, seed_for
from kernelgan.config import KernelGANConfig
from kernelgan.crops import plan_crops
from kernelgan.finish import finish_kernel
from kernelgan.training import KernelTraining

__all__ = ["KernelEstimate", "estimate_kernels"]

_SETTLED_DRIFT = 0.1
_CHECK_EVERY = 50


@dataclass(frozen=True, slots=True, eq=False)
class KernelEstimate:
    """A kernel and how the search for it went.

    Attributes
    ----------
    kernel : BlurKernel
    seconds : float
        Wall time of this photo.
    iterations : int
    settled : bool
        Whether all terms were at work at the end and the kernel hardly moved in the last quarter.
        It says that the run was long enough, not that the kernel is right: seeds differ too.
    statistics : dict of str to float
        ``contrast``: 8-bit levels per pixel of the busiest crop; ``drift``: sum of the kernel's
        absolute changes in the last quarter; ``raw_sum``: the trained kernel's sum before
        normalising; ``data_term``: mean squared difference to the bicubic downscale (images on
        [-1, 1]) at the last step.
    """

    kernel: BlurKernel
    seconds: float
    iterations: int
    settled: bool
    statistics: dict[str, float] = field(default_factory=dict)


def estimate_kernels(
    images: Sequence[FloatArray],
    config: KernelGANConfig,
    *,
    keys: Sequence[str],
    seed: int,
    device: str = "cpu",
    on_step: Callable[[int, int], None] | None = None,
) -> list[KernelEstimate]:
    """Estimate the blur kernel of each photo.

    Parameters
    ----------
    images : sequence of (H, W, 3) float32 arrays
        RGB on [0, 1]; read only.
    config : KernelGANConfig
    keys : sequence of str
        One for each image; with the seed it decides all its random numbers, so that an image's
        kernel does not depend on which other images there are, nor on their order.
    seed : int
        At least 0.
    device : str
        ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.
    on_step : callable or None
        Called as ``on_step(done, total)`` after every iteration, over all images.

    Returns
    -------
    list of KernelEstimate
        In the order of the images.

    Raises
    ------
    UnsuitablePhotoError
        An image is too small or too flat; estimate the others without it.
    InvalidValueError
        Keys do not match the images, the device is not there, or an image has another shape.
    DegradeError
        The training diverged.

    Notes
    -----
    On the CPU one thread is used, whatever ``torch.set_num_threads`` says (it is set back at the
    end): the matrices are too small to share, and the sums then come out the same on machines with
    any number of cores. Use processes to work on several photos at once.

    References
    ----------
    Bell-Kligler, Shocher and Irani, "Blind Super-Resolution Kernel Estimation using an
    Internal-GAN", NeurIPS 2019; deviations: docs/decisions/0002-kernelgan-from-the-paper.md.
    """
    if len(keys) != len(images):
        raise InvalidValueError(
            f"there must be a key for each of {len(images)} images, got {len(keys)}"
        )
    if seed < 0:
        raise InvalidValueError(f"seed must be at least 0, got {seed}")
    place = _open_device(device)
    total = config.iterations * len(images)
    estimates: list[KernelEstimate] = []
    for image, key in zip(images, keys, strict=True):
        before = config.iterations * len(estimates)

        def report(done: int, before: int = before) -> None:
            if on_step is not None:
                on_step(before + done, total)

        with _one_thread(place), torch.enable_grad():
            estimates.append(_estimate(image, config, key, seed, place, report))
    return estimates


def _estimate(
    image: FloatArray,
    config: KernelGANConfig,
    key: str,
    seed: int,
    device: torch.device,
    report: Callable[[int], None],
) -> KernelEstimate:
    start = time.perf_counter()
    crops = plan_crops(image, config, key=key, rng=rng_for(seed, "kernelgan", key, "crops"))
    rng = torch.Generator().manual_seed(seed_for(seed, "kernelgan", key))
    training = KernelTraining(image, crops, config, rng=rng, device=device)
    late = config.iterations * 3 // 4
    earlier = training.kernel()
    for done in range(1, config.iterations + 1):
        training.step()
        if done == late:
            earlier = training.kernel()
        if done % _CHECK_EVERY == 0 or done == config.iterations:
            _check_finite(training.kernel(), key, done)
        report(done)
    weights = training.kernel()
    drift = float(np.abs(weights - earlier).sum())
    return KernelEstimate(
        kernel=finish_kernel(weights, config, key),
        seconds=time.perf_counter() - start,
        iterations=config.iterations,
        settled=training.constraints.complete and drift < _SETTLED_DRIFT,
        statistics={
            "contrast": crops.contrast,
            "drift": drift,
            "raw_sum": float(weights.sum()),
            "data_term": training.data_term(),
        },
    )


def _check_finite(weights: FloatArray, key: str, done: int) -> None:
    if not np.isfinite(weights).all():
        raise DegradeError(
            f"{key}: the kernel is no longer finite after {done} iterations; "
            "use another seed or a smaller learning rate"
        )


def _open_device(device: str) -> torch.device:
    try:
        place = torch.device(device)
    except RuntimeError as error:
        raise InvalidValueError(f"device must be cpu or cuda, got {device!r}") from error
    if place.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (place.index or 0) >= count:
            raise InvalidValueError(
                f"device {device!r} is not here (PyTorch sees {count} GPUs); use cpu"
            )
    elif place.type != "cpu":
        raise InvalidValueError(f"device must be cpu or cuda, got {device!r}")
    return place


@contextmanager
def _one_thread(device: torch.device) -> Iterator[None]:
    threads = torch.get_num_threads()
    if device.type == "cpu":
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)

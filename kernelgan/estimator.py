"""Estimating the kernels of photos, one after the other, each on its own random numbers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch

from degrade.arrays import FloatArray
from degrade.errors import InvalidValueError
from degrade.images.image_io import quantise
from degrade.kernels.estimates import KernelEstimate
from degrade.rng import rng_for, seed_for
from degrade.spectral import assess_kernel
from kernelgan.config import KernelGANConfig
from kernelgan.crops import plan_crops
from kernelgan.postprocessing import finish_kernel
from kernelgan.training import KernelTraining, train_kernels

__all__ = ["KernelEstimate", "estimate_kernels"]

_AT_ONCE_ON_GPU = 32


def estimate_kernels(
    images: Sequence[FloatArray],
    config: KernelGANConfig,
    *,
    keys: Sequence[str],
    seed: int,
    device: str = "cpu",
    on_step: Callable[[int, int], None] | None = None,
    photos_at_once: int | None = None,
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
        Called as ``on_step(done, total)`` after every iteration, over all images. An image that
        stops early leaves out numbers; the last call is always (total, total).
    photos_at_once : int or None
        How many are trained in the same calls, which a GPU needs to be busy. None: 32 there, one on
        the CPU, where more save a quarter of the time at most. It changes how sums are rounded, and
        training is chaotic: one and the same photo's kernels then differ as with another seed.

    Returns
    -------
    list of KernelEstimate
        In the order of the images. ``settled``: the kernel hardly moved in the last quarter, with
        all terms at work; it says that the run was long enough, not that the kernel is right.
        What to expect of the kernel is read off the photo with :mod:`degrade.spectral`.
        ``statistics``: ``iterations`` done, fewer than asked for when the kernel had settled;
        ``contrast``, 8-bit levels per pixel of the busiest crop; ``drift``, the sum of the kernel's
        absolute changes in the last quarter; ``raw_sum``, the trained kernel's sum before
        normalising; ``data_term``, mean squared difference to the bicubic downscale (images on
        [-1, 1]) at the last step.

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
    with _one_thread(place):
        for group in _groups(len(images), place, photos_at_once):

            def report(done: int, group: range = group) -> None:
                if on_step is not None:
                    on_step(config.iterations * group.start + done * len(group), total)

            estimates += _estimate(
                [images[i] for i in group], [keys[i] for i in group], config, seed, place, report
            )
    return estimates


def _groups(count: int, device: torch.device, at_once: int | None) -> list[range]:
    """Return which photos are trained together."""
    if at_once is not None and at_once < 1:
        raise InvalidValueError(f"photos_at_once must be at least 1, got {at_once}")
    size = at_once or (_AT_ONCE_ON_GPU if device.type == "cuda" else 1)
    return [range(start, min(start + size, count)) for start in range(0, count, size)]


def _estimate(
    images: Sequence[FloatArray],
    keys: Sequence[str],
    config: KernelGANConfig,
    seed: int,
    device: torch.device,
    report: Callable[[int], None],
) -> list[KernelEstimate]:
    """Return the estimates of photos that are trained together; the time is shared out evenly."""
    start = time.perf_counter()
    plans = [
        plan_crops(image, config, key=key, rng=rng_for(seed, "kernelgan", key, "crops"))
        for image, key in zip(images, keys, strict=True)
    ]
    rngs = [torch.Generator().manual_seed(seed_for(seed, "kernelgan", key)) for key in keys]
    training = KernelTraining(images, plans, config, rngs=rngs, device=device)
    ends = train_kernels(training, keys, report)
    kernels = [finish_kernel(end.weights, config, key) for end, key in zip(ends, keys, strict=True)]
    judgements = [
        assess_kernel(quantise(image), kernel)
        for image, kernel in zip(images, kernels, strict=True)
    ]
    seconds = (time.perf_counter() - start) / len(images)
    return [
        KernelEstimate(
            kernel=kernel,
            method="kernelgan",
            expected_kpsnr=judgement.expected_kpsnr,
            confidence=judgement.confidence,
            seconds=seconds,
            verdicts=judgement.verdicts,
            settled=end.settled,
            statistics={
                "iterations": float(end.iterations),
                "contrast": plan.contrast,
                "drift": end.drift,
                "raw_sum": float(end.weights.sum()),
                "data_term": end.data_term,
            },
        )
        for kernel, judgement, end, plan in zip(kernels, judgements, ends, plans, strict=True)
    ]


def _open_device(device: str) -> torch.device:
    # esrgan asks torch on its own: the two stand apart, and degrade, below both, knows no torch.
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

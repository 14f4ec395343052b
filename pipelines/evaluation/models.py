"""Networks that a worker has loaded: generators, and those by which images are compared."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from degrade.arrays import U8Array
from degrade.errors import InputError
from degrade.geometry import Scale, border_of

if TYPE_CHECKING:
    from esrgan.networks import Generator
    from esrgan.perceptual import Perceptual
    from esrgan.perceptual.outside import OutsideMeasure

__all__ = ["distance_by", "enlarged_by", "outside_name", "outside_value"]


def enlarged_by(weights: Path, lr_u8: U8Array, scale: Scale, device: str) -> U8Array:
    """Return LR as a generator enlarges it, (scale·h, scale·w, 3) uint8.

    Raises
    ------
    InputError
        These are no weights of a generator for RGB images of this scale.
    """
    from esrgan.upscaling.upscaler import upscale

    network = _generator(weights, device)
    if network.scale != scale:
        whole = border_of(scale)
        raise InputError(
            weights,
            f"enlarges {network.scale} times, and the pairs are ×{scale}",
            f"give weights of ×{scale}"
            if scale == whole
            else f"networks enlarge by whole numbers: give pairs of ×{whole}",
        )
    return upscale(lr_u8, network, device=device)


def distance_by(
    kind: Literal["lpips", "dists"], files: tuple[Path, ...], first_u8: U8Array, second_u8: U8Array
) -> float | None:
    """Return what LPIPS or DISTS tell by these files; None of images smaller than 64 pixels.

    Raises
    ------
    DegradeError
        These are not its weights.
    """
    return _perceptual(kind, files).distance(first_u8, second_u8)


def outside_name(name: str) -> str:
    """Return what a measure of pyiqa is called in tables for programs."""
    return f"pyiqa_{name}"


def outside_value(name: str, image_u8: U8Array, reference_u8: U8Array, device: str) -> float:
    """Return what a measure of pyiqa tells.

    Raises
    ------
    DegradeError
        pyiqa is not there, has no such measure, or cannot measure the image.
    """
    return _outside(name, device).value(image_u8, reference_u8)


@functools.lru_cache(maxsize=8)
def _outside(name: str, device: str) -> OutsideMeasure:
    from esrgan.perceptual.outside import find_outside_measure

    return find_outside_measure(name, device)


@functools.lru_cache(maxsize=2)
def _perceptual(kind: Literal["lpips", "dists"], files: tuple[Path, ...]) -> Perceptual:
    from esrgan.perceptual import read_perceptual

    return read_perceptual(kind, files)


@functools.lru_cache(maxsize=4)
def _generator(weights: Path, device: str) -> Generator:
    from esrgan.networks import SRResNet, fold_batch_norm
    from esrgan.weights.files import read_weights
    from esrgan.weights.identification import network_from_state_dict

    read = read_weights(weights)
    network = network_from_state_dict(read.state, scale=read.spec.scale).eval()
    if (network.in_channels, network.out_channels) != (3, 3):
        raise InputError(weights, "a generator that is not for RGB images", "give another one")
    folded = fold_batch_norm(network) if isinstance(network, SRResNet) else network
    return folded.to(device)

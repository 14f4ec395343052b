"""Discriminators' weights in files: which network they are of, and that network with them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypeAlias

from torch import Tensor

from degrade.disk.files import read_file
from degrade.errors import InputError, InvalidValueError
from esrgan.networks import (
    Discriminator,
    PatchDiscriminator,
    PatchNorm,
    UNetDiscriminator,
    VGGDiscriminator,
)
from esrgan.weights.files import parse_weights
from esrgan.weights.naming import unwrap_params

__all__ = ["DISCRIMINATOR_FILE", "DiscriminatorKind", "discriminator_kind", "read_discriminator"]

DiscriminatorKind: TypeAlias = Literal["patch", "vgg", "unet"]

DISCRIMINATOR_FILE = "discriminator.pth"
"""What a training calls it."""

_COLOURS = 3
_REMEDY = "give weights of a patch, VGG-style or U-Net discriminator of RGB images"
_PATCH = re.compile(r"model\.(\d+)\.(weight|weight_orig)")
_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


def discriminator_kind(state: Mapping[str, Tensor]) -> DiscriminatorKind | None:
    """Return which discriminator's names these are; None for any other network's."""
    if "conv0_0.weight" in state and "linear1.weight" in state:
        return "vgg"
    if "conv0.weight" in state and "conv1.weight_orig" in state:
        return "unet"
    first = state.get("model.0.weight", state.get("model.0.weight_orig"))
    return "patch" if first is not None and first.shape[2:] == (4, 4) else None


def read_discriminator(path: Path, *, hr_patch: int, norm: PatchNorm = "batch") -> Discriminator:
    """Read a discriminator as training writes it, or BasicSR, Real-ESRGAN or RealSR do.

    Parameters
    ----------
    path : Path
        A file, or the folder of a training.
    hr_patch : int
        Side of the images it is to judge; a VGG-style one judges those of its own size alone.
    norm : {"batch", "instance", "spectral", "none"}
        Of a patch discriminator, whose batch and instance normalisations have the same names.

    Raises
    ------
    InputError
        The file is missing, damaged, would run code, holds another network, or one for patches of
        another size or for other images than RGB.
    """
    path = path / DISCRIMINATOR_FILE if path.is_dir() else path
    try:
        state = unwrap_params(parse_weights(read_file(path), path))
        kind = discriminator_kind(state)
        if kind is None:
            raise InvalidValueError("holds no discriminator's weights that are known here")
        if any(not bool(tensor.isfinite().all()) for tensor in state.values()):
            raise InvalidValueError("holds NaN or infinity")
        network = _made(kind, state, hr_patch, norm)
        ours = network.state_dict()
        kept = {
            name: tensor
            for name, tensor in state.items()
            if name in ours or name.rpartition(".")[2] not in _STATISTICS
        }
        network.load_state_dict(kept)
    except InvalidValueError as error:
        raise InputError(path, str(error), _REMEDY) from None
    except (RuntimeError, IndexError, KeyError):
        reason = f"does not fit a discriminator for HR patches of {hr_patch}"
        raise InputError(path, reason, f"{_REMEDY}, or the `hr_patch` of its training") from None
    return network


def _made(
    kind: DiscriminatorKind, state: Mapping[str, Tensor], hr_patch: int, norm: PatchNorm
) -> Discriminator:
    """Make the network whose sizes the tensors tell."""
    if kind == "unet":
        features, channels = state["conv0.weight"].shape[:2]
        _require_rgb(channels)
        return UNetDiscriminator(features=features)
    if kind == "vgg":
        features, channels = state["conv0_0.weight"].shape[:2]
        _require_rgb(channels)
        units = state["linear1.weight"].shape[0]
        return VGGDiscriminator(features=features, patch_size=hr_patch, units=units)
    found = [_PATCH.fullmatch(name) for name in state]
    convolutions = [match[0] for match in found if match and state[match[0]].ndim == 4]
    features, channels = state[convolutions[0]].shape[:2]
    _require_rgb(channels)
    if convolutions[0].endswith("weight_orig"):
        norm = "spectral"
    elif not any(match and state[match[0]].ndim == 1 for match in found):
        norm = "none"
    elif norm not in ("batch", "instance"):
        norm = "batch"
    return PatchDiscriminator(features=features, layers=len(convolutions) - 2, norm=norm)


def _require_rgb(channels: int) -> None:
    if channels != _COLOURS:
        raise InvalidValueError(f"judges images of {channels} channels, and RGB images have three")

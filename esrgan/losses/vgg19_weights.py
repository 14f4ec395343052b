"""Finding and reading VGG19's published weights; nothing is ever downloaded."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

import torch
from torch import Tensor

from degrade.disk.files import open_regular, read_file
from degrade.errors import DegradeError, InputError, InvalidValueError, printable
from esrgan.losses.vgg19 import VGG19Features
from esrgan.weights.files import parse_weights
from esrgan.weights.naming import unwrap_params

__all__ = ["VGG19_SHA256", "find_vgg19_weights", "load_vgg19"]

VGG19_SHA256 = "dcbb9e9d"
"""How the SHA-256 of torchvision's ImageNet weights begins; their file's name states it."""

_FILE_NAME = f"vgg19-{VGG19_SHA256}.pth"


def find_vgg19_weights(path: Path | None = None, *, sha256: str | None = None) -> Path:
    """Return where VGG19's weights are, after checking that they are those.

    Meant for the start of a run, before any data is opened. It reads the file to its end, but does
    not load it.

    Parameters
    ----------
    path : Path or None
        A local file; nothing else is tried then. None: ``vgg19-dcbb9e9d.pth`` in the cache of
        ``torch.hub``, where torchvision puts it.
    sha256 : str or None
        The beginning of the file's SHA-256, at least 8 hex digits. None: what the file's name
        promises, as everywhere in PyTorch (``vgg19-<8 or more hex digits>.pth``), or else
        :data:`VGG19_SHA256`. So weights other than torchvision's are taken only where someone has
        said, here or by the name, that they are meant.

    Raises
    ------
    InvalidValueError
        ``sha256`` is no such beginning.
    DegradeError
        There is no such file, or it has another hash. The text names the path that was tried, the
        hash, where to get the weights and how to go without.
    """
    place = _place_of(path)
    expected = _expected_hash(place, sha256)
    try:
        with open_regular(place) as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        _check_hash(place, digest, expected)
    except (InputError, OSError) as error:
        _refuse(place, error, expected)
    return place


def load_vgg19(path: Path | None = None, *, sha256: str | None = None) -> VGG19Features:
    """Read VGG19's weights onto the CPU.

    Parameters
    ----------
    path : Path or None
    sha256 : str or None
        As for :func:`find_vgg19_weights`. The file is a state dict with torchvision's names; its
        classifier is not needed.

    Raises
    ------
    InvalidValueError
        As for :func:`find_vgg19_weights`.
    DegradeError
        As for :func:`find_vgg19_weights`, or the file is damaged or holds other weights.
    """
    place = _place_of(path)
    expected = _expected_hash(place, sha256)
    try:
        data = read_file(place)
        _check_hash(place, hashlib.sha256(data).hexdigest(), expected)
        weights = unwrap_params(parse_weights(data, place))
        with torch.device("meta"):
            network = VGG19Features()
        network.load_state_dict(_wanted(weights, network.state_dict()), assign=True)
    except (InputError, InvalidValueError) as error:
        _refuse(place, error, expected)
    return network


def _place_of(path: Path | None) -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints" / _FILE_NAME if path is None else path


def _expected_hash(place: Path, sha256: str | None) -> str:
    if sha256 is None:
        promised = re.search(r"-([0-9a-f]{8,64})$", place.stem)
        return promised.group(1) if promised else VGG19_SHA256
    if not re.fullmatch(r"[0-9a-f]{8,64}", sha256):
        raise InvalidValueError(f"sha256 must be 8 to 64 small hex digits, got {sha256!r}")
    return sha256


def _check_hash(place: Path, digest: str, expected: str) -> None:
    if not digest.startswith(expected):
        raise InputError(place, f"its sha256 is {digest[: max(len(expected), 8)]}…")


def _refuse(place: Path, error: Exception, expected: str) -> NoReturn:
    reason = error.reason if isinstance(error, InputError) else str(error)
    cache = printable(_place_of(None).parent)
    raise DegradeError(
        f"no VGG19 weights: tried {printable(place)}: {printable(reason)}; expected a file whose "
        f"sha256 begins with {expected}; take torchvision's {_FILE_NAME} (download.pytorch.org/"
        f"models/{_FILE_NAME}) and put it into {cache} or give its path with `vgg_weights`, or go "
        "without: `content_weight=0` leaves the loss out, `features=gabor` needs no file"
    ) from None


def _wanted(weights: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return float32 copies of the tensors that are needed."""
    for name, tensor in expected.items():
        if name not in weights or weights[name].shape != tensor.shape:
            raise InvalidValueError(f"is not VGG19 ({name} is missing or of another shape)")
        if not (weights[name].is_floating_point() and bool(weights[name].isfinite().all())):
            raise InvalidValueError(f"{name} holds NaN, infinity or something other than floats")
    return {name: weights[name].to(torch.float32, copy=True) for name in expected}

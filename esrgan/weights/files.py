"""Reading and writing weights: PyTorch's own files and safetensors; none of them can run code."""

from __future__ import annotations

import io
import json
import pickle
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors
from torch import Tensor, nn

from degrade.disk.files import read_file, write_atomically
from degrade.errors import InputError, InvalidValueError
from esrgan.networks import GENERATORS, Generator, RRDBNet
from esrgan.weights.finding import find_weights
from esrgan.weights.identification import NetworkSpec, identify, network_from_state_dict
from esrgan.weights.naming import Naming, to_naming, unwrap_params

__all__ = [
    "SAFETENSORS",
    "Weights",
    "encode_pth",
    "encode_weights",
    "open_scale",
    "parse_safetensors",
    "parse_weights",
    "read_network",
    "read_weights",
    "weights_of",
    "write_weights",
]

SAFETENSORS = ".safetensors"
"""How the names of such files end."""

_FROM_SOURCE = "get it again from where it came from"

_WRAPPERS: dict[Naming, str] = {"basicsr": "params", "srgan": "state_dict"}
"""Under what each naming's home keeps its weights; the others keep them bare."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Weights:
    """A generator's weights as a file holds them.

    Attributes
    ----------
    spec : NetworkSpec
    state : dict of str to Tensor
        Under our names, in the file's own precision, on the CPU.
    """

    spec: NetworkSpec
    state: dict[str, Tensor]


def parse_weights(data: bytes, path: Path) -> Any:
    """Read what ``torch.save`` wrote, tensors and plain values only, onto the CPU.

    Raises
    ------
    InputError
        The bytes are damaged or would run code when unpickled; they are not run.
    """
    try:
        _check_archive(data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        reason = "holds more than plain weights, which could run code, or is no PyTorch file"
    except Exception:
        # Damage surfaces as any of a dozen exceptions from inside the reader.
        reason = "is damaged, or no PyTorch file"
    raise InputError(path, f"{reason}; refused", _FROM_SOURCE)


def _check_archive(data: bytes) -> None:
    """Check what torch does not look at: checksums, and records larger than the file."""
    if not zipfile.is_zipfile(io.BytesIO(data)):
        return
    archive = zipfile.ZipFile(io.BytesIO(data))
    records = archive.infolist()
    stored = all(record.compress_type == zipfile.ZIP_STORED for record in records)
    if not stored or sum(record.file_size for record in records) > len(data):
        raise ValueError("records that unpack to more than the file holds")
    if archive.testzip():
        raise ValueError("a checksum does not fit")


def read_weights(path: Path, *, scale: int | None = None) -> Weights:
    """Read a generator's weights from ``.safetensors`` or a PyTorch file, in any naming.

    Parameters
    ----------
    path : Path
        A file; or the folder of a training: see :func:`esrgan.weights.finding.find_weights`.
    scale : int or None
        Where the tensors leave it open, see :func:`esrgan.weights.identification.identify`; what a
        safetensors file says of itself is used by default.

    Returns
    -------
    Weights

    Raises
    ------
    InputError
        The file is missing, damaged, would run code, or holds no weights of a generator that is
        known here.
    """
    path = find_weights(path)
    data = read_file(path)
    metadata: dict[str, str] = {}
    if path.suffix.lower() == SAFETENSORS:
        content, metadata = parse_safetensors(data, path)
    else:
        content = parse_weights(data, path)
        if isinstance(content, Mapping):
            metadata = {"scale": str(content.get("scale"))}
    try:
        state = unwrap_params(content)
        # A tensor may claim any shape over a single number that it holds.
        if sum(t.numel() * t.element_size() for t in state.values()) > len(data):
            raise InvalidValueError("claims more weights than the file holds")
        spec, state = identify(state, scale=scale or _stated_scale(metadata))
    except InvalidValueError as error:
        remedy = "give weights of a generator" + (f" of ×{scale}" if scale else "")
        raise InputError(path, str(error), remedy) from None
    if metadata.get("architecture", spec.architecture) != spec.architecture:
        raise InputError(path, "its metadata names another network than its tensors", _FROM_SOURCE)
    return Weights(spec=spec, state=state)


def parse_safetensors(data: bytes, path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read a safetensors file's tensors, and what it says of itself.

    Raises
    ------
    InputError
        The bytes are damaged.
    """
    try:
        tensors = load_safetensors(data)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        return tensors, dict(header.get("__metadata__") or {})
    except (SafetensorError, ValueError, KeyError, TypeError, RuntimeError, RecursionError):
        reason = "is damaged, or no safetensors file; refused"
    raise InputError(path, reason, _FROM_SOURCE)


def _stated_scale(metadata: Mapping[str, str]) -> int | None:
    scale = metadata.get("scale")
    return int(scale) if scale in ("1", "2", "3", "4", "8") else None


def read_network(path: Path, *, scale: int | None = None) -> Generator:
    """Read a generator, whichever it is, ready to upscale: on the CPU and in eval mode.

    Parameters
    ----------
    path, scale
        As for :func:`read_weights`.

    Raises
    ------
    InputError
        As for :func:`read_weights`.
    """
    weights = read_weights(path, scale=scale)
    return network_from_state_dict(weights.state, scale=weights.spec.scale).eval()


def weights_of(network: Generator) -> Weights:
    """Return a network's weights, ready to be written; they share its memory."""
    spec, state = identify(network.state_dict(), scale=network.scale)
    return Weights(spec=spec, state=state)


def write_weights(path: Path, weights: Weights, *, naming: Naming = "basicsr") -> int:
    """Write what :func:`encode_weights` gives; return how many bytes these are.

    Raises
    ------
    InvalidValueError
        As for :func:`encode_weights`.
    DegradeError
        The file cannot be written; nothing is left of it.
    """
    data = encode_weights(path, weights, naming=naming)
    write_atomically(path, data)
    return len(data)


def encode_weights(path: Path, weights: Weights, *, naming: Naming = "basicsr") -> bytes:
    """Return the file of weights in a naming, of the type that the path's ending says.

    Parameters
    ----------
    path : Path
        ``.safetensors`` files state the network and its sizes; ``.pth`` files have the form that
        the naming's home reads.
    weights : Weights
    naming : {"basicsr", "trunk", "model", "srgan"}

    Raises
    ------
    InvalidValueError
        The ending is another, or the network has no such naming.
    """
    renamed = to_naming(weights.state, naming)
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in renamed.items()}
    if path.suffix.lower() == SAFETENSORS:
        metadata = weights.spec.to_metadata() | {"format": "pt", "naming": naming}
        return _sorted_header(save_safetensors(state, metadata))
    if path.suffix.lower() == ".pth":
        content = {_WRAPPERS[naming]: state} if naming in _WRAPPERS else state
        taken = int(weights.spec.arguments.get("in_channels", 3))
        said = open_scale(GENERATORS[weights.spec.architecture], weights.spec.scale, taken)
        return encode_pth(content | said if naming == "basicsr" else content)
    raise InvalidValueError(f"weights are written as .pth or .safetensors, got {path.name!r}")


def open_scale(network: type[nn.Module], scale: int, in_channels: int = 3) -> dict[str, int]:
    """Return what a ``.pth`` file under BasicSR's names must say besides its weights.

    Of an RRDBNet of ×3 its scale: one of ×2 may have the same tensors, see
    :mod:`esrgan.weights.naming`; and of one that takes noise besides three colours.
    """
    is_open = network is RRDBNet and (scale == 3 or in_channels != 3)
    return {"scale": scale} if is_open else {}


def _sorted_header(data: bytes) -> bytes:
    """Give a safetensors file the same bytes each time; its metadata comes in any order."""
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:end])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[end:]


def encode_pth(content: Mapping[str, Any]) -> bytes:
    """Return the bytes of ``torch.save``."""
    buffer = io.BytesIO()
    torch.save(dict(content), buffer)
    return buffer.getvalue()

"""Which network a state dict belongs to, of which sizes, and that network with its weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from degrade.errors import InvalidValueError
from esrgan.networks import GENERATORS, Generator
from esrgan.networks.rrdbnet import USUAL_UNSHUFFLE
from esrgan.weights.naming import Architecture, architecture_of, to_basicsr_names

__all__ = [
    "NetworkSpec",
    "identify",
    "network_from_state_dict",
]

_FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
_DISCRIMINATORS = ("model.0.weight_orig", "conv0_0.weight", "conv1.weight_orig")
_SAY_SCALE = "say its `scale`"
_UNSHUFFLES = (1, 2, 4)


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSpec:
    """What a generator is, without its weights.

    Attributes
    ----------
    architecture : str
        A key of :data:`esrgan.networks.GENERATORS`.
    arguments : mapping of str to int or str
        What its class is called with.
    """

    architecture: Architecture
    arguments: Mapping[str, int | str]

    @property
    def scale(self) -> int:
        """The enlarging factor."""
        return int(self.arguments["scale"])

    def create(self) -> Generator:
        """Make the network, with weights of its own."""
        arguments: dict[str, Any] = dict(self.arguments)
        return GENERATORS[self.architecture](**arguments)

    def to_metadata(self) -> dict[str, str]:
        """Return it as the strings that a safetensors or ONNX file carries."""
        sizes = {name: str(value) for name, value in self.arguments.items()}
        return {"architecture": self.architecture} | sizes

    def describe(self) -> str:
        """Return it as a few words."""
        name = GENERATORS[self.architecture].__name__
        rest = {key: value for key, value in self.arguments.items() if key != "scale"}
        sizes = ", ".join(f"{key} {value}" for key, value in rest.items())
        return f"{name} ×{self.scale}: {sizes}"


def identify(
    state: Mapping[str, Tensor], *, scale: int | None = None
) -> tuple[NetworkSpec, dict[str, Tensor]]:
    """Say which generator weights belong to, and check that they are whole and sound.

    Parameters
    ----------
    state : mapping of str to Tensor
        In any naming of :mod:`esrgan.weights.naming`.
    scale : int or None
        Decides where the tensors leave it open: an RRDBNet whose images have not as many
        channels out as in, and one with a single enlarging convolution, which is ×2 unless 3 is
        said.

    Returns
    -------
    spec : NetworkSpec
        Every hyper-parameter is read off the tensors' shapes.
    renamed : dict of str to Tensor
        The same tensors under our names, in the network's own order.

    Raises
    ------
    InvalidValueError
        The weights are of no generator that this project has, or of an ambiguous one; the text
        says why and what to do.
    """
    found = architecture_of(state)
    if found is None:
        raise InvalidValueError(_unknown(state))
    architecture, _ = found
    renamed = to_basicsr_names(state)
    try:
        if architecture == "rrdbnet":
            arguments = _rrdbnet_arguments(renamed, scale)
        elif architecture == "srvggnet":
            arguments = _srvggnet_arguments(renamed)
        else:
            arguments = _resnet_arguments(renamed, architecture)
    except (KeyError, ValueError, IndexError, ZeroDivisionError) as error:
        if isinstance(error, InvalidValueError):
            raise
        raise InvalidValueError(
            f"not the weights of {_a(architecture)}: layers are missing"
        ) from None
    spec = NetworkSpec(architecture=architecture, arguments=arguments)
    if scale is not None and scale != spec.scale:
        raise InvalidValueError(f"the weights of ×{spec.scale}, not of ×{scale}")
    return spec, _checked(spec, renamed)


def network_from_state_dict(state: Mapping[str, Tensor], *, scale: int | None = None) -> Generator:
    """Build the generator that a state dict belongs to, with its weights.

    Parameters
    ----------
    state, scale
        As for :func:`identify`; float16, bfloat16 and float64 weights become float32.

    Returns
    -------
    Generator
        On the CPU; shares no memory with ``state``.

    Raises
    ------
    InvalidValueError
        As for :func:`identify`.
    """
    spec, renamed = identify(state, scale=scale)
    with torch.device("meta"):
        network = spec.create()
    copies = {
        name: t.detach().to(dtype=torch.float32 if t.is_floating_point() else t.dtype, copy=True)
        for name, t in renamed.items()
    }
    network.load_state_dict(copies, assign=True)
    return network


def _a(architecture: Architecture) -> str:
    return f"an {GENERATORS[architecture].__name__}"


def _unknown(state: Mapping[str, Tensor]) -> str:
    if "model.1.sub.0.res.0.weight" in state:
        return (
            "the SRResNet of ESRGAN's first research code (model.1.sub.N.res), which has another "
            "form than BasicSR's MSRResNet and cannot be read"
        )
    is_patch = "model.0.weight" in state and state["model.0.weight"].shape[2:] == (4, 4)
    if is_patch or any(name in state for name in _DISCRIMINATORS):
        return "the weights of a discriminator, which judges images"
    known = ", ".join(network.__name__ for network in GENERATORS.values())
    return (
        f"not the weights of a generator that is known here ({known}); the first name is "
        f"{next(iter(state))[:60]!r}"
    )


def _rrdbnet_arguments(state: Mapping[str, Tensor], scale: int | None) -> dict[str, int | str]:
    features, first = state["conv_first.weight"].shape[:2]
    out_channels = state["conv_last.weight"].shape[0]
    times = sum(name.startswith("conv_up") and name.endswith(".weight") for name in state)
    scale, unshuffle = _scale_of(first, out_channels, times, scale)
    arguments: dict[str, int | str] = {
        "scale": scale,
        "in_channels": first // unshuffle**2,
        "out_channels": out_channels,
        "features": features,
        "blocks": _count_blocks(state),
        "growth": state["body.0.rdb1.conv1.weight"].shape[0],
    }
    if unshuffle != USUAL_UNSHUFFLE.get(scale):
        arguments["unshuffle"] = unshuffle
    if "body.0.rdb1.conv1x1.weight" in state:
        arguments["style"] = "esrgan+"
    return arguments


def _scale_of(first: int, out_channels: int, times: int, scale: int | None) -> tuple[int, int]:
    """Return the scale and the pixel-unshuffle of weights that are enlarged ``times`` times."""
    if times == 1 and scale == 3:
        return 3, 1
    possible = {2**times // u: u for u in _UNSHUFFLES if first % u**2 == 0 and 2**times % u == 0}
    if scale is not None:
        if scale not in possible:
            choice = ", ".join(f"×{s}" for s in possible)
            raise InvalidValueError(f"an RRDBNet of {choice}, not of ×{scale}")
        return scale, possible[scale]
    likely = [s for s, u in possible.items() if first // u**2 == out_channels]
    if len(possible) == 1:
        likely = list(possible)
    if not likely:
        choice = " or ".join(f"×{s} for {first // u**2} channels" for s, u in possible.items())
        raise InvalidValueError(f"an RRDBNet of {choice} in and {out_channels} out; {_SAY_SCALE}")
    return likely[0], possible[likely[0]]


def _srvggnet_arguments(state: Mapping[str, Tensor]) -> dict[str, int | str]:
    if state["body.1.weight"].dim() != 1:
        raise InvalidValueError("an SRVGGNetCompact without PReLU, of which the slopes are unknown")
    layers = sorted({int(name.split(".")[1]) for name in state if name.startswith("body.")})
    features, in_channels = state["body.0.weight"].shape[:2]
    shuffled = state[f"body.{layers[-1]}.weight"].shape[0]
    scale = math.isqrt(shuffled // in_channels)
    return {
        "scale": scale,
        "in_channels": in_channels,
        "features": features,
        "blocks": (len(layers) - 3) // 2,
    }


def _resnet_arguments(
    state: Mapping[str, Tensor], architecture: Architecture
) -> dict[str, int | str]:
    features, in_channels = state["conv_first.weight"].shape[:2]
    shuffled = state["upconv1.weight"].shape[0]
    scales = {(4, False): 2, (9, False): 3, (4, True): 4}
    ratio = (shuffled // features, "upconv2.weight" in state)
    if ratio not in scales:
        raise InvalidValueError(f"{_a(architecture)} of a scale other than ×2, ×3 and ×4")
    arguments: dict[str, int | str] = {
        "scale": scales[ratio],
        "in_channels": in_channels,
        "features": features,
        "blocks": _count_blocks(state),
    }
    if architecture == "srresnet":
        arguments["out_channels"] = state["conv_last.weight"].shape[0]
        arguments["norm"] = "batch" if "bn_body.weight" in state else "none"
    return arguments


def _count_blocks(state: Mapping[str, Tensor]) -> int:
    return len({name.split(".")[1] for name in state if name.startswith("body.")})


def _checked(spec: NetworkSpec, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    with torch.device("meta"):
        expected = spec.create().state_dict()
    wrong = sorted(
        name
        for name in expected.keys() | state.keys()
        if name not in state
        or name not in expected
        or state[name].shape != expected[name].shape
        or (state[name].dtype in _FLOATS) != expected[name].is_floating_point()
    )
    if wrong:
        raise InvalidValueError(
            f"not the weights of {_a(spec.architecture)}: {len(wrong)} tensors are missing, "
            f"unknown or of another shape or type, the first is {wrong[0][:60]!r}"
        )
    if not all(bool(tensor.isfinite().all()) for tensor in state.values()):
        raise InvalidValueError("the weights hold NaN or infinity")
    return {name: state[name] for name in expected}

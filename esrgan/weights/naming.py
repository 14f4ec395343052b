"""The names that weights have in the wild, and ours.

RRDBNet:

====================  =========================  ======================================
basicsr (ours)        trunk: ESRGAN's release    model: ESRGAN's first research code
====================  =========================  ======================================
conv_first            conv_first                 model.0
body.N.rdbM.convK     RRDB_trunk.N.RDBM.convK    model.1.sub.N.RDBM.convK.0
conv_body             trunk_conv                 model.1.sub.<blocks>
conv_up1, conv_up2    upconv1, upconv2           model.3, model.6
conv_hr, conv_last    HRconv, conv_last          model.8, model.10
====================  =========================  ======================================

With U enlarging convolutions, ``model`` has ``model.<3u>`` for ``conv_up<u>``, then
``model.<3U + 2>`` and ``model.<3U + 4>``. ESRGAN+ has a ``conv1x1`` more in each dense block.

MSRResNet: BasicSR's names are ours; ``trunk`` has ``recon_trunk.N`` for ``body.N`` and ``HRconv``
for ``conv_hr`` (mmsr, KAIR). SRResNet as the paper has it: ours, and ``srgan``, the names of
SRGAN-PyTorch (``conv1.0``, ``trunk.N.rcb``, ``conv2``, ``upsampling``, ``conv3``), whose network
is the same but for clipping its output.

SRVGGNetCompact has BasicSR's names only.

Who loads RRDBNet weights of ×3: they have one enlarging convolution and no ``conv_up2``. BasicSR's
RRDBNet and what descends from it always have two and cannot load them. ESRGAN's first research
code has exactly this network (``upscale=3``): give it the naming ``model``. One enlarging
convolution is ×2 as well, which is what programs take it for that guess the scale from the names
(spandrel, and with it chaiNNer and ComfyUI), and this one where nobody says ×3; files that are
written here say it. An ONNX file of ×3 runs everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeAlias, get_args

import torch
from torch import Tensor, nn

from degrade.errors import InvalidValueError

__all__ = [
    "NAMINGS",
    "Architecture",
    "Naming",
    "architecture_of",
    "to_basicsr_names",
    "to_naming",
    "unwrap_params",
]

Naming: TypeAlias = Literal["basicsr", "trunk", "model", "srgan"]
Architecture: TypeAlias = Literal["rrdbnet", "srresnet", "msrresnet", "srvggnet"]
NAMINGS: tuple[Naming, ...] = get_args(Naming)

_Rules: TypeAlias = tuple[tuple[str, str], ...]
"""Pairs of our layer and theirs; ``{}`` stands for a number, the same in both."""

_WRAPPERS = (
    *("params_ema", "g_ema", "net_g_ema", "generator_ema", "params", "state_dict", "average"),
    *("generator", "model_state_dict", "net_g", "netG", "model"),
)
_OF_GENERATORS = ("generator_ema.", "g_ema.", "net_g_ema.", "generator.", "netG.", "net_g.")
_OF_ALL = ("module.", "_orig_mod.")

_MARKS: dict[str, tuple[Architecture, Naming]] = {
    "body.0.rdb1.conv1.weight": ("rrdbnet", "basicsr"),
    "RRDB_trunk.0.RDB1.conv1.weight": ("rrdbnet", "trunk"),
    "model.1.sub.0.RDB1.conv1.0.weight": ("rrdbnet", "model"),
    "body.0.act.weight": ("srresnet", "basicsr"),
    "trunk.0.rcb.0.weight": ("srresnet", "srgan"),
    "recon_trunk.0.conv1.weight": ("msrresnet", "trunk"),
    # SRResNet has it, too.
    "body.0.conv1.weight": ("msrresnet", "basicsr"),
    "body.0.weight": ("srvggnet", "basicsr"),
}

_RRDBNET_TRUNK: _Rules = (
    ("body.{}.rdb{}.conv{}", "RRDB_trunk.{}.RDB{}.conv{}"),
    ("body.{}.rdb{}.conv1x1", "RRDB_trunk.{}.RDB{}.conv1x1"),
    ("conv_body", "trunk_conv"),
    ("conv_up{}", "upconv{}"),
    ("conv_hr", "HRconv"),
)
_MSRRESNET_TRUNK: _Rules = (
    ("body.{}.conv{}", "recon_trunk.{}.conv{}"),
    ("conv_hr", "HRconv"),
)
_SRRESNET_SRGAN: _Rules = (
    ("conv_first", "conv1.0"),
    ("act_first", "conv1.1"),
    ("body.{}.conv1", "trunk.{}.rcb.0"),
    ("body.{}.bn1", "trunk.{}.rcb.1"),
    ("body.{}.act", "trunk.{}.rcb.2"),
    ("body.{}.conv2", "trunk.{}.rcb.3"),
    ("body.{}.bn2", "trunk.{}.rcb.4"),
    ("conv_body", "conv2.0"),
    ("bn_body", "conv2.1"),
    ("upconv1", "upsampling.0.upsample_block.0"),
    ("act_up1", "upsampling.0.upsample_block.2"),
    ("upconv2", "upsampling.1.upsample_block.0"),
    ("act_up2", "upsampling.1.upsample_block.2"),
    ("conv_last", "conv3"),
)


def unwrap_params(content: Any) -> dict[str, Tensor]:
    """Return a generator's state dict inside a loaded file: bare, or under one of many names.

    The averaged weights are preferred where both are there, because they are meant for use. What
    data-parallel training, a compiler or a trainer with several networks puts in front of the
    names (``module.``, ``_orig_mod.``, ``generator.``) is removed, and other networks are left
    out.

    Raises
    ------
    InvalidValueError
        There is none.
    """
    while isinstance(content, Mapping):
        wrapped = (content[name] for name in _WRAPPERS if isinstance(content.get(name), Mapping))
        inner = next(wrapped, None)
        if inner is None:
            break
        content = inner
    if not isinstance(content, Mapping) or not content:
        raise InvalidValueError("holds no network weights")
    state = _without_prefixes(content)
    for key, value in state.items():
        if not isinstance(key, str) or not _is_plain(value):
            raise InvalidValueError(f"holds something other than weights under {str(key)[:60]!r}")
    return state


def _without_prefixes(state: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return what belongs to the generator, without what stands before all of its names."""
    for prefix in (*_OF_GENERATORS, *_OF_ALL):
        named = {
            key.removeprefix(prefix): value
            for key, value in state.items()
            if isinstance(key, str) and key.startswith(prefix)
        }
        if named and (prefix in _OF_GENERATORS or len(named) == len(state)):
            return _without_prefixes(named)
    return dict(state)


def _is_plain(value: Any) -> bool:
    return (
        type(value) in (Tensor, nn.Parameter)
        and value.layout == torch.strided
        and value.device.type != "meta"
    )


def architecture_of(names: Iterable[str]) -> tuple[Architecture, Naming] | None:
    """Return which network's names these are, in which naming; None for any other network's."""
    names = set(names)
    for mark, found in _MARKS.items():
        if mark in names:
            return found
    return None


def to_basicsr_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename weights of any naming to ours; names that do not belong to it are kept."""
    found = architecture_of(state)
    if found is None or found[1] == "basicsr":
        return dict(state)
    rules = _rules(*found, state)
    return _renamed(state, [(theirs, ours) for ours, theirs in rules])


def to_naming(state: Mapping[str, Tensor], naming: Naming) -> dict[str, Tensor]:
    """Rename weights with our names into another naming.

    Raises
    ------
    InvalidValueError
        The network has no such naming.
    """
    if naming == "basicsr":
        return dict(state)
    found = architecture_of(state)
    if found is None:
        raise InvalidValueError("not the weights of a network that has other names")
    return _renamed(state, _rules(found[0], naming, state))


def _rules(architecture: Architecture, naming: Naming, state: Mapping[str, Tensor]) -> _Rules:
    match (architecture, naming):
        case ("rrdbnet", "trunk"):
            return _RRDBNET_TRUNK
        case ("rrdbnet", "model"):
            return _rrdbnet_model(state)
        case ("msrresnet", "trunk"):
            return _MSRRESNET_TRUNK
        case ("srresnet", "srgan"):
            return _SRRESNET_SRGAN
    known = {
        "rrdbnet": "basicsr, trunk and model",
        "srresnet": "basicsr and srgan",
        "msrresnet": "basicsr and trunk",
        "srvggnet": "basicsr only",
    }
    raise InvalidValueError(
        f"{architecture} weights have no naming {naming!r}; theirs are {known[architecture]}"
    )


def _rrdbnet_model(state: Mapping[str, Tensor]) -> _Rules:
    """Return the rules for weights of either naming: the numbers depend on what there is."""
    numbers = {name.split(".")[3] for name in state if name.startswith("model.1.sub.")}
    if numbers:
        blocks = len(numbers) - 1
    else:
        blocks = len({name.split(".")[1] for name in state if name.startswith("body.")})
    times = sum(name.startswith("conv_up") and name.endswith(".weight") for name in state)
    if numbers:
        loose = (name.split(".")[1] for name in state if re.fullmatch(r"model\.\d+\.weight", name))
        times = max(0, max(map(int, loose), default=0) - 4) // 3
    tail: _Rules = (
        *((f"conv_up{n}", f"model.{3 * n}") for n in range(1, times + 1)),
        ("conv_hr", f"model.{3 * times + 2}"),
        ("conv_last", f"model.{3 * times + 4}"),
    )
    return (
        ("body.{}.rdb{}.conv{}", "model.1.sub.{}.RDB{}.conv{}.0"),
        ("body.{}.rdb{}.conv1x1", "model.1.sub.{}.RDB{}.conv1x1"),
        ("conv_first", "model.0"),
        ("conv_body", f"model.1.sub.{blocks}"),
        *tail,
    )


def _renamed(state: Mapping[str, Tensor], rules: Iterable[tuple[str, str]]) -> dict[str, Tensor]:
    """Rename layers, the part of each name before its last dot."""
    patterns = [(re.compile(re.escape(old).replace(r"\{\}", r"(\d+)")), new) for old, new in rules]
    result = {}
    for name, tensor in state.items():
        layer, _, kind = name.rpartition(".")
        for pattern, new in patterns:
            if match := pattern.fullmatch(layer):
                layer = new.format(*match.groups())
                break
        result[f"{layer}.{kind}"] = tensor
    if len(result) < len(state):
        raise InvalidValueError("holds the same layer twice, under names of two namings")
    return result

"""RRDBNet weights in the namings that are found in the wild, and what they say about the network.

====================  =========================  ================================
BasicSR (ours)        ESRGAN's first release     its research code (``model.``)
====================  =========================  ================================
conv_first            conv_first                 model.0
body.N.rdbM.convK     RRDB_trunk.N.RDBM.convK    model.1.sub.N.RDBM.convK.0
conv_body             trunk_conv                 model.1.sub.<blocks>
conv_up1, conv_up2    upconv1, upconv2           model.3, model.6
conv_hr, conv_last    HRconv, conv_last          model.8, model.10
====================  =========================  ================================
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor

from degrade.errors import InvalidValueError
from esrgan.networks import RRDBNet

__all__ = ["Naming", "rrdbnet_from_state_dict", "to_basicsr_names", "to_naming", "unwrap_params"]

Naming: TypeAlias = Literal["basicsr", "trunk", "model"]

_WRAPPERS = ("params_ema", "params", "state_dict")

_TRUNK = {
    "conv_body": "trunk_conv",
    "conv_up1": "upconv1",
    "conv_up2": "upconv2",
    "conv_hr": "HRconv",
}
_MODEL = {
    "conv_first": "model.0",
    "conv_up1": "model.3",
    "conv_up2": "model.6",
    "conv_hr": "model.8",
    "conv_last": "model.10",
}
_OLDER_LAYERS = {theirs: ours for table in (_TRUNK, _MODEL) for ours, theirs in table.items()}
_DENSE = re.compile(r"body\.(\d+)\.rdb([123])\.conv([1-5])")
_DENSE_TRUNK = re.compile(r"RRDB_trunk\.(\d+)\.RDB([123])\.conv([1-5])")
_DENSE_MODEL = re.compile(r"model\.1\.sub\.(\d+)\.RDB([123])\.conv([1-5])\.0")
_BODY_MODEL = re.compile(r"model\.1\.sub\.(\d+)")


def unwrap_params(content: Any) -> dict[str, Tensor]:
    """Return the state dict inside a loaded checkpoint: bare, or under ``params_ema``/``params``.

    The averaged weights are preferred where both are there, because they are meant for use. A
    ``module.`` in front of every name, left by data-parallel training, is removed.

    Raises
    ------
    InvalidValueError
        There is none.
    """
    for name in _WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(name), Mapping):
            content = content[name]
            break
    if not isinstance(content, Mapping) or not content:
        raise InvalidValueError("holds no network weights")
    for key, value in content.items():
        if (
            not isinstance(key, str)
            or not isinstance(value, Tensor)
            or value.layout != torch.strided
        ):
            raise InvalidValueError(f"holds something other than weights under {str(key)[:60]!r}")
    if all(key.startswith("module.") for key in content):
        return {key.removeprefix("module."): value for key, value in content.items()}
    return dict(content)


def to_basicsr_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename weights of any of the three namings; names that none of them has are kept."""
    return _map_names(state, _basicsr_name)


def to_naming(state: Mapping[str, Tensor], naming: Naming) -> dict[str, Tensor]:
    """Rename weights with BasicSR's names into another naming."""
    if naming == "basicsr":
        return dict(state)
    if naming == "trunk":
        table, dense = _TRUNK, r"RRDB_trunk.\1.RDB\2.conv\3"
    else:
        table = _MODEL | {"conv_body": f"model.1.sub.{_count_blocks(state)}"}
        dense = r"model.1.sub.\1.RDB\2.conv\3.0"
    return _map_names(state, lambda name: table.get(name) or _DENSE.sub(dense, name))


def _map_names(state: Mapping[str, Tensor], rename: Callable[[str], str]) -> dict[str, Tensor]:
    """Rename layers, the part of each key before ``.weight`` or ``.bias``."""
    halves = [(*key.rpartition(".")[::2], tensor) for key, tensor in state.items()]
    return {f"{rename(layer)}.{kind}": tensor for layer, kind, tensor in halves}


def _basicsr_name(layer: str) -> str:
    if match := _DENSE_TRUNK.fullmatch(layer) or _DENSE_MODEL.fullmatch(layer):
        return "body.{}.rdb{}.conv{}".format(*match.groups())
    return "conv_body" if _BODY_MODEL.fullmatch(layer) else _OLDER_LAYERS.get(layer, layer)


def rrdbnet_from_state_dict(state: Mapping[str, Tensor]) -> RRDBNet:
    """Build the RRDBNet that a state dict belongs to, with its weights.

    Parameters
    ----------
    state : mapping of str to Tensor
        In any of the three namings; float16 and bfloat16 weights become float32.

    Returns
    -------
    RRDBNet
        On the CPU; every hyper-parameter is read off the tensors' shapes.

    Raises
    ------
    InvalidValueError
        The weights are not of an RRDBNet that this project has; the text says why.
    """
    renamed = to_basicsr_names(state)
    if renamed.keys() != state.keys() and "conv_up2.weight" not in renamed:
        raise InvalidValueError(
            "an older RRDBNet with a single enlarging convolution (×2 or ×3, or ×1 with none); "
            "only the older ×4 networks can be read"
        )
    arguments = _hyper_parameters(renamed)
    with torch.device("meta"):
        network = RRDBNet(**arguments)
    expected = {name: t.shape for name, t in network.state_dict().items()}
    found = {name: t.shape for name, t in renamed.items()}
    if expected != found:
        wrong = sorted(n for n in expected | found if expected.get(n) != found.get(n))
        raise InvalidValueError(
            f"not the weights of an RRDBNet: {len(wrong)} tensors are missing, unknown or of "
            f"another shape, the first is {wrong[0][:60]!r}"
        )
    if not all(t.is_floating_point() and bool(t.isfinite().all()) for t in renamed.values()):
        raise InvalidValueError("the weights hold NaN, infinity or something other than floats")
    copies = {name: t.detach().to("cpu", torch.float32, copy=True) for name, t in renamed.items()}
    network.load_state_dict(copies, assign=True)
    return network


def _hyper_parameters(state: Mapping[str, Tensor]) -> dict[str, int]:
    try:
        features, first_channels = state["conv_first.weight"].shape[:2]
        growth = state["body.0.rdb1.conv1.weight"].shape[0]
        out_channels = state["conv_last.weight"].shape[0]
    except (KeyError, ValueError, IndexError):
        raise InvalidValueError("not the weights of an RRDBNet") from None
    scale, in_channels = (4, first_channels) if "conv_up2.weight" in state else (3, first_channels)
    if scale == 4 and first_channels == 4 * out_channels:
        scale, in_channels = 2, first_channels // 4
    elif scale == 4 and first_channels == 16 * out_channels:
        raise InvalidValueError("an RRDBNet of scale ×1; only ×2, ×3 and ×4 are supported")
    return {
        "scale": scale, "in_channels": in_channels, "out_channels": out_channels,
        "features": features, "blocks": _count_blocks(state), "growth": growth,
    }  # fmt: skip


def _count_blocks(state: Mapping[str, Tensor]) -> int:
    return len({match.group(1) for name in state if (match := _DENSE.match(name))})

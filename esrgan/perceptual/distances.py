"""LPIPS and DISTS of two images of any size, strip by strip."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor

from degrade.arrays import U8Array
from degrade.disk.files import read_file
from degrade.errors import DegradeError, InputError, InvalidValueError, printable
from esrgan.perceptual.backbones import (
    ALEXNET,
    HALO,
    UNIT,
    VGG16,
    Backbone,
    l2_pool,
    max_pool,
)
from esrgan.weights.files import SAFETENSORS, parse_safetensors, parse_weights
from esrgan.weights.naming import unwrap_params

__all__ = ["LEAST_SIDE", "Kind", "Perceptual", "read_perceptual"]

Kind: TypeAlias = Literal["lpips", "dists"]

LEAST_SIDE = 64
"""Pixels a side; smaller images have no distance."""

_PIXELS = 2**18
_LPIPS_SHIFT, _LPIPS_SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
_IMAGENET_MEAN, _IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_DISTS_WIDTHS = (3, *VGG16.widths)
_TINY = 1e-6

# A layer within what lpips and DISTS call slices and stages keeps torchvision's number.
_IN_SLICE = re.compile(r"(?:.*\.)?(?:slice|stage)[1-5]\.(\d+\.(?:weight|bias))")
_FEATURE = re.compile(r"(?:.*\.)?features\.(\d+\.(?:weight|bias))")
_LINEAR = re.compile(r"(?:.*\.)?lins?\.?(\d)\.(?:model\.1\.)?weight")
_OURS = re.compile(r"features\.\d+\.\w+|lin\d|alpha|beta")

_VERSION_0_0 = {
    "AlexNet": (2.5659, 10.2574, 22.4343, 16.3139, 13.9345),
    "VGG16": (3.6416, 1.9601, 1.1231, 20.1063, 25.6896),
}
"""Sums of LPIPS' linear layers of the version before 0.1, by network: nothing else tells them."""

_OF_SQUEEZENET = "lin5", "features.3.squeeze.weight"

_WHERE = {
    "lpips": (
        "linear layers (lin0.model.1.weight to lin4…: weights/v0.1/alex.pth or vgg.pth of the "
        "package lpips, BSD 2-Clause)"
    ),
    "dists": "alpha and beta (weights.pt of the package DISTS_pytorch, MIT)",
}


@dataclass(frozen=True, slots=True, eq=False)
class Perceptual:
    """One measure made ready.

    Attributes
    ----------
    kind : {"lpips", "dists"}
    backbone : Backbone
    weights : dict of str to Tensor
        Convolutions by torchvision's names, and ``lin0`` to ``lin4``, or ``alpha`` and ``beta``.
    """

    kind: Kind
    backbone: Backbone
    weights: dict[str, Tensor]

    def distance(self, first_u8: U8Array, second_u8: U8Array) -> float | None:
        """Return how unlike two images look, 0: equal; None: smaller than 64 pixels a side.

        Parameters
        ----------
        first_u8, second_u8 : (H, W, 3) uint8 arrays
            Of one shape. They are not made smaller first, as DISTS' own example does.

        Raises
        ------
        DegradeError
            The weights make NaN or infinity of them.

        References
        ----------
        Zhang, Isola, Efros, Shechtman, Wang, "The Unreasonable Effectiveness of Deep Features as a
        Perceptual Metric", CVPR 2018, version 0.1 of the weights. Ding, Ma, Wang, Simoncelli,
        "Image Quality Assessment: Unifying Structure and Texture Similarity", TPAMI 2022.
        """
        if min(first_u8.shape[:2]) < LEAST_SIDE:
            return None
        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # the same sums in any process
        try:
            with torch.inference_mode():
                both = np.stack([first_u8, second_u8])
                found = self._lpips(both) if self.kind == "lpips" else self._dists(both)
        finally:
            torch.set_num_threads(threads)
        if not math.isfinite(found):
            raise DegradeError(
                f"the weights for {self.kind} make NaN or infinity of an image; use other weights"
            )
        return found

    def _lpips(self, both: U8Array) -> float:
        totals = [0.0] * len(self.backbone.widths)
        counts = [0] * len(totals)
        pool = max_pool(3 if self.backbone is ALEXNET else 2)
        for strip_BCHW, core in _strips(both):
            scaled = _standardised(2 * strip_BCHW - 1, _LPIPS_SHIFT, _LPIPS_SCALE)
            found = self.backbone.activations(scaled, self.weights, pool)
            for number, layer in enumerate(found):
                part = core.cut(layer, self.backbone.strides[number])
                unit = part / (part.square().sum(1, keepdim=True).sqrt() + 1e-10)
                weight = self.weights[f"lin{number}"].reshape(1, -1, 1, 1)
                map_HW = ((unit[:1] - unit[1:]).square() * weight).sum(1)
                totals[number] += float(map_HW.sum(dtype=torch.float64))
                counts[number] += map_HW.numel()
        return sum(total / count for total, count in zip(totals, counts, strict=True))

    def _dists(self, both: U8Array) -> float:
        moments = [torch.zeros(5, width, dtype=torch.float64) for width in _DISTS_WIDTHS]
        counts = [0] * len(moments)
        for strip_BCHW, core in _strips(both):
            scaled = _standardised(strip_BCHW, _IMAGENET_MEAN, _IMAGENET_STD)
            layers = [strip_BCHW, *self.backbone.activations(scaled, self.weights, l2_pool)]
            for number, layer in enumerate(layers):
                stride = 1 if number == 0 else self.backbone.strides[number - 1]
                x, y = core.cut(layer, stride).flatten(2).double()
                products = (x, y, x * x, y * y, x * y)
                moments[number] += torch.stack([each.sum(1) for each in products])
                counts[number] += x.shape[1]
        return self._from_moments(moments, counts)

    def _from_moments(self, moments: Sequence[Tensor], counts: Sequence[int]) -> float:
        structure, texture = [], []
        for sums, count in zip(moments, counts, strict=True):
            x, y, xx, yy, xy = sums / count
            structure.append((2 * x * y + _TINY) / (x * x + y * y + _TINY))
            spread = (xx - x * x).clamp(min=0) + (yy - y * y).clamp(min=0)
            texture.append((2 * (xy - x * y) + _TINY) / (spread + _TINY))
        alpha, beta = (self.weights[name].flatten().double() for name in ("alpha", "beta"))
        alike = alpha @ torch.cat(structure) + beta @ torch.cat(texture)
        return float(1 - alike / (alpha.sum() + beta.sum()))


@dataclass(frozen=True, slots=True)
class _Core:
    """The rows of a strip that count: from ``begin`` on, ``length`` of them; None: all the rest."""

    begin: int
    length: int | None

    def cut(self, layer: Tensor, stride: int) -> Tensor:
        begin = self.begin // stride
        end = None if self.length is None else begin + self.length // stride
        return layer[:, :, begin:end]


def _strips(both: U8Array) -> Iterator[tuple[Tensor, _Core]]:
    """Yield strips with their surroundings as (2, 3, h, w) float32 on [0, 1]."""
    height, width = both.shape[1:3]
    rows = max(_PIXELS // width // UNIT, 1) * UNIT
    top = 0
    while top < height:
        # The last rows are no strip of their own where they are too few for the deepest layer.
        bottom = height if height - (top + rows) < LEAST_SIDE else top + rows
        first, last = max(top - HALO, 0), min(bottom + HALO, height)
        part = torch.from_numpy(np.ascontiguousarray(both[:, first:last]))
        strip_BCHW = part.permute(0, 3, 1, 2).float() / 255
        yield strip_BCHW, _Core(top - first, None if bottom == height else bottom - top)
        top = bottom


def _standardised(x_BCHW: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    shift, scale = (torch.tensor(values).view(1, 3, 1, 1) for values in (mean, std))
    return (x_BCHW - shift) / scale


def read_perceptual(kind: Kind, paths: Sequence[Path]) -> Perceptual:
    """Read a measure's weights from the user's files; nothing is downloaded.

    Parameters
    ----------
    kind : {"lpips", "dists"}
    paths : sequence of Path
        In any order: the measure's own weights and torchvision's of its network, or one file that
        holds both, as the packages ``lpips`` and ``DISTS_pytorch`` save their modules.

    Raises
    ------
    DegradeError
        A file cannot be read, or something is missing, unfit or there twice; the text says what,
        and where it comes from.
    """
    tensors: dict[str, Tensor] = {}
    holders: dict[str, Path] = {}
    for path in paths:
        for name, tensor in _read_tensors(kind, path).items():
            plain = _plain_name(name)
            known = tensors.get(plain) if _OURS.fullmatch(plain) else None
            if known is not None and not torch.equal(known, tensor):
                files = " and ".join(sorted({printable(holders[plain]), printable(path)}))
                raise DegradeError(f"{files}: {plain} is there twice, with other numbers; give one")
            tensors[plain], holders[plain] = tensor, path
    for name in _OF_SQUEEZENET:
        if name in tensors:
            raise InputError(holders[name], "is of SqueezeNet, which is not read", _needed(kind))
    backbone = VGG16 if kind == "dists" or _is_vgg(tensors) else ALEXNET
    _require_network(kind, backbone, tensors, holders)
    wanted: dict[str, tuple[int, ...]] = {}
    if kind == "lpips":
        wanted |= {f"lin{i}": (1, width, 1, 1) for i, width in enumerate(backbone.widths)}
    else:
        wanted |= dict.fromkeys(("alpha", "beta"), (1, sum(_DISTS_WIDTHS), 1, 1))
    for layer, whole in backbone.shapes.items():
        wanted |= {f"features.{layer}.weight": whole, f"features.{layer}.bias": whole[:1]}
    given = ", ".join(printable(path) for path in paths)
    for name, shape in wanted.items():
        if name not in tensors:
            raise DegradeError(f"{given}: {name} is missing; {_needed(kind)}")
        _require_fit(kind, name, tensors[name], shape, holders[name])
    if kind == "lpips" and _is_version_0_0(backbone, tensors):
        problem = "holds linear layers of LPIPS' version 0.0, for images of another range"
        raise InputError(holders["lin0"], problem, _needed(kind))
    return Perceptual(kind, backbone, {name: tensors[name].float() for name in wanted})


def _read_tensors(kind: Kind, path: Path) -> dict[str, Tensor]:
    data = read_file(path)
    try:
        is_plain = path.suffix.lower() == SAFETENSORS
        read = parse_safetensors(data, path)[0] if is_plain else parse_weights(data, path)
        content = unwrap_params(read)
        # A tensor may claim any shape over a single number that it holds.
        if any(
            each.numel() * each.element_size() > each.untyped_storage().nbytes()
            for each in content.values()
        ):
            raise InvalidValueError("claims more weights than the file holds")
    except InvalidValueError as error:
        raise InputError(path, str(error), _needed(kind)) from None
    return content


def _plain_name(name: str) -> str:
    for pattern, form in (
        (_IN_SLICE, "features.{}"),
        (_FEATURE, "features.{}"),
        (_LINEAR, "lin{}"),
    ):
        found = pattern.fullmatch(name)
        if found:
            return form.format(found[1])
    return name


def _is_vgg(tensors: Mapping[str, Tensor]) -> bool:
    """Tell by the linear layers, or by the network where there are none, which network it is."""
    if "lin1" in tensors:
        return bool(tensors["lin1"].numel() == VGG16.widths[1])
    return "features.28.weight" in tensors


def _is_version_0_0(backbone: Backbone, tensors: Mapping[str, Tensor]) -> bool:
    sums = [float(tensors[f"lin{i}"].double().sum()) for i in range(len(backbone.widths))]
    return bool(np.allclose(sums, _VERSION_0_0[backbone.name], rtol=1e-3, atol=0))


def _require_network(
    kind: Kind, wanted: Backbone, tensors: Mapping[str, Tensor], holders: Mapping[str, Path]
) -> None:
    """Raise InputError where the network is the other one of the two."""
    other = VGG16 if wanted is ALEXNET else ALEXNET
    name, judge = "features.0.weight", holders.get("lin1") if kind == "lpips" else Path("DISTS")
    if judge and name in tensors and tuple(tensors[name].shape) == other.shapes[0]:
        problem = f"is {other.name}, and {printable(judge)} wants {wanted.name}"
        raise InputError(holders[name], problem, _needed(kind))


def _require_fit(kind: Kind, name: str, tensor: Tensor, shape: tuple[int, ...], path: Path) -> None:
    """Raise InputError unless a tensor is one of these weights."""
    if tuple(tensor.shape) != shape:
        problem = f"{name} has the shape {tuple(tensor.shape)}, not {shape}"
    elif not tensor.is_floating_point():
        problem = f"{name} holds {str(tensor.dtype).removeprefix('torch.')}, no fractions"
    elif not bool(tensor.isfinite().all()):
        problem = f"{name} holds NaN or infinity"
    else:
        return
    raise InputError(path, problem, _needed(kind))


def _needed(kind: Kind) -> str:
    files = VGG16.file if kind == "dists" else f"{ALEXNET.file} or {VGG16.file}"
    return (
        f"`{kind}` wants, in one file or two, {_WHERE[kind]}, and the network "
        f"(features.0.weight …: torchvision's {files} from download.pytorch.org/models)"
    )

"""RRDBNet, the generator of ESRGAN, RealSR and Real-ESRGAN."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

import torch
from torch import Tensor, nn
from torch.nn import functional

from degrade.errors import InvalidValueError
from esrgan.networks.graph import Graph
from esrgan.networks.layers import SLOPE, check_sizes, conv3, draw_small_weights, enlarge

__all__ = ["USUAL_UNSHUFFLE", "RRDBNet", "ResidualDenseBlock", "ResidualInResidualBlock"]

_RESIDUAL_SCALE = 0.2
USUAL_UNSHUFFLE = {1: 4, 2: 2, 3: 1, 4: 1, 8: 1}
"""The pixel-unshuffle that each scale has in BasicSR."""

_STYLES = ("esrgan", "esrgan+")


class ResidualDenseBlock(nn.Module):
    """Five convolutions, each of which sees the outputs of all before it.

    With ``plus``, as in ESRGAN+, the second output has a 1×1 convolution of the input added, and
    the fourth the second.
    """

    def __init__(self, features: int, growth: int, *, plus: bool = False) -> None:
        super().__init__()
        self.conv1x1 = nn.Conv2d(features, growth, 1, bias=False) if plus else None
        self.conv1 = conv3(features, growth)
        self.conv2 = conv3(features + growth, growth)
        self.conv3 = conv3(features + 2 * growth, growth)
        self.conv4 = conv3(features + 3 * growth, growth)
        self.conv5 = conv3(features + 4 * growth, features)
        for conv in (self.conv1, self.conv2, self.conv3, self.conv4, self.conv5):
            draw_small_weights(conv)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Return the input plus the scaled residual."""
        return torch.add(x_BCHW, self.conv5(self._grown(x_BCHW)), alpha=_RESIDUAL_SCALE)

    def _grown(self, x_BCHW: Tensor) -> Tensor:
        """Return the input and the four growths, joined: the most that is held of them at once."""
        pieces = [x_BCHW]
        for number, conv in enumerate((self.conv1, self.conv2, self.conv3, self.conv4), start=1):
            new = functional.leaky_relu(conv(_joined(pieces)), SLOPE, inplace=True)
            if self.conv1x1 is not None and number == 2:
                new = new + self.conv1x1(x_BCHW)
            elif self.conv1x1 is not None and number == 4:
                new = new + pieces[2]
            pieces.append(new)
        return torch.cat(pieces, dim=1)


class ResidualInResidualBlock(nn.Module):
    """Three dense blocks with a residual connection around them."""

    def __init__(self, features: int, growth: int, *, plus: bool = False) -> None:
        super().__init__()
        self.rdb1 = ResidualDenseBlock(features, growth, plus=plus)
        self.rdb2 = ResidualDenseBlock(features, growth, plus=plus)
        self.rdb3 = ResidualDenseBlock(features, growth, plus=plus)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Return the input plus the scaled residual."""
        residual = self.rdb3(self.rdb2(self.rdb1(x_BCHW)))
        return torch.add(x_BCHW, residual, alpha=_RESIDUAL_SCALE)


class RRDBNet(nn.Module):
    """ESRGAN's generator; its weights have the names that BasicSR gives them.

    Parameters
    ----------
    scale : {1, 2, 3, 4, 8}
        Times ``unshuffle``, it is enlarged twofold so often, by nearest neighbour and convolution
        (``conv_up1``, ``conv_up2``, …). ×3 enlarges once by 3: see :mod:`esrgan.weights.naming`
        for who can load such weights.
    in_channels, out_channels : int
        Of the images.
    features : int
        Channels of the trunk.
    blocks : int
        Residual-in-residual dense blocks.
    growth : int
        Channels that each convolution of a dense block adds.
    unshuffle : {1, 2, 4} or None
        The pixel-unshuffle in front. None: as BasicSR has it, 4 for ×1, 2 for ×2, else 1.
    style : {"esrgan", "esrgan+"}
        How the dense blocks are joined.

    Raises
    ------
    InvalidValueError
        There is no such scale, unshuffle or style, or a size is below 1.

    References
    ----------
    Wang et al., "ESRGAN: Enhanced Super-Resolution Generative Adversarial Networks", ECCVW 2018:
    §3.1 for the blocks, residual scaling by 0.2 and He initialisation scaled by 0.1 in the dense
    blocks; the other convolutions keep PyTorch's initialisation, as in the authors' code.
    Rakotonirina and Rasoanaivo, "ESRGAN+: Further Improving Enhanced Super-Resolution Generative
    Adversarial Network", ICASSP 2020, §2.1; the noise that it adds in training is left out.
    Wang et al., "Real-ESRGAN", ICCVW 2021, §3.4 for the pixel-unshuffle; sides that are no
    multiple of it are mirrored on, as its program does, and cut off again.
    """

    def __init__(
        self,
        *,
        scale: int = 4,
        in_channels: int = 3,
        out_channels: int = 3,
        features: int = 64,
        blocks: int = 23,
        growth: int = 32,
        unshuffle: int | None = None,
        style: str = "esrgan",
    ) -> None:
        super().__init__()
        if scale not in USUAL_UNSHUFFLE:
            raise InvalidValueError(f"scale must be 1, 2, 3, 4 or 8, got {scale}")
        if style not in _STYLES:
            raise InvalidValueError(f"style must be esrgan or esrgan+, got {style!r}")
        check_sizes(
            in_channels=in_channels,
            out_channels=out_channels,
            features=features,
            blocks=blocks,
            growth=growth,
        )
        self.scale = scale
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.lr_multiple = USUAL_UNSHUFFLE[scale] if unshuffle is None else unshuffle
        self._growth = growth
        self._factors = _enlargements(scale, self.lr_multiple)
        self.conv_first = conv3(in_channels * self.lr_multiple**2, features)
        self.body = nn.Sequential(
            *(
                ResidualInResidualBlock(features, growth, plus=style == "esrgan+")
                for _ in range(blocks)
            )
        )
        self.conv_body = conv3(features, features)
        for number, _ in enumerate(self._factors, start=1):
            self.add_module(f"conv_up{number}", conv3(features, features))
        self.conv_hr = conv3(features, features)
        self.conv_last = conv3(features, out_channels)

    def forward(self, lr_BCHW: Tensor) -> Tensor:
        """Return SR of (B, C, scale·H, scale·W) for LR on [0, 1]; SR is not clipped."""
        return self.tail(self.trunk(lr_BCHW), lr_BCHW)

    def trunk(self, lr_BCHW: Tensor) -> Tensor:
        """Return the features from which :meth:`tail` makes SR, one place a block of LR pixels."""
        unshuffled_BCHW = self._unshuffled(lr_BCHW)
        if torch.is_grad_enabled():
            first_BCHW = self.conv_first(unshuffled_BCHW)
            features_BCHW: Tensor = first_BCHW + self.conv_body(self.body(first_BCHW))
            return features_BCHW
        # To compute the first features twice takes next to no time, to keep them much memory.
        x = self.conv_first(unshuffled_BCHW)
        for block in self.body:
            x = block(x)
        residual_BCHW: Tensor = self.conv_body(x)
        del x
        return residual_BCHW.add_(self.conv_first(unshuffled_BCHW))

    def tail(self, features_BCHW: Tensor, lr_BCHW: Tensor) -> Tensor:
        """Return SR for the features of LR, or of a part of it."""
        height, width = lr_BCHW.shape[-2:]
        x = features_BCHW
        for factor, conv in self.enlargements():
            x = enlarge(x, conv, factor)
        x = self.conv_last(functional.leaky_relu(self.conv_hr(x), SLOPE, inplace=True))
        sr_BCHW: Tensor = x[..., : self.scale * height, : self.scale * width]
        return sr_BCHW

    def enlargements(self) -> Iterator[tuple[int, nn.Conv2d]]:
        """Yield by what the trunk's output is enlarged, and the convolution behind it."""
        for number, factor in enumerate(self._factors, start=1):
            conv = self.get_submodule(f"conv_up{number}")
            if isinstance(conv, nn.Conv2d):
                yield factor, conv

    def _unshuffled(self, lr_BCHW: Tensor) -> Tensor:
        factor = self.lr_multiple
        if factor == 1:
            return lr_BCHW
        filled_BCHW = lr_BCHW
        for dim in (2, 3):
            if lr_BCHW.shape[dim] % factor:
                index = _mirrored(lr_BCHW.shape[dim], factor, lr_BCHW.device)
                filled_BCHW = filled_BCHW.index_select(dim, index)
        return functional.pixel_unshuffle(filled_BCHW, factor)

    def add_to(self, graph: Graph) -> None:
        """Write the network into an ONNX graph, from ``lr`` to ``sr``."""
        factor = self.lr_multiple
        x = graph.conv(
            _unshuffled(graph, "lr", factor), "conv_first", self.conv_first, unshuffled=factor
        )
        graph.constant("residual_scale", torch.tensor(_RESIDUAL_SCALE))
        first = x
        for n, block in enumerate(self.body):
            before = x
            for name, dense in block.named_children():
                if isinstance(dense, ResidualDenseBlock):
                    x = _add_dense(graph, x, f"body.{n}.{name}", dense)
            x = graph.node("Add", before, graph.node("Mul", x, "residual_scale"))
        x = graph.node("Add", first, graph.conv(x, "conv_body", self.conv_body))
        for number, (times, conv) in enumerate(self.enlargements(), start=1):
            larger = graph.nearest(x, times)
            x = graph.leaky(graph.conv(larger, f"conv_up{number}", conv), SLOPE)
        x = graph.leaky(graph.conv(x, "conv_hr", self.conv_hr), SLOPE)
        x = graph.conv(x, "conv_last", self.conv_last)
        if factor > 1:
            zero, axes = graph.constant("origin", [0, 0]), graph.constant("axes", [2, 3])
            size = graph.node("Shape", "lr", start=2, end=4)
            end = graph.node("Mul", size, graph.constant("scale", [self.scale]))
            x = graph.node("Slice", x, zero, end, axes)
        graph.node("Identity", x, output="sr")

    @property
    def receptive_radius(self) -> int:
        """How many LR pixels away from its own an SR pixel can look, at most."""
        trunk = 2 + 15 * len(self.body)  # conv_first, conv_body, 3 × 5 in each block
        if self.lr_multiple > 1:
            return self.lr_multiple * (trunk + 2)
        return trunk + (3 if self._factors else 2)

    @property
    def tail_radius(self) -> int:
        """How many LR pixels around its own :meth:`tail` looks at, at most."""
        return 3 * self.lr_multiple

    @property
    def trunk_channels(self) -> int:
        """How many numbers a place at LR's size :meth:`trunk` holds at once, at most."""
        features = self.conv_first.out_channels
        # The input of a block of three; of a dense block the input, its growths, and these joined.
        held = 3 * features + 8 * self._growth
        return ceil(held / self.lr_multiple**2)


def _joined(pieces: list[Tensor]) -> Tensor:
    return torch.cat(pieces, dim=1) if len(pieces) > 1 else pieces[0]


def _enlargements(scale: int, unshuffle: int) -> tuple[int, ...]:
    """Return by what the trunk's output is enlarged, one convolution each."""
    if scale == 3 and unshuffle == 1:
        return (3,)
    wanted = scale * unshuffle
    if unshuffle not in (1, 2, 4) or wanted & (wanted - 1):
        raise InvalidValueError(f"unshuffle must be 1, 2 or 4 (×3: 1), got {unshuffle}")
    return (2,) * (wanted.bit_length() - 1)


def _mirrored(size: int, multiple: int, device: torch.device) -> Tensor:
    """Return 0 … size - 1 and on to a multiple, mirrored without the edge repeated."""
    last = size - 1
    index = torch.arange(size + -size % multiple, device=device) % max(2 * last, 1)
    return last - (last - index).abs()


def _unshuffled(graph: Graph, x: str, factor: int) -> str:
    if factor == 1:
        return x
    zero, one = graph.constant("zero", torch.tensor(0)), graph.constant("one", torch.tensor(1))
    multiple = graph.constant("lr_multiple", torch.tensor(factor))
    for axis in (2, 3):
        size = graph.node("Squeeze", graph.node("Shape", x, start=axis, end=axis + 1))
        whole = graph.node("Add", size, graph.node("Mod", graph.node("Neg", size), multiple))
        last = graph.node("Sub", size, one)
        period = graph.node("Max", graph.node("Add", last, last), one)
        place = graph.node("Mod", graph.node("Range", zero, whole, one), period)
        index = graph.node("Sub", last, graph.node("Abs", graph.node("Sub", last, place)))
        x = graph.node("Gather", x, index, axis=axis)
    return graph.node("SpaceToDepth", x, blocksize=factor)


def _add_dense(graph: Graph, x: str, name: str, block: ResidualDenseBlock) -> str:
    """Write a dense block into an ONNX graph."""
    seen = [x]
    plus = block.conv1x1
    for k in (1, 2, 3, 4, 5):
        joined = seen[0] if k == 1 else graph.node("Concat", *seen, axis=1)
        new = graph.conv(joined, f"{name}.conv{k}", block.get_submodule(f"conv{k}"))
        if k < 5:
            new = graph.leaky(new, SLOPE)
        if plus is not None and k == 2:
            new = graph.node("Add", new, graph.conv(x, f"{name}.conv1x1", plus))
        elif plus is not None and k == 4:
            new = graph.node("Add", new, seen[2])
        seen.append(new)
    return graph.node("Add", x, graph.node("Mul", seen[-1], "residual_scale"))

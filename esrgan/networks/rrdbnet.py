"""RRDBNet, the generator of ESRGAN, RealSR and Real-ESRGAN."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from degrade.errors import InvalidValueError
from esrgan.networks.graph import Graph
from esrgan.networks.layers import SLOPE, check_sizes, conv3, draw_small_weights, enlarge

__all__ = ["RRDBNet", "ResidualDenseBlock", "ResidualInResidualBlock"]

_RESIDUAL_SCALE = 0.2
_UNSHUFFLE = {1: 4, 2: 2, 3: 1, 4: 1}


class ResidualDenseBlock(nn.Module):
    """Five convolutions, each of which sees the outputs of all before it."""

    def __init__(self, features: int, growth: int) -> None:
        super().__init__()
        self.conv1 = conv3(features, growth)
        self.conv2 = conv3(features + growth, growth)
        self.conv3 = conv3(features + 2 * growth, growth)
        self.conv4 = conv3(features + 3 * growth, growth)
        self.conv5 = conv3(features + 4 * growth, features)
        for conv in (self.conv1, self.conv2, self.conv3, self.conv4, self.conv5):
            draw_small_weights(conv)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Return the input plus the scaled residual."""
        seen = x_BCHW
        for conv in (self.conv1, self.conv2, self.conv3, self.conv4):
            new = functional.leaky_relu(conv(seen), SLOPE, inplace=True)
            seen = torch.cat((seen, new), dim=1)
        return torch.add(x_BCHW, self.conv5(seen), alpha=_RESIDUAL_SCALE)


class ResidualInResidualBlock(nn.Module):
    """Three dense blocks with a residual connection around them."""

    def __init__(self, features: int, growth: int) -> None:
        super().__init__()
        self.rdb1 = ResidualDenseBlock(features, growth)
        self.rdb2 = ResidualDenseBlock(features, growth)
        self.rdb3 = ResidualDenseBlock(features, growth)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Return the input plus the scaled residual."""
        residual = self.rdb3(self.rdb2(self.rdb1(x_BCHW)))
        return torch.add(x_BCHW, residual, alpha=_RESIDUAL_SCALE)


class RRDBNet(nn.Module):
    """ESRGAN's generator; its weights have the names that BasicSR gives them.

    Parameters
    ----------
    scale : {1, 2, 3, 4}
        ×4 enlarges twice by nearest neighbour and convolution. ×2 and ×1 are the same network
        behind a pixel-unshuffle of the input by 2 and 4. ×3 enlarges once by 3 and has no
        ``conv_up2``: see :mod:`esrgan.weights.naming` for who can load such weights.
    in_channels, out_channels : int
        Of the images.
    features : int
        Channels of the trunk.
    blocks : int
        Residual-in-residual dense blocks.
    growth : int
        Channels that each convolution of a dense block adds.

    Raises
    ------
    InvalidValueError
        There is no such scale, or a size is below 1.

    References
    ----------
    Wang et al., "ESRGAN: Enhanced Super-Resolution Generative Adversarial Networks", ECCVW 2018:
    §3.1 for the blocks, residual scaling by 0.2 and He initialisation scaled by 0.1 in the dense
    blocks; the other convolutions keep PyTorch's initialisation, as in the authors' code.
    Wang et al., "Real-ESRGAN", ICCVW 2021, §3.4 for the pixel-unshuffle; sides that are no
    multiple of it are padded here and cut off again, where the original refuses them.
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
    ) -> None:
        super().__init__()
        if scale not in _UNSHUFFLE:
            raise InvalidValueError(f"scale must be 1, 2, 3 or 4, got {scale}")
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
        self.conv_first = conv3(in_channels * _UNSHUFFLE[scale] ** 2, features)
        self.body = nn.Sequential(
            *(ResidualInResidualBlock(features, growth) for _ in range(blocks))
        )
        self.conv_body = conv3(features, features)
        self.conv_up1 = conv3(features, features)
        self.conv_up2 = None if scale == 3 else conv3(features, features)
        self.conv_hr = conv3(features, features)
        self.conv_last = conv3(features, out_channels)

    def forward(self, lr_BCHW: Tensor) -> Tensor:
        """Return SR of (B, C, scale·H, scale·W) for LR on [0, 1]; SR is not clipped."""
        height, width = lr_BCHW.shape[-2:]
        x = self.conv_first(self._unshuffled(lr_BCHW))
        x = x + self.conv_body(self.body(x))
        if self.conv_up2 is None:
            x = enlarge(x, self.conv_up1, 3)
        else:
            x = enlarge(enlarge(x, self.conv_up1, 2), self.conv_up2, 2)
        x = self.conv_last(functional.leaky_relu(self.conv_hr(x), SLOPE, inplace=True))
        sr_BCHW: Tensor = x[..., : self.scale * height, : self.scale * width]
        return sr_BCHW

    def _unshuffled(self, lr_BCHW: Tensor) -> Tensor:
        factor = self.lr_multiple
        if factor == 1:
            return lr_BCHW
        height, width = lr_BCHW.shape[-2:]
        missing = (0, -width % factor, 0, -height % factor)
        padded = functional.pad(lr_BCHW, missing, mode="replicate")
        return functional.pixel_unshuffle(padded, factor)

    def add_to(self, graph: Graph) -> None:
        """Write the network into an ONNX graph, from ``lr`` to ``sr``."""
        factor = self.lr_multiple
        x = graph.conv(
            _unshuffled(graph, "lr", factor), "conv_first", self.conv_first, unshuffled=factor
        )
        fifth = graph.constant("residual_scale", torch.tensor(_RESIDUAL_SCALE))
        first = x
        for n, block in enumerate(self.body):
            before = x
            for m in (1, 2, 3):
                seen = [x]
                for k in (1, 2, 3, 4, 5):
                    name = f"rdb{m}.conv{k}"
                    joined = seen[0] if k == 1 else graph.node("Concat", *seen, axis=1)
                    new = graph.conv(joined, f"body.{n}.{name}", block.get_submodule(name))
                    seen.append(new if k == 5 else graph.leaky(new, SLOPE))
                x = graph.node("Add", x, graph.node("Mul", seen[-1], fifth))
            x = graph.node("Add", before, graph.node("Mul", x, fifth))
        x = graph.node("Add", first, graph.conv(x, "conv_body", self.conv_body))
        if self.conv_up2 is None:
            stages = [("conv_up1", self.conv_up1, 3)]
        else:
            stages = [("conv_up1", self.conv_up1, 2), ("conv_up2", self.conv_up2, 2)]
        for name, conv, times in stages:
            x = graph.leaky(graph.conv(graph.nearest(x, times), name, conv), SLOPE)
        x = graph.leaky(graph.conv(x, "conv_hr", self.conv_hr), SLOPE)
        x = graph.conv(x, "conv_last", self.conv_last)
        if factor > 1:
            zero, axes = graph.constant("origin", [0, 0]), graph.constant("axes", [2, 3])
            size = graph.node("Shape", "lr", start=2, end=4)
            end = graph.node("Mul", size, graph.constant("scale", [self.scale]))
            x = graph.node("Slice", x, zero, end, axes)
        graph.node("Identity", x, output="sr")

    @property
    def lr_multiple(self) -> int:
        """Tiles of an image are upscaled as the whole when they start at multiples of this."""
        return _UNSHUFFLE[self.scale]

    @property
    def receptive_radius(self) -> int:
        """How many LR pixels away from its own an SR pixel can look, at most."""
        trunk = 2 + 15 * len(self.body)  # conv_first, conv_body, 3 × 5 in each block
        return trunk + 3 if self.lr_multiple == 1 else self.lr_multiple * (trunk + 2)


def _unshuffled(graph: Graph, x: str, factor: int) -> str:
    if factor == 1:
        return x
    size = graph.node("Shape", x, start=2, end=4)
    multiple = graph.constant("lr_multiple", [factor])
    missing = graph.node("Mod", graph.node("Neg", size), multiple)
    before = graph.constant("before", [0] * 6)
    pads = graph.node("Concat", before, missing, axis=0)
    padded = graph.node("Pad", x, pads, mode="edge")
    return graph.node("SpaceToDepth", padded, blocksize=factor)

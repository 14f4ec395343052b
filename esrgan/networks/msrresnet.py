"""MSRResNet: SRResNet without normalisation, as BasicSR trains it."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from degrade.errors import InvalidValueError
from esrgan.networks.graph import Graph
from esrgan.networks.layers import check_sizes, conv3, draw_small_weights

__all__ = ["MSRResNet"]

_SLOPE = 0.1


class PlainResidualBlock(nn.Module):
    """Convolution, ReLU, convolution, and the input added."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.conv1 = conv3(features, features)
        self.conv2 = conv3(features, features)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Return the input plus the residual."""
        residual: Tensor = self.conv2(functional.relu(self.conv1(x_BCHW), inplace=True))
        return x_BCHW + residual


class MSRResNet(nn.Module):
    """The SRResNet of BasicSR, mmsr, mmagic and KAIR: no BatchNorm, and a bilinear base.

    It predicts what is to be added to the bilinearly enlarged LR.

    Parameters
    ----------
    scale : {2, 3, 4}
        ×4 enlarges twice by 2, ×2 and ×3 once.
    in_channels : int
        Of LR and SR both: the base is added to the result.
    features : int
        Channels of the trunk.
    blocks : int
        Residual blocks.

    Raises
    ------
    InvalidValueError
        There is no such scale, or a size is below 1.

    References
    ----------
    After Ledig et al., CVPR 2017, without the normalisations, for which see Lim et al., "Enhanced
    Deep Residual Networks for Single Image Super-Resolution", CVPRW 2017, §3.1. The rest is no
    paper's, but what the published checkpoints want: 3×3 convolutions, no convolution behind the
    blocks, leaky ReLU of slope 0.1 outside of them, He initialisation scaled by 0.1.
    """

    def __init__(
        self, *, scale: int = 4, in_channels: int = 3, features: int = 64, blocks: int = 16
    ) -> None:
        super().__init__()
        if scale not in (2, 3, 4):
            raise InvalidValueError(f"scale must be 2, 3 or 4, got {scale}")
        check_sizes(in_channels=in_channels, features=features, blocks=blocks)
        self.scale = scale
        self.in_channels = self.out_channels = in_channels
        shuffled = features * (9 if scale == 3 else 4)
        self.conv_first = conv3(in_channels, features)
        self.body = nn.Sequential(*(PlainResidualBlock(features) for _ in range(blocks)))
        self.upconv1 = conv3(features, shuffled)
        self.upconv2 = conv3(features, shuffled) if scale == 4 else None
        self.conv_hr = conv3(features, features)
        self.conv_last = conv3(features, in_channels)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                draw_small_weights(module)

    def forward(self, lr_BCHW: Tensor) -> Tensor:
        """Return SR of (B, C, scale·H, scale·W) for LR on [0, 1]; SR is not clipped."""
        return self.tail(self.trunk(lr_BCHW), lr_BCHW)

    def trunk(self, lr_BCHW: Tensor) -> Tensor:
        """Return the features from which :meth:`tail` makes SR, of LR's size."""
        features_BCHW: Tensor = self.body(_activated(self.conv_first(lr_BCHW)))
        return features_BCHW

    def tail(self, features_BCHW: Tensor, lr_BCHW: Tensor) -> Tensor:
        """Return SR for the features of LR, or of a part of it."""
        factor = 3 if self.scale == 3 else 2
        x = _activated(functional.pixel_shuffle(self.upconv1(features_BCHW), factor))
        if self.upconv2 is not None:
            x = _activated(functional.pixel_shuffle(self.upconv2(x), factor))
        residual = self.conv_last(_activated(self.conv_hr(x)))
        base = functional.interpolate(
            lr_BCHW, scale_factor=self.scale, mode="bilinear", align_corners=False
        )
        sr_BCHW: Tensor = residual + base
        return sr_BCHW

    def add_to(self, graph: Graph) -> None:
        """Write the network into an ONNX graph, from ``lr`` to ``sr``."""
        x = graph.leaky(graph.conv("lr", "conv_first", self.conv_first), _SLOPE)
        for n, block in enumerate(self.body):
            inner = graph.conv(x, f"body.{n}.conv1", block.get_submodule("conv1"))
            inner = graph.node("Relu", inner)
            inner = graph.conv(inner, f"body.{n}.conv2", block.get_submodule("conv2"))
            x = graph.node("Add", x, inner)
        factor = 3 if self.scale == 3 else 2
        x = graph.leaky(graph.shuffle(graph.conv(x, "upconv1", self.upconv1), factor), _SLOPE)
        if self.upconv2 is not None:
            x = graph.leaky(graph.shuffle(graph.conv(x, "upconv2", self.upconv2), factor), _SLOPE)
        x = graph.leaky(graph.conv(x, "conv_hr", self.conv_hr), _SLOPE)
        base = graph.resize(
            "lr", self.scale, mode="linear", coordinate_transformation_mode="half_pixel"
        )
        x = graph.conv(x, "conv_last", self.conv_last)
        graph.node("Add", x, base, output="sr")

    @property
    def lr_multiple(self) -> int:
        """Tiles of an image are upscaled as the whole when they start at multiples of this."""
        return 1

    @property
    def receptive_radius(self) -> int:
        """How many LR pixels away from its own an SR pixel can look, at most."""
        # conv_first, 2 a block, upconv1, upconv2, conv_hr and conv_last.
        return 4 + 2 * len(self.body)

    @property
    def tail_radius(self) -> int:
        """How many LR pixels around its own :meth:`tail` looks at, at most."""
        return 3

    @property
    def trunk_channels(self) -> int:
        """How many numbers a place at LR's size :meth:`trunk` holds at once, at most."""
        return 4 * self.conv_first.out_channels


def _activated(x_BCHW: Tensor) -> Tensor:
    return functional.leaky_relu(x_BCHW, _SLOPE, inplace=True)

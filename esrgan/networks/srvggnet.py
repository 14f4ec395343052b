"""SRVGGNetCompact: a chain of convolutions at LR's size, for video and quick previews."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from degrade.errors import InvalidValueError
from esrgan.networks.graph import Graph
from esrgan.networks.layers import check_sizes, conv3

__all__ = ["SRVGGNetCompact"]


class SRVGGNetCompact(nn.Module):
    """The small generator of Real-ESRGAN (realesr-general, realesr-animevideo).

    It predicts what is to be added to LR enlarged by nearest neighbour. Its weights have the names
    that BasicSR gives them.

    Parameters
    ----------
    scale : {1, 2, 3, 4}
    in_channels : int
        Of LR and SR both.
    features : int
        Channels of the chain.
    blocks : int
        Convolutions between the first and the last, each with a PReLU behind it.

    Raises
    ------
    InvalidValueError
        There is no such scale, or a size is below 1.

    References
    ----------
    No paper's: the form is that of the published checkpoints.
    """

    def __init__(
        self, *, scale: int = 4, in_channels: int = 3, features: int = 64, blocks: int = 16
    ) -> None:
        super().__init__()
        if scale not in (1, 2, 3, 4):
            raise InvalidValueError(f"scale must be 1, 2, 3 or 4, got {scale}")
        check_sizes(in_channels=in_channels, features=features, blocks=blocks)
        self.scale = scale
        self.in_channels = self.out_channels = in_channels
        layers: list[nn.Module] = [conv3(in_channels, features), nn.PReLU(features)]
        for _ in range(blocks):
            layers += [conv3(features, features), nn.PReLU(features)]
        self.body = nn.Sequential(*layers, conv3(features, in_channels * scale**2))

    def forward(self, lr_BCHW: Tensor) -> Tensor:
        """Return SR of (B, C, scale·H, scale·W) for LR on [0, 1]; SR is not clipped."""
        return self.tail(self.trunk(lr_BCHW), lr_BCHW)

    def trunk(self, lr_BCHW: Tensor) -> Tensor:
        """Return the features from which :meth:`tail` makes SR, of LR's size."""
        features_BCHW: Tensor = self.body(lr_BCHW)
        return features_BCHW

    def tail(self, features_BCHW: Tensor, lr_BCHW: Tensor) -> Tensor:
        """Return SR for the features of LR, or of a part of it."""
        residual_BCHW = functional.pixel_shuffle(features_BCHW, self.scale)
        base_BCHW = functional.interpolate(lr_BCHW, scale_factor=self.scale, mode="nearest")
        sr_BCHW: Tensor = residual_BCHW + base_BCHW
        return sr_BCHW

    def add_to(self, graph: Graph) -> None:
        """Write the network into an ONNX graph, from ``lr`` to ``sr``."""
        x = "lr"
        for name, layer in self.body.named_children():
            add = graph.conv if isinstance(layer, nn.Conv2d) else graph.prelu
            x = add(x, f"body.{name}", layer)
        x = graph.shuffle(x, self.scale)
        graph.node("Add", x, graph.nearest("lr", self.scale), output="sr")

    @property
    def conv_first(self) -> nn.Conv2d:
        """The first convolution, by the name that it has in the other generators."""
        first = self.body[0]
        if not isinstance(first, nn.Conv2d):
            raise TypeError("the chain begins with a convolution")
        return first

    @property
    def lr_multiple(self) -> int:
        """Tiles of an image are upscaled as the whole when they start at multiples of this."""
        return 1

    @property
    def receptive_radius(self) -> int:
        """How many LR pixels away from its own an SR pixel can look, at most."""
        return (len(self.body) + 1) // 2

    @property
    def tail_radius(self) -> int:
        """How many LR pixels around its own :meth:`tail` looks at, at most."""
        return 0

    @property
    def trunk_channels(self) -> int:
        """How many numbers a place at LR's size :meth:`trunk` holds at once, at most."""
        return 3 * max(self.conv_first.out_channels, self.out_channels * self.scale**2)

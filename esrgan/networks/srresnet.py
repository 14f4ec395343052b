"""SRResNet, the generator of SRGAN."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from degrade.errors import InvalidValueError
from esrgan.networks.graph import Graph
from esrgan.networks.layers import check_sizes, conv3

__all__ = ["SRResNet", "fold_batch_norm"]

_BATCH_NORM_EPSILON = 1e-5
"""PyTorch's, with which every checkpoint was trained."""

_STAGES = {2: (2,), 3: (3,), 4: (2, 2)}


class NormalisedResidualBlock(nn.Module):
    """Convolution, norm, PReLU, convolution, norm, and the input added."""

    def __init__(self, features: int, *, norm: bool) -> None:
        super().__init__()
        # A bias would be cancelled by the normalisation's mean.
        self.conv1 = conv3(features, features, bias=not norm)
        self.bn1 = nn.BatchNorm2d(features, eps=_BATCH_NORM_EPSILON) if norm else None
        self.act = nn.PReLU()
        self.conv2 = conv3(features, features, bias=not norm)
        self.bn2 = nn.BatchNorm2d(features, eps=_BATCH_NORM_EPSILON) if norm else None

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Return the input plus the residual."""
        residual = self.act(_normalised(self.conv1(x_BCHW), self.bn1))
        return x_BCHW + _normalised(self.conv2(residual), self.bn2)


class SRResNet(nn.Module):
    """SRGAN's generator, as the paper draws it.

    Parameters
    ----------
    scale : {2, 3, 4}
        ×4 enlarges twice by 2, ×2 and ×3 once.
    in_channels, out_channels : int
    features : int
        Channels of the trunk.
    blocks : int
        Residual blocks.
    norm : {"batch", "none"}
        "none" is the form of :func:`fold_batch_norm`: biases instead of normalisations.

    Raises
    ------
    InvalidValueError
        There is no such scale or norm, or a size is below 1.

    Notes
    -----
    Upscale in eval mode only: there the normalisations use the statistics that training has
    gathered, and what a pixel becomes depends on its surroundings alone, not on the rest of the
    batch or tile.

    References
    ----------
    Ledig et al., "Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial
    Network", CVPR 2017, §2.1 and figure 4: 16 blocks of 64 features, 9×9 first and last
    convolution, pixel shuffle. Deviations: SR is on [0, 1], not [−1, 1], without tanh; the paper
    has ×4 alone, and leaves open how many slopes a PReLU has (one here, as in the common
    checkpoints) and the initialisation (PyTorch's here).
    """

    def __init__(
        self,
        *,
        scale: int = 4,
        in_channels: int = 3,
        out_channels: int = 3,
        features: int = 64,
        blocks: int = 16,
        norm: Literal["batch", "none"] = "batch",
    ) -> None:
        super().__init__()
        if scale not in _STAGES:
            raise InvalidValueError(f"scale must be 2, 3 or 4, got {scale}")
        if norm not in ("batch", "none"):
            raise InvalidValueError(f"norm must be batch or none, got {norm!r}")
        check_sizes(
            in_channels=in_channels, out_channels=out_channels, features=features, blocks=blocks
        )
        self.scale = scale
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.norm = norm
        batch = norm == "batch"
        factor = _STAGES[scale][0]
        self.conv_first = nn.Conv2d(in_channels, features, kernel_size=9, padding=4)
        self.act_first = nn.PReLU()
        self.body = nn.Sequential(
            *(NormalisedResidualBlock(features, norm=batch) for _ in range(blocks))
        )
        self.conv_body = conv3(features, features, bias=not batch)
        self.bn_body = nn.BatchNorm2d(features, eps=_BATCH_NORM_EPSILON) if batch else None
        self.upconv1 = conv3(features, features * factor**2)
        self.act_up1 = nn.PReLU()
        self.upconv2 = conv3(features, features * factor**2) if scale == 4 else None
        self.act_up2 = nn.PReLU() if scale == 4 else None
        self.conv_last = nn.Conv2d(features, out_channels, kernel_size=9, padding=4)

    def forward(self, lr_BCHW: Tensor) -> Tensor:
        """Return SR of (B, C, scale·H, scale·W) for LR on [0, 1]; SR is not clipped."""
        return self.tail(self.trunk(lr_BCHW), lr_BCHW)

    def trunk(self, lr_BCHW: Tensor) -> Tensor:
        """Return the features from which :meth:`tail` makes SR, of LR's size."""
        first_BCHW = self.act_first(self.conv_first(lr_BCHW))
        residual_BCHW = _normalised(self.conv_body(self.body(first_BCHW)), self.bn_body)
        features_BCHW: Tensor = first_BCHW + residual_BCHW
        return features_BCHW

    def tail(self, features_BCHW: Tensor, lr_BCHW: Tensor) -> Tensor:
        """Return SR for the features of LR, or of a part of it."""
        factor = _STAGES[self.scale][0]
        x = self.act_up1(functional.pixel_shuffle(self.upconv1(features_BCHW), factor))
        if self.upconv2 is not None and self.act_up2 is not None:
            x = self.act_up2(functional.pixel_shuffle(self.upconv2(x), factor))
        sr_BCHW: Tensor = self.conv_last(x)
        return sr_BCHW

    def add_to(self, graph: Graph) -> None:
        """Write the network into an ONNX graph, from ``lr`` to ``sr``, without normalisations."""
        folded = fold_batch_norm(self)
        x = first = graph.prelu(
            graph.conv("lr", "conv_first", folded.conv_first), "act_first", folded.act_first
        )
        for n, block in enumerate(folded.body):
            before, name = x, f"body.{n}"
            x = graph.conv(x, f"{name}.conv1", block.get_submodule("conv1"))
            x = graph.prelu(x, f"{name}.act", block.get_submodule("act"))
            x = graph.conv(x, f"{name}.conv2", block.get_submodule("conv2"))
            x = graph.node("Add", before, x)
        x = graph.node("Add", first, graph.conv(x, "conv_body", folded.conv_body))
        factor = _STAGES[folded.scale][0]
        x = graph.shuffle(graph.conv(x, "upconv1", folded.upconv1), factor)
        x = graph.prelu(x, "act_up1", folded.act_up1)
        if folded.upconv2 is not None:
            x = graph.shuffle(graph.conv(x, "upconv2", folded.upconv2), factor)
            x = graph.prelu(x, "act_up2", folded.act_up2)
        graph.node("Identity", graph.conv(x, "conv_last", folded.conv_last), output="sr")

    @property
    def lr_multiple(self) -> int:
        """Tiles of an image are upscaled as the whole when they start at multiples of this."""
        return 1

    @property
    def receptive_radius(self) -> int:
        """How many LR pixels away from its own an SR pixel can look, at most."""
        # 4 of conv_first, 2 a block, conv_body, upconv1, upconv2, 4 SR pixels of conv_last.
        return 9 + 2 * len(self.body)

    @property
    def tail_radius(self) -> int:
        """How many LR pixels around its own :meth:`tail` looks at, at most."""
        return 3

    @property
    def trunk_channels(self) -> int:
        """How many numbers a place at LR's size :meth:`trunk` holds at once, at most."""
        return 5 * self.conv_first.out_channels


def _normalised(x_BCHW: Tensor, norm: nn.BatchNorm2d | None) -> Tensor:
    return x_BCHW if norm is None else norm(x_BCHW)


def fold_batch_norm(network: SRResNet) -> SRResNet:
    """Return the network without normalisations that gives what this one gives in eval mode.

    Parameters
    ----------
    network : SRResNet
        Left as it is.

    Returns
    -------
    SRResNet
        On the same device, in eval mode, equal up to rounding; shares no memory.
    """
    with torch.device("meta"):
        folded = SRResNet(
            scale=network.scale,
            in_channels=network.in_channels,
            out_channels=network.out_channels,
            features=network.conv_first.out_channels,
            blocks=len(network.body),
            norm="none",
        )
    state = network.state_dict()
    kept = {name: state[name].clone() for name in folded.state_dict() if name in state}
    if network.norm == "batch":
        for n in range(len(network.body)):
            for k in (1, 2):
                kept |= _fold(state, f"body.{n}.conv{k}", f"body.{n}.bn{k}")
        kept |= _fold(state, "conv_body", "bn_body")
    folded.load_state_dict(kept, assign=True)
    return folded.eval()


def _fold(state: Mapping[str, Tensor], conv: str, norm: str) -> dict[str, Tensor]:
    """Return a convolution's weight and bias with its normalisation in them."""
    weight = state[f"{conv}.weight"]
    gain, shift, mean, variance = (
        # In double precision, so that folding rounds once.
        state[f"{norm}.{name}"].double()
        for name in ("weight", "bias", "running_mean", "running_var")
    )
    factor = gain / torch.sqrt(variance + _BATCH_NORM_EPSILON)
    return {
        f"{conv}.weight": (weight.double() * factor[:, None, None, None]).to(weight.dtype),
        f"{conv}.bias": (shift - mean * factor).to(weight.dtype),
    }

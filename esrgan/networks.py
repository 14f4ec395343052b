"""The generator (RRDBNet) and the patch discriminator."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from degrade.errors import InvalidValueError

__all__ = ["PatchDiscriminator", "RRDBNet", "check_device"]

_RESIDUAL_SCALE = 0.2
_SLOPE = 0.2


def _conv3(in_channels: int, out_channels: int) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1)


class ResidualDenseBlock(nn.Module):
    """Five convolutions, each of which sees the outputs of all before it."""

    def __init__(self, features: int, growth: int) -> None:
        super().__init__()
        self.conv1 = _conv3(features, growth)
        self.conv2 = _conv3(features + growth, growth)
        self.conv3 = _conv3(features + 2 * growth, growth)
        self.conv4 = _conv3(features + 3 * growth, growth)
        self.conv5 = _conv3(features + 4 * growth, features)
        for conv in (self.conv1, self.conv2, self.conv3, self.conv4, self.conv5):
            nn.init.kaiming_normal_(conv.weight)
            nn.init.zeros_(conv.bias)  # type: ignore[arg-type]
            with torch.no_grad():
                conv.weight.mul_(0.1)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Return the input plus the scaled residual."""
        seen = x_BCHW
        for conv in (self.conv1, self.conv2, self.conv3, self.conv4):
            new = functional.leaky_relu(conv(seen), _SLOPE, inplace=True)
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
    scale : {2, 3, 4}
        ×4 enlarges twice by nearest neighbour and convolution. ×2 is the same network behind a
        pixel-unshuffle of the input, as Real-ESRGAN has it. ×3 enlarges once by 3 and has no
        ``conv_up2``; no other project reads such weights.
    in_channels, out_channels : int
    features : int
        Channels of the trunk.
    blocks : int
        Residual-in-residual dense blocks.
    growth : int
        Channels that each convolution of a dense block adds.

    References
    ----------
    Wang et al., "ESRGAN: Enhanced Super-Resolution Generative Adversarial Networks", ECCVW 2018:
    §3.1 for the blocks, residual scaling by 0.2 and He initialisation scaled by 0.1 in the dense
    blocks; the other convolutions keep PyTorch's initialisation, as in the authors' code.
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
        if scale not in (2, 3, 4):
            raise InvalidValueError(f"scale must be 2, 3 or 4, got {scale}")
        sizes = {"in_channels": in_channels, "out_channels": out_channels, "features": features}
        for name, value in (sizes | {"blocks": blocks, "growth": growth}).items():
            if value < 1:
                raise InvalidValueError(f"{name} must be at least 1, got {value}")
        self.scale = scale
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.conv_first = _conv3(in_channels * (4 if scale == 2 else 1), features)
        self.body = nn.Sequential(
            *(ResidualInResidualBlock(features, growth) for _ in range(blocks))
        )
        self.conv_body = _conv3(features, features)
        self.conv_up1 = _conv3(features, features)
        self.conv_up2 = None if scale == 3 else _conv3(features, features)
        self.conv_hr = _conv3(features, features)
        self.conv_last = _conv3(features, out_channels)

    def forward(self, lr_BCHW: Tensor) -> Tensor:
        """Return SR of (B, C, scale·H, scale·W) for LR on [0, 1]; SR is not clipped."""
        height, width = lr_BCHW.shape[-2:]
        if self.scale == 2:
            # Odd sides get one more row or column, which is cut off again at the end.
            padded = functional.pad(lr_BCHW, (0, width % 2, 0, height % 2), mode="replicate")
            x = self.conv_first(functional.pixel_unshuffle(padded, 2))
        else:
            x = self.conv_first(lr_BCHW)
        x = x + self.conv_body(self.body(x))
        if self.conv_up2 is None:
            x = _enlarge(x, self.conv_up1, 3)
        else:
            x = _enlarge(_enlarge(x, self.conv_up1, 2), self.conv_up2, 2)
        x = self.conv_last(functional.leaky_relu(self.conv_hr(x), _SLOPE, inplace=True))
        sr_BCHW: Tensor = x[..., : self.scale * height, : self.scale * width]
        return sr_BCHW

    @property
    def receptive_radius(self) -> int:
        """How many LR pixels away from its own an SR pixel can look, at most."""
        trunk = 2 + 15 * len(self.body)  # conv_first, conv_body, 3 × 5 in each block
        return 2 * (trunk + 1) + 2 if self.scale == 2 else trunk + 3


def _enlarge(x_BCHW: Tensor, conv: nn.Conv2d, factor: int) -> Tensor:
    larger = functional.interpolate(x_BCHW, scale_factor=factor, mode="nearest")
    return functional.leaky_relu(conv(larger), _SLOPE, inplace=True)


class PatchDiscriminator(nn.Module):
    """Judges overlapping patches: one logit for each, not one for the whole image.

    Parameters
    ----------
    in_channels : int
    features : int
        Channels of the first layer; doubled by each strided layer up to eightfold.
    layers : int
        Strided 4×4 convolutions. 3 give a receptive field of 70 pixels.
    norm : {"batch", "instance", "none"}
        Normalisation behind all but the first and last convolution. "batch" keeps no running
        statistics: the discriminator is never used outside training, and a single step with NaN
        in it would spoil them for good.

    References
    ----------
    Isola et al., "Image-to-Image Translation with Conditional Adversarial Networks", CVPR 2017,
    §3.2.2 and appendix 6.1.2; Ji et al., CVPRW 2020, §3.3 (n = 3, 64 features) use it for SR.
    """

    def __init__(
        self,
        *,
        in_channels: int = 3,
        features: int = 64,
        layers: int = 3,
        norm: Literal["batch", "instance", "none"] = "batch",
    ) -> None:
        super().__init__()
        if layers < 1 or features < 1:
            raise InvalidValueError(
                f"layers and features must be at least 1, got {layers} and {features}"
            )
        widths = [features * min(2**n, 8) for n in range(layers + 1)]
        modules: list[nn.Module] = [
            nn.Conv2d(in_channels, features, kernel_size=4, stride=2, padding=1),
            nn.LeakyReLU(_SLOPE, inplace=True),
        ]
        for n in range(1, layers + 1):
            stride = 2 if n < layers else 1
            modules += [
                # A bias would be cancelled by the normalisation's mean.
                nn.Conv2d(widths[n - 1], widths[n], 4, stride, padding=1, bias=norm == "none"),
                *_norm(norm, widths[n]),
                nn.LeakyReLU(_SLOPE, inplace=True),
            ]
        modules.append(nn.Conv2d(widths[-1], 1, kernel_size=4, padding=1))
        self.model = nn.Sequential(*modules)
        self.smallest_side = _smallest_side(layers)

    def forward(self, image_BCHW: Tensor) -> Tensor:
        """Return (B, 1, h, w) logits."""
        logits: Tensor = self.model(image_BCHW)
        return logits


def _norm(norm: str, channels: int) -> list[nn.Module]:
    if norm == "batch":
        return [nn.BatchNorm2d(channels, track_running_stats=False)]
    if norm == "instance":
        return [nn.InstanceNorm2d(channels, affine=True)]
    if norm == "none":
        return []
    raise InvalidValueError(f"norm must be batch, instance or none, got {norm!r}")


def _smallest_side(layers: int) -> int:
    """Return the smallest image side for which every layer still has an output."""
    # The two stride-1 convolutions each take one pixel away; instance norm wants more than one.
    return 4 << layers


def check_device(name: str) -> None:
    """Raise InvalidValueError unless torch can compute on the device called ``name`` here."""
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise InvalidValueError(f"device {name!r} cannot be used here: {reason}") from None

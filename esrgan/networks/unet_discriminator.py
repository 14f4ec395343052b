"""The U-Net discriminator of Real-ESRGAN."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from esrgan.networks.layers import SLOPE, SpectralConv2d, check_sizes, conv3

__all__ = ["UNetDiscriminator"]


class UNetDiscriminator(nn.Module):
    """Judges every pixel, with all scales in view: one logit for each.

    Parameters
    ----------
    in_channels : int
    features : int
        Channels at full resolution; doubled at each of the three halvings.

    Raises
    ------
    InvalidValueError
        A size is below 1.

    References
    ----------
    Wang et al., "Real-ESRGAN: Training Real-World Blind Super-Resolution with Pure Synthetic
    Data", ICCVW 2021, §3.4 and figure 6: U-Net with skip connections that are added, 64 features,
    spectral normalisation on all but the first and last convolution. Its weights have the names of
    the authors' code. Sides that are no multiple of 8 are allowed: what is enlarged takes the size
    of what it is added to.
    """

    smallest_side = 8

    def __init__(self, *, in_channels: int = 3, features: int = 64) -> None:
        super().__init__()
        check_sizes(in_channels=in_channels, features=features)
        f = features
        self.conv0 = conv3(in_channels, f)
        self.conv1 = _halving(f, 2 * f)
        self.conv2 = _halving(2 * f, 4 * f)
        self.conv3 = _halving(4 * f, 8 * f)
        self.conv4 = _keeping(8 * f, 4 * f)
        self.conv5 = _keeping(4 * f, 2 * f)
        self.conv6 = _keeping(2 * f, f)
        self.conv7 = _keeping(f, f)
        self.conv8 = _keeping(f, f)
        self.conv9 = conv3(f, 1)

    def forward(self, image_BCHW: Tensor) -> Tensor:
        """Return (B, 1, H, W) logits."""
        x0 = _activated(self.conv0(image_BCHW))
        x1 = _activated(self.conv1(x0))
        x2 = _activated(self.conv2(x1))
        x3 = _activated(self.conv3(x2))
        x = _activated(self.conv4(_enlarged(x3, x2))) + x2
        x = _activated(self.conv5(_enlarged(x, x1))) + x1
        x = _activated(self.conv6(_enlarged(x, x0))) + x0
        logits: Tensor = self.conv9(_activated(self.conv8(_activated(self.conv7(x)))))
        return logits


def _halving(in_channels: int, out_channels: int) -> SpectralConv2d:
    return SpectralConv2d(in_channels, out_channels, 4, stride=2, padding=1, bias=False)


def _keeping(in_channels: int, out_channels: int) -> SpectralConv2d:
    return SpectralConv2d(in_channels, out_channels, 3, padding=1, bias=False)


def _activated(x_BCHW: Tensor) -> Tensor:
    return functional.leaky_relu(x_BCHW, SLOPE, inplace=True)


def _enlarged(x_BCHW: Tensor, like_BCHW: Tensor) -> Tensor:
    size = like_BCHW.shape[-2:]
    return functional.interpolate(x_BCHW, size=size, mode="bilinear", align_corners=False)

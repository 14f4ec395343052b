"""The patch discriminator of pix2pix and RealSR."""

from __future__ import annotations

from typing import Literal, TypeAlias

from torch import Tensor, nn

from degrade.errors import InvalidValueError
from esrgan.networks.layers import SLOPE, SpectralConv2d, check_sizes

__all__ = ["PatchDiscriminator", "PatchNorm"]

PatchNorm: TypeAlias = Literal["batch", "instance", "spectral", "none"]


class PatchDiscriminator(nn.Module):
    """Judges overlapping patches: one logit for each, not one for the whole image.

    Parameters
    ----------
    in_channels : int
    features : int
        Channels of the first layer; doubled by each strided layer up to eightfold.
    layers : int
        Strided 4×4 convolutions. 3 give a receptive field of 70 pixels.
    norm : {"batch", "instance", "spectral", "none"}
        "batch" and "instance" stand behind all but the first and last convolution. "batch" keeps
        no running statistics: the discriminator is never used outside training, and a single step
        with NaN in it would spoil them for good. "spectral" divides the weight of every
        convolution, the first and last as well, by its largest singular value.

    Raises
    ------
    InvalidValueError
        There is no such norm, or a size is below 1.

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
        norm: PatchNorm = "batch",
    ) -> None:
        super().__init__()
        check_sizes(in_channels=in_channels, features=features, layers=layers)
        if norm not in ("batch", "instance", "spectral", "none"):
            raise InvalidValueError(f"norm must be batch, instance, spectral or none, got {norm!r}")
        widths = [features * min(2**n, 8) for n in range(layers + 1)]
        modules: list[nn.Module] = [
            _conv4(in_channels, features, 2, norm, bias=True),
            nn.LeakyReLU(SLOPE, inplace=True),
        ]
        for n in range(1, layers + 1):
            modules += [
                # A bias would be cancelled by the normalisation's mean.
                _conv4(
                    widths[n - 1],
                    widths[n],
                    2 if n < layers else 1,
                    norm,
                    bias=norm in ("spectral", "none"),
                ),
                *_norm(norm, widths[n]),
                nn.LeakyReLU(SLOPE, inplace=True),
            ]
        modules.append(_conv4(widths[-1], 1, 1, norm, bias=True))
        self.model = nn.Sequential(*modules)
        # The two stride-1 convolutions each take one pixel away; instance norm wants more than one.
        self.smallest_side = 4 << layers

    def forward(self, image_BCHW: Tensor) -> Tensor:
        """Return (B, 1, h, w) logits."""
        logits: Tensor = self.model(image_BCHW)
        return logits


def _conv4(
    in_channels: int, out_channels: int, stride: int, norm: PatchNorm, *, bias: bool
) -> nn.Module:
    conv = SpectralConv2d if norm == "spectral" else nn.Conv2d
    return conv(in_channels, out_channels, 4, stride=stride, padding=1, bias=bias)


def _norm(norm: PatchNorm, channels: int) -> list[nn.Module]:
    if norm == "batch":
        return [nn.BatchNorm2d(channels, track_running_stats=False)]
    if norm == "instance":
        return [nn.InstanceNorm2d(channels, affine=True)]
    return []

"""The networks: four generators, which make SR from LR, and three discriminators.

Every generator has ``scale``, ``in_channels``, ``out_channels``, ``lr_multiple``,
``receptive_radius`` and ``add_to``, which writes it into an ONNX graph. It is a ``trunk``, which
works at LR's size and sees far, and a ``tail``, which works at SR's and sees near; with
``tail_radius`` and ``trunk_channels`` an image is cut for either. Every discriminator has
``smallest_side``, the smallest patch it can judge.
"""

from __future__ import annotations

from typing import TypeAlias

from esrgan.networks.layers import SpectralConv2d
from esrgan.networks.msrresnet import MSRResNet
from esrgan.networks.patch_discriminator import PatchDiscriminator, PatchNorm
from esrgan.networks.rrdbnet import RRDBNet
from esrgan.networks.srresnet import SRResNet, fold_batch_norm
from esrgan.networks.srvggnet import SRVGGNetCompact
from esrgan.networks.unet_discriminator import UNetDiscriminator
from esrgan.networks.vgg_discriminator import VGGDiscriminator

__all__ = [
    "DISCRIMINATORS",
    "GENERATORS",
    "Discriminator",
    "Generator",
    "MSRResNet",
    "PatchDiscriminator",
    "PatchNorm",
    "RRDBNet",
    "SRResNet",
    "SRVGGNetCompact",
    "SpectralConv2d",
    "UNetDiscriminator",
    "VGGDiscriminator",
    "fold_batch_norm",
]

Generator: TypeAlias = RRDBNet | SRResNet | MSRResNet | SRVGGNetCompact
Discriminator: TypeAlias = PatchDiscriminator | VGGDiscriminator | UNetDiscriminator

GENERATORS: dict[str, type[RRDBNet] | type[SRResNet] | type[MSRResNet] | type[SRVGGNetCompact]] = {
    "rrdbnet": RRDBNet,
    "srresnet": SRResNet,
    "msrresnet": MSRResNet,
    "srvggnet": SRVGGNetCompact,
}

DISCRIMINATORS: dict[
    str, type[PatchDiscriminator] | type[VGGDiscriminator] | type[UNetDiscriminator]
] = {
    "patch": PatchDiscriminator,
    "vgg": VGGDiscriminator,
    "unet": UNetDiscriminator,
}

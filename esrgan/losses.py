"""What training makes small: pixel, perceptual and adversarial losses, each a plain function."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from degrade.errors import DegradeError, InputError, InvalidValueError, printable
from degrade.files import read_file
from esrgan.checkpoints import parse_weights
from esrgan.naming import unwrap_params

__all__ = [
    "VGG19Features",
    "load_vgg19",
    "perceptual_loss",
    "pixel_loss",
    "relativistic_discriminator_loss",
    "relativistic_generator_loss",
]

_CONV5_4 = 34
_VGG19_STAGES = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))
_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)

_WHERE = (
    "take torchvision's vgg19-dcbb9e9d.pth (download.pytorch.org/models) and give its path with "
    "--vgg-weights, or train without the perceptual loss by leaving that option out"
)


def pixel_loss(sr_BCHW: Tensor, hr_BCHW: Tensor) -> Tensor:
    """Return the mean absolute difference (L1)."""
    return functional.l1_loss(sr_BCHW, hr_BCHW)


def relativistic_discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Return how badly real images are told to be more real than the average fake, and vice versa.

    References
    ----------
    Jolicoeur-Martineau, "The relativistic discriminator", ICLR 2019; Wang et al., "ESRGAN", 2018,
    eq. 1, which sums the two sides. Here they are averaged, as in the authors' code, to which the
    published weight of 0.005 belongs.
    """
    real_side = _said_real(real_logits - fake_logits.mean(), True)
    fake_side = _said_real(fake_logits - real_logits.mean(), False)
    return (real_side + fake_side) / 2


def relativistic_generator_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Return the discriminator's loss with the sides exchanged (ESRGAN, eq. 2; averaged, too)."""
    return relativistic_discriminator_loss(fake_logits, real_logits)


def _said_real(logits: Tensor, real: bool) -> Tensor:
    label = torch.ones_like(logits) if real else torch.zeros_like(logits)
    return functional.binary_cross_entropy_with_logits(logits, label)


class VGG19Features(nn.Module):
    """VGG19 up to its sixteenth convolution (conv5_4), before the activation.

    The layers carry torchvision's names (``features.0`` … ``features.34``).

    References
    ----------
    Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition",
    ICLR 2015, table 1, column E.
    """

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for width, convolutions in _VGG19_STAGES:
            for _ in range(convolutions):
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=True)]
                channels = width
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers[: _CONV5_4 + 1])
        for name, values in (("mean", _IMAGENET_MEAN), ("std", _IMAGENET_STD)):
            self.register_buffer(name, torch.tensor(values).view(1, 3, 1, 1), persistent=False)
        self.requires_grad_(False).eval()

    def forward(self, image_BCHW: Tensor) -> Tensor:
        """Return (B, 512, H/16, W/16) features of RGB on [0, 1]."""
        features: Tensor = self.features((image_BCHW - self.mean) / self.std)
        return features


def perceptual_loss(vgg: VGG19Features, sr_BCHW: Tensor, hr_BCHW: Tensor) -> Tensor:
    """Return the L1 distance of the VGG features before the activation of conv5_4.

    References
    ----------
    Wang et al., "ESRGAN", 2018, §3.3; L1 instead of the L2 of earlier work, as in RealSR.
    """
    with torch.no_grad():
        wanted = vgg(hr_BCHW)
    return functional.l1_loss(vgg(sr_BCHW), wanted)


def load_vgg19(path: Path) -> VGG19Features:
    """Read VGG19 weights from a local file; nothing is ever downloaded.

    Parameters
    ----------
    path : Path
        A state dict with torchvision's names; its classifier is not needed. A name that ends in
        eight hex digits (``vgg19-dcbb9e9d.pth``) promises the beginning of the file's sha256, as
        everywhere in PyTorch, and is held to it.

    Raises
    ------
    DegradeError
        The file is missing, damaged, of another hash than promised, or holds other weights; the
        text says where to get the right ones and how to go without.
    """
    try:
        data = read_file(path)
        promised = re.search(r"-([0-9a-f]{8,64})$", path.stem)
        digest = hashlib.sha256(data).hexdigest()
        if promised and not digest.startswith(promised.group(1)):
            raise InputError(path, f"its sha256 is {digest[:8]}…, not {promised.group(1)}…")
        weights = unwrap_params(parse_weights(data, path))
        network = VGG19Features()
        network.load_state_dict(_wanted(weights, network.state_dict()))
    except InputError as error:
        text = f"{printable(path)}: {error.reason}"
        raise DegradeError(f"no VGG19 weights: {text}; {_WHERE}") from None
    except InvalidValueError as error:
        raise DegradeError(f"no VGG19 weights: {printable(path)}: {error}; {_WHERE}") from None
    return network


def _wanted(weights: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    for name, tensor in expected.items():
        if name not in weights or weights[name].shape != tensor.shape:
            raise InvalidValueError(f"is not VGG19 ({name} is missing or of another shape)")
    return {name: weights[name] for name in expected}

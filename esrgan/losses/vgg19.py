"""VGG19's convolutional layers, frozen."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import torch
from torch import Tensor, nn

from degrade.errors import InvalidValueError

__all__ = ["VGG19Features"]

_STAGES = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))
_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)


def _name_layers() -> tuple[str, ...]:
    names: list[str] = []
    for stage, (_, convolutions) in enumerate(_STAGES, 1):
        for number in range(1, convolutions + 1):
            names += [f"conv{stage}_{number}", f"relu{stage}_{number}"]
        names.append(f"pool{stage}")
    return tuple(names[:-1])


class VGG19Features(nn.Module):
    """VGG19 up to the activation behind its sixteenth convolution.

    Layers are asked for by name: ``conv5_4`` is the fourth convolution of the fifth stage *before*
    its activation, ``relu5_4`` the same after it, ``pool1`` the first pooling.

    The weights carry torchvision's names (``features.0`` … ``features.34``), and never learn:
    no parameter has a gradient, and ``train()`` leaves the network in evaluation mode. New ones are
    random; :func:`~esrgan.losses.vgg19_weights.load_vgg19` reads the published ones.

    References
    ----------
    Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition",
    ICLR 2015, table 1, column E.
    """

    LAYER_NAMES: Final = _name_layers()

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for width, convolutions in _STAGES:
            for _ in range(convolutions):
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
                channels = width
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers[:-1])
        for name, values in (("mean", _IMAGENET_MEAN), ("std", _IMAGENET_STD)):
            # On the CPU even where the layers are made on the meta device, to be given weights.
            statistics = torch.tensor(values, device="cpu").view(1, 3, 1, 1)
            self.register_buffer(name, statistics, persistent=False)
        self.requires_grad_(False).eval()

    @property
    def layer_names(self) -> tuple[str, ...]:
        """All layers, from the shallowest to the deepest."""
        return self.LAYER_NAMES

    def train(self, mode: bool = True) -> VGG19Features:
        """Stay in evaluation mode, whatever is asked of the module that this is a part of."""
        return super().train(False)

    def forward(
        self, image_BCHW: Tensor, layers: Collection[str] = ("conv5_4",)
    ) -> dict[str, Tensor]:
        """Return the named layers.

        Parameters
        ----------
        image_BCHW : Tensor
            RGB on [0, 1]; ImageNet's mean and standard deviation are taken off here.
        layers : collection of str
            Nothing behind the deepest is computed.

        Returns
        -------
        dict of str to (B, C, H, W) Tensor
            In bfloat16 or float16 inside a region of automatic mixed precision.

        Raises
        ------
        InvalidValueError
            There is no such layer, or the image is too small for it.
        """
        missing = set(layers)
        _check_layers(image_BCHW, missing)
        x_BCHW = (image_BCHW - self.mean) / self.std
        found = {}
        for name, layer in zip(self.LAYER_NAMES, self.features, strict=True):
            if not missing:
                break
            x_BCHW = layer(x_BCHW)
            if name in missing:
                found[name] = x_BCHW
                missing.remove(name)
        return found


def _check_layers(image_BCHW: Tensor, layers: set[str]) -> None:
    unknown = sorted(layers.difference(VGG19Features.LAYER_NAMES))
    if unknown:
        raise InvalidValueError(
            f"VGG19 has the layers conv1_1, relu1_1 … relu5_4 and pool1 … pool4, got {unknown[0]!r}"
        )
    stages = max([0, *[int(name[4]) - (name[:4] != "pool") for name in layers]])
    if min(image_BCHW.shape[2:]) < 2**stages:
        size = "×".join(map(str, image_BCHW.shape[2:]))
        raise InvalidValueError(
            f"these VGG19 layers need images of at least {2**stages} pixels a side, got {size}"
        )

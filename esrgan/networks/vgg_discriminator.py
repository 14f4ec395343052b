"""The VGG-style discriminator of SRGAN and ESRGAN."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from degrade.errors import InvalidValueError
from esrgan.networks.layers import SLOPE, check_sizes

__all__ = ["VGGDiscriminator"]

_SMALLEST_MAP = 4


class VGGDiscriminator(nn.Module):
    """Judges a whole patch: one logit for each image.

    Each stage is a 3×3 convolution and a strided 4×4 one; there are as many as leave a map of 4 to
    7 pixels, which two linear layers judge. A patch of 128 has five and is the published network;
    its weights, like those of 256, have BasicSR's names.

    Parameters
    ----------
    in_channels : int
    features : int
        Channels of the first stage; doubled by each further one up to eightfold.
    patch_size : int
        Side of the images, at least 8.
    units : int
        Width of the first linear layer.

    Raises
    ------
    InvalidValueError
        A size is out of range; in ``forward``, the images are of another size.

    References
    ----------
    Ledig et al., CVPR 2017, §2.1 and figure 4, in the form in which Wang et al., "ESRGAN", 2018,
    use it: strided convolutions of 4×4 instead of 3×3, 100 units instead of 1024, logits without
    sigmoid. Number of stages for other patches: ours. Running statistics of the normalisations are
    kept, because the published weights have them; training, which is all this is for, does not use
    them.
    """

    def __init__(
        self, *, in_channels: int = 3, features: int = 64, patch_size: int = 128, units: int = 100
    ) -> None:
        super().__init__()
        check_sizes(in_channels=in_channels, features=features, units=units)
        if patch_size < 2 * _SMALLEST_MAP:
            raise InvalidValueError(
                f"patch_size must be at least {2 * _SMALLEST_MAP}, got {patch_size}"
            )
        self.patch_size = self.smallest_side = patch_size
        self.stages = (patch_size // _SMALLEST_MAP).bit_length() - 1
        before = in_channels
        for n in range(self.stages):
            width = features * min(2**n, 8)
            self.add_module(f"conv{n}_0", nn.Conv2d(before, width, 3, padding=1, bias=n == 0))
            if n > 0:
                self.add_module(f"bn{n}_0", nn.BatchNorm2d(width))
            self.add_module(f"conv{n}_1", nn.Conv2d(width, width, 4, 2, padding=1, bias=False))
            self.add_module(f"bn{n}_1", nn.BatchNorm2d(width))
            before = width
        side = patch_size >> self.stages
        self.linear1 = nn.Linear(before * side * side, units)
        self.linear2 = nn.Linear(units, 1)

    def forward(self, image_BCHW: Tensor) -> Tensor:
        """Return (B, 1) logits."""
        if tuple(image_BCHW.shape[-2:]) != (self.patch_size, self.patch_size):
            raise InvalidValueError(
                f"the discriminator judges patches of {self.patch_size} pixels, "
                f"got {tuple(image_BCHW.shape[-2:])}"
            )
        x = image_BCHW
        for n in range(self.stages):
            for part in (0, 1):
                x = self.get_submodule(f"conv{n}_{part}")(x)
                if n + part > 0:
                    x = self.get_submodule(f"bn{n}_{part}")(x)
                x = functional.leaky_relu(x, SLOPE, inplace=True)
        x = functional.leaky_relu(self.linear1(x.flatten(1)), SLOPE, inplace=True)
        logits: Tensor = self.linear2(x)
        return logits

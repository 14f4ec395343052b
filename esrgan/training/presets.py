"""The training recipes, as data: PyTorch is loaded when one is to be computed, not to name them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from degrade.errors import InvalidValueError

if TYPE_CHECKING:
    from esrgan.training.config import TrainingConfig

__all__ = [
    "PRESETS",
    "REAL_ESRGAN_LAYERS",
    "SRGAN_FEATURE_SCALE",
    "VGG22_LAYERS",
    "VGG54_LAYERS",
    "Preset",
    "preset_named",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A recipe.

    Attributes
    ----------
    settings : mapping of str to object
        Of :class:`~esrgan.training.config.TrainingConfig`, by the names of its fields.
    source : str
        Where the numbers come from.
    before : str
        The preset that trains the weights this one starts from; empty: it starts from nothing.
    """

    settings: Mapping[str, Any]
    source: str
    before: str = ""

    @property
    def config(self) -> TrainingConfig:
        """What a training computes.

        Raises
        ------
        InvalidValueError
            The settings make no run.
        """
        from esrgan.training.config import TrainingConfig

        return TrainingConfig(**self.settings)


_LEDIG = "Ledig et al., 'Photo-Realistic Single Image Super-Resolution Using a GAN', CVPR 2017"
_WANG = "Wang et al., 'ESRGAN: Enhanced Super-Resolution GANs', ECCVW 2018"
_JI = "Ji et al., 'Real-World Super-Resolution via Kernel Estimation and Noise', CVPRW 2020"

_REAL = "Wang et al., 'Real-ESRGAN', ICCVW 2021, and the authors' option files"

REAL_ESRGAN_LAYERS: Final[Mapping[str, float]] = {
    "conv1_2": 0.1,
    "conv2_2": 0.1,
    "conv3_4": 1.0,
    "conv4_4": 1.0,
    "conv5_4": 1.0,
}
"""Real-ESRGAN's five layers, before their activations."""

VGG22_LAYERS: Final[Mapping[str, float]] = {"relu2_2": 1.0}
"""SRGAN's VGG22: the second convolution of the second stage, after its activation."""

VGG54_LAYERS: Final[Mapping[str, float]] = {"relu5_4": 1.0}
"""SRGAN's VGG54: the fourth convolution of the fifth stage, after its activation."""

SRGAN_FEATURE_SCALE: Final = 1 / 12.75
"""What SRGAN multiplies VGG features with; squared, 0.006 of the loss."""

_SRRESNET = {"generator": "srresnet", "features": 64, "blocks": 16}
_RRDBNET = {"generator": "rrdbnet", "features": 64, "blocks": 23, "growth": 32}

# §3.2: 1e5 steps at 1e-4 and 1e5 at 1e-5; the adversarial loss has the weight 1e-3.
_SRGAN = {
    **_SRRESNET,
    "discriminator": "vgg",
    "discriminator_features": 64,
    "adversarial_loss": "vanilla",
    "learning_rate": 1e-4,
    "milestones": (100_000,),
    "gamma": 0.1,
    "hr_patch": 96,
    "batch_size": 16,
    "steps": 200_000,
}

# §4.1: four GPUs with 12 patches each.
_REAL_ESRGAN = {
    **_RRDBNET,
    "ema_decay": 0.999,
    "hr_patch": 256,
    "batch_size": 48,
}

# RealSR's GAN is ESRGAN's but for the discriminator and the times.
_ESRGAN = {
    **_RRDBNET,
    "discriminator_features": 64,
    "loss_weights": {"pixel": 0.01, "content": 1.0, "adversarial": 0.005},
    "adversarial_loss": "relativistic",
    "learning_rate": 1e-4,
    "hr_patch": 128,
    "batch_size": 16,
}

PRESETS: dict[str, Preset] = {
    "tiny": Preset(
        source="a small RRDBNet for CPUs; sizes and rates chosen by measurement",
        settings={
            "generator": "rrdbnet",
            "features": 32,
            "blocks": 2,
            "growth": 16,
            "start_as_interpolation": True,
            "discriminator": "patch",
            "discriminator_features": 24,
            "loss_weights": {"pixel": 1.0, "adversarial": 0.001},
            "learning_rate": 5e-5,
            "pixel_steps": 150,
            "pixel_learning_rate": 1e-3,
            "hr_patch": 64,
            "batch_size": 8,
            "steps": 1000,
        },
    ),
    "srresnet": Preset(
        source=_LEDIG,
        settings={
            **_SRRESNET,
            "pixel_loss": "l2",
            "loss_weights": {"pixel": 1.0},
            "learning_rate": 1e-4,
            "hr_patch": 96,
            "batch_size": 16,
            "steps": 1_000_000,
        },
    ),
    "srgan-mse": Preset(
        source=_LEDIG,
        before="srresnet",
        settings={
            **_SRGAN,
            # The paper's images are on [-1, 1], where the squared error is four times that on
            # [0, 1].
            "loss_weights": {"pixel": 4.0, "adversarial": 1e-3},
            "pixel_loss": "l2",
        },
    ),
    "srgan-vgg22": Preset(
        source=_LEDIG,
        before="srresnet",
        settings={
            **_SRGAN,
            "loss_weights": {"content": 1.0, "adversarial": 1e-3, "variation": 2e-8},
            "content_layers": VGG22_LAYERS,
            "content_distance": "l2",
            "content_scale": SRGAN_FEATURE_SCALE,
        },
    ),
    "srgan-vgg54": Preset(
        source=_LEDIG,
        before="srresnet",
        settings={
            **_SRGAN,
            "loss_weights": {"content": 1.0, "adversarial": 1e-3},
            "content_layers": VGG54_LAYERS,
            "content_distance": "l2",
            "content_scale": SRGAN_FEATURE_SCALE,
        },
    ),
    "rrdb-psnr": Preset(
        source=_WANG,
        settings={
            **_RRDBNET,
            "pixel_loss": "l1",
            "loss_weights": {"pixel": 1.0},
            "learning_rate": 2e-4,
            "milestones": (200_000, 400_000, 600_000, 800_000),
            "hr_patch": 128,
            "batch_size": 16,
            "steps": 1_000_000,
        },
    ),
    "esrgan": Preset(
        source=_WANG,
        before="rrdb-psnr",
        settings={
            **_ESRGAN,
            "discriminator": "vgg",
            "milestones": (50_000, 100_000, 200_000, 300_000),
            "steps": 400_000,
        },
    ),
    "realsr": Preset(
        source=_JI,
        before="rrdb-psnr",
        settings={
            **_ESRGAN,
            "discriminator": "patch",
            "discriminator_layers": 3,
            "milestones": (5_000, 10_000, 20_000, 30_000),
            "steps": 60_000,
        },
    ),
    "real-esrnet": Preset(
        source=_REAL,
        before="rrdb-psnr",
        settings={
            **_REAL_ESRGAN,
            "pixel_loss": "l1",
            "loss_weights": {"pixel": 1.0},
            "learning_rate": 2e-4,
            "steps": 1_000_000,
        },
    ),
    "real-esrgan": Preset(
        source=_REAL,
        before="real-esrnet",
        settings={
            **_REAL_ESRGAN,
            "discriminator": "unet",
            "discriminator_features": 64,
            "loss_weights": {"pixel": 1.0, "content": 1.0, "adversarial": 0.1},
            "content_layers": REAL_ESRGAN_LAYERS,
            "adversarial_loss": "vanilla",
            "learning_rate": 1e-4,
            "steps": 400_000,
        },
    ),
}


def preset_named(name: str) -> Preset:
    """Return a preset.

    Raises
    ------
    InvalidValueError
        There is none of that name.
    """
    if name not in PRESETS:
        raise InvalidValueError(f"preset must be one of {', '.join(PRESETS)}, got {name!r}")
    return PRESETS[name]

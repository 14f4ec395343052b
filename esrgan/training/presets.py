"""The training recipes, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from degrade.errors import InvalidValueError
from esrgan.losses import SRGAN_FEATURE_SCALE, VGG22_LAYERS, VGG54_LAYERS
from esrgan.training.config import TrainingConfig

__all__ = ["PRESETS", "Preset", "TrainingConfig", "preset_named"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A recipe: its configuration, where it comes from, and the recipe that it goes on from.

    ``before`` names the preset that trains the weights this one starts from; empty when it starts
    from nothing.
    """

    config: TrainingConfig
    source: str
    before: str = ""


_LEDIG = "Ledig et al., 'Photo-Realistic Single Image Super-Resolution Using a GAN', CVPR 2017"
_WANG = "Wang et al., 'ESRGAN: Enhanced Super-Resolution GANs', ECCVW 2018"
_JI = "Ji et al., 'Real-World Super-Resolution via Kernel Estimation and Noise', CVPRW 2020"


def _srgan(weights: Mapping[str, float], **losses: object) -> TrainingConfig:
    """Return §3.2's common part: 1e5 steps at 1e-4 and 1e5 at 1e-5, adversarial loss 1e-3."""
    return TrainingConfig(
        generator="srresnet",
        features=64,
        blocks=16,
        discriminator="vgg",
        discriminator_features=64,
        adversarial_loss="vanilla",
        loss_weights={"adversarial": 1e-3, **weights},
        learning_rate=1e-4,
        milestones=(100_000,),
        gamma=0.1,
        hr_patch=96,
        batch_size=16,
        steps=200_000,
        **losses,  # type: ignore[arg-type]
    )


PRESETS: dict[str, Preset] = {
    "tiny": Preset(
        source="a small RRDBNet for CPUs; sizes and rates chosen by measurement",
        config=TrainingConfig(
            generator="rrdbnet",
            features=32,
            blocks=2,
            growth=16,
            start_as_interpolation=True,
            discriminator="patch",
            discriminator_features=24,
            loss_weights={"pixel": 1.0, "adversarial": 0.001},
            learning_rate=5e-5,
            pixel_steps=150,
            pixel_learning_rate=1e-3,
            hr_patch=64,
            batch_size=8,
            steps=1000,
        ),
    ),
    "srresnet": Preset(
        source=_LEDIG,
        config=TrainingConfig(
            generator="srresnet",
            features=64,
            blocks=16,
            pixel_loss="l2",
            loss_weights={"pixel": 1.0},
            learning_rate=1e-4,
            hr_patch=96,
            batch_size=16,
            steps=1_000_000,
        ),
    ),
    # The paper's images are on [-1, 1], where the squared error is four times that on [0, 1].
    "srgan-mse": Preset(
        source=_LEDIG, before="srresnet", config=_srgan({"pixel": 4.0}, pixel_loss="l2")
    ),
    "srgan-vgg22": Preset(
        source=_LEDIG,
        before="srresnet",
        config=_srgan(
            {"content": 1.0, "variation": 2e-8},
            content_layers=dict(VGG22_LAYERS),
            content_distance="l2",
            content_scale=SRGAN_FEATURE_SCALE,
        ),
    ),
    "srgan-vgg54": Preset(
        source=_LEDIG,
        before="srresnet",
        config=_srgan(
            {"content": 1.0},
            content_layers=dict(VGG54_LAYERS),
            content_distance="l2",
            content_scale=SRGAN_FEATURE_SCALE,
        ),
    ),
    "rrdb-psnr": Preset(
        source=_WANG,
        config=TrainingConfig(
            generator="rrdbnet",
            features=64,
            blocks=23,
            growth=32,
            pixel_loss="l1",
            loss_weights={"pixel": 1.0},
            learning_rate=2e-4,
            milestones=(200_000, 400_000, 600_000, 800_000),
            hr_patch=128,
            batch_size=16,
            steps=1_000_000,
        ),
    ),
    "esrgan": Preset(
        source=_WANG,
        before="rrdb-psnr",
        config=TrainingConfig(
            generator="rrdbnet",
            features=64,
            blocks=23,
            growth=32,
            discriminator="vgg",
            discriminator_features=64,
            loss_weights={"pixel": 0.01, "content": 1.0, "adversarial": 0.005},
            adversarial_loss="relativistic",
            learning_rate=1e-4,
            milestones=(50_000, 100_000, 200_000, 300_000),
            hr_patch=128,
            batch_size=16,
            steps=400_000,
        ),
    ),
    "realsr": Preset(
        source=_JI,
        before="rrdb-psnr",
        config=TrainingConfig(
            generator="rrdbnet",
            features=64,
            blocks=23,
            growth=32,
            discriminator="patch",
            discriminator_features=64,
            discriminator_layers=3,
            loss_weights={"pixel": 0.01, "content": 1.0, "adversarial": 0.005},
            adversarial_loss="relativistic",
            learning_rate=1e-4,
            milestones=(5_000, 10_000, 20_000, 30_000),
            hr_patch=128,
            batch_size=16,
            steps=60_000,
        ),
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

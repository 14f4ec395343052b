"""The training recipes, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from degrade.errors import InvalidValueError

__all__ = ["PRESETS", "Preset", "TrainingConfig", "preset_named"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingConfig:
    """Everything that decides what a training run computes, apart from data, scale and seed.

    Attributes
    ----------
    features, blocks, growth : int
        Of the generator; see :class:`esrgan.networks.RRDBNet`.
    discriminator_features, discriminator_layers : int
    discriminator_norm : {"batch", "instance", "none"}
        See :class:`esrgan.networks.PatchDiscriminator`.
    pixel_weight, perceptual_weight, adversarial_weight : float
        Of the generator's losses. 0 leaves a loss out, with what computing it costs.
    learning_rate : float
        Adam's, for both networks.
    milestones : tuple of int
        Steps at which the learning rate is halved.
    betas : (float, float)
        Adam's.
    start_as_interpolation : bool
        See :func:`esrgan.starting.start_as_interpolation`; not used with weights to start from.
    warm_up_steps : int
        First steps with the pixel loss alone, without a discriminator.
    warm_up_learning_rate : float
        Falls to ``learning_rate`` over these steps.
    hr_patch : int
        Side of the HR crops.
    batch_size : int
    steps : int
    """

    features: int = 64
    blocks: int = 23
    growth: int = 32
    discriminator_features: int = 64
    discriminator_layers: int = 3
    discriminator_norm: Literal["batch", "instance", "none"] = "batch"
    pixel_weight: float = 0.01
    perceptual_weight: float = 1.0
    adversarial_weight: float = 0.005
    learning_rate: float = 1e-4
    milestones: tuple[int, ...] = ()
    betas: tuple[float, float] = (0.9, 0.999)
    start_as_interpolation: bool = False
    warm_up_steps: int = 0
    warm_up_learning_rate: float = 1e-3
    hr_patch: int = 128
    batch_size: int = 16
    steps: int = 60_000

    def __post_init__(self) -> None:
        for name in ("batch_size", "hr_patch"):
            if getattr(self, name) < 1:
                raise InvalidValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("steps", "warm_up_steps", "pixel_weight", "perceptual_weight",
                     "adversarial_weight"):  # fmt: skip
            if not getattr(self, name) >= 0:
                raise InvalidValueError(f"{name} must be at least 0, got {getattr(self, name)}")
        for name in ("learning_rate", "warm_up_learning_rate"):
            if not getattr(self, name) > 0:
                raise InvalidValueError(f"{name} must be above 0, got {getattr(self, name)}")
        if not self.pixel_weight + self.perceptual_weight + self.adversarial_weight > 0:
            raise InvalidValueError("at least one loss must have a weight above 0")

    def learning_rate_at(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        if step < self.warm_up_steps:
            ratio = self.learning_rate / self.warm_up_learning_rate
            return self.warm_up_learning_rate * float(ratio ** (step / self.warm_up_steps))
        return self.learning_rate * 0.5 ** sum(step >= milestone for milestone in self.milestones)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A recipe: its configuration, where it comes from, and the weights it is meant to start from.

    ``start`` is empty when the recipe starts from nothing.
    """

    config: TrainingConfig
    source: str
    start: str = ""


PRESETS: dict[str, Preset] = {
    "tiny": Preset(
        source="a small RRDBNet for CPUs; sizes and rates chosen by measurement",
        config=TrainingConfig(
            features=32,
            blocks=2,
            growth=16,
            discriminator_features=24,
            pixel_weight=1.0,
            adversarial_weight=0.001,
            learning_rate=5e-5,
            start_as_interpolation=True,
            warm_up_steps=150,
            warm_up_learning_rate=1e-3,
            hr_patch=64,
            batch_size=8,
            steps=1000,
        ),
    ),
    "realsr": Preset(
        source="Ji et al., 'Real-World Super-Resolution via Kernel Estimation and Noise "
        "Injection', CVPRW 2020",
        start="RRDBNet weights trained with L1 alone (RRDB-PSNR)",
        config=TrainingConfig(
            pixel_weight=0.01,
            perceptual_weight=1.0,
            adversarial_weight=0.005,
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

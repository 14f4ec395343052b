"""Everything that decides what a training run computes, as one frozen value."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, TypeAlias, get_args

from degrade.errors import InvalidValueError
from esrgan.losses import (
    ADVERSARIAL_LOSSES,
    ESRGAN_LAYERS,
    LOSSES,
    PIXEL_LOSSES,
    TEXTURE_LAYERS,
    AdversarialKind,
    Augmentation,
    Distance,
    Loss,
    PixelKind,
    VGG19Features,
    check_augmentations,
    check_loss_weights,
    default_loss_weights,
)
from esrgan.networks import DISCRIMINATORS, GENERATORS, PatchNorm

__all__ = ["FeatureName", "Precision", "TrainingConfig", "weight_name"]

GeneratorName: TypeAlias = Literal["rrdbnet", "srresnet", "msrresnet", "srvggnet"]
DiscriminatorName: TypeAlias = Literal["patch", "vgg", "unet"]
FeatureName: TypeAlias = Literal["vgg19", "gabor"]
OptimizerName: TypeAlias = Literal["adam", "adamw"]
Precision: TypeAlias = Literal["auto", "fp32", "bf16"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingConfig:
    """Everything that decides what a training run computes, apart from data, scale and seed.

    Attributes
    ----------
    generator : {"rrdbnet", "srresnet", "msrresnet", "srvggnet"}
    features, blocks, growth : int
        Of the generator; growth is RRDBNet's alone.
    noise_channels : int
        RRDBNet only: channels of noise that it takes besides LR, see
        :mod:`esrgan.training.noise_input`; 0: one result for an LR image.
    start_as_interpolation : bool
        RRDBNet only: see :func:`esrgan.training.first_weights.start_as_interpolation`; not used
        with weights to start from.
    discriminator : {"patch", "vgg", "unet"}
        Made only when the adversarial loss has a weight.
    discriminator_features : int
    discriminator_layers, discriminator_norm
        Of the patch discriminator, see :class:`esrgan.networks.PatchDiscriminator`.
    discriminator_augment : tuple of {"flip", "translation", "colour"}
        How images are changed before they are judged, see
        :mod:`esrgan.losses.augmenting`; a text of their names, parted by commas, will do.
    loss_weights : mapping of str to float
        By the names of :data:`esrgan.losses.LOSSES`; 0 where a name is missing, which leaves the
        loss out with what computing it costs. TOML has a setting for each: ``content_weight``.
    pixel_loss : {"l1", "l2", "charbonnier"}
    content_features : {"vgg19", "gabor"}
        Where content and texture loss look. "gabor" needs no weights and is no published loss; it
        has layers of its own (:data:`esrgan.losses.GABOR_LAYERS`), whatever the next ones say.
    content_layers, texture_layers : mapping of str to float
        VGG19's, with their weights.
    content_distance : {"l1", "l2"}
    content_scale : float
        Of the features, before the distance.
    adversarial_loss : {"vanilla", "least_squares", "hinge", "relativistic"}
    optimizer : {"adam", "adamw"}
        Of both networks.
    learning_rate : float
    betas : (float, float)
    weight_decay : float
    milestones : tuple of int
        Steps at which the learning rate is multiplied by ``gamma``.
    gamma : float
    warm_up_steps : int
        The learning rate rises from 0 in equal steps over the first so many.
    pixel_steps : int
        First steps with the pixel loss alone, without a discriminator.
    pixel_learning_rate : float
        Falls to ``learning_rate`` over these steps.
    clip_norm : float
        Largest norm of a network's gradient; 0: not limited.
    ema_decay : float
        Of the moving average of the generator's weights, which is then what is validated, drawn
        and written; 0: none.
    hr_patch : int
        Side of the HR crops.
    loss_margin : int
        HR pixels along each edge of a crop that no loss sees, a multiple of the scale: what a
        network makes there, it makes without surroundings.
    clipped_hr : bool
        HR is a result of a network, cut to black and white when it was written: where it is either,
        SR beyond it counts as equal. Without, losses pull back what is cut anyway.
    batch_size : int
        Samples of a step, over all parts and processes.
    accumulation : int
        Parts in which a step is computed, one after another. Only normalisations over the batch
        see the parts.
    steps : int
    precision : {"auto", "fp32", "bf16"}
        "auto" is bf16 on GPUs that have it, else fp32.

    Raises
    ------
    InvalidValueError
        A value makes no run; the text says which and what was got.
    """

    generator: GeneratorName = "rrdbnet"
    features: int = 64
    blocks: int = 23
    growth: int = 32
    noise_channels: int = 0
    start_as_interpolation: bool = False
    discriminator: DiscriminatorName = "patch"
    discriminator_features: int = 64
    discriminator_layers: int = 3
    discriminator_norm: PatchNorm = "batch"
    discriminator_augment: tuple[Augmentation, ...] = ()
    loss_weights: Mapping[str, float] = field(default_factory=default_loss_weights)
    pixel_loss: PixelKind = "l1"
    content_features: FeatureName = "vgg19"
    content_layers: Mapping[str, float] = field(default_factory=lambda: dict(ESRGAN_LAYERS))
    content_distance: Distance = "l1"
    content_scale: float = 1.0
    texture_layers: Mapping[str, float] = field(default_factory=lambda: dict(TEXTURE_LAYERS))
    adversarial_loss: AdversarialKind = "relativistic"
    optimizer: OptimizerName = "adam"
    learning_rate: float = 1e-4
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.0
    milestones: tuple[int, ...] = ()
    gamma: float = 0.5
    warm_up_steps: int = 0
    pixel_steps: int = 0
    pixel_learning_rate: float = 1e-3
    clip_norm: float = 0.0
    ema_decay: float = 0.0
    hr_patch: int = 128
    loss_margin: int = 0
    clipped_hr: bool = False
    batch_size: int = 16
    accumulation: int = 1
    steps: int = 100_000
    precision: Precision = "auto"

    def __post_init__(self) -> None:
        check_loss_weights(self.loss_weights)
        weights = {name: self.loss_weights.get(name, 0.0) for name in LOSSES}
        object.__setattr__(self, "loss_weights", weights)
        self._check_choices()
        check_augmentations(self.discriminator_augment)
        self._check_ranges()
        for name in ("content_layers", "texture_layers"):
            _check_layers(name, getattr(self, name))
        if self.start_as_interpolation and self.generator != "rrdbnet":
            raise InvalidValueError(
                f"start_as_interpolation is RRDBNet's alone, got generator {self.generator!r}; "
                "leave it out, `start_as_interpolation=false`"
            )
        if self.noise_channels and self.generator != "rrdbnet":
            raise InvalidValueError(
                f"noise_channels are RRDBNet's alone, got generator {self.generator!r}; "
                "leave them out, `noise_channels=0`"
            )
        if any(loss.needs_other for loss in self._losses()) and not self.noise_channels:
            raise InvalidValueError(
                "diversity_weight must be 0 without noise: give noise_channels=1 as well"
            )
        if any(later <= step for step, later in zip(self.milestones, self.milestones[1:])):  # noqa: B905
            raise InvalidValueError(f"milestones must ascend, got {self.milestones}")
        if self.judged_patch < 1:
            raise InvalidValueError(
                f"loss_margin must leave something of `hr_patch={self.hr_patch}`, got "
                f"{self.loss_margin}"
            )
        for name, weight in self.loss_weights.items():
            least = LOSSES[name].smallest_side + 2 * self.loss_margin
            if weight and self.hr_patch < least:
                raise InvalidValueError(
                    f"hr_patch must be at least {least} for the {name} loss, got {self.hr_patch}"
                )
        if self.batch_size % self.accumulation:
            raise InvalidValueError(
                f"batch_size must be a multiple of accumulation {self.accumulation}, "
                f"got {self.batch_size}"
            )

    def settings(self) -> dict[str, Any]:
        """Return every setting by the name that TOML and ``--set`` have for it, in their order."""
        named: dict[str, Any] = {}
        for each in fields(self):
            if each.name == "loss_weights":
                named |= {weight_name(loss): self.loss_weights.get(loss, 0.0) for loss in LOSSES}
            else:
                named[each.name] = getattr(self, each.name)
        return named

    def with_settings(self, **changes: Any) -> TrainingConfig:
        """Return the configuration with settings changed, named as in :meth:`settings`.

        Raises
        ------
        InvalidValueError
            The result makes no run.
        """
        losses = {weight_name(loss): loss for loss in LOSSES}
        weights = {losses[name]: value for name, value in changes.items() if name in losses}
        others = {name: value for name, value in changes.items() if name not in losses}
        return replace(self, loss_weights={**self.loss_weights, **weights}, **others)

    @property
    def needs_features(self) -> FeatureName | None:
        """The network that some loss looks through; None where none does."""
        looks = any(loss.layers is not None for loss in self._losses())
        return self.content_features if looks else None

    @property
    def needs_kernels(self) -> bool:
        """Whether some loss needs the kernels of the pairs."""
        return any(loss.needs_kernels for loss in self._losses())

    @property
    def needs_discriminator(self) -> bool:
        """Whether some loss needs the discriminator."""
        return any(loss.needs_judge for loss in self._losses())

    def _losses(self) -> list[Loss]:
        return [LOSSES[name] for name, weight in self.loss_weights.items() if weight]

    @property
    def judged_patch(self) -> int:
        """Side of what losses and the discriminator see of a crop."""
        return self.hr_patch - 2 * self.loss_margin

    def learning_rate_at(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        if step < self.pixel_steps:
            ratio = self.learning_rate / self.pixel_learning_rate
            rate = self.pixel_learning_rate * float(ratio ** (step / self.pixel_steps))
        else:
            passed = sum(step >= milestone for milestone in self.milestones)
            rate = self.learning_rate * self.gamma**passed
        return rate * min(1.0, (step + 1) / (self.warm_up_steps + 1))

    def _check_choices(self) -> None:
        for name, choices in (
            ("generator", tuple(GENERATORS)),
            ("discriminator", tuple(DISCRIMINATORS)),
            ("discriminator_norm", get_args(PatchNorm)),
            ("pixel_loss", tuple(PIXEL_LOSSES)),
            ("content_features", get_args(FeatureName)),
            ("content_distance", get_args(Distance)),
            ("adversarial_loss", tuple(ADVERSARIAL_LOSSES)),
            ("optimizer", get_args(OptimizerName)),
            ("precision", get_args(Precision)),
        ):
            if getattr(self, name) not in choices:
                raise InvalidValueError(
                    f"{name} must be one of {', '.join(choices)}, got {getattr(self, name)!r}"
                )

    def _check_ranges(self) -> None:
        for name in (
            "features",
            "blocks",
            "growth",
            "discriminator_features",
            "discriminator_layers",
            "hr_patch",
            "batch_size",
            "accumulation",
        ):
            _check(name, getattr(self, name), getattr(self, name) >= 1, "at least 1")
        for name in (
            "noise_channels",
            "loss_margin",
            "warm_up_steps",
            "pixel_steps",
            "steps",
            "weight_decay",
            "clip_norm",
        ):
            _check(name, getattr(self, name), getattr(self, name) >= 0, "at least 0 and finite")
        for name in ("learning_rate", "pixel_learning_rate", "gamma", "content_scale"):
            _check(name, getattr(self, name), getattr(self, name) > 0, "above 0 and finite")
        for name, values in (("betas", self.betas), ("ema_decay", (self.ema_decay,))):
            for value in values:
                _check(name, value, 0 <= value < 1, "at least 0 and below 1")
        _check(
            "milestones",
            min(self.milestones, default=1),
            min(self.milestones, default=1) > 0,
            "above 0",
        )


def weight_name(loss: str) -> str:
    """Return the name of the setting that is a loss's weight."""
    return f"{loss}_weight"


def _check(name: str, value: float, holds: bool, what: str) -> None:
    if not (holds and math.isfinite(value)):
        raise InvalidValueError(f"{name} must be {what}, got {value}")


def _check_layers(name: str, layers: Mapping[str, float]) -> None:
    for layer, weight in layers.items():
        if layer not in VGG19Features.LAYER_NAMES:
            raise InvalidValueError(
                f"{name} names VGG19's layers (conv1_1, relu1_1 … relu5_4, pool1 …), got {layer!r}"
            )
        _check(f"{name}.{layer}", weight, weight >= 0, "at least 0 and finite")
    if not any(layers.values()):
        raise InvalidValueError(f"{name} must have a layer with a weight above 0, got {layers}")

"""The generator's losses, a row each: what is computed, what it needs, how it is spoken of.

To add a loss, write its function and give it a row of :data:`LOSSES`. The setting ``NAME_weight``,
its place in TOML and in ``--set``, the log, the summary line and what is opened for it follow from
the row.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias, TypeVar

from torch import Tensor

from degrade.errors import InvalidValueError
from esrgan.losses.adversarial import (
    ADVERSARIAL_LOSSES,
    AdversarialKind,
    Judge,
    adversarial_loss,
)
from esrgan.losses.artifact import SMALLEST_FOR_ARTIFACTS, artifact_loss
from esrgan.losses.content import ESRGAN_LAYERS, Distance, content_loss
from esrgan.losses.cycle import cycle_loss
from esrgan.losses.diversity import diversity_loss
from esrgan.losses.energy import SMALLEST_FOR_ENERGY, energy_loss
from esrgan.losses.frequency import focal_frequency_loss
from esrgan.losses.pixel import PIXEL_LOSSES, PixelKind
from esrgan.losses.prior import gradient_prior_loss
from esrgan.losses.texture import TEXTURE_LAYERS, texture_loss
from esrgan.losses.variation import total_variation

__all__ = [
    "LOSSES",
    "Loss",
    "LossInputs",
    "LossSettings",
    "check_loss_weights",
    "default_loss_weights",
    "used_layers",
]

T = TypeVar("T")
_Features: TypeAlias = tuple[Mapping[str, Tensor], Mapping[str, Tensor]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LossInputs:
    """What losses are computed from; what no loss in use needs is None.

    Attributes
    ----------
    sr_BCHW, hr_BCHW : Tensor
        RGB on [0, 1].
    lr_BCHW : Tensor or None
    kernels_BKK : Tensor or None
        Of the pairs, turned as the images are.
    features : pair of mappings of str to Tensor, or None
        Layers of SR and of HR, see :func:`~esrgan.losses.features.pair_features`.
    judge : Judge or None
        The discriminator.
    average_BCHW : Tensor or None
        SR of the averaged generator, where the run has one.
    other : (Tensor, float) or None
        SR with other noise, and how far the two noises are apart.
    near_flagged_B1HW : Tensor or None
        1 where HR was flagged and repaired, and near it, 0 elsewhere; None: nobody says.
    """

    sr_BCHW: Tensor
    hr_BCHW: Tensor
    lr_BCHW: Tensor | None = None
    kernels_BKK: Tensor | None = None
    features: _Features | None = None
    judge: Judge | None = None
    average_BCHW: Tensor | None = None
    other: tuple[Tensor, float] | None = None
    near_flagged_B1HW: Tensor | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LossSettings:
    """The settings that single losses have besides their weights.

    Attributes
    ----------
    pixel : {"l1", "l2", "charbonnier"}
    content_layers : mapping of str to float
    content_distance : {"l1", "l2"}
    content_scale : float
        For :func:`~esrgan.losses.content.content_loss`.
    texture_layers : mapping of str to float
        For :func:`~esrgan.losses.texture.texture_loss`.
    adversarial : {"vanilla", "least_squares", "hinge", "relativistic"}

    Raises
    ------
    InvalidValueError
        A choice is unknown.
    """

    pixel: PixelKind = "l1"
    content_layers: Mapping[str, float] = field(default_factory=lambda: ESRGAN_LAYERS)
    content_distance: Distance = "l1"
    content_scale: float = 1.0
    texture_layers: Mapping[str, float] = field(default_factory=lambda: TEXTURE_LAYERS)
    adversarial: AdversarialKind = "relativistic"

    def __post_init__(self) -> None:
        for name, value, known in (
            ("pixel", self.pixel, PIXEL_LOSSES),
            ("adversarial", self.adversarial, ADVERSARIAL_LOSSES),
            ("content_distance", self.content_distance, ("l1", "l2")),
        ):
            if value not in known:
                raise InvalidValueError(f"{name} must be one of {', '.join(known)}; got {value!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """One loss of the generator: a row of :data:`LOSSES`.

    Attributes
    ----------
    compute : callable
        Returns the loss, a scalar, before its weight.
    words : str
        What it makes small, for people.
    default_weight : float
        The weight where none is given.
    layers : callable or None
        The layers of the feature network that it looks at, with their weights; None: it needs no
        feature network.
    needs_kernels : bool
        It needs the LR images and their kernels.
    needs_judge : bool
        It needs the discriminator, which is not made otherwise.
    needs_other : bool
        It needs SR of the same LR images with other noise.
    uses_average : bool
        It takes SR of the averaged generator, where there is one.
    smallest_side : int
        Pixels that an image must have a side.
    form_setting : str
        The setting of the training that says which form of the loss is meant; empty: there is
        one form.
    """

    compute: Callable[[LossInputs, LossSettings], Tensor]
    words: str
    default_weight: float = 0.0
    layers: Callable[[LossSettings], Mapping[str, float]] | None = None
    needs_kernels: bool = False
    needs_judge: bool = False
    needs_other: bool = False
    uses_average: bool = False
    smallest_side: int = 1
    form_setting: str = ""


def used_layers(layers: Mapping[str, float]) -> dict[str, float]:
    """Return the layers that have a weight."""
    return {layer: weight for layer, weight in layers.items() if weight > 0}


def _required(value: T | None, missing: str) -> T:
    if value is None:
        raise InvalidValueError(missing)
    return value


def _pixel(given: LossInputs, settings: LossSettings) -> Tensor:
    return PIXEL_LOSSES[settings.pixel](given.sr_BCHW, given.hr_BCHW)


def _content(given: LossInputs, settings: LossSettings) -> Tensor:
    return content_loss(
        *_required(given.features, "the content loss needs a feature network"),
        used_layers(settings.content_layers),
        distance=settings.content_distance,
        scale=settings.content_scale,
    )


def _texture(given: LossInputs, settings: LossSettings) -> Tensor:
    features = _required(given.features, "the texture loss needs a feature network")
    return texture_loss(*features, used_layers(settings.texture_layers))


def _adversarial(given: LossInputs, settings: LossSettings) -> Tensor:
    judge = _required(given.judge, "the adversarial loss needs the discriminator")
    return adversarial_loss(given.sr_BCHW, given.hr_BCHW, judge, settings.adversarial)


def _cycle(given: LossInputs, _settings: LossSettings) -> Tensor:
    missing = "the cycle loss needs the LR images and their kernels"
    lr_BCHW = _required(given.lr_BCHW, missing)
    return cycle_loss(given.sr_BCHW, lr_BCHW, _required(given.kernels_BKK, missing))


def _variation(given: LossInputs, _settings: LossSettings) -> Tensor:
    return total_variation(given.sr_BCHW)


def _frequency(given: LossInputs, _settings: LossSettings) -> Tensor:
    return focal_frequency_loss(given.sr_BCHW, given.hr_BCHW)


def _energy(given: LossInputs, _settings: LossSettings) -> Tensor:
    return energy_loss(given.sr_BCHW, given.hr_BCHW, given.near_flagged_B1HW)


def _artifact(given: LossInputs, _settings: LossSettings) -> Tensor:
    return artifact_loss(given.sr_BCHW, given.hr_BCHW, given.average_BCHW)


def _diversity(given: LossInputs, _settings: LossSettings) -> Tensor:
    other = _required(given.other, "the diversity loss needs a generator that takes noise")
    return diversity_loss(given.sr_BCHW, *other)


def _prior(given: LossInputs, _settings: LossSettings) -> Tensor:
    return gradient_prior_loss(given.sr_BCHW)


LOSSES: Final[dict[str, Loss]] = {
    "pixel": Loss(
        compute=_pixel,
        words="how far SR is from HR, pixel by pixel",
        default_weight=1.0,
        form_setting="pixel_loss",
    ),
    "content": Loss(
        compute=_content,
        words="how far SR is from HR in the features of a network",
        layers=lambda settings: settings.content_layers,
        form_setting="content_features",
    ),
    "texture": Loss(
        compute=_texture,
        words="how far SR is from HR in which features occur together",
        layers=lambda settings: settings.texture_layers,
        form_setting="content_features",
    ),
    "adversarial": Loss(
        compute=_adversarial,
        words="how well the discriminator tells SR from HR",
        needs_judge=True,
        form_setting="adversarial_loss",
    ),
    "cycle": Loss(
        compute=_cycle,
        words="how far SR, degraded by the pair's own kernel, is from LR",
        needs_kernels=True,
    ),
    "variation": Loss(
        compute=_variation,
        words="how much neighbouring pixels of SR differ",
    ),
    "prior": Loss(
        compute=_prior,
        words="how far the gradients of SR are from those of photographs",
    ),
    "frequency": Loss(
        compute=_frequency,
        words="how far the spectrum of SR is from that of HR, most where it is farthest",
    ),
    "energy": Loss(
        compute=_energy,
        words="how far SR is from having as much fine texture as HR",
        smallest_side=SMALLEST_FOR_ENERGY,
    ),
    "artifact": Loss(
        compute=_artifact,
        words="how far SR is from HR where the difference looks like an artefact",
        uses_average=True,
        smallest_side=SMALLEST_FOR_ARTIFACTS,
    ),
    "diversity": Loss(
        compute=_diversity,
        words="how alike results of one LR image with other noise are",
        needs_other=True,
    ),
}
"""The losses by name, the survey's first and in its order, in which they are computed and shown."""


def default_loss_weights() -> dict[str, float]:
    """Return the weight of every loss where none is given."""
    return {name: loss.default_weight for name, loss in LOSSES.items()}


def check_loss_weights(weights: Mapping[str, float]) -> None:
    """Refuse weights that make no loss.

    Raises
    ------
    InvalidValueError
        A name is unknown, a weight is negative or not finite, or none is above 0.
    """
    for name, weight in weights.items():
        if name not in LOSSES:
            raise InvalidValueError(f"there is no loss {name!r}; known are {', '.join(LOSSES)}")
        if not (math.isfinite(weight) and weight >= 0):
            raise InvalidValueError(f"{name}_weight must be at least 0 and finite, got {weight}")
    if not any(weights.values()):
        raise InvalidValueError("at least one loss must have a weight above 0")

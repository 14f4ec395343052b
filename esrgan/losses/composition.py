"""The generator's loss: a weighted sum of terms, of which only those with a weight are computed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import torch
from torch import Tensor, nn

from degrade.errors import InvalidValueError
from esrgan.losses.adversarial import ADVERSARIAL_LOSSES, AdversarialKind
from esrgan.losses.content import ESRGAN_LAYERS, Distance, content_loss
from esrgan.losses.cycle import cycle_loss
from esrgan.losses.features import FeatureNetwork, pair_features
from esrgan.losses.pixel import PIXEL_LOSSES, PixelKind
from esrgan.losses.prior import gradient_prior_loss
from esrgan.losses.texture import TEXTURE_LAYERS, texture_loss
from esrgan.losses.variation import total_variation

__all__ = ["LOSS_NAMES", "GeneratorLoss"]

LOSS_NAMES: Final = (
    "pixel",
    "content",
    "texture",
    "adversarial",
    "cycle",
    "variation",
    "prior",
)
"""The terms, in the survey's order."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GeneratorLoss:
    """What the generator makes small.

    Parameters
    ----------
    weights : mapping of str to float
        Of :data:`LOSS_NAMES`. A term of weight 0, or one that is not named, costs nothing: neither
        its network nor its inputs are needed.
    pixel : {"l1", "l2", "charbonnier"}
    content_layers : mapping of str to float
    content_distance : {"l1", "l2"}
    content_scale : float
        For :func:`~esrgan.losses.content.content_loss`.
    texture_layers : mapping of str to float
        For :func:`~esrgan.losses.texture.texture_loss`.
    features : FeatureNetwork or None
        For content and texture, which share one pass through it.
    adversarial : {"vanilla", "least_squares", "hinge", "relativistic"}

    Raises
    ------
    InvalidValueError
        A name is unknown, a weight is negative or not finite, none is above 0, or content or
        texture lack a feature network that has their layers.
    """

    weights: Mapping[str, float]
    pixel: PixelKind = "l1"
    content_layers: Mapping[str, float] = field(default_factory=lambda: ESRGAN_LAYERS)
    content_distance: Distance = "l1"
    content_scale: float = 1.0
    texture_layers: Mapping[str, float] = field(default_factory=lambda: TEXTURE_LAYERS)
    features: FeatureNetwork | None = None
    adversarial: AdversarialKind = "relativistic"

    def __post_init__(self) -> None:
        _check_weights("weights", self.weights, LOSS_NAMES)
        for name, value, known in (
            ("pixel", self.pixel, PIXEL_LOSSES),
            ("adversarial", self.adversarial, ADVERSARIAL_LOSSES),
            ("content_distance", self.content_distance, ("l1", "l2")),
        ):
            if value not in known:
                raise InvalidValueError(f"{name} must be one of {', '.join(known)}; got {value!r}")
        for name, layers in self._layer_sets().items():
            if self.features is None:
                raise InvalidValueError(f"the {name} loss needs a feature network (VGG19 or Gabor)")
            _check_weights(f"{name}_layers", layers, self.features.layer_names)

    def _layer_sets(self) -> dict[str, Mapping[str, float]]:
        sets = {"content": self.content_layers, "texture": self.texture_layers}
        return {name: layers for name, layers in sets.items() if self._uses(name)}

    def __call__(
        self,
        sr_BCHW: Tensor,
        hr_BCHW: Tensor,
        *,
        lr_BCHW: Tensor | None = None,
        kernels_BKK: Tensor | None = None,
        discriminator: nn.Module | None = None,
    ) -> tuple[dict[str, Tensor], Tensor]:
        """Compute the terms that have a weight.

        Parameters
        ----------
        sr_BCHW, hr_BCHW : Tensor
            RGB on [0, 1].
        lr_BCHW : Tensor or None
        kernels_BKK : Tensor or None
            For the cycle loss only.
        discriminator : nn.Module or None
            For the adversarial loss only; its weights get no gradient here.

        Returns
        -------
        losses : dict of str to scalar Tensor
            Each before its weight.
        total : scalar Tensor
            Σ weight · loss.

        Raises
        ------
        InvalidValueError
            An input that a term needs is None, or shapes do not fit.
        """
        losses: dict[str, Tensor] = {}
        if self._uses("pixel"):
            losses["pixel"] = PIXEL_LOSSES[self.pixel](sr_BCHW, hr_BCHW)
        losses |= self._feature_losses(sr_BCHW, hr_BCHW)
        if self._uses("adversarial"):
            losses["adversarial"] = self._adversarial_loss(sr_BCHW, hr_BCHW, discriminator)
        if self._uses("cycle"):
            if lr_BCHW is None or kernels_BKK is None:
                raise InvalidValueError("the cycle loss needs the LR images and their kernels")
            losses["cycle"] = cycle_loss(sr_BCHW, lr_BCHW, kernels_BKK)
        if self._uses("variation"):
            losses["variation"] = total_variation(sr_BCHW)
        if self._uses("prior"):
            losses["prior"] = gradient_prior_loss(sr_BCHW)
        return losses, torch.stack([self.weights[n] * loss for n, loss in losses.items()]).sum()

    def _uses(self, name: str) -> bool:
        return self.weights.get(name, 0) > 0

    def _feature_losses(self, sr_BCHW: Tensor, hr_BCHW: Tensor) -> dict[str, Tensor]:
        sets = {
            name: {layer: weight for layer, weight in layers.items() if weight > 0}
            for name, layers in self._layer_sets().items()
        }
        if not sets or self.features is None:
            return {}
        wanted = {layer for layers in sets.values() for layer in layers}
        sr_features, hr_features = pair_features(self.features, sr_BCHW, hr_BCHW, wanted)
        losses = {}
        if "content" in sets:
            losses["content"] = content_loss(
                sr_features,
                hr_features,
                sets["content"],
                distance=self.content_distance,
                scale=self.content_scale,
            )
        if "texture" in sets:
            losses["texture"] = texture_loss(sr_features, hr_features, sets["texture"])
        return losses

    def _adversarial_loss(
        self, sr_BCHW: Tensor, hr_BCHW: Tensor, discriminator: nn.Module | None
    ) -> Tensor:
        if discriminator is None:
            raise InvalidValueError("the adversarial loss needs the discriminator")
        loss = ADVERSARIAL_LOSSES[self.adversarial]
        real = None
        if loss.generator_needs_real:
            with torch.no_grad():
                real = discriminator(hr_BCHW)
        with _without_own_gradients(discriminator):
            fake = discriminator(sr_BCHW)
        return loss.generator(real, fake)


def _check_weights(what: str, weights: Mapping[str, float], known: tuple[str, ...]) -> None:
    for name, weight in weights.items():
        if name not in known:
            raise InvalidValueError(f"{what} may name {', '.join(known)}; got {name!r}")
        if not (math.isfinite(weight) and weight >= 0):
            raise InvalidValueError(f"{what}: {name} must be finite and at least 0, got {weight}")
    if not any(weight > 0 for weight in weights.values()):
        raise InvalidValueError(f"{what} must have one above 0, got {dict(weights)}")


@contextmanager
def _without_own_gradients(network: nn.Module) -> Iterator[None]:
    """Pass gradients through a network, not into its weights: a third of its backward pass."""
    learning = [parameter for parameter in network.parameters() if parameter.requires_grad]
    for parameter in learning:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in learning:
            parameter.requires_grad_(True)

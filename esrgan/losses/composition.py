"""The generator's loss: a weighted sum of terms, of which only those with a weight are computed."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from degrade.errors import InvalidValueError
from esrgan.losses.adversarial import Judge
from esrgan.losses.features import FeatureNetwork, pair_features
from esrgan.losses.table import LOSSES, LossInputs, LossSettings, check_loss_weights, used_layers

__all__ = ["GeneratorLoss"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GeneratorLoss(LossSettings):
    """What the generator makes small; takes the settings of single losses, too.

    Attributes
    ----------
    weights : mapping of str to float
        Of :data:`~esrgan.losses.table.LOSSES`. A term of weight 0, or one that is not named, costs
        nothing: neither its network nor its inputs are needed.
    features : FeatureNetwork or None
        For all losses that look through one; they share one pass.

    Raises
    ------
    InvalidValueError
        A name or a choice is unknown, a weight is negative or not finite, none is above 0, or a
        loss lacks a feature network that has its layers.
    """

    weights: Mapping[str, float]
    features: FeatureNetwork | None = None

    def __post_init__(self) -> None:
        LossSettings.__post_init__(self)
        check_loss_weights(self.weights)
        for name, layers in self._layer_sets().items():
            if self.features is None:
                raise InvalidValueError(f"the {name} loss needs a feature network (VGG19 or Gabor)")
            _check_layer_weights(f"{name}_layers", layers, self.features.layer_names)

    def __call__(
        self,
        sr_BCHW: Tensor,
        hr_BCHW: Tensor,
        *,
        lr_BCHW: Tensor | None = None,
        kernels_BKK: Tensor | None = None,
        judge: Judge | None = None,
        average_BCHW: Tensor | None = None,
        other: tuple[Tensor, float] | None = None,
        near_flagged_B1HW: Tensor | None = None,
    ) -> tuple[dict[str, Tensor], Tensor]:
        """Compute the terms that have a weight.

        Parameters
        ----------
        sr_BCHW, hr_BCHW : Tensor
            RGB on [0, 1].
        lr_BCHW : Tensor or None
        kernels_BKK : Tensor or None
        judge : Judge or None
            The discriminator; its weights get no gradient here.
        average_BCHW : Tensor or None
            SR of the averaged generator, where there is one.
        other : (Tensor, float) or None
            SR with other noise, and how far the two noises are apart.
        near_flagged_B1HW : Tensor or None
            1 where HR was flagged and repaired, and near it, 0 elsewhere.

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
        given = LossInputs(
            sr_BCHW=sr_BCHW,
            hr_BCHW=hr_BCHW,
            lr_BCHW=lr_BCHW,
            kernels_BKK=kernels_BKK,
            judge=judge,
            average_BCHW=average_BCHW,
            other=other,
            near_flagged_B1HW=near_flagged_B1HW,
        )
        losses: dict[str, Tensor] = {}
        for name in self._in_use():
            if LOSSES[name].layers is not None and given.features is None:
                given = replace(given, features=self._pair_features(sr_BCHW, hr_BCHW))
            losses[name] = LOSSES[name].compute(given, self)
        return losses, torch.stack([self.weights[n] * loss for n, loss in losses.items()]).sum()

    @property
    def needs_other(self) -> bool:
        """Whether some term needs SR with other noise."""
        return any(LOSSES[name].needs_other for name in self._in_use())

    @property
    def uses_average(self) -> bool:
        """Whether some term takes SR of the averaged generator."""
        return any(LOSSES[name].uses_average for name in self._in_use())

    def _in_use(self) -> list[str]:
        return [name for name in LOSSES if self.weights.get(name, 0) > 0]

    def _layer_sets(self) -> dict[str, Mapping[str, float]]:
        rows = {name: LOSSES[name].layers for name in self._in_use()}
        return {name: layers(self) for name, layers in rows.items() if layers is not None}

    def _pair_features(
        self, sr_BCHW: Tensor, hr_BCHW: Tensor
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return what all losses together look at: one pass each for SR and HR."""
        if self.features is None:
            raise InvalidValueError("a loss needs a feature network (VGG19 or Gabor)")
        wanted = {layer for layers in self._layer_sets().values() for layer in used_layers(layers)}
        return pair_features(self.features, sr_BCHW, hr_BCHW, wanted)


def _check_layer_weights(what: str, layers: Mapping[str, float], known: Collection[str]) -> None:
    for name, weight in layers.items():
        if name not in known:
            raise InvalidValueError(f"{what} may name {', '.join(known)}; got {name!r}")
        if not (math.isfinite(weight) and weight >= 0):
            raise InvalidValueError(f"{what}: {name} must be finite and at least 0, got {weight}")
    if not any(layers.values()):
        raise InvalidValueError(f"{what} must have one above 0, got {dict(layers)}")

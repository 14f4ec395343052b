"""Adversarial losses: a discriminator learns to tell SR from HR, the generator to deceive it.

All work on raw scores (no sigmoid), real or fake, of any shape: one score an image (B, 1) or a map
of them (B, 1, h, w). "Mean" is over all scores of the batch. A discriminator's loss is the mean of
its two sides, real and fake, where the papers mostly have the sum: Adam does not see the factor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional

from degrade.errors import InvalidValueError
from esrgan.losses.tensors import widened, without_own_gradients

__all__ = [
    "ADVERSARIAL_LOSSES",
    "AdversarialKind",
    "AdversarialLoss",
    "ImageKind",
    "Judge",
    "adversarial_loss",
    "hinge_discriminator_loss",
    "hinge_generator_loss",
    "least_squares_discriminator_loss",
    "least_squares_generator_loss",
    "relativistic_discriminator_loss",
    "relativistic_generator_loss",
    "vanilla_discriminator_loss",
    "vanilla_generator_loss",
]

AdversarialKind: TypeAlias = Literal["vanilla", "least_squares", "hinge", "relativistic"]

ImageKind: TypeAlias = Literal["real", "fake"]
"""HR, or SR."""


def vanilla_discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Return the mean of −log σ(real) and −log(1 − σ(fake)): binary cross-entropy.

    References
    ----------
    Goodfellow et al., "Generative Adversarial Nets", NeurIPS 2014, eq. 1; SRGAN, eq. 2.
    """
    return (_said_real(real, True) + _said_real(fake, False)) / 2


def vanilla_generator_loss(fake: Tensor) -> Tensor:
    """Return the mean of −log σ(fake): the form that does not saturate.

    References
    ----------
    Goodfellow et al., NeurIPS 2014, §3; SRGAN, eq. 6, which sums over the batch.
    """
    return _said_real(fake, True)


def least_squares_discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Return ½·mean (real − 1)² + ½·mean fake².

    References
    ----------
    Mao et al., "Least Squares Generative Adversarial Networks", ICCV 2017, with a = 0, b = c = 1.
    """
    return ((widened(real) - 1).square().mean() + widened(fake).square().mean()) / 2


def least_squares_generator_loss(fake: Tensor) -> Tensor:
    """Return the mean of (fake − 1)².

    References
    ----------
    Mao et al., ICCV 2017, who have ½ before it; without it in the survey (arXiv 1902.06068, §3.4,
    "Adversarial Loss") and in the field's trainers, to whose weights this belongs.
    """
    return (widened(fake) - 1).square().mean()


def hinge_discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Return ½·mean max(0, 1 − real) + ½·mean max(0, 1 + fake).

    References
    ----------
    Lim and Ye, "Geometric GAN", 2017, arXiv 1705.02894, who sum the sides.
    """
    real_side = functional.relu(1 - widened(real)).mean()
    return (real_side + functional.relu(1 + widened(fake)).mean()) / 2


def hinge_generator_loss(fake: Tensor) -> Tensor:
    """Return the mean of −fake; it has no lower bound (Lim and Ye, 2017)."""
    return -widened(fake).mean()


def relativistic_discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Return how badly real images are told to be more real than the average fake, and vice versa.

    The mean of −log σ(real − mean fake) and −log(1 − σ(fake − mean real)). The averages are over
    the batch and, of maps, over positions.

    References
    ----------
    Jolicoeur-Martineau, "The relativistic discriminator", ICLR 2019; Wang et al., "ESRGAN", 2018,
    eq. 1, which sums the two sides. Here they are averaged, as in the authors' code, to which the
    published weight of 0.005 belongs.
    """
    real, fake = widened(real), widened(fake)
    real_side = _said_real(real - fake.mean(), True)
    fake_side = _said_real(fake - real.mean(), False)
    return (real_side + fake_side) / 2


def relativistic_generator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Return the discriminator's loss with the sides exchanged (ESRGAN, eq. 2; averaged, too)."""
    return relativistic_discriminator_loss(fake, real)


def _said_real(logits: Tensor, real: bool) -> Tensor:
    label = torch.ones_like if real else torch.zeros_like
    logits = widened(logits)
    return functional.binary_cross_entropy_with_logits(logits, label(logits))


@dataclass(frozen=True, slots=True)
class AdversarialLoss:
    """The two sides of one game.

    Attributes
    ----------
    discriminator : callable
        Takes the scores of real and of fake images.
    generator_alone : callable or None
        Takes the scores of fake images; None: it needs both.
    generator_with_real : callable or None
        Takes the scores of real and of fake images.
    middle : float
        Between what the discriminator gives real and fake images when it is sure.
    """

    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator_alone: Callable[[Tensor], Tensor] | None = None
    generator_with_real: Callable[[Tensor, Tensor], Tensor] | None = None
    middle: float = 0.0

    def accuracy(self, real: Tensor, fake: Tensor) -> tuple[float, float]:
        """Return the shares of scores of real and of fake images that say what they are.

        Scores are held against the middle between the discriminator's aims; relativistic ones
        against the mean score of the other kind.
        """
        above, below = self.middle, self.middle
        if self.generator_with_real is not None:
            above, below = float(fake.mean()), float(real.mean())
        return float((real > above).float().mean()), float((fake < below).float().mean())

    @property
    def generator_needs_real(self) -> bool:
        """Whether the generator's step has to pass HR through the discriminator."""
        return self.generator_alone is None

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        """Return the generator's loss; ``real`` may be None where it is not needed.

        Raises
        ------
        InvalidValueError
            ``real`` is None where it is needed.
        """
        if self.generator_alone is not None:
            return self.generator_alone(fake)
        if real is None or self.generator_with_real is None:
            raise InvalidValueError("this generator's loss needs the scores of real images, too")
        return self.generator_with_real(real, fake)


ADVERSARIAL_LOSSES: Final[Mapping[str, AdversarialLoss]] = {
    "vanilla": AdversarialLoss(vanilla_discriminator_loss, vanilla_generator_loss),
    "least_squares": AdversarialLoss(
        least_squares_discriminator_loss, least_squares_generator_loss, middle=0.5
    ),
    "hinge": AdversarialLoss(hinge_discriminator_loss, hinge_generator_loss),
    "relativistic": AdversarialLoss(
        relativistic_discriminator_loss, generator_with_real=relativistic_generator_loss
    ),
}
"""The adversarial losses by name."""


class Judge(nn.Module):
    """A discriminator that is told which kind of images it is given.

    Parameters
    ----------
    discriminator : nn.Module
        Gives scores of (B, C, H, W) images.
    """

    def __init__(self, discriminator: nn.Module) -> None:
        super().__init__()
        self.discriminator = discriminator

    def forward(self, image_BCHW: Tensor, kind: ImageKind) -> Tensor:
        """Return the scores of HR ("real") or of SR ("fake"); here they are found alike."""
        scores: Tensor = self.discriminator(image_BCHW)
        return scores


def adversarial_loss(
    sr_BCHW: Tensor, hr_BCHW: Tensor, judge: Judge, kind: AdversarialKind
) -> Tensor:
    """Return the generator's loss; HR is judged only where the loss needs it.

    Parameters
    ----------
    sr_BCHW, hr_BCHW : Tensor
        RGB on [0, 1].
    judge : Judge
        Its weights get no gradient here.
    kind : {"vanilla", "least_squares", "hinge", "relativistic"}
    """
    loss = ADVERSARIAL_LOSSES[kind]
    real = None
    if loss.generator_needs_real:
        with torch.no_grad():
            real = judge(hr_BCHW, "real")
    with without_own_gradients(judge):
        fake = judge(sr_BCHW, "fake")
    return loss.generator(real, fake)

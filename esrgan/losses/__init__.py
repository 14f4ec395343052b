"""What training makes small: plain functions on tensors, and the networks that they look through.

The losses of the survey by Wang, Chen and Hoi ("Deep Learning for Image Super-resolution: A
Survey", TPAMI 2020, arXiv 1902.06068, §3.4): pixel, content, texture, adversarial, cycle
consistency, total variation, prior-based. Images are RGB on [0, 1] everywhere.
"""

from __future__ import annotations

from esrgan.losses.adversarial import (
    ADVERSARIAL_LOSSES,
    AdversarialKind,
    AdversarialLoss,
    ImageKind,
    Judge,
    hinge_discriminator_loss,
    hinge_generator_loss,
    least_squares_discriminator_loss,
    least_squares_generator_loss,
    relativistic_discriminator_loss,
    relativistic_generator_loss,
    vanilla_discriminator_loss,
    vanilla_generator_loss,
)
from esrgan.losses.artifact import artifact_loss, artifact_map
from esrgan.losses.augmenting import (
    AUGMENTATIONS,
    Augmentation,
    AugmentedDiscriminator,
    augmented,
    check_augmentations,
)
from esrgan.losses.composition import GeneratorLoss
from esrgan.losses.content import (
    ESRGAN_LAYERS,
    Distance,
    content_loss,
)
from esrgan.losses.cycle import cycle_loss, downsample_batch
from esrgan.losses.dihedral import dihedral_kernels
from esrgan.losses.diversity import diversity_loss
from esrgan.losses.energy import energy_loss, texture_energy
from esrgan.losses.features import FeatureNetwork, pair_features
from esrgan.losses.frequency import focal_frequency_loss
from esrgan.losses.gabor import GABOR_LAYERS, GaborFeatures
from esrgan.losses.pixel import (
    PIXEL_LOSSES,
    PixelKind,
    charbonnier_loss,
    l1_loss,
    l2_loss,
)
from esrgan.losses.prior import gradient_prior_loss
from esrgan.losses.table import LOSSES, Loss, check_loss_weights, default_loss_weights
from esrgan.losses.texture import TEXTURE_LAYERS, gram_matrix, texture_loss
from esrgan.losses.variation import total_variation
from esrgan.losses.vgg19 import VGG19Features
from esrgan.losses.vgg19_weights import VGG19_SHA256, find_vgg19_weights, load_vgg19

__all__ = [
    "ADVERSARIAL_LOSSES",
    "AUGMENTATIONS",
    "ESRGAN_LAYERS",
    "GABOR_LAYERS",
    "LOSSES",
    "PIXEL_LOSSES",
    "TEXTURE_LAYERS",
    "VGG19_SHA256",
    "AdversarialKind",
    "AdversarialLoss",
    "Augmentation",
    "AugmentedDiscriminator",
    "Distance",
    "FeatureNetwork",
    "GaborFeatures",
    "GeneratorLoss",
    "ImageKind",
    "Judge",
    "Loss",
    "PixelKind",
    "VGG19Features",
    "artifact_loss",
    "artifact_map",
    "augmented",
    "charbonnier_loss",
    "check_augmentations",
    "check_loss_weights",
    "content_loss",
    "cycle_loss",
    "default_loss_weights",
    "dihedral_kernels",
    "diversity_loss",
    "downsample_batch",
    "energy_loss",
    "find_vgg19_weights",
    "focal_frequency_loss",
    "gradient_prior_loss",
    "gram_matrix",
    "hinge_discriminator_loss",
    "hinge_generator_loss",
    "l1_loss",
    "l2_loss",
    "least_squares_discriminator_loss",
    "least_squares_generator_loss",
    "load_vgg19",
    "pair_features",
    "relativistic_discriminator_loss",
    "relativistic_generator_loss",
    "texture_energy",
    "texture_loss",
    "total_variation",
    "vanilla_discriminator_loss",
    "vanilla_generator_loss",
]

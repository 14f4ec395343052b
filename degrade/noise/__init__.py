"""Noise: finding the flat parts of a photo, and what is left of them without their mean."""

from degrade.noise.search import (
    NoisePatch,
    NoiseSearch,
    extract_noise_patches,
    patch_positions,
    search_noise_patches,
    suggest_max_variance,
    take_patches,
)
from degrade.noise.selection import ENOUGH, PATCH_SIZES, NoiseSelection

__all__ = [
    "ENOUGH",
    "PATCH_SIZES",
    "NoisePatch",
    "NoiseSearch",
    "NoiseSelection",
    "extract_noise_patches",
    "patch_positions",
    "search_noise_patches",
    "suggest_max_variance",
    "take_patches",
]

"""Noise: finding the flat parts of a photo, and what is left of them without their mean."""

from degrade.noise.search import (
    NoisePatch,
    NoiseSearch,
    NoiseSelection,
    extract_noise_patches,
    patch_positions,
    search_noise_patches,
    suggest_max_variance,
    take_patches,
)

__all__ = [
    "NoisePatch",
    "NoiseSearch",
    "NoiseSelection",
    "extract_noise_patches",
    "patch_positions",
    "search_noise_patches",
    "suggest_max_variance",
    "take_patches",
]

"""Learned measures of how alike two images look, LPIPS and DISTS, by the user's weight files."""

from esrgan.perceptual.distances import Perceptual, read_perceptual

__all__ = ["Perceptual", "read_perceptual"]

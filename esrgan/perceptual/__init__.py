"""Learned measures of how alike two images look, LPIPS and DISTS, by the user's weight files."""

from esrgan.perceptual.distances import LEAST_SIDE, Kind, Perceptual, read_perceptual

__all__ = ["LEAST_SIDE", "Kind", "Perceptual", "read_perceptual"]

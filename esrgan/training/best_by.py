"""By what the best checkpoint can be chosen; without PyTorch, for the command line."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias, get_args

__all__ = ["BEST_BY", "BestBy"]

BestBy: TypeAlias = Literal[
    "psnr", "ssim", "psnr_rgb", "ssim_rgb", "ms_ssim", "gmsd", "lpips", "dists"
]

BEST_BY: Final[tuple[BestBy, ...]] = get_args(BestBy)
"""The last two with weight files of the user's."""

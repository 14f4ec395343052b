"""How near one image is to another, and how natural one looks: what the field reports, and more."""

from degrade.metrics.fidelity import BEST_DB, psnr, psnr_of_error, psnr_rgb
from degrade.metrics.gradients import gmsd
from degrade.metrics.structure import ms_ssim, ssim, ssim_of_planes, ssim_rgb

__all__ = [
    "BEST_DB",
    "gmsd",
    "ms_ssim",
    "psnr",
    "psnr_of_error",
    "psnr_rgb",
    "ssim",
    "ssim_of_planes",
    "ssim_rgb",
]

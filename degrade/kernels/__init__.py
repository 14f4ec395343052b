"""Blur kernels: what they are, how they are applied, and the files that the field keeps them in."""

from degrade.kernels.downsampling import downsample
from degrade.kernels.kernel import (
    PHASE_TOLERANCE,
    BlurKernel,
    centre_of_mass,
    crop_or_pad_kernel,
    kernel_sigmas,
    phase_centre,
    repair_kernel,
)
from degrade.kernels.simple_kernels import bicubic_kernel, compose_kernels, gaussian_kernel

__all__ = [
    "PHASE_TOLERANCE",
    "BlurKernel",
    "bicubic_kernel",
    "centre_of_mass",
    "compose_kernels",
    "crop_or_pad_kernel",
    "downsample",
    "gaussian_kernel",
    "kernel_sigmas",
    "phase_centre",
    "repair_kernel",
]

"""Blur kernels: what they are, how they are applied, and the files that the field keeps them in."""

from degrade.kernels.kernel import (
    PHASE_TOLERANCE,
    BlurKernel,
    bicubic_kernel,
    centre_of_mass,
    compose_kernels,
    crop_or_pad_kernel,
    downsample,
    gaussian_kernel,
    kernel_sigmas,
    phase_centre,
    repair_kernel,
)

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

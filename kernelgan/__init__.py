"""KernelGAN: estimate the blur kernel of a camera from one of its photos.

A clean implementation from the paper (Bell-Kligler, Shocher and Irani, "Blind Super-Resolution
Kernel Estimation using an Internal-GAN", NeurIPS 2019), on the CPU or a GPU. PyTorch is imported
with :func:`estimate_kernels`, not with the settings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from degrade.kernels.estimates import KernelEstimate, UnsuitablePhotoError
from kernelgan.config import KernelGANConfig

if TYPE_CHECKING:
    from kernelgan.estimator import estimate_kernels

__all__ = ["KernelEstimate", "KernelGANConfig", "UnsuitablePhotoError", "estimate_kernels"]


def __getattr__(name: str) -> Any:
    if name == "estimate_kernels":
        from kernelgan.estimator import estimate_kernels

        return estimate_kernels
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

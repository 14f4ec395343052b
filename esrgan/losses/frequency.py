"""Focal frequency loss: how far spectra are apart, most where they are farthest."""

from __future__ import annotations

import torch
from torch import Tensor

from esrgan.losses.tensors import require_same_shape, widened, without_autocast

__all__ = ["focal_frequency_loss"]


def focal_frequency_loss(sr_BCHW: Tensor, hr_BCHW: Tensor) -> Tensor:
    """Return the mean of w · |F(sr) − F(hr)|², w = |F(sr) − F(hr)| over its largest value.

    F is the orthonormal Fourier transform of a channel of a patch; w is of each channel of each
    patch and passes no gradient. 0 where both images are equal.

    Parameters
    ----------
    sr_BCHW, hr_BCHW : Tensor
        RGB on [0, 1].

    Raises
    ------
    InvalidValueError
        The shapes differ.

    References
    ----------
    Jiang, Dai, Wu and Loy, "Focal Frequency Loss for Image Reconstruction and Synthesis", ICCV
    2021, eq. 7 and 8, with their exponent of 1.
    """
    require_same_shape(sr_BCHW, hr_BCHW)
    with without_autocast(sr_BCHW):
        spectrum = torch.fft.fft2(widened(sr_BCHW) - widened(hr_BCHW), norm="ortho")
        # Not abs(), whose gradient has no bound where both are equal.
        squares_BCHW = spectrum.real.square() + spectrum.imag.square()
        distances_BCHW = squares_BCHW.detach().sqrt()
        largest = distances_BCHW.amax((2, 3), keepdim=True)
        weights_BCHW = distances_BCHW / largest.clamp_min(torch.finfo(largest.dtype).tiny)
        loss: Tensor = (weights_BCHW * squares_BCHW).mean()
        return loss

"""Cycle consistency: SR, degraded again by its pair's own kernel, must give the LR back."""

from __future__ import annotations

from math import ceil
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from degrade.errors import InvalidValueError
from degrade.resample import mirror_indices
from esrgan.losses.tensors import widened, without_autocast

__all__ = ["cycle_loss", "downsample_batch"]


def downsample_batch(
    image_BCHW: Tensor,
    kernels_BKK: Tensor,
    scale: int,
    *,
    border: Literal["mirror", "valid"] = "mirror",
) -> Tensor:
    """Blur each image with its own kernel and keep every scale-th pixel, with gradient.

    The project's phase rule, as in :func:`degrade.kernels.downsample`: correlate, K odd, sample
    ``[::scale]``; LR pixel p reads HR pixels scale·p − K//2 … scale·p + K//2.

    Parameters
    ----------
    image_BCHW : Tensor
        Any range; nothing is clipped. H and W are multiples of ``scale``.
    kernels_BKK : Tensor
        One kernel for each image, of one odd size; smaller ones padded with zeros all around.
    scale : int
    border : {"mirror", "valid"}
        "mirror": outside lies the mirrored image, with the edge pixel repeated. "valid": only the
        LR pixels that read no pixel outside, ``[interior]`` of the whole.

    Returns
    -------
    (B, C, H / scale, W / scale) Tensor, or the valid part of it
        float32, or float64 where the image is; never less, mixed precision or not.

    Raises
    ------
    InvalidValueError
        The shapes do not fit each other or the scale.
    """
    _check_shapes(image_BCHW, kernels_BKK, scale)
    reach = kernels_BKK.shape[-1] // 2
    padded_BCHW = widened(image_BCHW)
    for axis in (2, 3):
        if border == "valid":
            kept = interior(image_BCHW.shape[axis], 2 * reach + 1, scale)
            first, last = kept.start * scale - reach, (kept.stop - 1) * scale + reach
            padded_BCHW = padded_BCHW.narrow(axis, first, last - first + 1)
        else:
            side = image_BCHW.shape[axis]
            places = mirror_indices(np.arange(-reach, side - scale + reach + 1), side)
            index = torch.from_numpy(places).to(image_BCHW.device)
            padded_BCHW = padded_BCHW.index_select(axis, index)
    with without_autocast(image_BCHW):
        # The images as the channels of a convolution that keeps channels apart.
        return functional.conv2d(
            padded_BCHW.transpose(0, 1),
            kernels_BKK.to(padded_BCHW.dtype)[:, None],
            stride=scale,
            groups=len(kernels_BKK),
        ).transpose(0, 1)


def interior(side: int, kernel_size: int, scale: int) -> slice:
    """Return which LR pixels along one axis read HR pixels inside the image only.

    Raises
    ------
    InvalidValueError
        There is none.
    """
    reach = kernel_size // 2
    kept = slice(ceil(reach / scale), (side - 1 - reach) // scale + 1)
    if kept.start >= kept.stop:
        raise InvalidValueError(
            f"a kernel of {kernel_size} taps leaves no pixel of an image of {side} untouched by "
            "its border; use a larger `hr_patch`"
        )
    return kept


def cycle_loss(sr_BCHW: Tensor, lr_BCHW: Tensor, kernels_BKK: Tensor) -> Tensor:
    """Return the mean of |(sr ∗ k)↓ − lr| where it does not depend on what lies around the patch.

    Parameters
    ----------
    sr_BCHW, lr_BCHW : Tensor
        RGB on [0, 1]; the scale is the ratio of their sides.
    kernels_BKK : Tensor
        The kernel that each LR was made with, transformed as the sample was
        (:func:`~esrgan.losses.dihedral.dihedral_kernels`).

    Raises
    ------
    InvalidValueError
        The shapes do not fit each other, or the kernels are too large for the patches.

    Notes
    -----
    Patches are cut from larger images, so the LR pixels near an edge were made of HR pixels that
    are not in the patch. They are left out; the mean is over the others, batch and channels.

    The LR is the degraded one: blurred by k, and with noise added, clipped and rounded. Where
    HR is met exactly the loss is the mean |noise| and not 0. As long as the noise is symmetric
    that adds variance and no bias to what is learned *for a given HR*; but the network sees the
    LR, and one that passes the LR's noise on into SR is rewarded. The weight must leave the other
    losses in charge of the noise: with little noise the term pays, with much it hurts.

    References
    ----------
    Survey (arXiv 1902.06068) §3.4, "Cycle Consistency Loss": the root of the squared distance,
    where this is L1. Yuan et al., "Unsupervised Image Super-Resolution using Cycle-in-Cycle
    Generative Adversarial Networks", CVPRW 2018, degrade with a second network, because they do
    not know the kernels; our pairs do.
    """
    scale = sr_BCHW.shape[2] // max(lr_BCHW.shape[2], 1)
    expected = (*lr_BCHW.shape[:2], *(scale * side for side in lr_BCHW.shape[2:]))
    if scale < 1 or tuple(sr_BCHW.shape) != expected:
        raise InvalidValueError(
            f"SR must be LR enlarged by an integer, got {tuple(sr_BCHW.shape)} and "
            f"{tuple(lr_BCHW.shape)}"
        )
    degraded_BCHW = downsample_batch(sr_BCHW, kernels_BKK, scale, border="valid")
    rows, columns = (interior(side, kernels_BKK.shape[-1], scale) for side in sr_BCHW.shape[2:])
    return functional.l1_loss(degraded_BCHW, widened(lr_BCHW)[:, :, rows, columns])


def _check_shapes(image_BCHW: Tensor, kernels_BKK: Tensor, scale: int) -> None:
    size = kernels_BKK.shape[-1]
    if kernels_BKK.shape != (len(image_BCHW), size, size) or size % 2 == 0:
        raise InvalidValueError(
            f"kernels must be (B, K, K) with B = {len(image_BCHW)} and K odd, got "
            f"{tuple(kernels_BKK.shape)}"
        )
    if scale < 1 or any(side < scale or side % scale for side in image_BCHW.shape[2:]):
        raise InvalidValueError(
            f"sides must be multiples of {scale}, got {tuple(image_BCHW.shape[2:])}"
        )

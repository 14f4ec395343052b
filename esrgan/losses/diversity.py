"""The diversity loss: results of one LR image with other noise shall differ."""

from __future__ import annotations

from torch import Tensor

from esrgan.losses.tensors import require_same_shape, widened

__all__ = ["diversity_loss"]

_EPSILON = 1e-5


def diversity_loss(sr_BCHW: Tensor, other_BCHW: Tensor, apart: float) -> Tensor:
    """Return ``1 / (mean |SR − other SR| / apart + 1e-5)``.

    Parameters
    ----------
    sr_BCHW, other_BCHW : Tensor
        Results of one LR batch.
    apart : float
        Mean absolute difference of the two noises.

    Raises
    ------
    InvalidValueError
        The results are of different shapes.

    References
    ----------
    Mao, Lee, Tseng, Ma, Yang, "Mode Seeking Generative Adversarial Networks for Diverse Image
    Synthesis", CVPR 2019, arXiv 1903.05628, eq. (3), whose ratio is made large; the reciprocal and
    1e-5 are the authors' way to make a small one of it. Their images lie on [-1, 1], ours on
    [0, 1]: their weight w is w / 2 here.
    """
    require_same_shape(sr_BCHW, other_BCHW)
    difference = (widened(sr_BCHW) - widened(other_BCHW)).abs().mean()
    return 1 / (difference / apart + _EPSILON)

"""Local discriminative loss: the pixel loss where residuals look like artefacts."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from esrgan.losses.tensors import require_same_shape, widened

__all__ = ["SMALLEST_FOR_ARTIFACTS", "artifact_loss", "artifact_map"]

_SIDE = 7
_ROOT = 5

SMALLEST_FOR_ARTIFACTS = _SIDE // 2 + 1
"""Pixels a side of an image that is mirrored into the window."""


def artifact_map(sr_BCHW: Tensor, hr_BCHW: Tensor, average_BCHW: Tensor | None = None) -> Tensor:
    """Return how much each pixel of SR looks like an artefact, (B, 1, H, W), without a gradient.

    The residual is |hr − sr|, summed over the channels. The map is its variance in windows of 7 × 7
    pixels (mirrored at the edges), times the fifth root of its variance in the whole patch.

    Parameters
    ----------
    sr_BCHW, hr_BCHW : Tensor
        RGB on [0, 1], of more than 3 pixels a side.
    average_BCHW : Tensor or None
        SR of the averaged generator. Where it is farther from HR than SR is, the map is 0.

    Raises
    ------
    InvalidValueError
        The shapes differ.
    """
    residual_B1HW = _residual(sr_BCHW, hr_BCHW)
    edge = _SIDE // 2
    padded_B1HW = functional.pad(residual_B1HW, (edge,) * 4, mode="reflect")
    mean_B1HW = functional.avg_pool2d(padded_B1HW, _SIDE, stride=1)
    mean_of_squares_B1HW = functional.avg_pool2d(padded_B1HW.square(), _SIDE, stride=1)
    local_B1HW = (mean_of_squares_B1HW - mean_B1HW.square()).clamp_min(0)
    patch_B = residual_B1HW.var((1, 2, 3), correction=0) ** (1 / _ROOT)
    map_B1HW = local_B1HW * patch_B[:, None, None, None]
    if average_BCHW is None:
        return map_B1HW
    return map_B1HW * (residual_B1HW >= _residual(average_BCHW, hr_BCHW))


def artifact_loss(sr_BCHW: Tensor, hr_BCHW: Tensor, average_BCHW: Tensor | None = None) -> Tensor:
    """Return the mean of map · |sr − hr|; parameters and errors as for :func:`artifact_map`.

    References
    ----------
    Liang, Zeng and Zhang, "Details or Artifacts: A Locally Discriminative Learning Approach to
    Realistic Image Super-Resolution", CVPR 2022, §3.2 and §3.3. Here the map is a weight that
    passes no gradient, and variances are means over all pixels.
    """
    weights_B1HW = artifact_map(sr_BCHW, hr_BCHW, average_BCHW)
    return (weights_B1HW * (widened(sr_BCHW) - widened(hr_BCHW)).abs()).mean()


def _residual(sr_BCHW: Tensor, hr_BCHW: Tensor) -> Tensor:
    require_same_shape(sr_BCHW, hr_BCHW)
    difference_BCHW = widened(hr_BCHW.detach()) - widened(sr_BCHW.detach())
    return difference_BCHW.abs().sum(1, keepdim=True)

"""The generator: a deep linear network, which is one blur kernel in disguise."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["LinearGenerator", "extract_windows"]

_INITIAL_GAIN = 0.1


class LinearGenerator(nn.Module):
    """Convolutions without bias or activation, the last with a stride.

    Training it is searching for a blur kernel by its factors: that is easier for gradient descent
    than the kernel itself (paper, §3.1). Running it needs only their product, so ``forward``
    multiplies the weights into one kernel first and correlates once; ``forward_convs`` runs the
    layers one by one and gives the same values and gradients.

    Parameters
    ----------
    conv_sizes : sequence of int
        Kernel size of each conv, odd.
    channels : int
        Of the layers between the first and the last.
    scale : int
        Stride of the last conv.
    rng : torch.Generator
        Draws the weights: Xavier normal, gain 0.1.
    """

    def __init__(
        self, *, conv_sizes: Sequence[int], channels: int, scale: int, rng: torch.Generator
    ) -> None:
        super().__init__()
        self.scale = scale
        widths = [1, *[channels] * (len(conv_sizes) - 1), 1]
        self.weights = nn.ParameterList(
            nn.init.xavier_normal_(
                torch.empty(n_out, n_in, size, size, dtype=torch.float32),
                gain=_INITIAL_GAIN,
                generator=rng,
            )
            for n_in, n_out, size in zip(widths, widths[1:], conv_sizes, strict=False)
        )

    def compose(self) -> Tensor:
        """Return the (K, K) kernel whose correlation equals all convs, differentiable.

        Correlating by a after correlating by b is correlating by their full convolution. From the
        last layer on there is one output channel, so each step is the product of a small matrix
        (channels by taps so far) with a layer's weights, added up at the shifted places.
        """
        last, *before = reversed(list(self.weights))
        kernel = last[0]
        for weight in before:
            size = weight.shape[-1]
            products = kernel.flatten(1).T @ weight.flatten(1)
            side = kernel.shape[-1] + size - 1
            kernel = F.fold(products.T.unsqueeze(0), side, size)[0]
        composed: Tensor = kernel[0]
        return composed

    def forward(self, images_NHW: Tensor) -> Tensor:
        """Downscale (N, H, W) single-channel images by the composed kernel, without padding."""
        kernel = self.compose()
        windows, shape = extract_windows(images_NHW, kernel.shape[-1], self.scale)
        return (windows @ kernel.flatten()).reshape(shape)

    def forward_convs(self, images_NHW: Tensor) -> Tensor:
        """Do what ``forward`` does layer by layer."""
        features = images_NHW.unsqueeze(1)
        *before, last = self.weights
        for weight in before:
            features = F.conv2d(features, weight)
        images: Tensor = F.conv2d(features, last, stride=self.scale).squeeze(1)
        return images


def extract_windows(
    images_NHW: Tensor, size: int, stride: int
) -> tuple[Tensor, tuple[int, int, int]]:
    """Return a copy of all windows as rows, and the shape that one value per window makes.

    Returns
    -------
    windows : (N·h·w, size²) tensor
        A copy: nothing done to it reaches the images.
    shape : (N, h, w)
    """
    windows = images_NHW.unfold(1, size, stride).unfold(2, size, stride)
    count, height, width = windows.shape[:3]
    return windows.reshape(-1, size * size), (count, height, width)

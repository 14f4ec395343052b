"""The discriminator tells 7×7 patches of the photo from those of its downscaled copy."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["DiscriminatorWeights", "PatchDiscriminator"]

DiscriminatorWeights = tuple[Tensor, Tensor, Tensor]
"""(channels, 3·7·7), (hidden - 1, channels, channels) and (1, channels), spectrally normalised."""

_PATCH = 7
_HIDDEN = 5
_EPSILON = 1e-5
_WARM_UP = 10
_INITIAL_GAIN = 0.1


class PatchDiscriminator(nn.Module):
    """A 7×7 conv, five 1×1 convs with BatchNorm and ReLU, and a 1×1 conv with a sigmoid.

    Every conv is divided by its largest singular value (Miyato et al., "Spectral Normalization for
    Generative Adversarial Networks", ICLR 2018).

    The network is computed as products of matrices whose columns are pixels, in a form that equals
    the layers exactly:

    - The first two convs have no activation between them and are multiplied into one.
    - A bias in front of BatchNorm is subtracted again with the mean, so there is none.
    - Real and fake crops were batches of one, each with BatchNorm statistics of its own over its
      pixels. Stacked crops keep statistics of their own here too; running statistics are never
      read and not kept.

    Parameters
    ----------
    channels : int
        Width of the hidden layers.
    rng : torch.Generator
        Draws the weights: Xavier normal, gain 0.1. Normalisation takes the scale out of what the
        network computes, but not out of how fast Adam's steps of a fixed size turn the weights.
    """

    _first_direction: Tensor
    _hidden_directions: Tensor

    def __init__(self, *, channels: int, rng: torch.Generator) -> None:
        super().__init__()
        self.first = nn.Parameter(_xavier(channels, 3 * _PATCH**2, rng))
        self.hidden = nn.Parameter(
            torch.stack([_xavier(channels, channels, rng) for _ in range(_HIDDEN)])
        )
        self.last = nn.Parameter(_xavier(1, channels, rng))
        self.last_bias = nn.Parameter(torch.zeros(1, dtype=torch.float32))
        self.norm_gain = nn.Parameter(torch.ones(_HIDDEN, channels, 1, 1, dtype=torch.float32))
        self.norm_shift = nn.Parameter(torch.zeros(_HIDDEN, channels, 1, 1, dtype=torch.float32))
        first = torch.randn(channels, 1, generator=rng, dtype=torch.float32)
        hidden = torch.randn(_HIDDEN, channels, 1, generator=rng, dtype=torch.float32)
        self.register_buffer("_first_direction", first)
        self.register_buffer("_hidden_directions", hidden)
        for _ in range(_WARM_UP):
            self.normalised_weights()

    def normalised_weights(self) -> DiscriminatorWeights:
        """Improve the singular vectors by one power iteration and return the divided weights.

        Once after each change of the weights is enough: all passes in between share them.
        """
        first, self._first_direction = _spectral_normalise(self.first, self._first_direction)
        hidden, self._hidden_directions = _spectral_normalise(self.hidden, self._hidden_directions)
        last = self.last / self.last.norm()  # a row's only singular value is its length
        return hidden[0] @ first, hidden[1:], last

    def forward(self, images_NCHW: Tensor, weights: DiscriminatorWeights) -> Tensor:
        """Return the (N, h, w) map of how real each 7×7 patch of the images looks, in (0, 1)."""
        first, hidden, last = weights
        windows = images_NCHW.unfold(2, _PATCH, 1).unfold(3, _PATCH, 1)
        count, _, height, width = windows.shape[:4]
        columns = windows.permute(1, 4, 5, 0, 2, 3).reshape(first.shape[1], -1)
        features = first @ columns
        for index in range(_HIDDEN):
            if index:
                features = hidden[index - 1] @ features
            # layer_norm over the pixels of one crop and channel: BatchNorm of a batch of one.
            normal = F.layer_norm(
                features.view(-1, count, height * width), (height * width,), eps=_EPSILON
            )
            features = torch.addcmul(self.norm_shift[index], normal, self.norm_gain[index])
            features = F.relu(features).flatten(1)
        logits = last @ features + self.last_bias
        return torch.sigmoid(logits).view(count, height, width)


def _xavier(n_out: int, n_in: int, rng: torch.Generator) -> Tensor:
    return nn.init.xavier_normal_(
        torch.empty(n_out, n_in, dtype=torch.float32), gain=_INITIAL_GAIN, generator=rng
    )


def _spectral_normalise(matrix: Tensor, direction: Tensor) -> tuple[Tensor, Tensor]:
    """Return (…, m, n) matrices over their largest singular values, and better left vectors."""
    with torch.no_grad():
        right = F.normalize(matrix.mT @ direction, dim=-2)
        left = F.normalize(matrix @ right, dim=-2)
    # The vectors are constants; the singular value is differentiated through the matrix alone.
    sigma = (left * (matrix @ right)).sum(dim=(-2, -1), keepdim=True)
    return matrix / sigma, left

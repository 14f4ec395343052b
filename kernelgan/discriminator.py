"""The discriminator tells 7×7 patches of the photo from those of its downscaled copy."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from kernelgan.parameters import Parameters
from kernelgan.spectral_norm import SpectralNorm
from kernelgan.windows import WINDOW

__all__ = ["HIDDEN", "PatchDiscriminator"]

HIDDEN = 5
"""Convs between the first and the last, each with BatchNorm and ReLU."""

_WARM_UP = 10
_INITIAL_GAIN = 0.1
_SMALLEST_GAIN = 1e-12


class PatchDiscriminator:
    """A 7×7 conv, five 1×1 convs with BatchNorm and ReLU, and a 1×1 conv with a sigmoid.

    Every conv is divided by its largest singular value. There is one network for each of b photos.
    In a form that equals the layers exactly:

    - The first two convs have no activation between them and are multiplied into one.
    - A bias in front of BatchNorm is subtracted again with the mean, so there is none.
    - The sign of a BatchNorm's gain is moved into the rows of the conv before it: then the gain is
      positive, and may be moved past the ReLU (see kernelgan/discriminator_pass.py).

    Parameters
    ----------
    channels : int
        Width of the hidden layers, c.
    rngs : sequence of torch.Generator
        One for each photo; each draws its weights: Xavier normal, gain 0.1. Normalisation takes the
        scale out of what the network computes, but not out of how fast Adam's steps of a fixed size
        turn the weights.
    like : Tensor
        For dtype and device.

    Attributes
    ----------
    parameters : Parameters
        First conv (b, c, 3·7·7), hidden convs (b, 5, c, c), last conv (b, 1, c) and its bias
        (b, 1, 1), gains and shifts of BatchNorm (b, 5, c, 1).
    norms : tuple of SpectralNorm
        Of the first, the hidden and the last convs.
    entry, hidden, last : (b, c, 3·7·7), (b, 5, c, c) and (b, 1, c) tensors
        The divided convs; ``entry`` is the product of the first two, and the same as ``hidden[0]``
        together with the first.
    bias, gain, shift : (b, 1, 1), (b, 5, c, 1) and (b, 5, c, 1) tensors
        The gains without signs.
    by_entry, by_hidden, by_last, by_bias, by_gain, by_shift : tensors
        The derivatives by all these, where a pass puts them; those of ``hidden`` but the first.
    """

    def __init__(self, *, channels: int, rngs: Sequence[torch.Generator], like: Tensor) -> None:
        drawn = [_draw(channels, rng) for rng in rngs]
        self.parameters = Parameters([weights for weights, _ in drawn], like)
        directions = torch.stack([directions for _, directions in drawn]).to(like)
        first, hidden, last, self.bias, self._gain, self.shift = self.parameters.parts
        self.norms = (
            SpectralNorm(first, directions[:, 0]),
            SpectralNorm(hidden.flatten(0, 1), directions[:, 1:].flatten(0, 1)),
            SpectralNorm(last, like.new_ones(len(rngs), 1, 1)),  # its length is all a row has
        )
        self._first, normal, self.last = (norm.normal for norm in self.norms)
        self._normal = normal.view_as(hidden)
        self.hidden, self.entry = torch.empty_like(hidden), torch.empty_like(first)
        self.gain, self._sign = torch.empty_like(self._gain), torch.empty_like(self._gain)
        self._one = like.new_ones(())
        # Derivatives by the divided weights.
        self._by_hidden = torch.empty_like(hidden)
        self.by_entry, self.by_last = torch.empty_like(first), torch.empty_like(last)
        self.by_hidden = self._by_hidden[:, 1:]
        self._by_first = torch.empty_like(first)
        _, _, _, self.by_bias, self.by_gain, self.by_shift = self.parameters.gradients
        for _ in range(_WARM_UP):
            self.normalise()

    def normalise(self) -> None:
        """Improve the singular vectors by one power iteration and divide the weights.

        Once after each change of the parameters is enough: all passes in between share the result.
        """
        for norm in self.norms:
            norm.normalise()
        torch.copysign(self._one, self._gain, out=self._sign)
        torch.abs(self._gain, out=self.gain).clamp_min_(_SMALLEST_GAIN)
        torch.mul(self._normal, self._sign, out=self.hidden)
        torch.bmm(self.hidden[:, 0], self._first, out=self.entry)

    def finish_gradient(self) -> None:
        """Complete the parameters' gradient from what a pass has left in the ``by_…``."""
        by_first, by_hidden, by_last, *_ = self.parameters.gradients
        torch.bmm(self.by_entry, self._first.mT, out=self._by_hidden[:, 0])
        self._by_hidden *= self._sign
        self.by_gain *= self._sign
        first, hidden, last = self.norms
        torch.bmm(self.hidden[:, 0].mT, self.by_entry, out=self._by_first)
        first.go_back(self._by_first, by_first)
        hidden.go_back(self._by_hidden.flatten(0, 1), by_hidden.flatten(0, 1))
        last.go_back(self.by_last, by_last)


def _draw(channels: int, rng: torch.Generator) -> tuple[list[Tensor], Tensor]:
    """Return one photo's first parameters and (6, c, 1) directions of its first six convs."""
    first = _xavier(channels, 3 * WINDOW**2, rng)
    hidden = torch.stack([_xavier(channels, channels, rng) for _ in range(HIDDEN)])
    last = _xavier(1, channels, rng)
    column = (HIDDEN, channels, 1)
    bias, gain, shift = torch.zeros(1, 1), torch.ones(column), torch.zeros(column)
    directions = torch.randn(1 + HIDDEN, channels, 1, generator=rng, dtype=torch.float32)
    return [first, hidden, last, bias, gain, shift], directions


def _xavier(n_out: int, n_in: int, rng: torch.Generator) -> Tensor:
    return nn.init.xavier_normal_(
        torch.empty(n_out, n_in, dtype=torch.float32), gain=_INITIAL_GAIN, generator=rng
    )

"""The generator: a deep linear network, which is one blur kernel in disguise."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from kernelgan.parameters import Parameters
from kernelgan.windows import ShiftedSum

__all__ = ["LinearGenerator"]

_INITIAL_GAIN = 0.1


class LinearGenerator:
    """Convolutions without bias or activation, the last with a stride, for each of b photos.

    Training them is searching for a blur kernel by its factors: that is easier for gradient descent
    than the kernel itself (paper, §3.1). The crops never pass through them: :meth:`compose`
    multiplies the weights into the one K×K kernel whose correlation equals all convs, and
    :meth:`set_gradient` leads that kernel's gradient back to the weights.

    Correlating by a after correlating by b is correlating by their full convolution. From the last
    layer on there is one output channel, so with p of the taps so far, q those of the next conv
    and channels c in front of it, m behind::

        products[p, q, c] = Σ_m kernel[p, m] · weight[m, q, c]
        composed[t, c]    = Σ_{p + q = t} products[p, q, c]

    and backwards, where d means "derivative of the loss by"::

        dproducts[p, q, c] = dcomposed[p + q, c]
        dweight[m, q, c]   = Σ_p kernel[p, m] · dproducts[p, q, c]
        dkernel[p, m]      = Σ_{q, c} dproducts[p, q, c] · weight[m, q, c]

    Parameters
    ----------
    conv_sizes : sequence of int
        Kernel size of each conv, odd.
    channels : int
        Of the layers between the first and the last.
    rngs : sequence of torch.Generator
        One for each photo; each draws its weights: Xavier normal, gain 0.1.
    like : Tensor
        For dtype and device.

    Attributes
    ----------
    parameters : Parameters
        From the last conv to the first, each (b, channels behind, taps · channels in front).
    """

    def __init__(
        self,
        *,
        conv_sizes: Sequence[int],
        channels: int,
        rngs: Sequence[torch.Generator],
        like: Tensor,
    ) -> None:
        widths = [1, *[channels] * (len(conv_sizes) - 1), 1]
        # (channels behind, channels in front, size), from the last conv to the first.
        self._shapes = [*zip(widths[1:], widths, conv_sizes, strict=False)][::-1]
        self.parameters = Parameters([_draw(self._shapes, rng) for rng in rngs], like)
        self._last, self._last_gradient = (
            parts[0].view(len(rngs), -1, channels)
            for parts in (self.parameters.parts, self.parameters.gradients)
        )
        self._layers: list[_Layer] = []
        kernel, size = self._last, self._shapes[0][2]
        for (_, n_in, side), weight, gradient in zip(
            self._shapes[1:], self.parameters.parts[1:], self.parameters.gradients[1:], strict=True
        ):
            self._layers.append(_Layer(kernel, weight, gradient, (size, side, n_in)))
            kernel, size = self._layers[-1].composed, size + side - 1
        self._kernel: Tensor = kernel.view(len(rngs), size, size)

    def compose(self) -> Tensor:
        """Return the (b, K, K) kernels; the next call writes over them."""
        for layer in self._layers:
            layer.compose()
        return self._kernel

    def set_gradient(self, gradient: Tensor) -> None:
        """Fill the parameters' gradient from the one by the (b, K, K) kernels composed last."""
        for layer in reversed(self._layers):
            gradient = layer.go_back(gradient)
        self._last_gradient.copy_(gradient)

    def conv_weights(self, parts: Sequence[Tensor]) -> list[Tensor]:
        """Return parameters or gradients as (b, n_out, n_in, size, size), first conv first."""
        convs = [
            part.view(-1, n_out, size, size, n_in).permute(0, 1, 4, 2, 3).contiguous()
            for part, (n_out, n_in, size) in zip(parts, self._shapes, strict=True)
        ]
        return convs[::-1]


class _Layer:
    """One more conv in front of a composed kernel.

    Parameters
    ----------
    kernel : (b, size², n_out) tensor
        The composed kernel so far.
    weight, gradient : (b, n_out, side² · n_in) tensors
    sizes : tuple of int
        Size, side and n_in.

    Attributes
    ----------
    composed : (b, (size + side - 1)², n_in) tensor
        The result of ``compose``.
    """

    def __init__(
        self, kernel: Tensor, weight: Tensor, gradient: Tensor, sizes: tuple[int, int, int]
    ) -> None:
        size, side, n_in = sizes
        photos, total = len(kernel), size + side - 1
        self._kernel, self._weight, self._gradient = kernel, weight, gradient
        self._products = weight.new_empty(photos, size**2, side**2 * n_in)
        self._add = None if 1 in (size, side) else ShiftedSum((photos,), size, side, n_in, weight)
        self.composed = (
            self._products.view(photos, total**2, n_in)
            if self._add is None
            else self._add.total.view(photos, total**2, n_in)
        )
        self._by_kernel = torch.empty_like(kernel)
        self._by_products = torch.empty_like(self._products)
        by_composed = weight.new_empty(photos, total, total, n_in)
        self._by_composed = by_composed
        windows = by_composed.unfold(1, side, 1).unfold(2, side, 1).permute(0, 1, 2, 4, 5, 3)
        self._windows = windows
        self._blocks = self._by_products.view(windows.shape)
        self._transposes = kernel.mT, weight.mT

    def compose(self) -> None:
        """Multiply kernel and weight."""
        torch.bmm(self._kernel, self._weight, out=self._products)
        if self._add is not None:
            self._add(self._products)

    def go_back(self, gradient: Tensor) -> Tensor:
        """Fill the weight's gradient and return the kernel's, for one by ``composed``."""
        self._by_composed.copy_(gradient.view(self._by_composed.shape))
        self._blocks.copy_(self._windows)
        kernel, weight = self._transposes
        torch.bmm(kernel, self._by_products, out=self._gradient)
        return torch.bmm(self._by_products, weight, out=self._by_kernel)


def _draw(shapes: Sequence[tuple[int, int, int]], rng: torch.Generator) -> list[Tensor]:
    """Return one photo's first weights; the first conv's are drawn first."""
    parts = []
    for n_out, n_in, size in reversed(shapes):
        conv = nn.init.xavier_normal_(
            torch.empty(n_out, n_in, size, size, dtype=torch.float32),
            gain=_INITIAL_GAIN,
            generator=rng,
        )
        parts.append(conv.permute(0, 2, 3, 1).reshape(n_out, -1))
    return parts[::-1]

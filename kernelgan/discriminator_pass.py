"""Running the discriminator on crops, forward and back.

BatchNorm sees one crop at a time and takes mean and variance over its P pixels. For a layer with
input y (c, P), conv W, gain g > 0 and shift h this is, per channel::

    x = W y - mean(W y),   ρ = 1 / sqrt(mean(x²) + ε),   s = g ρ
    relu(g ρ x + h) = s r   with   r = relu(x + h / s)

Only r is computed; s goes into the columns of the next W, which has fewer elements. Backwards, with
q the derivative by the ReLU's output where r > 0, else 0::

    dh = Σ q,   dg = ρ Σ q x
    derivative by W y = s u   with   u = q - mean(q) - ρ² x mean(q x)
    dW = diag(s) (u rᵀ) diag(s)      the r, and the second s, of the layer before
    derivative by y = (diag(s) W)ᵀ u

For the last conv and the sigmoid's map D, s = 1 and u = (derivative by the map) · D (1 - D).

All small matrices and vectors of a photo have an axis n for its crops, as they differ by s; the
tensors that hold pixels have the two axes in one, (b·n, c, P).
"""

from __future__ import annotations

import torch
from torch import Tensor

from kernelgan.discriminator import HIDDEN, PatchDiscriminator
from kernelgan.windows import WINDOW, PatchColumns

__all__ = ["DiscriminatorPass"]

_EPSILON = 1e-5


class DiscriminatorPass:
    """Passes of n crops of each of b photos, in memory that is allocated once.

    Parameters
    ----------
    network : PatchDiscriminator
    count : int
        n.
    side : int
        Of the crops.
    """

    def __init__(self, network: PatchDiscriminator, count: int, side: int) -> None:
        photos, channels, _ = network.entry.shape
        like, pixels = network.entry, (side - WINDOW + 1) ** 2
        self._network, self._count = network, count
        self._patches = PatchColumns(photos * count, side, like)
        # Of all layers in one piece, for what is done to all of them at once.
        columns = like.new_empty(4, HIDDEN, photos, count, channels, 1)
        self._rho, self._scale, self._sum, self._inner = columns
        self._rows = like.new_empty(HIDDEN, photos, count, channels, channels)
        self._products = torch.empty_like(self._rows[1:])
        self._layers = [
            _Layer(network.gain[:, None, i], network.shift[:, None, i], columns[:, i], pixels)
            for i in range(HIDDEN)
        ]
        self._u, self._q = like.new_empty(2, photos * count, channels, pixels)
        # Views that every pass uses: making them anew costs as much as a small product.
        self._entry = like.new_empty(photos, count, *network.entry.shape[1:])
        self._weight = like.new_empty(photos, count, channels, channels)
        self._last = like.new_empty(photos, count, 1, channels)
        self._hidden = network.hidden.transpose(0, 1).unsqueeze(2)
        self._hidden_of_layer = self._hidden.unbind(0)
        self._wide_entry, self._wide_last = network.entry.unsqueeze(1), network.last.unsqueeze(1)
        self._flat_entry, self._flat_weight, self._flat_last = (
            weight.flatten(0, 1) for weight in (self._entry, self._weight, self._last)
        )
        self._row_transposes = [rows.flatten(0, 1).mT for rows in self._rows]
        self._flat_products = [product.flatten(0, 1) for product in self._products]
        self._map = like.new_empty(photos, count, pixels)
        self._by_columns = torch.empty_like(self._patches.columns)

    def forward(self, images_NCHW: Tensor) -> Tensor:
        """Return the (b, n, P) map of how real each 7×7 patch looks, in (0, 1).

        ``images_NCHW`` are (b·n, 3, side, side): the crops of the first photo, of the second, …
        The next pass writes over the map.
        """
        network = self._network
        self._entry.copy_(self._wide_entry)
        first, *others = self._layers
        r = first.forward(self._flat_entry, self._patches.load(images_NCHW))
        before = first
        for layer, weight in zip(others, self._hidden_of_layer[1:], strict=True):
            torch.mul(weight, before.scale_row, out=self._weight)
            r = layer.forward(self._flat_weight, r)
            before = layer
        torch.mul(self._wide_last, before.scale_row, out=self._last)
        logits = torch.bmm(self._flat_last, r).view(self._map.shape)
        return torch.sigmoid(logits.add_(network.bias), out=self._map)

    def image_gradient(self, by_map: Tensor | float) -> Tensor:
        """Return the derivatives by the images from those by the map (which may broadcast)."""
        self._go_back(by_map, weights=False)
        torch.mul(self._wide_entry, self._layers[0].scale, out=self._entry)
        return self._patches.add_up(torch.bmm(self._flat_entry.mT, self._u, out=self._by_columns))

    def set_gradient(self, by_map: Tensor | float) -> None:
        """Fill the gradient of the network's parameters, summed over the n crops of each photo."""
        network, scale = self._network, self._scale
        by_logits = self._go_back(by_map, weights=True)
        torch.bmm(self._u, self._patches.columns.mT, out=self._flat_entry)
        torch.bmm(by_logits, self._layers[-1].r_transpose, out=self._flat_last)
        self._entry *= self._layers[0].scale
        self._last *= self._layers[-1].scale_row
        self._products *= scale[1:]
        self._products *= scale[:-1].mT
        torch.sum(self._entry, 1, out=network.by_entry)
        torch.sum(self._last, 1, out=network.by_last)
        torch.sum(self._products, 2, out=network.by_hidden.transpose(0, 1))
        torch.sum(self._rho * self._inner, 2, out=network.by_gain.transpose(0, 1))
        torch.sum(self._sum, 2, out=network.by_shift.transpose(0, 1))
        torch.sum(by_logits.view(self._map.shape), (1, 2), out=network.by_bias.view(-1))
        network.finish_gradient()

    def _go_back(self, by_map: Tensor | float, *, weights: bool) -> Tensor:
        """Go back to the first layer's u; return the derivatives by the logits, (b·n, 1, P)."""
        u, q, looks = self._u, self._q, self._map
        by_logits = (looks * (1 - looks)).mul_(by_map).view(len(q), 1, -1)
        torch.mul(self._hidden, self._scale, out=self._rows)
        self._last.copy_(self._wide_last)
        torch.mul(self._flat_last.mT, by_logits, out=q)
        for i in range(HIDDEN - 1, 0, -1):
            self._layers[i].go_back(q, out=u)
            if weights:
                torch.bmm(u, self._layers[i - 1].r_transpose, out=self._flat_products[i - 1])
            torch.bmm(self._row_transposes[i], u, out=q)
        self._layers[0].go_back(q, out=u)
        return by_logits


class _Layer:
    """A conv, BatchNorm and ReLU.

    Parameters
    ----------
    gain, shift : (b, 1, c, 1) tensors
        g and h.
    columns : (4, b, n, c, 1) tensor
        Where ρ, s, Σ q and Σ q x go.
    pixels : int
        P.

    Attributes
    ----------
    scale, scale_row : (b, n, c, 1) and (b, n, 1, c) tensors
        s.
    r_transpose : (b·n, P, c) tensor
        rᵀ.
    """

    def __init__(self, gain: Tensor, shift: Tensor, columns: Tensor, pixels: int) -> None:
        _, photos, count, channels, _ = columns.shape
        self._gain, self._shift, self._pixels = gain, shift, pixels
        self._rho, self.scale, self._sum, self._inner = columns
        self.scale_row = self.scale.mT
        self._x, self._r = columns.new_empty(2, photos * count, channels, pixels)
        self.r_transpose = self._r.mT
        self._column = columns.new_empty(photos, count, channels, 1)
        # The same memory with the axes b and n in one.
        self._flat_column = self._column.flatten(0, 1)
        self._flat_rho, self._flat_sum, self._flat_inner = (
            column.flatten(0, 1) for column in (self._rho, self._sum, self._inner)
        )
        self._epsilon = columns.new_full((), _EPSILON)

    def forward(self, weight: Tensor, features: Tensor) -> Tensor:
        """Return r for W and the layer's input, its scales being in W."""
        x, column = torch.bmm(weight, features, out=self._x), self._flat_column
        x.sub_(torch.sum(x, 2, keepdim=True, out=column), alpha=1 / self._pixels)
        torch.linalg.vector_norm(x, dim=2, keepdim=True, out=column)
        rho = self._flat_rho
        torch.addcmul(self._epsilon, column, column, value=1 / self._pixels, out=rho).rsqrt_()
        torch.mul(self._gain, self._rho, out=self.scale)
        torch.div(self._shift, self.scale, out=self._column)
        return torch.add(x, column, out=self._r).relu_()

    def go_back(self, q: Tensor, out: Tensor) -> None:
        """Write u to ``out``, given the derivative by the ReLU's output in ``q``, which is lost."""
        torch.ops.aten.threshold_backward.grad_input(q, self._r, 0, grad_input=q)  # 0 where r is
        torch.sum(q, 2, keepdim=True, out=self._flat_sum)
        torch.sum(torch.mul(q, self._x, out=out), 2, keepdim=True, out=self._flat_inner)
        slope = (self._flat_rho * self._flat_rho).mul_(self._flat_inner)
        torch.addcmul(q, self._x, slope, value=-1 / self._pixels, out=out)
        out.sub_(self._flat_sum, alpha=1 / self._pixels)

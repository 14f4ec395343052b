"""Images as matrices of windows, and sums that go back the same way.

Both networks begin by looking at every 7×7 window. The discriminator's are of the 26×26 LR crop.
The generator's K×K kernel at stride s (K = 6·s + 1, padded to 7·s) is a 7×7 window too: at stride
1, of the s² images that hold every s-th pixel of the HR crop, 32×32 pixels each.

A matrix of all windows is mostly copies of the same pixels. Half of the way is cheaper: *strips*,
the image shifted by 0…6 columns, ``strips[j, y, x] = image[y, x + j]``, still without rows' shifts.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["WINDOW", "CropWindows", "PatchColumns", "ShiftedSum"]

WINDOW = 7
"""Side of the windows that both networks see, in LR pixels."""


class ShiftedSum:
    """Add up (r, r) blocks that lie at shifted places: ``total[a + u] += blocks[a, u]`` on 2 axes.

    It is one copy into a tensor of zeros, then one sum. The zeros around the blocks are never
    written, so they are still there the next time.

    Parameters
    ----------
    outer : tuple of int
        Sizes of the axes in front; each has sums of its own.
    count : int
        The shifts a run over 0…count - 1 on both axes.
    rows : int
        r.
    inner : int
        Values at each place of a block.
    like : Tensor
        For dtype and device.

    Attributes
    ----------
    total : (…outer, count + r - 1, count + r - 1, inner) tensor
        The sums; the next call writes over them.
    """

    def __init__(
        self, outer: tuple[int, ...], count: int, rows: int, inner: int, like: Tensor
    ) -> None:
        side = count + rows - 1
        self._axes = (len(outer), len(outer) + 1)
        self._spread = like.new_zeros(*outer, count, count, side, side, inner)
        *front, a_y, a_x, u_y, u_x, one = self._spread.stride()
        self._places = self._spread.as_strided(
            (*outer, count, count, rows, rows, inner),
            (*front, a_y + u_y, a_x + u_x, u_y, u_x, one),
        )
        self.total = like.new_empty(*outer, side, side, inner)

    def __call__(self, blocks: Tensor) -> Tensor:
        """Return ``total`` for blocks with the values of (…outer, count, count, r, r, inner)."""
        self._places.copy_(blocks.view(self._places.shape))
        return torch.sum(self._spread, self._axes, out=self.total)


class PatchColumns:
    """All 7×7 windows of images with three channels, as the columns of matrices.

    Parameters
    ----------
    count : int
        Images, n.
    side : int
        Their height and width; h = side - 6 windows fit each way.
    like : Tensor
        For dtype and device.

    Attributes
    ----------
    columns : (n, 3·7·7, h·h) tensor
        Those of the images loaded last.
    """

    def __init__(self, count: int, side: int, like: Tensor) -> None:
        self._fit = fit = side - WINDOW + 1
        self._strips = like.new_empty(count, 3, WINDOW, side, fit)
        image, channel, column, row, _ = self._strips.stride()
        # From strip to window rows lie one after the other, so whole runs are copied.
        self._runs = self._strips.as_strided(
            (count, 3, WINDOW, WINDOW, fit * fit), (image, channel, row, column, 1)
        )
        self._windows = like.new_empty(self._runs.shape)
        self.columns = self._windows.view(count, 3 * WINDOW**2, fit * fit)
        self._add = ShiftedSum((count, 3), WINDOW, fit, 1, like)

    def load(self, images_NCHW: Tensor) -> Tensor:
        """Return the (n, 3·7·7, h·h) matrices; the next call writes over them."""
        self._strips.copy_(images_NCHW.unfold(3, self._fit, 1).transpose(2, 3))
        self._windows.copy_(self._runs)
        return self.columns

    def add_up(self, columns: Tensor) -> Tensor:
        """Return (n, 3, side, side) images: at each pixel the sum over its copies in columns."""
        return self._add(columns).squeeze(-1)


class CropWindows:
    """What a K×K kernel with stride s sees of the generator's crops.

    Parameters
    ----------
    photos : int
        Crops at once, b, with three channels each.
    scale : int
        s.
    side : int
        Of the output.
    like : Tensor
        For dtype and device.
    """

    def __init__(self, photos: int, scale: int, side: int, like: Tensor) -> None:
        self._photos, self._scale, self._side = photos, scale, side
        self._rows = side + WINDOW - 1
        self._kernel_size = (WINDOW - 1) * scale + 1
        self._strips = like.new_empty(photos, scale, scale, WINDOW, 3, self._rows, side)
        self._matrix = self._strips.flatten(4).flatten(1, 3)
        # For two kernels: memory that is asked for anew each time costs more than the product.
        self._shares = like.new_empty(photos * 2 * WINDOW * 3 * self._rows * side)
        self._spread = like.new_zeros(photos, WINDOW, 3, self._rows * side)
        photo, row, channel, pixel = self._spread.stride()
        self._places = self._spread.as_strided(
            (photos, WINDOW, 3, side * side), (photo, row + side, channel, pixel)
        )

    def load(self, phases: Tensor) -> None:
        """Take (b, s, s, 3, side + 6, side + 6) crops: [:, p, q] holds the pixels [p::s, q::s]."""
        self._strips.copy_(phases.unfold(5, self._side, 1).permute(0, 1, 2, 5, 3, 4, 6))

    def downscale(self, kernels: Tensor) -> Tensor:
        """Correlate every crop with each of its (b, n, K, K) kernels: (b, n, 3, side, side).

        n is at most 2. One product gives what each row of the kernel adds,
        ``shares[i, y] = Σ_j k[i, j] strips[j, y]`` (j includes the phases); the output is
        ``Σ_i shares[i, y + i]``.
        """
        photos, count, size, _ = kernels.shape
        scale, side, rows = self._scale, self._side, self._rows
        padded = kernels.new_zeros(photos, count, WINDOW * scale, WINDOW * scale)
        padded[:, :, :size, :size] = kernels
        by_phase = padded.view(photos, count, WINDOW, scale, WINDOW, scale).transpose(4, 5)
        plane = rows * side
        shares = self._shares[: photos * count * WINDOW * 3 * plane]
        shares = shares.view(photos, count * WINDOW, 3 * plane)
        torch.bmm(by_phase.reshape(photos, count * WINDOW, -1), self._matrix, out=shares)
        shifted = shares.as_strided(
            (photos, count, WINDOW, 3, side * side),
            (count * WINDOW * 3 * plane, WINDOW * 3 * plane, 3 * plane + side, plane, 1),
        )
        return shifted.sum(2).view(photos, count, 3, side, side)

    def kernel_gradient(self, gradient: Tensor) -> Tensor:
        """Return d/dk of Σ gradient · downscale(k), (b, K, K), for (b, 3, side, side) gradients."""
        scale, size = self._scale, self._kernel_size
        self._places.copy_(gradient.view(self._photos, 1, 3, -1))
        by_phase = torch.bmm(self._spread.flatten(2), self._matrix.mT)
        padded = by_phase.view(-1, WINDOW, scale, scale, WINDOW).transpose(3, 4)
        return padded.reshape(-1, WINDOW * scale, WINDOW * scale)[:, :size, :size]

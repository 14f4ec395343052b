"""Matrices divided by their largest singular value, and the way back for derivatives."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["SpectralNorm"]

_SMALLEST = 1e-12


class SpectralNorm:
    """Spectral normalisation of (b, m, n) matrices W by power iteration.

    One iteration is ``v = Wᵀu / |Wᵀu|``, ``σ = |Wv|``, ``u = Wv / σ``. With the vectors as
    constants σ = uᵀWv, so for V = W/σ::

        dW = (dV - (Σ dV ∘ V) · u vᵀ) / σ

    Parameters
    ----------
    matrices : (b, m, n) tensor
        W, looked at again at each :meth:`normalise`.
    directions : (b, m, 1) tensor
        The first u; copied.

    Attributes
    ----------
    directions : (b, m, 1) tensor
        u.
    normal : (b, m, n) tensor
        V.

    References
    ----------
    Miyato et al., "Spectral Normalization for Generative Adversarial Networks", ICLR 2018.
    """

    def __init__(self, matrices: Tensor, directions: Tensor) -> None:
        self.directions = directions.clone(memory_format=torch.contiguous_format)
        self.normal = torch.empty_like(matrices, memory_format=torch.contiguous_format)
        self._products = torch.empty_like(self.normal)
        self._matrices = matrices
        self._row = self.directions.mT
        self._right = matrices.new_empty(len(matrices), 1, matrices.shape[2])
        self._sigma = matrices.new_empty(len(matrices), 1, 1)
        self._right_column = self._right.mT

    def normalise(self) -> None:
        """Do one power iteration and divide."""
        right = torch.bmm(self._row, self._matrices, out=self._right)
        right /= torch.linalg.vector_norm(right, dim=2, keepdim=True).clamp_min_(_SMALLEST)
        left = torch.bmm(self._matrices, self._right_column, out=self.directions)
        torch.linalg.vector_norm(left, dim=1, keepdim=True, out=self._sigma).clamp_min_(_SMALLEST)
        left /= self._sigma
        torch.div(self._matrices, self._sigma, out=self.normal)

    def go_back(self, gradient: Tensor, out: Tensor) -> None:
        """Write dW to ``out`` for dV; ``gradient`` is lost."""
        products = torch.mul(gradient, self.normal, out=self._products)
        inner = torch.sum(products, (1, 2), keepdim=True)
        gradient.addcmul_(self.directions * inner, self._right, value=-1)
        torch.div(gradient, self._sigma, out=out)

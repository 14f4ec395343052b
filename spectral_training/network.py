"""The network of :mod:`degrade.spectral.network` in PyTorch, for training."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from degrade.spectral.features import PHOTO_FEATURES, WINDOW_FEATURES
from degrade.spectral.network import KernelNetwork

__all__ = ["NetworkSize", "TrainableNetwork"]


_CONSTANTS = (
    "window_mean",
    "window_spread",
    "photo_mean",
    "photo_spread",
    "mean_kernel",
    "basis",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSize:
    """Widths of the layers."""

    encode1: int = 200
    encode2: int = 104
    heads: int = 4
    look: int = 48
    join: int = 240
    components: int = 64


class TrainableNetwork(nn.Module):
    """What :class:`degrade.spectral.network.KernelNetwork` does, batched and differentiable.

    Parameters
    ----------
    size : NetworkSize
    scale : int
    side : int
        T of the (T, T) kernels.
    constants : mapping of str to Tensor
        ``window_mean``, ``window_spread``, ``photo_mean``, ``photo_spread``, ``mean_kernel``
        (T²,) and ``basis`` (components, T²).
    """

    taps: Tensor

    def __init__(
        self, size: NetworkSize, *, scale: int, side: int, constants: Mapping[str, Tensor]
    ) -> None:
        super().__init__()
        self.scale = scale
        for name, constant in constants.items():
            self.register_buffer(name, constant)
        taps = torch.arange(side, dtype=torch.float32) - (side - 1) / 2
        self.register_buffer("taps", taps, persistent=False)
        self.encode1 = nn.Linear(WINDOW_FEATURES, size.encode1)
        self.encode2 = nn.Linear(size.encode1, size.encode2)
        self.attend = nn.Linear(size.encode2, size.heads)
        self.look = nn.Linear(PHOTO_FEATURES, size.look)
        self.join1 = nn.Linear(size.encode2 * (size.heads + 1) + size.look, size.join)
        self.join2 = nn.Linear(size.join, size.join)
        self.output = nn.Linear(size.join, 4 + size.components)
        self.error = nn.Linear(size.join, 1)
        nn.init.normal_(self.output.weight, std=0.01)
        nn.init.zeros_(self.output.bias)

    @classmethod
    def from_network(cls, network: KernelNetwork) -> TrainableNetwork:
        """Return a network as it was read from a weights file."""
        state = {name: torch.tensor(array) for name, array in network.arrays.items()}
        size = NetworkSize(
            encode1=len(state["encode1.weight"]),
            encode2=len(state["encode2.weight"]),
            heads=len(state["attend.weight"]),
            look=len(state["look.weight"]),
            join=len(state["join1.weight"]),
            components=len(state["basis"]),
        )
        side = math.isqrt(len(state["mean_kernel"]))
        constants = {name: state[name] for name in _CONSTANTS}
        made = cls(size, scale=network.scale, side=side, constants=constants)
        made.load_state_dict(state)
        return made

    def forward(
        self, windows_BNF: Tensor, mask_BN: Tensor, photos_BF: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return (B, T, T) kernels and the (B,) kPSNR that the network expects of them, raw.

        Windows where the mask is false are not there.
        """
        constants = dict(self.named_buffers())
        windows = (windows_BNF - constants["window_mean"]) / constants["window_spread"]
        photos = (photos_BF - constants["photo_mean"]) / constants["photo_spread"]
        codes_BNC = F.relu(self.encode2(F.relu(self.encode1(windows))))
        scores = self.attend(codes_BNC).masked_fill(~mask_BN[..., None], -1e9)
        attended = torch.einsum("bnc,bnh->bch", codes_BNC, scores.softmax(dim=1)).flatten(1)
        shares = mask_BN.to(codes_BNC.dtype) / mask_BN.sum(dim=1, keepdim=True)
        mean = torch.einsum("bnc,bn->bc", codes_BNC, shares)
        joined = F.relu(self.join1(torch.cat([attended, mean, F.relu(self.look(photos))], dim=1)))
        joined = joined + F.relu(self.join2(joined))
        return self._compose(self.output(joined)), self.error(joined)[:, 0] * 5 + 47

    def _compose(self, output: Tensor) -> Tensor:
        constants = dict(self.named_buffers())
        size, q, r, mixing = output[:, :4].T
        size = (size + 2 * math.log(0.6 * self.scale)).clamp(-6, 6)
        turn = torch.sqrt(q**2 + r**2 + 1e-8)
        even, odd = torch.cosh(turn.clamp(max=4)), torch.sinh(turn.clamp(max=4)) / turn
        columns, rows = self.taps[None, None, :], self.taps[None, :, None]
        exponent = (
            (even - odd * q)[:, None, None] * columns**2
            - (2 * odd * r)[:, None, None] * rows * columns
            + (even + odd * q)[:, None, None] * rows**2
        )
        exponent = exponent - exponent.amin(dim=(1, 2), keepdim=True)
        gaussian = torch.exp(-0.5 * torch.exp(-size)[:, None, None] * exponent)
        gaussian = gaussian / gaussian.sum(dim=(1, 2), keepdim=True)
        share = torch.sigmoid(mixing + 2)[:, None, None]
        free = (output[:, 4:] @ constants["basis"] + constants["mean_kernel"]).view_as(gaussian)
        kernel = share * gaussian + (1 - share) * free
        return kernel / kernel.sum(dim=(1, 2), keepdim=True).clamp(min=0.2)

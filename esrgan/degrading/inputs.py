"""What a batch of plans reads besides itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from degrade.degradation.downsampling import PreparedImage
from degrade.degradation.steps import PoolParts, StepInputs

__all__ = ["BatchInputs"]


@dataclass(frozen=True, slots=True, eq=False)
class BatchInputs:
    """What the steps of a batch read besides themselves.

    Attributes
    ----------
    pool : PoolParts
        Asked for a kernel once for each sample that has it: it should remember what it has read.
    windows_BHWC : (B, H + 2 · margin, W + 2 · margin, 3) uint8 tensor
        HR patches with the pixels around them, mirrored where the photo ends, on the device where
        the batch is computed.
    margin : int
        At least half the side of the largest kernel, rounded down.
    scale : int
        HR size over LR size.
    """

    pool: PoolParts
    windows_BHWC: Tensor
    margin: int
    scale: int

    @property
    def device(self) -> torch.device:
        """Where the batch is computed."""
        return self.windows_BHWC.device

    def only(self, rows: Sequence[int]) -> BatchInputs:
        """Return what some samples of the batch read."""
        if len(rows) == len(self.windows_BHWC):
            return self
        return BatchInputs(self.pool, self.windows_BHWC[list(rows)], self.margin, self.scale)

    def alone(self, row: int) -> StepInputs:
        """Return what one sample reads where its LR is still to be made."""
        window_u8 = self.windows_BHWC[row].cpu().numpy()
        height, width = (side - 2 * self.margin for side in window_u8.shape[:2])
        hr = PreparedImage(window_u8, self.scale, self.margin)
        return StepInputs(self.pool, hr, (self.margin, self.margin, height, width))

"""A discriminator's scores of the whole batch, where a process or a part sees only its share.

The relativistic loss holds each score against the mean score of the batch. Computed from every
share alone it would be another loss. Here each share is given the scores of all: its own with their
gradient, the others' as numbers. The sum of the gradients over all shares is then exactly that of
the whole batch, because each score's share of it arises once, where the score does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from esrgan.distributed import World
from esrgan.losses import ImageKind, Judge
from esrgan.training.batches import Batch

__all__ = ["JoinedScores", "read_scores"]


class JoinedScores(Judge):
    """A discriminator that answers with the scores of the whole batch.

    Parameters
    ----------
    discriminator : nn.Module
    scores : mapping of "real" and "fake" to list of Tensor
        Of all shares, as :func:`read_scores` gives them; empty: exchanged with the other processes
        when they arise.
    part : int
        Which part of the step this is.
    world : World
    """

    def __init__(
        self,
        discriminator: nn.Module,
        scores: Mapping[ImageKind, list[Tensor]],
        part: int,
        world: World,
    ) -> None:
        super().__init__(discriminator)
        self._scores, self._part, self._world = scores, part, world

    def forward(self, image_BCHW: Tensor, kind: ImageKind) -> Tensor:
        """Return the scores of all shares' images of this kind, in the shares' order."""
        own = self.discriminator(image_BCHW)
        every = list(self._scores[kind]) if self._scores else self._world.gather(own)
        # The gradients of all shares are averaged later. So a share's own scores keep their value
        # here, and their gradient is multiplied by the number of shares.
        place = self._part * self._world.size + self._world.rank
        every[place] = own.detach() + len(every) * (own - own.detach())
        return torch.cat(every)


def read_scores(
    generator: nn.Module,
    discriminator: nn.Module,
    parts: Sequence[Batch],
    world: World,
    *,
    clipped_hr: bool = False,
) -> dict[ImageKind, list[Tensor]]:
    """Return the scores of every part and process: part by part, processes in their order."""
    scores: dict[ImageKind, list[Tensor]] = {"real": [], "fake": []}
    for part in parts:
        sr_BCHW = part.sr_of(generator)
        hr_BCHW = (part.with_hr_beyond_range(sr_BCHW) if clipped_hr else part).hr_BCHW
        scores["real"] += world.gather(discriminator(hr_BCHW))
        scores["fake"] += world.gather(discriminator(sr_BCHW))
    return scores

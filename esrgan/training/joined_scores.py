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
from esrgan.training.batches import Batch

__all__ = ["JoinedScores", "read_scores"]


class JoinedScores(nn.Module):
    """A discriminator that answers with the scores of the whole batch.

    Parameters
    ----------
    discriminator : nn.Module
    hr_BCHW : Tensor
        The share's HR: other images are SR.
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
        hr_BCHW: Tensor,
        scores: Mapping[str, list[Tensor]],
        part: int,
        world: World,
    ) -> None:
        super().__init__()
        self.discriminator = discriminator
        self._hr_BCHW, self._scores = hr_BCHW, scores
        self._part, self._world = part, world

    def forward(self, image_BCHW: Tensor) -> Tensor:
        """Return the scores of all shares' images of this kind, in the shares' order."""
        own = self.discriminator(image_BCHW)
        if self._scores:
            every = list(self._scores["real" if image_BCHW is self._hr_BCHW else "fake"])
        else:
            every = self._world.gather(own)
        # Means over the shares are taken later: what arises in one of them must count for all.
        place = self._part * self._world.size + self._world.rank
        every[place] = own.detach() + len(every) * (own - own.detach())
        return torch.cat(every)


def read_scores(
    generator: nn.Module, discriminator: nn.Module, parts: Sequence[Batch], world: World
) -> dict[str, list[Tensor]]:
    """Return the scores of every part and process: part by part, processes in their order."""
    scores: dict[str, list[Tensor]] = {"real": [], "fake": []}
    for part in parts:
        scores["real"] += world.gather(discriminator(part.hr_BCHW))
        scores["fake"] += world.gather(discriminator(generator(part.lr_BCHW)))
    return scores

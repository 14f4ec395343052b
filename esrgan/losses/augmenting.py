"""What a discriminator sees, changed at random: so it cannot learn the training set by heart.

HR and SR are changed before they are judged, in the discriminator's step and in the generator's,
and all changes can be differentiated: the generator learns to make images that look real before
they are changed.

References
----------
Zhao, Liu, Lin, Zhu, Han, "Differentiable Augmentation for Data-Efficient GAN Training", NeurIPS
2020, arXiv 2006.10738: section 3 and its policies. Brightness within 0.5 of the range of [-1, 1],
which is 0.25 here, saturation 0 to 2 times, contrast 0.5 to 1.5 times, translation by up to an
eighth of the side, padded with 0. Flips are not among its policies; here they are. Its cutout is
left out: LR tells what was there, and a hole in it would not.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final, Literal, TypeAlias, get_args

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from degrade.errors import InvalidValueError
from degrade.rng import rng_for

__all__ = [
    "AUGMENTATIONS",
    "Augmentation",
    "AugmentedDiscriminator",
    "augmented",
    "check_augmentations",
]

Augmentation: TypeAlias = Literal["flip", "translation", "colour"]

AUGMENTATIONS: Final[tuple[Augmentation, ...]] = get_args(Augmentation)

_BRIGHTER, _LONGEST_SHARE = 0.25, 8


def augmented(
    image_BCHW: Tensor, kinds: Collection[Augmentation], rng: np.random.Generator
) -> Tensor:
    """Return images, each changed in its own way.

    Parameters
    ----------
    image_BCHW : Tensor
        RGB on [0, 1]; what comes may lie outside.
    kinds : collection of {"flip", "translation", "colour"}
    rng : numpy.random.Generator
        On the CPU, so that every device sees the same changes.
    """
    x_BCHW = image_BCHW
    count = len(x_BCHW)

    def drawn(low: float, high: float) -> Tensor:
        values = torch.from_numpy(rng.uniform(low, high, count)).to(x_BCHW)
        return values.view(-1, 1, 1, 1)

    if "colour" in kinds:
        x_BCHW = x_BCHW + drawn(-_BRIGHTER, _BRIGHTER)
        grey_B1HW = x_BCHW.mean(dim=1, keepdim=True)
        x_BCHW = (x_BCHW - grey_B1HW) * drawn(0, 2) + grey_B1HW
        mean_B111 = x_BCHW.mean(dim=(1, 2, 3), keepdim=True)
        x_BCHW = (x_BCHW - mean_B111) * drawn(0.5, 1.5) + mean_B111
    if "translation" in kinds:
        x_BCHW = _moved(x_BCHW, rng)
    if "flip" in kinds:
        turns = rng.integers(0, 4, count).tolist()
        x_BCHW = torch.stack([_flipped(x, turn) for x, turn in zip(x_BCHW, turns, strict=True)])
    return x_BCHW


def _moved(x_BCHW: Tensor, rng: np.random.Generator) -> Tensor:
    height, width = x_BCHW.shape[2:]
    most = [max(round(side / _LONGEST_SHARE), 1) for side in (height, width)]
    padded = functional.pad(x_BCHW, (most[1], most[1], most[0], most[0]))
    tops, lefts = (rng.integers(0, 2 * each + 1, len(x_BCHW)).tolist() for each in most)
    return torch.stack(
        [
            x[:, top : top + height, left : left + width]
            for x, top, left in zip(padded, tops, lefts, strict=True)
        ]
    )


def _flipped(x_CHW: Tensor, turn: int) -> Tensor:
    axes = [axis for bit, axis in ((1, 2), (2, 1)) if turn & bit]
    return x_CHW.flip(axes) if axes else x_CHW


class AugmentedDiscriminator(nn.Module):
    """A discriminator that sees images changed; each call in another way.

    Parameters
    ----------
    discriminator : nn.Module
    kinds : collection of {"flip", "translation", "colour"}
    seed : int
    key : sequence of str or int
        Names the step, the part and the process: what is drawn depends on it and on how many calls
        there were before.
    """

    def __init__(
        self,
        discriminator: nn.Module,
        kinds: Collection[Augmentation],
        seed: int,
        key: Sequence[str | int],
    ) -> None:
        super().__init__()
        self.discriminator = discriminator
        self._kinds, self._seed, self._key, self._calls = tuple(kinds), seed, tuple(key), 0

    def forward(self, image_BCHW: Tensor) -> Tensor:
        """Return the scores of the images as they are after the changes."""
        rng = rng_for(self._seed, "discriminator", *self._key, self._calls)
        self._calls += 1
        scores: Tensor = self.discriminator(augmented(image_BCHW, self._kinds, rng))
        return scores


def check_augmentations(kinds: Sequence[str]) -> None:
    """Raise InvalidValueError unless all are known and none comes twice."""
    for kind in kinds:
        if kind not in AUGMENTATIONS:
            raise InvalidValueError(
                f"discriminator_augment may name {', '.join(AUGMENTATIONS)}, got {kind!r}"
            )
    if len(set(kinds)) < len(kinds):
        raise InvalidValueError(f"discriminator_augment names one twice: {', '.join(kinds)}")

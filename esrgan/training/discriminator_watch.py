"""Whether a discriminator tells images apart that it has not been trained on.

One that learns the training set by heart tells its images apart, and held-out ones no longer: the
generator then gets gradients that lead nowhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from degrade.arrays import U8Array
from degrade.pairs import PairReader
from esrgan.data import Samples, to_float
from esrgan.losses import ADVERSARIAL_LOSSES
from esrgan.training.batches import Batch
from esrgan.training.config import TrainingConfig
from esrgan.training.noise_input import draw_noise
from esrgan.training.state import TrainingState

__all__ = ["DiscriminatorWatch"]

_MOST = 32
"""Crops of each kind."""

_Images = tuple[Tensor, Tensor]


class DiscriminatorWatch:
    """Crops of pairs that are held out, and as many of those that are trained on.

    Parameters
    ----------
    held_out : PairReader
    dataset : Samples
    config : TrainingConfig
    """

    def __init__(self, held_out: PairReader, dataset: Samples, config: TrainingConfig) -> None:
        self._config = config
        side = config.hr_patch // dataset.scale
        fit = [n for n, each in enumerate(held_out.records) if min(each.lr_shape[:2]) >= side]
        chosen = [fit[place] for place in _spread(len(fit))]
        self._held_out = _middles(held_out, chosen, side) if chosen else None
        self._trained = dataset.read_batch([(0, index) for index in _spread(len(dataset))])

    def accuracy(self, state: TrainingState) -> dict[str, float]:
        """Return the shares of HR and SR crops that the discriminator tells as what they are.

        Of maps of scores, the shares of scores. 0.5 is chance. The generator is in evaluation
        mode; nothing is changed.

        Returns
        -------
        dict of str to float
            ``real_accuracy`` and ``fake_accuracy`` of held-out crops, ``real_accuracy_trained`` and
            ``fake_accuracy_trained``; empty without a discriminator, before its first step, or
            where no pair that is held out is as large as a crop.
        """
        discriminator = state.discriminator
        if discriminator is None or self._held_out is None:
            return {}
        if state.step <= self._config.pixel_steps:
            return {}
        found: dict[str, float] = {}
        with _unchanged(discriminator), torch.inference_mode():
            for ending, images in (("", self._held_out), ("_trained", self._trained)):
                real, fake = self._told(state, discriminator, images)
                found |= {f"real_accuracy{ending}": real, f"fake_accuracy{ending}": fake}
        return found

    def _told(
        self, state: TrainingState, discriminator: nn.Module, images: _Images
    ) -> tuple[float, float]:
        lr_BCHW, hr_BCHW = (to_float(image, state.device) for image in images)
        batch = Batch(lr_BCHW=lr_BCHW, hr_BCHW=hr_BCHW).without_margin(self._config.loss_margin)
        real = discriminator(batch.hr_BCHW).float()
        if self._config.noise_channels:
            noise_BCHW = draw_noise(lr_BCHW, self._config.noise_channels, 0, "watch")
            batch = replace(batch, noise_BCHW=noise_BCHW)
        fake = discriminator(batch.sr_of(state.result)).float()
        return ADVERSARIAL_LOSSES[self._config.adversarial_loss].accuracy(real, fake)


def _spread(count: int) -> list[int]:
    """Return places spread evenly over so many, each once."""
    return list(np.unique(np.linspace(0, max(count - 1, 0), _MOST).astype(int))) if count else []


def _middles(reader: PairReader, rows: list[int], side: int) -> _Images:
    lrs: list[U8Array] = []
    hrs: list[U8Array] = []
    for row in rows:
        height, width = reader.records[row].lr_shape[:2]
        lr, hr = reader.read_crop(row, (height - side) // 2, (width - side) // 2, side)
        lrs.append(np.array(lr))
        hrs.append(np.array(hr))
    return torch.from_numpy(np.stack(lrs)), torch.from_numpy(np.stack(hrs))


@contextmanager
def _unchanged(network: nn.Module) -> Iterator[None]:
    """Let a network compute as in training, and keep its running statistics as they were."""
    copies = [(buffer, buffer.clone()) for buffer in network.buffers()]
    yield
    for buffer, copy in copies:
        buffer.copy_(copy)

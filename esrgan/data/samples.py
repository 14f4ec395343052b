"""What training asks of its data, wherever the samples come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
import torch
from torch import Tensor

from degrade.arrays import AnyArray, U8Array
from degrade.degradation.steps import Step
from degrade.errors import InvalidValueError
from esrgan.data.step_sampler import SampleKey

__all__ = [
    "PlannedBatch",
    "Samples",
    "check_hr_patch",
    "turn_into",
    "turned",
    "turned_together",
]


@dataclass(frozen=True, slots=True, eq=False)
class PlannedBatch:
    """What is done to HR patches, whose LR is still to be made.

    Attributes
    ----------
    margin : int
        Pixels around each patch, on each side.
    plans : tuple of B tuples of Step
    turns : tuple of B int
        How LR and HR are turned then: see :func:`turned`.
    """

    margin: int
    plans: tuple[tuple[Step, ...], ...]
    turns: tuple[int, ...]


class Samples(Protocol):
    """Training samples, each a pure function of the seed, the epoch and its index.

    Attributes
    ----------
    scale, seed : int
    """

    scale: int
    seed: int

    def __len__(self) -> int:
        """Return how many samples an epoch has."""

    @property
    def fingerprint(self) -> str:
        """Equal ones give equal samples."""

    @property
    def has_kernels(self) -> bool:
        """Whether :meth:`read_kernels` can be asked."""

    def rejects(self) -> Sequence[tuple[str, str]]:
        """Return what is left out since it is smaller than an HR patch: its name, and why."""

    def read_batch(self, keys: Sequence[SampleKey]) -> tuple[Tensor, Tensor]:
        """Return LR and HR of some samples, (B, h, w, 3) uint8 RGB tensors."""

    def read_kernels(self, keys: Sequence[SampleKey]) -> Tensor:
        """Return the (B, K, K) kernels that their LR was made with, turned as they are."""

    def read_near_flagged(self, keys: Sequence[SampleKey]) -> Tensor | None:
        """Return what was flagged in HR and repaired, and what is near it, (B, H, W, 1) uint8.

        255 there, 0 elsewhere; None where nobody says.
        """

    def read_planned(self, keys: Sequence[SampleKey]) -> tuple[U8Array, PlannedBatch] | None:
        """Return HR patches with the pixels around them, and what is done to them.

        None where LR is stored, and read as it is.
        """

    def degrade(self, planned: PlannedBatch, windows_BHWC: Tensor) -> tuple[Tensor, Tensor]:
        """Make LR and HR of a planned batch on the device where its windows are."""


def check_hr_patch(hr_patch: int, scale: int) -> None:
    """Refuse a side that is no multiple of the scale, InvalidValueError."""
    if hr_patch < scale or hr_patch % scale:
        nearest = max(hr_patch // scale, 1) * scale
        raise InvalidValueError(
            f"hr_patch must be a multiple of the scale {scale}, got {hr_patch}; "
            f"use `hr_patch={nearest}`"
        )


# What cv2.flip takes for the last two bits of a turn: 1 mirrors left and right, 2 up and down.
_FLIPS = {1: 1, 2: 0, 3: -1}


def turn_into(out: U8Array, image: U8Array, turn: int) -> None:
    """Write one of the eight symmetries of a square image into ``out``.

    OpenCV moves whole pixels; NumPy and PyTorch copy their views of turned images 20 times as
    slowly.
    """
    done: AnyArray = image
    if turn & 4:
        done = cv2.transpose(done, dst=None if turn & 3 else out)
    if turn & 3:
        done = cv2.flip(done, _FLIPS[turn & 3], dst=out)
    if done is not out:
        out[:] = done


def turned(images_BHWC: Tensor, turns: Sequence[int]) -> Tensor:
    """Return square images, each turned by one of the eight symmetries, on their device.

    Parameters
    ----------
    images_BHWC : (B, S, S, C) uint8 tensor
    turns : sequence of B int
        0…7: 4 transposes, then 1 mirrors left and right, and 2 up and down.
    """
    if images_BHWC.is_cpu:
        done = np.empty(images_BHWC.shape, np.uint8)
        for out, image, turn in zip(done, images_BHWC.numpy(), turns, strict=True):
            turn_into(out, image, turn)
        return torch.from_numpy(done)
    return turned_together(images_BHWC, turns)


def turned_together(images_BHWC: Tensor, turns: Sequence[int]) -> Tensor:
    """Do as :func:`turned` does, those of one turn at once: what suits a GPU."""
    done = torch.empty_like(images_BHWC, memory_format=torch.contiguous_format)
    for turn in set(turns):
        rows = [row for row, each in enumerate(turns) if each == turn]
        some = images_BHWC[rows]
        if turn & 4:
            some = some.transpose(1, 2)
        axes = [axis for bit, axis in ((1, 2), (2, 1)) if turn & bit]
        done[rows] = some.flip(axes) if axes else some
    return done

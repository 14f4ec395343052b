"""A photo, a pool and plans for the tests of batches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from degrade.arrays import Box, U8Array
from degrade.degradation import DegradationPlan, make_pair, prepare_hr
from degrade.degradation.steps import Step
from degrade.images.image_io import quantise
from degrade.kernels import gaussian_kernel
from degrade.resample import mirror_indices
from degrade.rng import rng_for
from esrgan.degrading import BatchInputs
from tests.making import PoolInHand, make_scene

SCALE = 4
SIDES = {"narrow": 5, "usual": 13, "wide": 21, "even wider": 25}
POOL = PoolInHand(
    {
        name: gaussian_kernel(side, SCALE, (0.6 + side / 20, 0.5 + side / 15), side / 10)
        for name, side in SIDES.items()
    },
    {"n": rng_for(0, "residual").normal(0, 0.02, (64, 64, 3)).astype(np.float32)},
)
MARGIN = 12


def make_photo() -> U8Array:
    """Return a scene with a part that is clipped and one of noise."""
    photo = quantise(make_scene("batch", 150, 170))
    photo[:40, :60] = 255
    photo[60:, 110:] = rng_for(0, "grains").integers(0, 256, (90, 60, 3), np.uint8)
    return photo


def window_of(photo: U8Array, box: Box, margin: int) -> U8Array:
    top, left, height, width = box
    rows = mirror_indices(np.arange(top - margin, top + height + margin), photo.shape[0])
    columns = mirror_indices(np.arange(left - margin, left + width + margin), photo.shape[1])
    return photo[rows[:, None], columns]


def inputs_of(photo: U8Array, boxes: Sequence[Box], margin: int = MARGIN) -> BatchInputs:
    windows = np.stack([window_of(photo, box, margin) for box in boxes])
    return BatchInputs(POOL, torch.from_numpy(windows), margin, SCALE)


def one_by_one(photo: U8Array, boxes: Sequence[Box], steps: Sequence[Sequence[Step]]) -> U8Array:
    """Return the LR that building pairs makes."""
    lr = []
    for box, some in zip(boxes, steps, strict=True):
        plan = DegradationPlan(
            key="k",
            source_sha256="0" * 64,
            clean_up=1,
            hr_box=box,
            scale=SCALE,
            steps=tuple(some),
        )
        lr.append(make_pair(prepare_hr(photo, [plan], POOL), plan, POOL).lr_u8)
    return np.stack(lr)


def random_levels(*shape: int) -> torch.Tensor:
    """Return levels as they are between steps: with fractions, and beyond what a file holds."""
    levels = rng_for(0, "levels", *shape).uniform(-20, 280, shape)
    return torch.from_numpy(levels.astype(np.float32))

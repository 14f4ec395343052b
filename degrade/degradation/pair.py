"""Pairs: a plan applied to a clean photo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from degrade.arrays import FloatArray, U8Array, round_to_u8
from degrade.compiled import is_compiled
from degrade.compiled.rounding import clip_levels
from degrade.degradation.downsampling import PreparedImage
from degrade.degradation.plan import DegradationPlan
from degrade.degradation.steps import NO_LEVELS, PoolParts, StepInputs, apply_steps
from degrade.kernels import bicubic_kernel

__all__ = ["Pair", "apply_degradation", "clean_up", "make_pair", "prepare_hr"]

_ROWS = 128
_UNIT, _MOST_MOVED = 2.0**16, 2.0**14
"""As in ``degrade/compiled/rounding.c``: whole numbers, whose sum is the same in any order."""


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """One training pair: (h, w, 3) uint8 LR, (scale·h, scale·w, 3) uint8 HR, and its plan.

    ``clipping_shift`` is how far clipping moved the mean of LR, in 8-bit grey levels: noise in
    very dark or bright parts can only go one way.
    """

    key: str
    lr_u8: U8Array
    hr_u8: U8Array
    plan: DegradationPlan | None
    clipping_shift: float = 0.0


def clean_up(photo_u8: U8Array, factor: int) -> U8Array:
    """Return the clean HR image of a photo: itself, or bicubic-downscaled by ``factor``.

    Parameters
    ----------
    photo_u8 : (H, W, 3) uint8 array
    factor : int
        Rows and columns beyond a multiple of it are cut off.

    Returns
    -------
    (H // factor, W // factor, 3) uint8 array
        As :func:`degrade.resample.imresize` with ``1 / factor``, rounded.

    Raises
    ------
    InvalidValueError
        A side of the photo is shorter than ``factor``.
    """
    if factor == 1:
        return photo_u8
    height, width = (side - side % factor for side in photo_u8.shape[:2])
    kernel = bicubic_kernel(factor)
    whole = PreparedImage(photo_u8[:height, :width], factor, kernel.size // 2)
    clean_u8 = np.empty((height // factor, width // factor, photo_u8.shape[2]), np.uint8)
    # Some rows at a time: in float32 all of them take four times the memory of the result.
    for top in range(0, height, _ROWS * factor):
        rows = min(_ROWS * factor, height - top)
        part = clean_u8[top // factor : (top + rows) // factor]
        # As ever: what earlier plans name as clean must stay what it was.
        halved = whole.downsample(kernel, (top, 0, rows, width), finely=False)
        part[...] = round_to_u8(halved)
    return clean_u8


def prepare_hr(hr_u8: U8Array, plans: Sequence[DegradationPlan], pool: PoolParts) -> PreparedImage:
    """Prepare a clean HR image for all the plans that are made of it, at least one."""
    reach = max(plan.reach(pool) for plan in plans)
    return PreparedImage(hr_u8, plans[0].scale, reach)


def apply_degradation(hr: PreparedImage, plan: DegradationPlan, pool: PoolParts) -> FloatArray:
    """Make the LR image of a plan: apply its steps one after the other.

    Parameters
    ----------
    hr : PreparedImage
        The whole clean HR image; pixels around the plan's box feed the blur.
    plan : DegradationPlan
    pool : PoolParts
        Where the kernel and the noise of the plan are read.

    Returns
    -------
    (height / scale, width / scale, 3) float32 array
        In 8-bit grey levels, not clipped and not rounded; the same bits on every machine.

    Raises
    ------
    InvalidValueError
        The pool lacks what the plan names, the image is prepared for other kernels, or the box
        leaves it.

    References
    ----------
    Ji et al., "Real-World Super-Resolution via Kernel Estimation and Noise Injection", CVPRW 2020,
    eq. 1. Exact up to here and rounded once by the caller; the released code truncates to uint8,
    which darkens LR by half a grey level.
    """
    return apply_steps(plan.steps, NO_LEVELS, StepInputs(pool, hr, plan.hr_box))


def make_pair(hr: PreparedImage, plan: DegradationPlan, pool: PoolParts) -> Pair:
    """Apply a plan, clip and round; parameters as :func:`apply_degradation`."""
    top, left, height, width = plan.shown_box
    lr_u8, shift = _clip(apply_degradation(hr, plan, pool))
    hr_patch = hr.pixels[top : top + height, left : left + width].copy()
    return Pair(plan.key, lr_u8, hr_patch, plan, shift)


def _clip(levels: FloatArray) -> tuple[U8Array, float]:
    """Return levels clipped and rounded, and how far clipping moved their mean."""
    if is_compiled():
        clipped_u8, moved = clip_levels(levels)
    else:
        clipped = np.clip(levels, 0, 255)
        by = np.clip(clipped - levels, -_MOST_MOVED, _MOST_MOVED)
        clipped_u8, moved = round_to_u8(clipped), int(np.rint(by * _UNIT).sum(dtype=np.int64))
    return clipped_u8, moved / _UNIT / levels.size

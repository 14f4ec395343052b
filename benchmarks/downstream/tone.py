"""What HR of real pairs has of its own: other exposures, so another tone than LR.

No photo of LR tells it, and no pairs that are made of clean photos have it. Taken from the real
pairs of the measured half, it says how much of the way to real pairs it alone makes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from benchmarks.downstream.real_pairs import RealPair, plane_of
from degrade.luma import luma_studio
from degrade.resample import imresize

__all__ = ["Curve", "tone_of", "toned"]

Curve: TypeAlias = npt.NDArray[np.float64]
"""Of the square and the cube of (Y − 126) / 100, in grey levels."""

_BORDER = 4
"""Pixels of LR: what bicubic interpolation makes of an edge."""


def tone_of(pairs: Sequence[RealPair]) -> Curve:
    """Return by what HR made smaller differs from LR, beyond each photo's own gain and offset.

    Parameters
    ----------
    pairs : at least one real pair
    """
    curves, wanted = [], []
    for pair in pairs:
        scale = pair.hr_u8.shape[0] / pair.lr_u8.shape[0]
        lr = _inner(plane_of(pair.lr_u8))
        hr = _inner(luma_studio(imresize(pair.hr_u8.astype(np.float32) / 255, 1 / scale)))
        powers = _powers(lr)
        told = np.column_stack([*powers[1:], hr])
        plain = np.column_stack([np.ones_like(lr), powers[0]])
        left = told - plain @ np.linalg.lstsq(plain, told, rcond=None)[0]
        curves.append(left[:, :-1])
        wanted.append(left[:, -1])
    found, *_ = np.linalg.lstsq(np.concatenate(curves), np.concatenate(wanted), rcond=None)
    return np.asarray(found)


def toned(plane: npt.NDArray[np.floating], curve: Curve) -> npt.NDArray[np.float64]:
    """Return Y with a curve added."""
    _, square, cube = _powers(np.asarray(plane, np.float64))
    return np.asarray(plane + curve[0] * square + curve[1] * cube)


def _powers(plane: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], ...]:
    level = (plane - 126) / 100
    return level, level**2, level**3


def _inner(plane: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    inner = plane[_BORDER:-_BORDER, _BORDER:-_BORDER]
    return np.asarray(inner, np.float64).ravel()

"""Real pairs in a folder, and how their scenes are split."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from degrade.arrays import FloatArray, U8Array
from degrade.images.image_io import read_photo
from degrade.luma import luma_studio
from degrade.rng import rng_for

LR_MARK, HR_MARK = "_LR.", "_HR."


@dataclass(frozen=True, slots=True, eq=False)
class RealPair:
    """Two photos of one scene, registered by their makers."""

    lr_path: Path
    lr_u8: U8Array
    hr_u8: U8Array

    @property
    def planes(self) -> tuple[FloatArray, FloatArray]:
        """Y of LR and of HR."""
        return plane_of(self.lr_u8), plane_of(self.hr_u8)


def plane_of(image_u8: U8Array) -> FloatArray:
    """Return Y, 16 … 235, as float32."""
    return luma_studio(image_u8).astype(np.float32)


def read_real_pairs(folder: Path) -> list[RealPair]:
    """Read NAME_LR.png and NAME_HR.png of a folder; what has no partner is passed over."""
    pairs = []
    for lr_path in sorted(folder.glob(f"*{LR_MARK}*")):
        hr_path = lr_path.with_name(lr_path.name.replace(LR_MARK, HR_MARK))
        if hr_path.is_file():
            pairs.append(
                RealPair(lr_path, read_photo(lr_path).as_u8(), read_photo(hr_path).as_u8())
            )
    if not pairs:
        raise SystemExit(f"{folder}: no pairs NAME{LR_MARK}png and NAME{HR_MARK}png")
    return pairs


def camera_of(path: Path) -> str:
    """Return the letters that a file's name begins with, as RealSR's and DRealSR's name cameras."""
    found = re.match("[A-Za-z]*", path.name)
    return found.group() if found else ""


def scale_of(pairs: Sequence[RealPair]) -> int:
    """Return how many times larger HR is than LR."""
    return pairs[0].hr_u8.shape[0] // pairs[0].lr_u8.shape[0]


def split_scenes(pairs: list[RealPair], split: int) -> tuple[list[RealPair], list[RealPair]]:
    """Return two halves of the scenes, in the order of their names; each split has its own."""
    order = rng_for(split, "scenes").permutation(len(pairs))
    half = len(pairs) // 2
    return [pairs[i] for i in sorted(order[:half])], [pairs[i] for i in sorted(order[half:])]

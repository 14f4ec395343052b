"""A reader of training samples written to BasicSR's published rules, to measure ours against."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import cv2
import lmdb
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import default_collate

from degrade.arrays import FloatArray

__all__ = ["HR_PATCH", "SCALE", "ReferenceReader"]

HR_PATCH, SCALE = 128, 4


class ReferenceReader:
    """Reads samples as BasicSR's paired dataset does, from LMDBs of PNGs.

    Written to its published rules: the folders of its LMDB format, and what its options say of
    cropping, flipping and turning.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.open()
        lines = (folder / "shard-00000_HR.lmdb" / "meta_info.txt").read_text().splitlines()
        self.keys = [line.split(".")[0] for line in lines]

    def open(self) -> None:
        """Open both LMDBs."""
        self._sides = [
            lmdb.open(
                str(self.folder / f"shard-00000_{side}.lmdb"),
                readonly=True,
                lock=False,
                readahead=False,
                meminit=False,
            )
            for side in ("LR", "HR")
        ]

    def close(self) -> None:
        """Close both."""
        for side in self._sides:
            side.close()

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        lr, hr = (self._decode(side, self.keys[index]) for side in self._sides)
        size = HR_PATCH // SCALE
        top, left = (random.randint(0, side - size) for side in lr.shape[:2])
        lr = lr[top : top + size, left : left + size]
        top, left = SCALE * top, SCALE * left
        hr = hr[top : top + HR_PATCH, left : left + HR_PATCH]
        turns = [random.random() < 0.5 for _ in range(3)]
        return {"lq": self._finish(lr, turns), "gt": self._finish(hr, turns)}

    def _decode(self, side: Any, key: str) -> FloatArray:
        with side.begin(write=False) as transaction:
            value = transaction.get(key.encode("ascii"))
        image: Any = cv2.imdecode(np.frombuffer(value, np.uint8), cv2.IMREAD_COLOR)
        floats: FloatArray = image.astype(np.float32) / 255.0
        return floats

    def _finish(self, image: Any, turns: list[bool]) -> Tensor:
        for code in (1, 0):
            if turns[code]:
                image = cv2.flip(image, code)
        if turns[2]:
            image = image.transpose(1, 0, 2)
        rgb = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_BGR2RGB)
        return torch.from_numpy(np.ascontiguousarray(rgb.transpose(2, 0, 1))).float()

    def read_batch(self, indices: list[int]) -> dict[str, Tensor]:
        """Return a collated batch."""
        batch: dict[str, Tensor] = default_collate([self[index] for index in indices])
        return batch

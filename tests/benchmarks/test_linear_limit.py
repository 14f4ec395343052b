"""The benchmark that asks what the best of kernels could do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.downstream.real_pairs import RealPair
from benchmarks.linear_limit import best_linear, rows, with_spectrum_of
from degrade.arrays import round_to_u8
from degrade.audit.features import measure_features
from degrade.kernels import downsample, gaussian_kernel
from tests.making import make_scene

_KERNEL = gaussian_kernel(17, 4, (2.2, 2.2))


def _pair(number: int, *, sharpened: float = 0.0) -> RealPair:
    hr = round_to_u8(make_scene(f"limit {number}", 288, 288) * np.float32(255))
    lr = downsample(hr.astype(np.float32), _KERNEL)
    edges = lr - np.roll(lr, 1, axis=0)
    lr = np.clip(lr + sharpened * edges * (np.abs(edges) > 12), 0, 255)
    return RealPair(Path(f"Test_{number:02}_LR.png"), round_to_u8(lr), hr)


def test_best_linear_finds_the_kernel_that_made_lr() -> None:
    pair = _pair(0)
    made = best_linear(pair)
    assert made.shape == pair.lr_u8.shape
    assert (made - pair.lr_u8)[4:-4, 4:-4].std() < 1


def test_lr_gets_the_spectrum_of_the_photo() -> None:
    pair = _pair(1)
    photo = measure_features(pair.lr_u8)
    soft = downsample(pair.hr_u8.astype(np.float32), gaussian_kernel(17, 4, (3.0, 3.0)))
    before = measure_features(round_to_u8(soft))
    after = with_spectrum_of(photo, soft.astype(np.float64), np.zeros_like(soft))
    apart = [np.abs(each.spectrum - photo.spectrum)[4:20].mean() for each in (before, after)]
    assert apart[1] < 0.2 * apart[0]


@pytest.mark.parametrize("sharpened", [0.0, 0.6])
def test_what_no_kernel_makes_is_told_apart(sharpened: float) -> None:
    (row,) = rows("planted", [_pair(n, sharpened=sharpened) for n in range(16)], [0.0])
    _, _, _, _, auc, _, _ = row.split("|")
    low = float(auc.split("[")[1].split(",")[0])
    assert (low > 0.5) == bool(sharpened), row

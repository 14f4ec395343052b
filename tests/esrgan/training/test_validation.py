from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from degrade.errors import InvalidValueError
from degrade.metrics import psnr, ssim
from degrade.pairs import open_pairs
from esrgan.distributed import World
from esrgan.networks import RRDBNet
from esrgan.training.first_weights import start_as_interpolation
from esrgan.training.validation import check_held_out, validate
from esrgan.upscaling.upscaler import upscale
from tests.esrgan.pair_folders import make_pairs

CPU = torch.device("cpu")


def test_validate_is_the_mean_over_the_pairs(tmp_path: Path) -> None:
    reader = open_pairs(make_pairs(tmp_path, hr_size=None, sides=(48, 64, 80)))
    torch.manual_seed(0)
    generator = RRDBNet(scale=4, features=8, blocks=1, growth=4)
    start_as_interpolation(generator)
    scores = validate(generator, reader, device=CPU)
    pairs = [reader.read(number) for number in range(len(reader))]
    images = [(upscale(lr, generator), hr) for lr, hr in pairs]
    assert scores.psnr == pytest.approx(np.mean([psnr(*pair, border=4) for pair in images]))
    assert scores.ssim == pytest.approx(np.mean([ssim(*pair, border=4) for pair in images]))
    assert 20 < scores.psnr < 60


def test_processes_share_the_pairs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = open_pairs(make_pairs(tmp_path, hr_size=None, sides=(48, 64, 80)))
    generator = RRDBNet(scale=4, features=8, blocks=1, growth=4)
    alone = validate(generator, reader, device=CPU)
    sums: list[torch.Tensor] = []
    # Both processes one after the other: each hands over its sums instead of waiting.
    monkeypatch.setattr(World, "gather", lambda self, tensor: sums.append(tensor) or list(sums))
    validate(generator, reader, device=CPU, world=World(0, 2))
    shared = validate(generator, reader, device=CPU, world=World(1, 2))
    assert (shared.psnr, shared.ssim) == pytest.approx((alone.psnr, alone.ssim), rel=1e-12)


def test_pairs_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    reader = open_pairs(make_pairs(tmp_path / "a", hr_size=None, sides=(48, 16)))
    with pytest.raises(InvalidValueError, match="need 19 HR pixels a side, got one of 16"):
        check_held_out(reader, 4)
    with pytest.raises(InvalidValueError, match="×4, those to train on ×2"):
        check_held_out(reader, 2)

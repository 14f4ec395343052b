from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from degrade.errors import InvalidValueError
from degrade.metrics import psnr, ssim
from degrade.pairs import open_pairs
from degrade.resample import imresize
from esrgan import devices
from esrgan.distributed import World
from esrgan.networks import RRDBNet
from esrgan.training.first_weights import start_as_interpolation
from esrgan.training.validation import check_held_out, validate, validate_bicubic
from esrgan.upscaling.overlap import measure_overlap
from esrgan.upscaling.tiling import Tiler
from esrgan.upscaling.upscaler import upscale
from tests.esrgan.lively import lively_network, memory_for
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
    assert scores["psnr"] == pytest.approx(np.mean([psnr(*pair, border=4) for pair in images]))
    assert scores["ssim"] == pytest.approx(np.mean([ssim(*pair, border=4) for pair in images]))
    assert 20 < scores["psnr"] < 60


def test_validate_bicubic_is_the_mean_over_the_pairs(tmp_path: Path) -> None:
    reader = open_pairs(make_pairs(tmp_path, hr_size=None, sides=(48, 64, 80)))
    scores = validate_bicubic(reader, device=CPU)
    qualities = []
    for number in range(len(reader)):
        lr, hr = reader.read(number)
        larger = np.rint(np.clip(imresize(lr.astype(np.float32), 4), 0, 255)).astype(np.uint8)
        qualities.append(psnr(larger, hr, border=4))
    assert scores["psnr"] == pytest.approx(np.mean(qualities))


def test_validation_cuts_no_more_than_the_whole_image_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With tiles, each LR pixel of which depends on what lies far outside of the tile."""
    reader = open_pairs(make_pairs(tmp_path, hr_size=None, sides=(320, 384)))
    network = lively_network()
    whole = validate(network, reader, device=CPU)
    images = [reader.read(number)[0] for number in range(len(reader))]
    expected = [upscale(lr, network) for lr in images]
    # Room for windows of 64 pixels a side, where the images have 80 and 96.
    monkeypatch.setattr(devices, "_CPU_BYTES", memory_for(network, 64**2))
    by_tiles = [upscale(lr, network) for lr in images]
    tiles = Tiler(network, memory=devices.tile_memory("cpu", None)).tiling_for(96, 96)
    assert tiles.height * tiles.width < 80 * 80 and tiles.overlap == measure_overlap(network) > 4
    for one, other in zip(by_tiles, expected, strict=True):
        # Rounded to levels: equal but where a value lies on the border between two.
        different = one.astype(int) - other
        assert np.abs(different).max() <= 1 and (different != 0).mean() < 1e-2
    scores = validate(network, reader, device=CPU)
    assert scores == pytest.approx(whole, rel=1e-4)
    # Without surroundings the difference is seen.
    bare = [upscale(lr, network, overlap=0, tile=min(tiles.height, tiles.width)) for lr in images]
    assert max(np.abs(b.astype(int) - e).max() for b, e in zip(bare, expected, strict=True)) > 5


def test_processes_share_the_pairs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = open_pairs(make_pairs(tmp_path, hr_size=None, sides=(48, 64, 80)))
    generator = RRDBNet(scale=4, features=8, blocks=1, growth=4)
    alone = validate(generator, reader, device=CPU)
    sums: list[torch.Tensor] = []
    # Both processes one after the other: each hands over its sums instead of waiting.
    monkeypatch.setattr(World, "gather", lambda self, tensor: sums.append(tensor) or list(sums))
    validate(generator, reader, device=CPU, world=World(0, 2))
    shared = validate(generator, reader, device=CPU, world=World(1, 2))
    assert shared == pytest.approx(alone, rel=1e-12)


def test_pairs_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    reader = open_pairs(make_pairs(tmp_path / "a", hr_size=None, sides=(48, 16)))
    with pytest.raises(InvalidValueError, match="need 19 HR pixels a side, got one of 16"):
        check_held_out(reader, 4)
    with pytest.raises(InvalidValueError, match="×4, those to train on ×2"):
        check_held_out(reader, 2)

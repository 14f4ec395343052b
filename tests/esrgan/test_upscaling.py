from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from degrade.arrays import AnyArray
from degrade.errors import InvalidValueError
from degrade.image_io import read_photo
from esrgan.networks import RRDBNet
from esrgan.starting import start_as_interpolation
from esrgan.upscaling import upscale, upscale_pixels
from tests.making import make_scene


def lively_generator(scale: int = 4, blocks: int = 2) -> RRDBNet:
    """Return a network that does more than interpolate: every part of it is heard."""
    torch.manual_seed(0)
    network = RRDBNet(scale=scale, features=16, blocks=blocks, growth=8)
    start_as_interpolation(network)
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if name.startswith("body"):
                weight.mul_(5)
        network.conv_body.weight.normal_(0, 0.05)
        network.conv_last.weight[:, 3:].normal_(0, 0.03)
    return network


def directly(image: AnyArray, network: RRDBNet) -> AnyArray:
    with torch.inference_mode():
        sr = network.eval()(torch.from_numpy(image.transpose(2, 0, 1).copy())[None])
    return sr[0].clamp(0, 1).permute(1, 2, 0).numpy()


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("size", [(1, 1), (31, 46), (40, 33)])
def test_upscale_by_tiles_equals_the_whole_image(scale: int, size: tuple[int, int]) -> None:
    network = lively_generator(scale)
    image = make_scene("tiles", *size)
    whole = directly(image, network)
    assert whole.shape == (scale * size[0], scale * size[1], 3)
    # With all that the network can see around each tile, the result is the same.
    exact = upscale(image, network, tile=15, overlap=network.receptive_radius)
    np.testing.assert_allclose(exact, whole, atol=1e-5)
    assert np.abs(upscale(image, network, tile=15) - whole).max() < 1 / 255


def test_upscale_of_x1_starts_its_tiles_between_the_blocks_of_four() -> None:
    torch.manual_seed(0)
    network = RRDBNet(scale=1, features=8, blocks=1, growth=4)
    image = make_scene("tiles", 31, 46)
    by_tiles = upscale(image, network, tile=13, overlap=network.receptive_radius)
    np.testing.assert_allclose(by_tiles, directly(image, network), atol=1e-5)


def test_upscale_by_tiles_equals_the_whole_photo_within_a_grey_level(shared_data: Path) -> None:
    photo = read_photo(shared_data / "hr" / "kodim05.png").as_float()[100:230, 200:350]
    for scale in (2, 4):
        network = lively_generator(scale, blocks=3)
        difference = np.abs(upscale(photo, network, tile=48) - directly(photo, network))
        assert difference.max() < 0.25 / 255


def test_upscale_without_overlap_has_seams() -> None:
    """The tests above can fail: tiles without surroundings differ by many grey levels."""
    network, image = lively_generator(), make_scene("tiles", 40, 33)
    difference = np.abs(upscale(image, network, tile=15, overlap=0) - directly(image, network))
    assert difference.max() > 5 / 255


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_upscale_pixels_keeps_the_depth_and_rounds_once(dtype: type) -> None:
    network = lively_generator()
    peak = np.iinfo(dtype).max
    pixels = np.rint(make_scene("depth", 20, 24) * peak).astype(dtype)
    sr = upscale_pixels(pixels, network, tile=12)
    assert sr.dtype == dtype and sr.shape == (80, 96, 3)
    expected = upscale(pixels.astype(np.float32) / np.float32(peak), network, tile=12)
    np.testing.assert_array_equal(sr, np.rint(expected * peak).astype(dtype))
    if dtype is np.uint16:
        assert (sr % 257 != 0).any()


def test_upscale_leaves_its_input_alone() -> None:
    image = make_scene("same", 16, 16)
    image.flags.writeable = False
    upscale(image, lively_generator(), tile=8)


@pytest.mark.parametrize("shape", [(8, 8), (8, 8, 4), (0, 8, 3)])
def test_upscale_refuses_what_is_no_rgb_image(shape: tuple[int, ...]) -> None:
    with pytest.raises(InvalidValueError, match=r"\(H, W, 3\)"):
        upscale(np.zeros(shape, dtype=np.float32), lively_generator())


def test_upscale_refuses_other_types_and_sizes() -> None:
    network = lively_generator()
    with pytest.raises(InvalidValueError, match="float32, got uint8"):
        upscale(np.zeros((8, 8, 3), dtype=np.uint8), network)
    with pytest.raises(InvalidValueError, match="got float32"):
        upscale_pixels(np.zeros((8, 8, 3), dtype=np.float32), network)
    with pytest.raises(InvalidValueError, match="tile"):
        upscale(np.zeros((8, 8, 3), dtype=np.float32), network, tile=0)

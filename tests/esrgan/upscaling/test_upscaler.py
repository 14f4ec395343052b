from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from degrade.arrays import AnyArray
from degrade.errors import DegradeError, InvalidValueError
from degrade.images.image_io import read_photo
from esrgan.networks import Generator, RRDBNet
from esrgan.upscaling.tiling import Tiler, tail_side
from esrgan.upscaling.upscaler import Upscaler, upscale
from tests.esrgan.lively import in_double, lively_network, memory_for
from tests.making import make_scene
from tests.rounding import gamma

SAME = 2 * gamma(1)
"""Between two SRs on [0, 1] that a network in float64 gives: each was rounded to float32."""


def directly(image: AnyArray, network: Generator) -> AnyArray:
    with torch.inference_mode():
        sr = network.eval()(torch.from_numpy(image.transpose(2, 0, 1).copy())[None])
    return sr[0].float().clamp(0, 1).permute(1, 2, 0).numpy()


@pytest.mark.parametrize("kind", ["rrdbnet", "srresnet", "msrresnet"])
@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("size", [(1, 1), (31, 46), (40, 33)])
def test_upscale_by_tiles_equals_the_whole_image(
    kind: str, scale: int, size: tuple[int, int]
) -> None:
    network = in_double(lively_network(kind, scale=scale, blocks=2))
    image = make_scene("tiles", *size)
    whole = directly(image, network)
    assert whole.shape == (scale * size[0], scale * size[1], 3)
    # With all that the network can see around each tile, the result is the same.
    exact = upscale(image, network, tile=15, overlap=network.receptive_radius)
    np.testing.assert_allclose(exact, whole, rtol=0, atol=SAME)
    pixels = np.rint(image * 255).astype(np.uint8)
    tiles = upscale(pixels, network, tile=15, overlap=network.receptive_radius)
    assert np.abs(tiles.astype(int) - upscale(pixels, network, tile=64)).max() <= 1


@pytest.mark.parametrize(("kind", "scale"), [("rrdbnet", 1), ("rrdbnet", 4), ("srresnet", 2)])
@pytest.mark.parametrize("tile", [64, 13])
def test_upscale_mirrors_on_and_cuts_away(kind: str, scale: int, tile: int) -> None:
    torch.manual_seed(0)
    network = in_double(
        RRDBNet(scale=1, features=8, blocks=1, growth=4)
        if scale == 1
        else lively_network(kind, scale=scale, blocks=2)
    )
    image, beside = make_scene("mirrored", 31, 46), 8
    wide = np.pad(image, ((beside, beside), (beside, beside), (0, 0)), mode="reflect")
    wanted = directly(wide, network)[scale * beside :, scale * beside :][: scale * 31, : scale * 46]
    # A multiple of the blocks of pixels that the network takes.
    mirror = beside - (network.lr_multiple > 1)
    got = upscale(image, network, tile=tile, overlap=network.receptive_radius, mirror=mirror)
    np.testing.assert_allclose(got, wanted, rtol=0, atol=SAME)
    plain = upscale(image, network, tile=64)
    assert np.abs(plain - wanted)[0].max() > 1 / 255, "the edge of a photo is drawn otherwise"


def test_upscale_mirrors_what_is_narrower_than_the_margin() -> None:
    network = lively_network(scale=2, blocks=1)
    for size in ((1, 1), (2, 9)):
        assert upscale(make_scene("narrow", *size), network, mirror=8).shape == (
            2 * size[0],
            2 * size[1],
            3,
        )


def test_upscale_of_x1_starts_its_tiles_between_the_blocks_of_four() -> None:
    torch.manual_seed(0)
    network = in_double(RRDBNet(scale=1, features=8, blocks=1, growth=4))
    image = make_scene("tiles", 31, 46)
    by_tiles = upscale(image, network, tile=13, overlap=network.receptive_radius)
    np.testing.assert_allclose(by_tiles, directly(image, network), rtol=0, atol=SAME)


def test_upscale_by_tiles_equals_the_whole_photo_within_a_grey_level(shared_data: Path) -> None:
    photo = read_photo(shared_data / "hr" / "kodim05.png").as_float()[100:230, 200:350]
    for scale in (2, 4):
        network = lively_network(scale=scale, blocks=3)
        difference = np.abs(upscale(photo, network, tile=48) - directly(photo, network))
        assert difference.max() < 0.25 / 255


def test_upscale_without_overlap_has_seams() -> None:
    """The tests above can fail: tiles without surroundings differ by many grey levels."""
    network, image = lively_network(blocks=2), make_scene("tiles", 40, 33)
    difference = np.abs(upscale(image, network, tile=15, overlap=0) - directly(image, network))
    assert difference.max() > 5 / 255


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_upscale_keeps_the_depth_and_rounds_once(dtype: type) -> None:
    network = lively_network(blocks=2)
    peak = np.iinfo(dtype).max
    pixels = np.rint(make_scene("depth", 20, 24) * peak).astype(dtype)
    sr = upscale(pixels, network, tile=12)
    assert sr.dtype == dtype and sr.shape == (80, 96, 3)
    expected = upscale(pixels.astype(np.float32) / np.float32(peak), network, tile=12)
    np.testing.assert_array_equal(sr, np.rint(expected * peak).astype(dtype))
    if dtype is np.uint16:
        assert (sr % 257 != 0).any()


def test_bands_give_any_depth_and_count_every_pixel() -> None:
    network, counts = lively_network(blocks=1), []
    pixels = np.rint(make_scene("depth", 50, 24) * 65535).astype(np.uint16)
    upscaler = Upscaler(network, Tiler(network, tile=12, overlap=4))
    bands = list(upscaler.bands(pixels, np.uint8, on_tile=counts.append))
    assert len(bands) == 5 and {band.dtype.name for band in bands} == {"uint8"}
    assert sum(counts) == 50 * 24 and len(counts) == 10
    expected = upscale(pixels, network, tile=12, overlap=4) / 257
    assert np.abs(np.concatenate(bands) - expected).max() <= 0.501


@pytest.mark.parametrize("scale", [2, 4])
def test_flips_average_the_eight_ways_to_turn_the_image(scale: int) -> None:
    network = in_double(lively_network(scale=scale, blocks=2))
    image = make_scene("flips", 22, 16)
    upscaler = Upscaler(network, Tiler(network, tile=64), flips=True)
    turned = [
        (np.rot90(flipped, k), k, mirror)
        for k in range(4)
        for mirror, flipped in ((False, image), (True, image[:, ::-1]))
    ]
    each = [np.rot90(unclipped(array, network), -k)[:, :: -1 if m else 1] for array, k, m in turned]
    (whole,) = upscaler.bands(image, np.float32)
    # Eight values of at most 2 in size, each rounded and added in float32, then divided.
    mean = np.clip(np.mean(each, axis=0), 0, 1)
    assert np.abs(each).max() < 2
    np.testing.assert_allclose(whole, mean, rtol=0, atol=2 * gamma(9))
    assert np.abs(whole - directly(image, network)).max() > 1 / 255
    # Tiles of odd places and an image of odd sides give the same.
    odd = image[:21, :15]
    (whole,) = upscaler.bands(odd, np.float32)
    tiler = Tiler(network, tile=6, overlap=network.receptive_radius)
    tiles = np.concatenate(list(Upscaler(network, tiler, flips=True).bands(odd, np.float32)))
    np.testing.assert_allclose(tiles, whole, rtol=0, atol=4 * gamma(9))


def unclipped(image: AnyArray, network: Generator) -> AnyArray:
    with torch.inference_mode():
        sr = network(torch.from_numpy(image.transpose(2, 0, 1).copy())[None])
    return sr[0].permute(1, 2, 0).numpy()


def test_half_precision_stays_near_and_never_gives_what_is_not_finite() -> None:
    network = lively_network(blocks=2)
    image = make_scene("half", 20, 24)
    exact = upscale(image, network)
    half = Upscaler(network, Tiler(network, tile=64), half=torch.float16)
    (near,) = half.bands(image, np.float32)
    assert 0 < np.abs(near - exact).max() < 1 / 255
    with torch.no_grad():  # beyond the largest number of float16 inside, and back
        network.conv_first.weight.mul_(1e6)
        network.conv_first.bias.mul_(1e6)  # type: ignore[union-attr]
        network.conv_last.weight.mul_(1e-6)
        network.conv_body.weight.zero_()
        network.conv_body.bias.zero_()  # type: ignore[union-attr]
    exact = upscale(image, network)
    (safe,) = half.bands(image, np.float32)
    np.testing.assert_array_equal(safe, exact)
    assert exact.std() > 0.05


class Cramped(RRDBNet):
    """Runs out of memory on more than ``most`` LR pixels."""

    most = 0
    refused = 0

    def forward(self, lr_BCHW: torch.Tensor) -> torch.Tensor:
        if lr_BCHW.shape[-1] * lr_BCHW.shape[-2] > self.most:
            self.refused += 1
            raise torch.OutOfMemoryError("too large")
        return super().forward(lr_BCHW)


def test_upscaler_halves_its_tiles_when_memory_runs_out() -> None:
    torch.manual_seed(0)
    network = in_double(Cramped(scale=4, features=8, blocks=1, growth=4)).eval()
    network.most = 10**9
    image = make_scene("cramped", 130, 90)
    whole = upscale(image, network, tile=200)
    network.most = 75**2
    upscaler = Upscaler(network, Tiler(network, tile=130))
    tiles = np.concatenate(list(upscaler.bands(image, np.float32)))
    np.testing.assert_allclose(tiles, whole, rtol=0, atol=SAME)
    refused = network.refused
    assert refused > 0
    list(upscaler.bands(image, np.float32))
    assert network.refused == refused  # what was learnt stays
    network.most = 100
    with pytest.raises(DegradeError, match="out of memory with tiles of"):
        list(upscaler.bands(image, np.float32))


def test_upscale_refuses_to_write_what_is_not_finite() -> None:
    network = lively_network(blocks=1)
    with torch.no_grad():
        network.conv_last.weight.fill_(3e38)
    with pytest.raises(DegradeError, match="NaN or infinity"):
        upscale(make_scene("nan", 8, 8), network)


def test_upscaler_lets_other_errors_through() -> None:
    network = lively_network(blocks=1)
    network.conv_hr = torch.nn.Conv2d(3, 16, 3)
    with pytest.raises(RuntimeError, match="channels"):
        upscale(make_scene("error", 8, 8), network)


@pytest.mark.parametrize("kind", ["rrdbnet", "srresnet", "msrresnet", "srvggnet"])
@pytest.mark.parametrize("scale", [2, 4])
@pytest.mark.parametrize("flips", [False, True])
def test_little_memory_cuts_the_tail_and_changes_nothing(
    kind: str, scale: int, flips: bool
) -> None:
    network = lively_network(kind, scale=scale, blocks=1).double()
    pixels, image = 70 * 90, make_scene("tail", 69, 90)
    memory = memory_for(network, pixels)
    assert tail_side(network, memory, pixels) < 69
    little = Upscaler(in_double(network), Tiler(network, memory=memory), flips=flips)
    much = Upscaler(network, Tiler(network, memory=2**31), flips=flips)
    atol = 4 * gamma(9) if flips else SAME
    np.testing.assert_allclose(little.enlarged(image), much.enlarged(image), rtol=0, atol=atol)
    assert little.cost == much.cost == 1


def test_cost_is_what_tiles_see_beside_their_own() -> None:
    upscaler = Upscaler(
        lively_network(blocks=1), Tiler(lively_network(blocks=1), tile=20, overlap=8)
    )
    assert upscaler.cost == 1
    upscaler.enlarged(make_scene("cost", 40, 80))
    assert upscaler.cost == pytest.approx((28 * 2 + 36 * 2) * (28 * 2) / (40 * 80))


def test_cost_counts_what_is_mirrored_as_the_image() -> None:
    network = lively_network(blocks=2)
    upscaler = Upscaler(network, Tiler(network, tile=64, overlap=4), mirror=8)
    upscaler.enlarged(make_scene("cost", 40, 33))
    assert upscaler.cost == 1


def test_upscale_leaves_its_input_alone() -> None:
    image = make_scene("same", 16, 16)
    image.flags.writeable = False
    upscale(image, lively_network(blocks=1), tile=8)


@pytest.mark.parametrize("shape", [(8, 8), (8, 8, 4), (0, 8, 3)])
def test_upscale_refuses_what_is_no_rgb_image(shape: tuple[int, ...]) -> None:
    with pytest.raises(InvalidValueError, match=r"\(H, W, 3\)"):
        upscale(np.zeros(shape, dtype=np.float32), lively_network(blocks=1))


def test_upscale_refuses_other_types_and_sizes() -> None:
    network = lively_network(blocks=1)
    with pytest.raises(InvalidValueError, match="float64"):
        upscale(np.zeros((8, 8, 3)), network)
    with pytest.raises(InvalidValueError, match="tile"):
        upscale(np.zeros((8, 8, 3), dtype=np.float32), network, tile=0)

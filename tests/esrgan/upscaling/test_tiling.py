from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from degrade.errors import InvalidValueError
from esrgan.networks import Generator, MSRResNet, RRDBNet, SRResNet
from esrgan.upscaling import tiling
from esrgan.upscaling.tiling import (
    Tiler,
    Tiling,
    known_overlap,
    measure_overlap,
    tile_for_memory,
    window_bytes,
)
from esrgan.upscaling.upscaler import upscale
from tests.esrgan.lively import lively_network
from tests.making import make_scene


@given(st.integers(1, 500), st.integers(1, 90), st.integers(0, 40), st.sampled_from([1, 2, 4]))
def test_parts_cover_a_side_once_with_about_equal_tiles(
    side: int, tile: int, overlap: int, multiple: int
) -> None:
    chosen = Tiling(tile=tile, overlap=overlap).aligned(multiple)
    parts = list(chosen.parts(side, multiple))
    assert parts[0][0] == 0 and parts[-1][1] == side
    assert all(stop == start for (_, stop), (start, _) in pairwise(parts))
    assert all(start % multiple == 0 for start, _ in parts)
    lengths = [stop - start for start, stop in parts]
    if chosen.cuts(side):
        assert max(lengths) <= chosen.tile and len(set(lengths[:-1])) <= 1
    else:
        assert lengths == [side]


def test_tiling_refuses_sizes_out_of_range() -> None:
    for tile, overlap in ((0, 1), (1, -1)):
        with pytest.raises(InvalidValueError, match="tile must be positive"):
            Tiling(tile=tile, overlap=overlap)


@pytest.mark.parametrize(
    "network",
    [
        lively_network("rrdbnet", scale=2),
        lively_network("rrdbnet", scale=4),
        lively_network("srresnet", scale=4),
        lively_network("msrresnet", scale=3),
    ],
)
def test_measure_overlap_finds_what_makes_tiles_equal_to_the_whole(network: Generator) -> None:
    overlap = measure_overlap(network)
    assert 0 < overlap < network.receptive_radius + 4 and overlap % 4 == 0
    image = make_scene("overlap", 70, 101)
    whole = upscale(image, network, tile=200)
    tiles = upscale(image, network, tile=16, overlap=overlap)
    assert np.abs(tiles - whole).max() < 0.25 / 255
    # It is not found by being generous: with a third of it, tiles show.
    few = upscale(image, network, tile=16, overlap=max(0, overlap // 3 - 2))
    assert np.abs(few - whole).max() > 0.25 / 255


def test_measure_overlap_of_a_shallow_network_is_all_that_it_sees() -> None:
    network = RRDBNet(scale=4, features=4, blocks=1, growth=2).eval()
    assert network.receptive_radius <= measure_overlap(network) < network.receptive_radius + 4


def test_measure_overlap_is_the_same_each_time() -> None:
    network = lively_network("srresnet", scale=2)
    assert measure_overlap(network) == measure_overlap(network)


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_tile_for_memory_stays_below_it(scale: int) -> None:
    network = RRDBNet(scale=scale, features=32, blocks=1, growth=8)
    for memory in (2**24, 2**28, 2**50):
        tile = tile_for_memory(network, memory, overlap=12)
        assert tile % network.lr_multiple == 0
        assert (tile + 24) ** 2 * window_bytes(network) <= memory
        assert tile_for_memory(network, memory, half=True) >= tile
        # No tensor grows beyond what GPU libraries can count.
        assert (tile + 24) ** 2 * 32 * scale**2 < 2**31
    with pytest.raises(InvalidValueError, match=r"needs 0\.\d+ GiB, got 0\.0"):
        tile_for_memory(network, 2**12, overlap=12)


def test_tiler_measures_only_when_an_image_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    network = lively_network("rrdbnet", scale=4)
    tiler = Tiler(network, tile=32)
    assert tiler.tiling_for(32, 20) == Tiling(tile=32, overlap=0)
    assert tiler.tiling_for(33, 20).overlap == measure_overlap(network)
    assert tiler.shrink(Tiling(tile=32, overlap=0))
    assert tiler.tiling_for(20, 20).tile == 16
    assert not tiler.shrink(Tiling(tile=16, overlap=0))


@pytest.mark.parametrize("network", [SRResNet(features=4), MSRResNet(features=4)])
def test_window_bytes_grow_with_what_the_network_makes(network: Generator) -> None:
    assert window_bytes(network) > 16 * 4 * 4 * 2
    assert window_bytes(network, half=True) < window_bytes(network)
    assert torch.is_tensor(network.conv_first.weight)


def test_known_overlap_is_measured_once_for_the_same_weights(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    measured: list[Generator] = []

    def measure(network: Generator) -> int:
        measured.append(network)
        return measure_overlap(network)

    monkeypatch.setattr(tiling, "_OVERLAPS", {})
    monkeypatch.setattr(tiling, "measure_overlap", measure)
    network, same = lively_network(blocks=1), lively_network(blocks=1)
    for each in (network, same, network):
        assert known_overlap(each) == measure_overlap(network)
    assert measured == [network]
    with torch.no_grad():
        same.conv_last.bias.add_(1e-6)
    assert known_overlap(same) == measure_overlap(same)
    assert measured == [network, same]

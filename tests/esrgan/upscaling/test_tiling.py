from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from degrade.errors import InvalidValueError
from esrgan.networks import Generator, MSRResNet, RRDBNet, SRResNet
from esrgan.upscaling import tiling
from esrgan.upscaling.overlap import measure_overlap
from esrgan.upscaling.tiling import (
    Tiler,
    Tiling,
    parts,
    tail_bytes,
    tail_side,
    trunk_bytes,
    window_pixels,
)
from tests.esrgan.lively import lively_network, memory_for


@given(st.integers(1, 500), st.integers(1, 90), st.sampled_from([1, 2, 4]))
def test_parts_cover_a_side_once_with_about_equal_tiles(
    side: int, tile: int, multiple: int
) -> None:
    tile += -tile % multiple
    found = list(parts(side, tile, multiple))
    assert found[0][0] == 0 and found[-1][1] == side
    assert all(stop == start for (_, stop), (start, _) in pairwise(found))
    assert all(start % multiple == 0 for start, _ in found)
    lengths = [stop - start for start, stop in found]
    assert max(lengths) <= tile and len(set(lengths[:-1])) <= 1


@pytest.mark.parametrize("sizes", [(0, 1), (1, -1)])
def test_tiler_refuses_sizes_out_of_range(sizes: tuple[int, int]) -> None:
    with pytest.raises(InvalidValueError, match="tile must be positive"):
        Tiler(lively_network(blocks=1), tile=sizes[0], overlap=sizes[1])


def largest_window(height: int, width: int, chosen: Tiling, multiple: int) -> int:
    """Return the LR pixels of the largest window that is computed, padded to whole blocks."""

    def longest(side: int, tile: int) -> int:
        longest = max(
            min(side, stop + chosen.overlap) - max(0, start - chosen.overlap)
            for start, stop in parts(side, tile, multiple)
        )
        return longest + -longest % multiple

    return longest(height, chosen.height) * longest(width, chosen.width)


@given(
    st.integers(1, 900), st.integers(1, 900), st.integers(0, 60), st.integers(11, 17), st.booleans()
)
def test_tiler_stays_below_the_memory_with_tiles_of_any_shape(
    height: int, width: int, overlap: int, bits: int, blocks_of_four: bool
) -> None:
    network = RRDBNet(scale=1 if blocks_of_four else 4, features=4, blocks=1, growth=2)
    memory = memory_for(network, 2**bits)
    tiler = Tiler(network, overlap=overlap, memory=memory)
    try:
        chosen = tiler.tiling_for(height, width)
    except InvalidValueError:
        # Only where small tiles with their surroundings do not fit.
        assert (20 + 2 * (overlap + 4)) ** 2 > window_pixels(network, memory)
        return
    multiple = network.lr_multiple
    assert largest_window(height, width, chosen, multiple) <= window_pixels(network, memory)
    assert chosen.overlap in (0, overlap + -overlap % multiple)
    padded = (height + -height % multiple) * (width + -width % multiple)
    if padded <= window_pixels(network, memory):
        assert (chosen.height, chosen.width, chosen.overlap) == (height, width, 0)


@pytest.mark.parametrize("side", [61, 62, 63, 64])
def test_tiler_counts_an_odd_image_as_it_is_padded(side: int) -> None:
    network = RRDBNet(scale=1, features=4, blocks=1, growth=2)
    for pixels, is_whole in ((64 * 64, True), (64 * 64 - 1, False)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(tiling, "window_pixels", lambda *_, pixels=pixels, **__: pixels)
            chosen = Tiler(network, overlap=4, memory=1).tiling_for(side, 64)
        assert (chosen.overlap == 0) is is_whole
        assert largest_window(side, 64, chosen, network.lr_multiple) <= pixels


def test_tiler_cuts_along_the_side_that_costs_least() -> None:
    network = RRDBNet(scale=4, features=64, blocks=1, growth=32)
    memory = 2**31
    # Squares of the same window would cut both sides.
    across = Tiler(network, overlap=64, memory=memory).tiling_for(1500, 1000)
    assert (across.height, across.width) == (750, 1000)
    down = Tiler(network, overlap=64, memory=memory).tiling_for(1000, 1500)
    assert (down.height, down.width) == (1000, 750)


@given(st.integers(300, 9000), st.integers(300, 9000), st.integers(22, 28))
def test_a_row_of_tiles_stays_below_the_memory(height: int, width: int, bits: int) -> None:
    network = RRDBNet(scale=4, features=4, blocks=1, growth=2)
    chosen = Tiler(network, overlap=20, memory=2**bits).tiling_for(height, width)
    assert 3 * 16 * chosen.height * width <= max(2**bits, 3 * 16 * 16 * width)


def test_tiler_costs_little_with_networks_of_64_features_and_2_gib() -> None:
    network = RRDBNet(scale=4, features=64, blocks=1, growth=32)
    for height, width in ((3000, 4000), (4000, 6000), (1080, 1920), (2000, 2000)):
        chosen = Tiler(network, overlap=64, memory=2**31).tiling_for(height, width)
        seen = [
            sum(min(side, b + 64) - max(0, a - 64) for a, b in parts(side, tile, 1)) / side
            for side, tile in ((height, chosen.height), (width, chosen.width))
        ]
        assert 1 < seen[0] * seen[1] < 1.3
    # With an eighth of that it still works.
    Tiler(network, overlap=64, memory=2**28).tiling_for(3000, 4000)


def test_tiler_says_what_the_smallest_tile_needs() -> None:
    network = RRDBNet(scale=4, features=8, blocks=1, growth=8)
    with pytest.raises(InvalidValueError, match=r"needs 0\.\d+ GiB, got 0\.0"):
        Tiler(network, overlap=400, memory=2**24).tiling_for(1000, 1000)


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_tail_side_stays_below_the_memory(scale: int) -> None:
    network = RRDBNet(scale=scale, features=32, blocks=1, growth=8)
    for memory in (2**26, 2**28, 2**31):
        pixels = window_pixels(network, memory)
        side = tail_side(network, memory, pixels)
        assert side % network.lr_multiple == 0
        seen = (side + 2 * network.tail_radius) ** 2
        assert pixels * trunk_bytes(network) <= memory and seen * tail_bytes(network) <= memory
        # SR and features of the whole window are there, too.
        kept = pixels * 4 * (32 + 3 * scale**2)
        assert seen * tail_bytes(network) + kept <= memory
        assert window_pixels(network, memory, half=True) >= pixels
        # No tensor grows beyond what GPU libraries can count.
        assert seen * 32 * scale**2 < 2**31
    assert tail_side(network, 2**50, 10) ** 2 * 32 * scale**2 < 2**31


def test_tiler_measures_only_when_an_image_is_cut() -> None:
    network = lively_network("rrdbnet", scale=4)
    tiler = Tiler(network, tile=32)
    assert tiler.tiling_for(32, 20) == Tiling(height=32, width=20, overlap=0)
    measured = measure_overlap(network)
    assert tiler.tiling_for(33, 200).overlap == measured > 0
    # A side that a tile inside of the image sees is not cut.
    assert tiler.tiling_for(33, 200) == Tiling(height=33, width=32, overlap=measured)
    assert tiler.shrink(Tiling(height=64, width=16, overlap=0))
    assert tiler.tiling_for(200, 200).width == 16
    assert not tiler.shrink(Tiling(height=16, width=16, overlap=0))


@pytest.mark.parametrize("network", [SRResNet(features=4), MSRResNet(features=4)])
def test_tail_bytes_grow_with_what_the_network_makes(network: Generator) -> None:
    assert tail_bytes(network) > 16 * 4 * 4 * 2
    assert tail_bytes(network, half=True) < tail_bytes(network)
    assert torch.is_tensor(network.conv_first.weight)
    assert tiling.trunk_bytes(network, half=True) < trunk_bytes(network) < tail_bytes(network)

"""How an image is cut into tiles: where, how large, and with how much of its surroundings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, isqrt

from degrade.errors import InvalidValueError
from esrgan.networks import Generator
from esrgan.upscaling.overlap import known_overlap

__all__ = ["Tiler", "Tiling", "parts", "tail_bytes", "tail_side", "trunk_bytes", "window_pixels"]

_MAPS = 3
"""Feature maps of SR's size that the tail holds at once: 2.3 to 2.7 were measured on CPUs."""

_IMAGES = 4
"""Images of SR's size, in float32, that live at once."""

_RESULT = 3
"""Bytes of a pixel that is ready to be written; twice as many in 16 bits."""

_LARGEST_WINDOW = 1536
"""LR pixels a side: the share of overlap is small by then."""

_MOST_ELEMENTS = 2**31 - 1
"""Of a tensor: beyond, GPU convolutions change or refuse."""

_SMALLEST_TILE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Tiling:
    """The cutting of an image, in LR pixels.

    Attributes
    ----------
    height, width : int
        Longest sides of a tile without its surroundings.
    overlap : int
        Of its surroundings a tile sees so many pixels on each side, where the image has them.
    """

    height: int
    width: int
    overlap: int


def parts(side: int, tile: int, multiple: int) -> Iterator[tuple[int, int]]:
    """Yield (start, stop) of the tiles along a side, all about equally long.

    Parameters
    ----------
    side, tile : int
        Of the image, and the longest of a tile: a multiple of ``multiple``, or ``side``.
    multiple : int
        Tiles start at multiples of it: between blocks of pixels.
    """
    length = ceil(side / ceil(side / tile))
    length += -length % multiple
    for start in range(0, side, length):
        yield start, min(start + length, side)


class Tiler:
    """Chooses tiles for images of any size; looks into the network only when one is needed.

    Parameters
    ----------
    network : Generator
        In evaluation mode, on the device where it is to compute.
    tile : int or None
        Longest side of a tile. None: what ``memory`` allows.
    overlap : int or None
        See :class:`Tiling`. None: measured when an image is cut for the first time, see
        :func:`~esrgan.upscaling.overlap.known_overlap`.
    memory : int
        Bytes for a tile at work; 0: without limit, for a ``tile`` that is given.
    half : bool
        The network computes in 16 bits.
    passing : bool
        The weights are going to change: what is measured on them is not kept on disk.

    Raises
    ------
    InvalidValueError
        ``tile`` or ``overlap`` is out of range.
    """

    def __init__(
        self,
        network: Generator,
        *,
        tile: int | None = None,
        overlap: int | None = None,
        memory: int = 0,
        half: bool = False,
        passing: bool = False,
    ) -> None:
        if (tile is not None and tile < 1) or (overlap is not None and overlap < 0):
            raise InvalidValueError(
                f"tile must be positive, overlap not negative, got {tile} and {overlap}"
            )
        self._network = network
        self._tile = tile
        self._overlap = overlap
        self._memory = memory
        self._half = half
        self._passing = passing

    def tiling_for(self, height: int, width: int) -> Tiling:
        """Return the tiles for an image of so many LR pixels.

        Raises
        ------
        InvalidValueError
            Not even a small tile fits into the memory.
        """
        if self._is_whole(height, width):
            return Tiling(height=height, width=width, overlap=0)
        if self._overlap is None:
            self._overlap = known_overlap(self._network, passing=self._passing)
        multiple = self._network.lr_multiple
        overlap = self._overlap + -self._overlap % multiple
        if self._tile is not None:
            tile = self._tile + -self._tile % multiple
            # A side that a tile inside of an image sees is not cut.
            sides = [s if s <= tile + 2 * overlap else tile for s in (height, width)]
            return Tiling(height=sides[0], width=sides[1], overlap=overlap)
        return self._cheapest(height, width, overlap)

    def tail_side(self, pixels: int) -> int:
        """Return the side, in LR pixels, of the parts in which a window's tail is computed.

        Parameters
        ----------
        pixels : int
            LR pixels of the window.
        """
        if not self._memory:
            return _LARGEST_WINDOW
        return tail_side(self._network, self._memory, pixels, half=self._half)

    def shrink(self, tiling: Tiling) -> bool:
        """Take tiles of half the size from now on; False when they would be of no use."""
        self._tile = isqrt(tiling.height * tiling.width) // 2
        self._memory //= 4
        return self._tile >= _SMALLEST_TILE

    def _is_whole(self, height: int, width: int) -> bool:
        """Tell whether an image is enlarged uncut, so that no overlap needs to be known."""
        if self._tile is not None:
            return max(height, width) <= self._tile
        multiple = self._network.lr_multiple
        return _filled(height, multiple) * _filled(width, multiple) <= self._most_pixels

    @property
    def _most_pixels(self) -> int:
        return window_pixels(self._network, self._memory, half=self._half)

    def _cheapest(self, height: int, width: int, overlap: int) -> Tiling:
        """Return the tiles with which the least is computed, of all that fit into the memory.

        A row of them, which is held until it is written, fits into as much memory once more.
        """
        multiple, most = self._network.lr_multiple, self._most_pixels
        # What a network sees of an image's end is padded to whole blocks.
        high, wide = _filled(height, multiple), _filled(width, multiple)
        tallest = max(self._memory // (_RESULT * self._network.scale**2 * width), _SMALLEST_TILE)
        chosen, least = None, 0
        for columns in range(1, ceil(width / _SMALLEST_TILE) + 1):
            across = _tile_of(width, columns, multiple)
            tall = _longest_tile(high, most // _seen_by_one(wide, across, overlap), overlap)
            if tall >= high and tallest >= height:
                tall = height
            else:
                tall = min(tall, tallest)
                tall -= tall % multiple
            if tall < min(height, _SMALLEST_TILE):
                continue
            rows = ceil(height / tall)
            cost = _seen_by_all(width, columns, overlap) * _seen_by_all(height, rows, overlap)
            if chosen is None or cost < least:
                down = _tile_of(height, rows, multiple)
                chosen, least = Tiling(height=down, width=across, overlap=overlap), cost
        if chosen is None:
            side = min(high, _SMALLEST_TILE + 2 * overlap)
            needed = side * min(wide, _SMALLEST_TILE + 2 * overlap + multiple)
            needed *= trunk_bytes(self._network, half=self._half)
            raise InvalidValueError(
                f"a tile of this network needs {needed / 2**30:.2f} GiB, "
                f"got {self._memory / 2**30:.2f}"
            )
        return chosen


def trunk_bytes(network: Generator, *, half: bool = False) -> int:
    """Return how much memory a network's trunk needs for each LR pixel that it sees."""
    return network.trunk_channels * (2 if half else 4)


def tail_bytes(network: Generator, *, half: bool = False) -> int:
    """Return how much memory a network's tail needs for each LR pixel that it sees."""
    maps = _MAPS * network.conv_first.out_channels * (2 if half else 4)
    return (maps + _IMAGES * 3 * 4) * network.scale**2


def window_pixels(network: Generator, memory: int, *, half: bool = False) -> int:
    """Return how many LR pixels a tile may see, its surroundings included.

    Parameters
    ----------
    network : Generator
    memory : int
        Bytes.
    half : bool
        The network computes in 16 bits.
    """
    # What remains when the trunk is done, and the smallest part of the tail.
    radius = network.tail_radius
    part = (_SMALLEST_TILE + 2 * radius) ** 2 * tail_bytes(network, half=half)
    beside_tail = max(memory - part, 0) // _kept_bytes(network, half=half)
    elements = _MOST_ELEMENTS // network.trunk_channels
    in_trunk = memory // trunk_bytes(network, half=half)
    return min(in_trunk, beside_tail, _LARGEST_WINDOW**2, elements)


def tail_side(network: Generator, memory: int, pixels: int, *, half: bool = False) -> int:
    """Return the side, in LR pixels, of the parts in which a window's tail is computed.

    Parameters
    ----------
    network : Generator
    memory : int
        Bytes.
    pixels : int
        LR pixels of the window.
    half : bool
        The network computes in 16 bits.
    """
    left = memory - pixels * _kept_bytes(network, half=half)
    elements = network.conv_first.out_channels * network.scale**2
    most = min(left // tail_bytes(network, half=half), _MOST_ELEMENTS // elements)
    side = isqrt(max(most, 0)) - 2 * network.tail_radius
    return max(side - side % network.lr_multiple, _SMALLEST_TILE)


def _kept_bytes(network: Generator, *, half: bool) -> int:
    """Return what a window's LR, features and SR take, for each LR pixel."""
    features = network.conv_first.out_channels * (2 if half else 4)
    return features + 2 * 3 * 4 * (1 + network.scale**2)


def _filled(side: int, multiple: int) -> int:
    return side + -side % multiple


def _tile_of(side: int, count: int, multiple: int) -> int:
    return _filled(ceil(side / count), multiple)


def _seen_by_one(side: int, tile: int, overlap: int) -> int:
    """Return the length of the longest window along a side that is cut into such tiles."""
    if tile >= side:
        return side
    return min(side, tile + overlap * (1 if 2 * tile >= side else 2))


def _seen_by_all(side: int, count: int, overlap: int) -> int:
    return side + 2 * overlap * (count - 1)


def _longest_tile(side: int, window: int, overlap: int) -> int:
    """Return the longest tile that sees no more than a window of this length."""
    if window >= side:
        return side
    at_an_end = window - overlap
    return at_an_end if 2 * at_an_end >= side else window - 2 * overlap

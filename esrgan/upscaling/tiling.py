"""How an image is cut into tiles: where, how large, and with how much of its surroundings."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, isqrt

import numpy as np
import torch

from degrade.errors import InvalidValueError
from degrade.rng import rng_for
from esrgan.networks import Generator

__all__ = ["Tiler", "Tiling", "known_overlap", "measure_overlap", "tile_for_memory", "window_bytes"]

_MAPS = 3
"""Feature maps of SR's size that live at once: 2.3 to 2.7 were measured on CPUs."""

_IMAGES = 4
"""Images of SR's size, in float32, that live at once."""

_LARGEST_WINDOW = 1024
"""LR pixels a side: the share of overlap is small by then."""

_MOST_ELEMENTS = 2**31 - 1
"""Of a tensor: beyond, GPU convolutions change or refuse."""

_SMALLEST_TILE = 16

_TOLERANCE = 1 / 64 / 255
"""What a cut may change on the probe; on photos, tiles then differ by less than a quarter level."""

_PROBE_ROWS = 64
_FIRST_REACH = 32
_SCENE = 8

_OVERLAPS: dict[bytes, int] = {}
"""Those measured in this process, by a hash of the weights; some bytes each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tiling:
    """The cutting of an image, in LR pixels.

    Attributes
    ----------
    tile : int
        Longest side of a tile without its surroundings.
    overlap : int
        Of its surroundings a tile sees so many pixels on each side, where the image has them.
    """

    tile: int
    overlap: int

    def __post_init__(self) -> None:
        if self.tile < 1 or self.overlap < 0:
            raise InvalidValueError(
                f"tile must be positive, overlap not negative, got {self.tile} and {self.overlap}"
            )

    def aligned(self, multiple: int) -> Tiling:
        """Return it with sizes that are multiples: tiles must start between blocks of pixels."""
        return Tiling(
            tile=self.tile + -self.tile % multiple, overlap=self.overlap + -self.overlap % multiple
        )

    def parts(self, side: int, multiple: int) -> Iterator[tuple[int, int]]:
        """Yield (start, stop) of the tiles along a side, all about equally long."""
        if not self.cuts(side):
            yield 0, side
            return
        length = ceil(side / ceil(side / self.tile))
        length += -length % multiple
        for start in range(0, side, length):
            yield start, min(start + length, side)

    def cuts(self, side: int) -> bool:
        """Tell whether a side is longer than what a tile inside of an image sees."""
        return side > self.tile + 2 * self.overlap


class Tiler:
    """Chooses tiles for images of any size; looks into the network only when one is needed.

    Parameters
    ----------
    network : Generator
        In evaluation mode, on the device where it is to compute.
    tile : int or None
        See :class:`Tiling`. None: what ``memory`` allows.
    overlap : int or None
        None: measured when an image is cut for the first time, see :func:`known_overlap`.
    memory : int
        Bytes for a tile at work.
    half : bool
        The network computes in 16 bits.
    """

    def __init__(
        self,
        network: Generator,
        *,
        tile: int | None = None,
        overlap: int | None = None,
        memory: int = 0,
        half: bool = False,
    ) -> None:
        self._network = network
        self._tile = tile
        self._overlap = overlap
        self._memory = memory
        self._half = half

    def tiling_for(self, height: int, width: int) -> Tiling:
        """Return the tiles for an image of so many LR pixels.

        Raises
        ------
        InvalidValueError
            Not even a small tile fits into the memory.
        """
        multiple = self._network.lr_multiple
        if self._overlap is None:
            single = self._tiling(0)
            if max(height, width) <= single.tile:
                return single.aligned(multiple)
            self._overlap = known_overlap(self._network)
        return self._tiling(self._overlap).aligned(multiple)

    def shrink(self, tiling: Tiling) -> bool:
        """Take tiles of half the size from now on; False when they would be of no use."""
        self._tile = tiling.tile // 2
        return self._tile >= _SMALLEST_TILE

    def _tiling(self, overlap: int) -> Tiling:
        tile = self._tile
        if tile is None:
            tile = tile_for_memory(self._network, self._memory, overlap=overlap, half=self._half)
        return Tiling(tile=tile, overlap=overlap)


def window_bytes(network: Generator, *, half: bool = False) -> int:
    """Return how much memory a network needs for each LR pixel that it sees."""
    maps = _MAPS * network.conv_first.out_channels * (2 if half else 4)
    return (maps + _IMAGES * 3 * 4) * network.scale**2


def tile_for_memory(
    network: Generator, memory: int, *, overlap: int = 0, half: bool = False
) -> int:
    """Return the side of the largest tile, in LR pixels, that memory allows.

    Parameters
    ----------
    network : Generator
    memory : int
        Bytes.
    overlap : int
        See :class:`Tiling`.
    half : bool
        The network computes in 16 bits.

    Raises
    ------
    InvalidValueError
        Not even a small tile fits.
    """
    window = isqrt(memory // window_bytes(network, half=half))
    elements = network.conv_first.out_channels * network.scale**2
    window = min(window, _LARGEST_WINDOW, isqrt(_MOST_ELEMENTS // elements))
    multiple = network.lr_multiple
    tile = (window - 2 * overlap) // multiple * multiple
    if tile < _SMALLEST_TILE:
        needed = window_bytes(network, half=half) * (_SMALLEST_TILE + 2 * overlap + multiple) ** 2
        raise InvalidValueError(
            f"a tile of this network needs {needed / 2**30:.2f} GiB, got {memory / 2**30:.2f}"
        )
    return tile


def known_overlap(network: Generator) -> int:
    """Return what :func:`measure_overlap` gives, measured once in this process for its weights."""
    weights = hashlib.blake2b(digest_size=16)
    for name, tensor in network.state_dict().items():
        weights.update(name.encode())
        weights.update(tensor.detach().cpu().contiguous().numpy().data)
    key = weights.digest()
    if key not in _OVERLAPS:
        _OVERLAPS[key] = measure_overlap(network)
    return _OVERLAPS[key]


def measure_overlap(network: Generator) -> int:
    """Find how much of their surroundings tiles need to look like parts of the whole.

    An SR pixel may depend on LR pixels as far away as ``network.receptive_radius``, but on most of
    them so little that no grey level changes. On a picture harder than photos (noise and blocks of
    full contrast), a part is cut off, and it is looked how far from the cut SR differs.

    Parameters
    ----------
    network : Generator
        In evaluation mode; computes where it is, in float32.

    Returns
    -------
    int
        LR pixels, a multiple of four. From there on SR differed by less than a 64th of an
        8-bit grey level.
    """
    reach = _FIRST_REACH
    while reach < network.receptive_radius:
        differences = _differences_beside_a_cut(network, reach)
        wrong = np.flatnonzero(differences > _TOLERANCE)
        needed = 0 if not len(wrong) else int(wrong[-1]) + 1
        # Differences that end long before the picture does have really ended.
        if needed <= reach // 2:
            return needed + -needed % 4
        reach *= 2
    return network.receptive_radius + -network.receptive_radius % 4


def _differences_beside_a_cut(network: Generator, reach: int) -> torch.Tensor:
    """Return the largest difference in each LR column from a cut on, ``reach`` of them."""
    device = network.conv_first.weight.device
    probe_BCHW = _draw_probe(2 * reach, network.in_channels).to(device)
    with torch.inference_mode():
        whole = network(probe_BCHW)[..., network.scale * reach :]
        part = network(probe_BCHW[..., reach:])
        columns = (whole.clamp(0, 1) - part.clamp(0, 1)).abs().amax((0, 1, 2))
        largest: torch.Tensor = columns.reshape(reach, network.scale).amax(1).cpu()
        return largest


def _draw_probe(width: int, channels: int) -> torch.Tensor:
    rng = rng_for(0, "overlap probe", width)
    shape = (1, channels, _PROBE_ROWS // _SCENE, width // _SCENE)
    blocks = rng.random(shape, np.float32).round().repeat(_SCENE, 2).repeat(_SCENE, 3)
    noise = rng.random((1, channels, _PROBE_ROWS, width), np.float32)
    # Left to right: blocks and noise by turns, so that each lies at every distance from the cut.
    is_noise = np.arange(_PROBE_ROWS)[:, None] % (2 * _SCENE) < _SCENE
    return torch.from_numpy(np.where(is_noise, noise, blocks))

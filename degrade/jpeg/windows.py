"""The windows of a photo that are looked at for traces of JPEG."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from degrade.arrays import AnyArray, FloatArray, U8Array

__all__ = ["MCU", "SIDE", "Windows", "choose_windows", "of_any"]

MCU = 16
"""Windows begin at multiples of it, so that the grid has one phase in all of them."""

SIDE = 112
_MOST = 36
_TRIED = 8
"""Rows and columns of windows that are tried."""

_MOST_CLIPPED = 0.02
_BUSIEST = 12.0
"""Mean difference of neighbours, in grey levels, beyond which a window is not preferred."""

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_CHROMA = np.array([[-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]], np.float32)


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows of a photo.

    Attributes
    ----------
    pixels : (N, H, W, 3) uint8 array
    clipped : (N, H, W) bool array
        Where a channel is 0 or 255: what was there before is not known.
    """

    pixels: U8Array
    clipped: npt.NDArray[np.bool_]

    @property
    def is_gray(self) -> bool:
        """Whether there are no colours at all."""
        pixels = self.pixels
        return all(np.array_equal(pixels[..., 0], pixels[..., other]) for other in (1, 2))

    @functools.cached_property
    def luma(self) -> FloatArray:
        """(N, H, W) float32: whole levels, which of JPEG's decoders are the decoder's own."""
        # Rounding to RGB moves luma, and each chroma, by half a level at most.
        found: FloatArray = np.rint(self.pixels.astype(np.float32) @ _LUMA)
        return found

    @property
    def chroma(self) -> FloatArray:
        """(2, N, H, W) float32: Cb and Cr without their 128, in whole levels."""
        levels = self.pixels.astype(np.float32)
        return np.stack([np.rint(levels @ weights) for weights in _CHROMA])

    def most_colourful(self, count: int) -> Windows:
        """Return the windows, so many at most, whose colours vary most; rather unclipped ones."""
        seen = self.pixels[:, ::4, ::4].astype(np.float32)
        variance = (seen[..., 2] - seen[..., 1]).var(axis=(1, 2))
        variance += (seen[..., 0] - seen[..., 1]).var(axis=(1, 2))
        liking = np.where(self.clipped.any(axis=(1, 2)), variance / 4, variance)
        chosen = np.sort(np.argsort(-liking, kind="stable")[:count])
        return Windows(self.pixels[chosen], self.clipped[chosen])


def choose_windows(pixels: AnyArray) -> Windows:
    """Choose up to 36 windows of 112 pixels a side, spread over a photo.

    Of up to 64 places those that clip little and have the most detail.

    Parameters
    ----------
    pixels : (H, W, 3) uint8 or uint16 array
        At least 1 pixel a side; a side that is shorter than a window is taken whole. 16 bits that
        were made of 8 become the same 8 again.
    """
    height, width = (min(side, SIDE) for side in pixels.shape[:2])
    places = [
        (top, left)
        for top in _starts(pixels.shape[0], height)
        for left in _starts(pixels.shape[1], width)
    ]
    liking = _liking(
        _as_u8(np.stack([pixels[y : y + height : 8, x : x + width] for y, x in places]))
    )
    best = sorted(range(len(places)), key=lambda number: -liking[number])[:_MOST]
    cut = [pixels[y : y + height, x : x + width] for y, x in (places[n] for n in sorted(best))]
    chosen = _as_u8(np.stack(cut))
    return Windows(chosen, of_any((chosen == 0) | (chosen == 255)))


def of_any(flags: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Tell where a flag of (..., 3) is set in any channel; faster than NumPy's own way."""
    return flags[..., 0] | flags[..., 1] | flags[..., 2]


def _as_u8(pixels: AnyArray) -> U8Array:
    if pixels.dtype == np.uint8:
        return pixels
    return ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)


def _starts(length: int, side: int) -> list[int]:
    """Return where windows may begin: they do not overlap."""
    count = min(length // side, _TRIED)
    ends = np.linspace(0, length - side, count) if count > 1 else np.zeros(1)
    return sorted({int(start) // MCU * MCU for start in ends})


def _liking(windows: U8Array) -> list[float]:
    """Return how much (N, h, w, 3) windows are liked."""
    green = windows[..., 1].astype(np.int16)
    ends = (windows == 0) | (windows == 255)
    clipped = np.count_nonzero(ends, axis=(1, 2, 3)) / max(ends[0].size, 1)
    detail = np.zeros(len(windows))
    if green.shape[2] > 1:
        detail = np.abs(np.diff(green, axis=2)).mean(axis=(1, 2))
    refused = np.where(clipped > _MOST_CLIPPED, _BUSIEST, 0)
    found: list[float] = (np.minimum(detail, _BUSIEST) - refused - clipped).tolist()
    return found

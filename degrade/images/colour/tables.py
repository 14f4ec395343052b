"""Pixels through tables: from any RGB space of curves and a matrix, or from gray, to sRGB.

Curves and matrix are computed in float64 for each value that a channel can have, and rounded into
tables of integers; pixels are looked up and added. So every processor gives the same bytes once
the tables are the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from degrade.arrays import AnyArray
from degrade.images.colour.spaces import (
    D50,
    XYZ_TO_SRGB,
    Curve,
    Doubles,
    RgbSpace,
    encode_srgb,
)

__all__ = ["GrayTable", "RgbTables", "gray_table", "luminance_curve", "rgb_tables"]

_LIGHT_BITS = {8: 16, 16: 24}
"""Of linear light in the tables, by the depth of the pixels: 0 … 2^n."""

_NODE_BITS = 16
"""Of the places in linear light at which sRGB's curve is tabled."""

_SPARE_BITS = 6
"""Of a 16-bit result's fraction, between two such places."""

_LIGHTEST_BLACK = 0.184
"""Y of L* 50: what is lighter is no black, and LittleCMS does not take it for one either."""

_CHUNK_PIXELS = 1 << 16
"""What is worked on at once: it stays in the processor's cache."""

_SAMPLED_CHUNKS = 4
"""One chunk of so many is looked through for colours that sRGB has not."""


@dataclass(frozen=True, slots=True, eq=False)
class RgbTables:
    """A conversion of colour pixels.

    Attributes
    ----------
    bits : {8, 16}
        Of the pixels.
    light : (3, 3, 2^bits) int32 array
        What each value of an input channel (second axis) adds to an output channel (first).
    stored : array
        sRGB of linear light: uint8, or int32 with a fraction for 16 bits.
    """

    bits: int
    light: npt.NDArray[np.int32]
    stored: AnyArray

    def apply(self, pixels: AnyArray) -> tuple[AnyArray, float]:
        """Convert pixels.

        Parameters
        ----------
        pixels : (H, W, 3) uint8 or uint16 array

        Returns
        -------
        converted : array of the same shape and type
        outside : float
            About what share of the pixels had a colour outside of sRGB, by more than a level of
            256; it was clipped.
        """
        converted = np.empty_like(pixels, order="C")
        source, target = pixels.reshape(-1, 3), converted.reshape(-1, 3)
        seen = outside = 0
        for number, start in enumerate(range(0, len(source), _CHUNK_PIXELS)):
            chunk = slice(start, start + _CHUNK_PIXELS)
            light = self._light(source[chunk])
            if number % _SAMPLED_CHUNKS == 0:
                seen += light.shape[1]
                outside += self._count_outside(light)
            for channel, values in enumerate(light):
                target[chunk, channel] = self._stored(values)
        return converted, outside / max(seen, 1)

    def _light(self, pixels: AnyArray) -> npt.NDArray[np.int32]:
        planes = [np.ascontiguousarray(pixels[:, channel]) for channel in range(3)]
        light = np.empty((3, len(pixels)), np.int32)
        for total, tables in zip(light, self.light, strict=True):
            np.take(tables[0], planes[0], out=total, mode="clip")
            total += tables[1].take(planes[1], mode="clip")
            total += tables[2].take(planes[2], mode="clip")
        return light

    def _count_outside(self, light: npt.NDArray[np.int32]) -> int:
        top = 1 << _LIGHT_BITS[self.bits]
        below, above = -top // 3295, top + top // 112  # a level at sRGB's two ends
        return int(np.count_nonzero((light.min(0) < below) | (light.max(0) > above)))

    def _stored(self, light: npt.NDArray[np.int32]) -> AnyArray:
        np.clip(light, 0, 1 << _LIGHT_BITS[self.bits], out=light)
        if self.bits == 8:
            return np.take(self.stored, light)
        shift = _LIGHT_BITS[16] - _NODE_BITS
        node = light >> shift
        part = (light & ((1 << shift) - 1)) >> (shift - 8)
        low, high = self.stored[node], self.stored[np.minimum(node + 1, 1 << _NODE_BITS)]
        between = (low << 8) + (high - low) * part
        half = 1 << (8 + _SPARE_BITS - 1)
        return np.asarray((between + half) >> (8 + _SPARE_BITS))


@dataclass(frozen=True, slots=True, eq=False)
class GrayTable:
    """A conversion of gray pixels: ``stored`` has the new level of each."""

    stored: AnyArray

    def apply(self, pixels: AnyArray) -> AnyArray:
        """Convert an (H, W, 3) uint8 or uint16 array whose channels are equal."""
        converted = np.empty_like(pixels, order="C")
        source, target = pixels.reshape(-1, 3), converted.reshape(-1, 3)
        for start in range(0, len(source), _CHUNK_PIXELS):
            chunk = slice(start, start + _CHUNK_PIXELS)
            target[chunk] = self.stored.take(source[chunk, 0])[:, None]
        return converted


def rgb_tables(space: RgbSpace, bits: int) -> RgbTables:
    """Return the conversion of pixels of ``bits`` (8 or 16) from a space to sRGB.

    Relative colorimetric with black point compensation: white becomes white, the darkest gray
    becomes black, and what lies outside of sRGB is clipped.
    """
    top = 1 << _LIGHT_BITS[bits]
    light = np.rint(_srgb_light(space, _levels(bits)) * top).astype(np.int32)
    nodes = np.arange((1 << _NODE_BITS) + 1) / (1 << _NODE_BITS)
    if bits == 8:
        return RgbTables(bits, light, np.rint(encode_srgb(nodes) * 255).astype(np.uint8))
    stored = np.rint(encode_srgb(nodes) * (65535 << _SPARE_BITS)).astype(np.int32)
    return RgbTables(bits, light, stored)


def _levels(bits: int) -> Doubles:
    return np.arange(1 << bits) / ((1 << bits) - 1)


def _srgb_light(space: RgbSpace, values: Doubles) -> Doubles:
    """Return what each value of each channel adds to linear sRGB: (out, in, values)."""
    curves = np.stack([curve(values) for curve in space.curves])
    black = min(float((space.to_xyz @ curves[:, 0])[1]), _LIGHTEST_BLACK)
    matrix = XYZ_TO_SRGB @ space.to_xyz
    light: Doubles = matrix[:, :, None] * curves
    if black > 0:  # it becomes 0, and each of the three summands has its share of that
        white = (XYZ_TO_SRGB @ D50)[:, None, None]
        light = (light - black * white / 3) / (1 - black)
    return light


def gray_table(curve: Curve, bits: int) -> GrayTable:
    """Return the conversion of gray pixels of ``bits`` (8 or 16) to sRGB."""
    light = curve(_levels(bits))
    black = min(float(light[0]), _LIGHTEST_BLACK)
    if black > 0:
        light = np.maximum((light - black) / (1 - black), 0)
    top = (1 << bits) - 1
    stored = np.rint(encode_srgb(light) * top)
    return GrayTable(stored.astype(np.uint8 if bits == 8 else np.uint16))


def luminance_curve(space: RgbSpace) -> Curve:
    """Return the curve of a space's grays, those of three equal values."""
    weights = space.to_xyz[1] / space.to_xyz[1].sum()

    def curve(values: Doubles) -> Doubles:
        return np.asarray(np.tensordot(weights, [c(values) for c in space.curves], 1))

    return curve

"""Colour spaces as numbers: curves from stored values to light, and primaries as matrices.

All of it is float64 and made for a few thousand values at a time; pixels go through tables that
are computed from it (:mod:`degrade.images.colour.tables`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = [
    "CICP_CURVES",
    "CICP_PRIMARIES",
    "D50",
    "HDR_TRANSFERS",
    "XYZ_TO_SRGB",
    "Curve",
    "Doubles",
    "RgbSpace",
    "decode_srgb",
    "encode_srgb",
    "power_curve",
    "primaries_to_xyz",
]

Doubles: TypeAlias = npt.NDArray[np.float64]

Curve: TypeAlias = Callable[[Doubles], Doubles]
"""From stored values on [0, 1] to light on [0, 1], elementwise."""

Chromaticities: TypeAlias = tuple[float, float, float, float, float, float, float, float]
"""x and y of white, red, green and blue, in this order, which is that of PNG's cHRM."""

D50 = np.array([0.9642, 1.0, 0.8249])
"""XYZ of the white that profiles refer to (ICC.1:2022, 7.2.16)."""

_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
_D65 = (0.3127, 0.3290)


@dataclass(frozen=True, slots=True, eq=False)
class RgbSpace:
    """What three stored values mean.

    Attributes
    ----------
    name : str
        For people.
    curves : three curves
        Of R, G and B.
    to_xyz : (3, 3) float64 array
        From linear RGB to XYZ with D50 as white.
    """

    name: str
    curves: tuple[Curve, Curve, Curve]
    to_xyz: Doubles


def decode_srgb(values: Doubles) -> Doubles:
    """Return the light of stored sRGB values, both on [0, 1] (IEC 61966-2-1)."""
    power = ((np.maximum(values, 0.04045) + 0.055) / 1.055) ** 2.4
    return np.asarray(np.where(values <= 0.04045, values / 12.92, power))


def encode_srgb(light: Doubles) -> Doubles:
    """Return the stored sRGB values of light, both on [0, 1] (IEC 61966-2-1)."""
    power = 1.055 * np.maximum(light, 0.0031308) ** (1 / 2.4) - 0.055
    return np.asarray(np.where(light <= 0.0031308, 12.92 * light, power))


def power_curve(exponent: float) -> Curve:
    """Return the curve of a display with this gamma."""
    return lambda values: np.asarray(np.maximum(values, 0.0) ** exponent)


def primaries_to_xyz(chromaticities: Chromaticities) -> Doubles:
    """Return the matrix from linear RGB to XYZ, its white adapted to D50 by Bradford's method.

    Parameters
    ----------
    chromaticities : eight floats
        x and y of white, red, green, blue.

    Raises
    ------
    ValueError
        No colours have these coordinates.
    """
    xy = np.array(chromaticities, np.float64).reshape(4, 2)
    if not np.isfinite(xy).all() or (xy[:, 1] <= 0).any() or (xy.sum(1) > 1.5).any():
        raise ValueError(f"no chromaticities: {chromaticities}")
    xyz = np.stack((xy[:, 0], xy[:, 1], 1 - xy.sum(1)), 1) / xy[:, 1:]
    white, primaries = xyz[0], xyz[1:].T
    if abs(np.linalg.det(primaries)) < 1e-6:
        raise ValueError(f"primaries in one line: {chromaticities}")
    to_xyz = primaries * np.linalg.solve(primaries, white)
    gains = (_BRADFORD @ D50) / (_BRADFORD @ white)
    adapted: Doubles = np.linalg.inv(_BRADFORD) @ (gains[:, None] * _BRADFORD) @ to_xyz
    if not np.isfinite(adapted).all() or abs(adapted).max() > 10:
        raise ValueError(f"no chromaticities: {chromaticities}")
    return adapted


SRGB_PRIMARIES: Chromaticities = (*_D65, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
XYZ_TO_SRGB: Doubles = np.asarray(np.linalg.inv(primaries_to_xyz(SRGB_PRIMARIES)), np.float64)
"""From XYZ with D50 as white to linear sRGB."""


def _decode_bt709(values: Doubles) -> Doubles:
    power = ((np.maximum(values, 0.081) + 0.099) / 1.099) ** (1 / 0.45)
    return np.asarray(np.where(values < 0.081, values / 4.5, power))


def _decode_smpte240(values: Doubles) -> Doubles:
    power = ((np.maximum(values, 0.0913) + 0.1115) / 1.1115) ** (1 / 0.45)
    return np.asarray(np.where(values < 0.0913, values / 4.0, power))


_ILLUMINANT_C = (0.310, 0.316)
_NTSC = (0.630, 0.340, 0.310, 0.595, 0.155, 0.070)

CICP_PRIMARIES: dict[int, tuple[str, Chromaticities]] = {
    1: ("BT.709", SRGB_PRIMARIES),
    4: ("BT.470 M", (*_ILLUMINANT_C, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08)),
    5: ("BT.470 BG", (*_D65, 0.64, 0.33, 0.29, 0.60, 0.15, 0.06)),
    6: ("BT.601", (*_D65, *_NTSC)),
    7: ("SMPTE 240M", (*_D65, *_NTSC)),
    8: ("film", (*_ILLUMINANT_C, 0.681, 0.319, 0.243, 0.692, 0.145, 0.049)),
    9: ("BT.2020", (*_D65, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046)),
    11: ("DCI P3", (0.314, 0.351, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060)),
    12: ("Display P3", (*_D65, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060)),
    22: ("EBU 3213", (*_D65, 0.630, 0.340, 0.295, 0.605, 0.155, 0.077)),
}
"""Code points of ITU-T H.273, table 2: a name for people, and white, red, green, blue."""

CICP_CURVES: dict[int, Curve] = {
    1: _decode_bt709,
    4: power_curve(2.2),
    5: power_curve(2.8),
    6: _decode_bt709,
    7: _decode_smpte240,
    8: power_curve(1.0),
    13: decode_srgb,
    14: _decode_bt709,
    15: _decode_bt709,
    17: power_curve(2.6),
}
"""Code points of ITU-T H.273, table 3, for what a screen without HDR shows."""

HDR_TRANSFERS = {16: "PQ", 18: "HLG"}
"""Code points of ITU-T H.273, table 3: light beyond what sRGB can hold."""

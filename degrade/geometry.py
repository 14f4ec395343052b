"""How the pixels of HR and LR lie on each other: all arithmetic with scales.

HR is ``scale`` times as high and wide as LR. A scale is n/d in lowest terms: an ``int`` when d is
1, else a :class:`Ratio`. n HR pixels are d LR pixels, so a side of HR is a multiple of n, one of LR
a multiple of d, and no pixel is left over or made up.

The centre of LR pixel i lies at HR coordinate (i + 1/2)·scale - 1/2: the middle of the HR pixels
that it covers, whole or not. With d above 1 it lies at d places between HR pixels, in turn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeAlias

from degrade.errors import InvalidValueError, printable

if TYPE_CHECKING:  # the command line reads scales before it loads NumPy
    from degrade.arrays import Box

__all__ = [
    "LARGEST_SCALE",
    "SMALLEST_SCALE",
    "Ratio",
    "Scale",
    "as_scale",
    "border_of",
    "centre_offset",
    "common_sides",
    "first_pixel",
    "fits",
    "fitting_side",
    "hr_box",
    "hr_side",
    "hr_unit",
    "is_rounded",
    "lr_side",
    "lr_unit",
    "nearest_scale",
    "rounded_scale",
    "scale_from_json",
    "scale_number",
    "scale_of_sizes",
    "scale_to_json",
    "side_wanted",
    "whole_scale",
]

SMALLEST_SCALE = Fraction(3, 2)
LARGEST_SCALE = 64
"""The largest that anybody enlarges by; at ×1000 a kernel has 39 million taps and takes minutes."""

_LARGEST_DENOMINATOR = 20
"""HR sides are multiples of the numerator: with larger ones few sizes are left."""

_AS_FLOAT = 1e-9
"""How far the float of 7/3 may lie from it, relatively."""

_DECIMAL = 10
_LARGEST_READ = 4
"""Denominators that sizes alone tell: with larger ones any two sizes have a ratio."""


class Ratio(Fraction):
    """A scale that is no integer: exact, and equal to any number of its value.

    It is written as people write it, ``2.5``, or ``7/3`` where that has no end. An array is
    multiplied by its ``float``.
    """

    __slots__ = ()

    def __str__(self) -> str:
        """Return a text that :func:`as_scale` reads."""
        decimal = f"{float(self):g}"
        return decimal if Fraction(decimal) == self else f"{self.numerator}/{self.denominator}"

    def __format__(self, spec: str) -> str:
        """Format the text; with a format, the float."""
        return format(float(self), spec) if spec else str(self)


Scale: TypeAlias = int | Ratio
"""HR size over LR size; whole ones are integers."""


def as_scale(value: object) -> Scale:
    """Return the scale that a user gives.

    Parameters
    ----------
    value : int, float, Fraction or str
        ``4``, ``2.5``, ``"2.5"``, ``"5/2"``; from 3/2 to 64, with a denominator of at most 20.

    Raises
    ------
    InvalidValueError
        It is no such number; the text names the nearest that is.
    """
    if type(value) is int and 2 <= value <= LARGEST_SCALE:
        return value
    exact = _exact(value)
    if exact is None or not _is_in_range(exact):
        raise InvalidValueError(
            f"scale must be a number from {float(SMALLEST_SCALE)} to {LARGEST_SCALE}, such as 4, "
            f"2.5 or 7/3, got {_shown(value)}"
        )
    near = exact.limit_denominator(_LARGEST_DENOMINATOR)
    if isinstance(value, float) and abs(near - exact) < _AS_FLOAT * exact:
        exact = near
    if exact != near:
        raise InvalidValueError(
            f"scale must be a ratio with a denominator of at most {_LARGEST_DENOMINATOR}, since "
            f"HR sides are multiples of its numerator, got {_shown(value)}; the nearest is "
            f"{_reduced(near)}"
        )
    return _reduced(exact)


def _is_in_range(exact: Fraction) -> bool:
    return SMALLEST_SCALE <= exact <= LARGEST_SCALE


def _exact(value: Any) -> Fraction | None:
    if isinstance(value, bool):
        return None
    if hasattr(value, "__index__"):  # NumPy's integers too
        return Fraction(value.__index__())
    if isinstance(value, str):
        value = value.strip().removeprefix("×").removeprefix("x")
    try:
        return Fraction(value)
    except (ValueError, TypeError, ZeroDivisionError, OverflowError):
        return None


def _shown(value: object) -> str:
    return printable(str(value))[:40] or "nothing"


def _reduced(exact: Fraction) -> Scale:
    return exact.numerator if exact.denominator == 1 else Ratio(exact)


def hr_unit(scale: Scale) -> int:
    """Return n: sides of HR are multiples of it."""
    return scale.numerator


def lr_unit(scale: Scale) -> int:
    """Return d: sides of LR are multiples of it; 1 at whole scales."""
    return scale.denominator


def fits(side: int, scale: Scale) -> bool:
    """Return whether HR may have this side: a multiple of :func:`hr_unit`, above 0."""
    return side > 0 and side % scale.numerator == 0


def fitting_side(side: int, scale: Scale) -> int:
    """Return the largest side of HR that is at most ``side`` and fits; it may be 0."""
    return side - side % scale.numerator


def lr_side(side: int, scale: Scale) -> int:
    """Return how many LR pixels so many HR pixels are, rounded down."""
    return side * scale.denominator // scale.numerator


def hr_side(side: int, scale: Scale) -> int:
    """Return how many HR pixels so many LR pixels are.

    Raises
    ------
    InvalidValueError
        ``side`` is no multiple of :func:`lr_unit`.
    """
    if side % scale.denominator:
        raise InvalidValueError(
            f"at ×{scale} LR pixels must be a multiple of {scale.denominator}, got {side}"
        )
    return side // scale.denominator * scale.numerator


def hr_box(lr_box: Box, scale: Scale) -> Box:
    """Return the box of HR that a box of LR shows; both begin and end between pixels.

    Raises
    ------
    InvalidValueError
        A number of the box is no multiple of :func:`lr_unit`.
    """
    top, left, height, width = (hr_side(side, scale) for side in lr_box)
    return top, left, height, width


def first_pixel(lr_pixel: int, scale: Scale) -> int:
    """Return floor(i·scale) of LR pixel i: which HR pixel it begins in.

    A kernel that lies on that HR pixel, moved on by the part of a pixel that is left, makes LR
    pixel i.
    """
    return lr_pixel * scale.numerator // scale.denominator


def side_wanted(scale: Scale) -> str:
    """Return what a side of HR must be, in words: ``a multiple of 5 (×2.5 is 5/2)``."""
    why = "" if isinstance(scale, int) else f" (×{scale} is {scale.numerator}/{scale.denominator})"
    return f"a multiple of {scale.numerator}{why}"


def centre_offset(scale: Scale) -> float:
    """Return where on HR the centre of LR's first pixel lies, in HR pixels: (scale - 1)/2."""
    return (scale.numerator - scale.denominator) / (2 * scale.denominator)


def scale_of_sizes(
    hr: Sequence[int], lr: Sequence[int], *, expected: Sequence[Scale | None] = ()
) -> Scale | None:
    """Return the scale of an HR and an LR image, or None where their sizes are of none.

    Parameters
    ----------
    hr, lr : (height, width)
        HR's sides are exactly ``scale`` times LR's. A ratio with a denominator above 4 is taken
        for chance, as 1000 over 301 is, unless it is expected.
    expected : sequence of Scale
    """
    (height, width), (low, narrow) = hr[:2], lr[:2]
    if min(low, narrow) < 1:
        return None
    exact = Fraction(height, low)
    if Fraction(width, narrow) != exact or not _is_in_range(exact):
        return None
    return _reduced(exact) if exact.denominator <= _LARGEST_READ or exact in expected else None


def is_rounded(hr: Sequence[int], lr: Sequence[int], scale: Scale) -> bool:
    """Return whether each side of LR is that of HR over ``scale``, rounded down or up.

    Parameters
    ----------
    hr, lr : (height, width)
    scale : Scale
    """
    n, d = scale.numerator, scale.denominator
    return all(abs(low * n - high * d) < n for high, low in zip(hr[:2], lr[:2], strict=True))


def common_sides(
    hr: Sequence[int], lr: Sequence[int], scale: Scale
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the largest sides that both images have and that fit the scale; they may be 0.

    Parameters
    ----------
    hr, lr : (height, width)
    scale : Scale

    Returns
    -------
    hr, lr : (height, width)
    """
    n, d = scale.numerator, scale.denominator
    down, right = (min(high // n, low // d) for high, low in zip(hr[:2], lr[:2], strict=True))
    return (down * n, right * n), (down * d, right * d)


def rounded_scale(hr: Sequence[int], lr: Sequence[int]) -> Scale | None:
    """Return the simplest scale by which LR's sides are HR's, or are rounded; None: there is none.

    Parameters
    ----------
    hr, lr : (height, width)
    """
    exact = Fraction(hr[0], max(lr[0], 1))
    is_exact = exact == Fraction(hr[1], max(lr[1], 1))
    if is_exact and _is_in_range(exact) and exact.denominator <= _DECIMAL:
        return _reduced(exact)
    for d in range(1, _LARGEST_DENOMINATOR + 1):
        least = max(high * d // (low + 1) + 1 for high, low in zip(hr[:2], lr[:2], strict=True))
        for n in (max(round(exact * d), least), least):
            scale = Fraction(n, d)
            if _is_in_range(scale) and is_rounded(hr, lr, _reduced(scale)):
                return _reduced(scale)
    return None


def border_of(scale: Scale) -> int:
    """Return how many pixels of HR and SR the field leaves out along each edge: the scale."""
    return math.ceil(scale)


def nearest_scale(scale: Scale, known: Sequence[int]) -> int:
    """Return the one of ``known`` whose ratio to ``scale`` is nearest to 1, the larger of two."""
    return min(known, key=lambda other: (abs(math.log(other / scale)), -other))


def whole_scale(scale: Scale, why: str) -> int:
    """Return a whole scale.

    Parameters
    ----------
    scale : Scale
    why : str
        What needs a whole one, and what to do about it, for people.

    Raises
    ------
    InvalidValueError
        It is a :class:`Ratio`.
    """
    if not isinstance(scale, int):
        raise InvalidValueError(f"×{scale} is no whole scale: {why}")
    return scale


def scale_number(scale: Scale) -> int | float:
    """Return the scale as a plain number, for people and for other programs."""
    return scale if isinstance(scale, int) else float(scale)


def scale_to_json(scale: Scale) -> int | list[int]:
    """Return the scale as files keep it: an integer, or [n, d]."""
    return scale if isinstance(scale, int) else [scale.numerator, scale.denominator]


def scale_from_json(value: object) -> Scale:
    """Do the reverse of :func:`scale_to_json`; also [4, 1] is 4.

    Raises
    ------
    InvalidValueError
        ``value`` is no scale, or [n, d] is not in lowest terms.
    """
    if isinstance(value, list | tuple) and len(value) == 2:
        n, d = value
        if type(n) is int and type(d) is int and d > 0 and math.gcd(n, d) == 1:
            return as_scale(Fraction(n, d))
    elif type(value) is int:
        return as_scale(value)
    raise InvalidValueError(
        f"scale must be an integer or [n, d] in lowest terms, got {_shown(value)}"
    )

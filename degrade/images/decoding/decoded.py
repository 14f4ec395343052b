"""What a decoder gives of an image file, whatever its format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from degrade.arrays import AnyArray
from degrade.images.headers import ImageHeader

__all__ = ["Decoded", "Decoder"]


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """The pixels of an image file as they are stored.

    Attributes
    ----------
    pixels : (H, W, 3) uint8 or uint16 array
        RGB on the full range of the type, before any rotation that the header tells.
    alpha : (H, W) array or None
        Of the type of ``pixels``; the colours are not multiplied by it.
    profile : bytes or None
        The ICC profile as it is embedded.
    notes : tuple of str
        What decoding changed, such as ``gray``.
    is_upright : bool
        The decoder has turned the pixels already: what the header tells is not applied again.
    inks : (H, W, 4) array or None
        Of the type of ``pixels``: what light each of CMYK's inks lets through, so that the largest
        value is no ink (as Adobe's JPEG files store it). ``pixels`` were made from it without a
        profile.
    coding : tuple of int or None
        Primaries, transfer and matrix (ITU-T H.273) that the container tells, as in ``nclx``.
    """

    pixels: AnyArray
    alpha: AnyArray | None = None
    profile: bytes | None = None
    notes: tuple[str, ...] = ()
    is_upright: bool = False
    inks: AnyArray | None = None
    coding: tuple[int, int, int] | None = None


Decoder: TypeAlias = Callable[[bytes, ImageHeader], Decoded]
"""Decodes the file given whole; InvalidValueError, with the true reason, when it cannot."""

"""Colours as the file means them, in sRGB: what it says of them, and what that makes of pixels."""

from __future__ import annotations

from degrade.images.colour.hook import colours_of, is_for_colour, refuse_by_colour, to_srgb

__all__ = ["colours_of", "is_for_colour", "refuse_by_colour", "to_srgb"]

"""Limits that the command line states without importing what enforces them."""

__all__ = ["MAX_PIXELS", "MOST_MIRRORED"]

MAX_PIXELS = 200_000_000
"""Images with more pixels are refused unless the caller raises the cap."""

MOST_MIRRORED = 256
"""LR pixels beyond a photo's ends: more than any network that is known here sees."""

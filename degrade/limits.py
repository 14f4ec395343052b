"""Limits that the command line states without importing what enforces them."""

__all__ = ["MAX_PIXELS"]

MAX_PIXELS = 200_000_000
"""Images with more pixels are refused unless the caller raises the cap."""

"""Pillow as the decoders want it."""

from __future__ import annotations

from PIL import Image

__all__ = ["Image"]

# Ours (MAX_PIXELS) is another limit, and is asked before anything is decoded.
Image.MAX_IMAGE_PIXELS = None

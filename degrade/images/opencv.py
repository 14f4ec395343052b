"""OpenCV as the decoders and encoders want it: its settings are read once, when it is loaded."""

from __future__ import annotations

import os

# Ours (MAX_PIXELS) is stricter and is checked first.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(2**30))
# Each failure is reported by the file's name; OpenCV's own lines would only repeat it.
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")

import cv2

__all__ = ["cv2"]

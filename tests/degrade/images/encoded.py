"""Photos as image files, put together by OpenCV and by hand."""

from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np


def make_photo(height: int = 40, width: int = 56) -> np.ndarray:
    """A smooth colour image with some texture, so that JPEG keeps it close."""
    rows, columns = np.mgrid[:height, :width]
    rgb = np.stack([rows * 4, columns * 3, 128 + 60 * np.sin(rows / 5 + columns / 7)], axis=2)
    return rgb.clip(0, 255).astype(np.uint8)


def encode(ending: str, rgb: np.ndarray, *options: int) -> bytes:
    done, data = cv2.imencode(ending, rgb[..., ::-1] if rgb.ndim == 3 else rgb, options)
    assert done
    return data.tobytes()


def exif(orientation: int) -> bytes:
    entry = struct.pack("<HHIHH", 274, 3, 1, orientation, 0)
    return b"II*\0" + struct.pack("<IH", 8, 1) + entry + struct.pack("<I", 0)


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def with_exif(data: bytes, orientation: int) -> bytes:
    if data.startswith(b"\xff\xd8"):
        body = b"Exif\0\0" + exif(orientation)
        return data[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:]
    return data[:33] + png_chunk(b"eXIf", exif(orientation)) + data[33:]

"""PNG: checked and unpacked here; filters undone by compiled code, kornia-rs or OpenCV.

Whichever does it, the pixels are the same. The compiled code takes files without a palette whose
channels have 8 or 16 bits; kornia-rs, where it is installed, plain ones of 8 bits.
"""

from __future__ import annotations

import functools
import zlib
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from degrade.arrays import AnyArray, U8Array
from degrade.compiled import is_compiled
from degrade.compiled.png_rows import undo_filters
from degrade.images.decoding.by_opencv import decode_by_opencv
from degrade.images.decoding.decoded import Decoded
from degrade.images.decoding.png_stream import UnpackedPng, unpack_png
from degrade.images.headers import ImageHeader
from degrade.images.headers.png import png_chunks
from degrade.images.opencv import cv2

__all__ = ["decode_faster", "decode_png"]

_LARGEST_PROFILE = 1 << 25
_GRAY, _RGB, _GRAY_ALPHA, _RGB_ALPHA = 0, 2, 4, 6
_DecodePng = Callable[[bytes, tuple[int, int], str], U8Array]


def decode_png(data: bytes, header: ImageHeader) -> Decoded:
    """Decode a PNG file; as :data:`degrade.images.decoding.decoded.Decoder` says."""
    unpacked = unpack_png(data)
    decoded = _from_rows(unpacked, header) if is_compiled() else None
    if decoded is None:
        plain = unpacked.as_file()
        del unpacked  # as large as the pixels
        pixels = decode_faster(plain, header)
        decoded = decode_by_opencv(plain, header) if pixels is None else Decoded(pixels)
    if header.has_alpha and decoded.alpha is None and header.channels == 1:
        decoded = replace(decoded, alpha=_alpha_of_gray(data, header, decoded.pixels))
    return replace(decoded, profile=_profile(data))


def _alpha_of_gray(data: bytes, header: ImageHeader, pixels: AnyArray) -> AnyArray | None:
    """Return the alpha that a transparent level (tRNS) makes, which OpenCV passes over."""
    for kind, start, length in png_chunks(data):
        if kind == b"tRNS" and length == 2:
            most = (1 << header.bit_depth) - 1
            level = int.from_bytes(data[start : start + 2]) & most
            peak = np.iinfo(pixels.dtype).max
            alpha: AnyArray = np.full(pixels.shape[:2], peak, pixels.dtype)
            alpha[pixels[..., 0] == level * (peak // most)] = 0
            return alpha
    return None


def _from_rows(unpacked: UnpackedPng, header: ImageHeader) -> Decoded | None:
    """Return the pixels of a file that needs nothing but its filters undone; else None."""
    depth, colour, is_interlaced = unpacked.head[0][16], unpacked.head[0][17], unpacked.head[0][20]
    channels = {_GRAY: 1, _RGB: 3, _GRAY_ALPHA: 2, _RGB_ALPHA: 4}.get(colour)
    if channels is None or depth < 8 or is_interlaced or len(unpacked.head) > 1:
        return None
    ((rows, length),) = unpacked.passes
    bytes_ = undo_filters(unpacked.content.reshape(rows, length), channels * depth // 8)
    if bytes_ is None:
        return None
    if depth == 16:
        bytes_ = bytes_.view(">u2").astype(np.uint16)
    pixels = bytes_.reshape(header.height, header.width, channels)
    alpha = np.ascontiguousarray(pixels[..., -1]) if colour in (_GRAY_ALPHA, _RGB_ALPHA) else None
    if colour in (_GRAY, _GRAY_ALPHA):
        return Decoded(
            cv2.cvtColor(pixels[..., :1], cv2.COLOR_GRAY2RGB),
            alpha,
            notes=("gray",) * (colour == _GRAY),
        )
    return Decoded(np.ascontiguousarray(pixels[..., :3]), alpha)


def _profile(data: bytes) -> bytes | None:
    """Return the ICC profile; None when there is none that can be unpacked."""
    for kind, start, length in png_chunks(data):
        if kind == b"iCCP":
            packed = data[start : start + length].partition(b"\x00")[2][1:]
            stream = zlib.decompressobj()
            try:
                profile = stream.decompress(packed, _LARGEST_PROFILE)
            except zlib.error:
                return None
            return profile if stream.eof else None
        if kind == b"IDAT":
            break
    return None


def decode_faster(data: bytes, header: ImageHeader) -> U8Array | None:
    """Decode a PNG file by kornia-rs, when it is installed and the file is plain.

    Parameters
    ----------
    data : bytes
        The file.
    header : ImageHeader
        Of the file.

    Returns
    -------
    (H, W, 3) uint8 array or None
        RGB as stored, before any EXIF rotation. None: use the ordinary decoder, which also has
        the last word on files that are damaged.
    """
    is_plain = header.format == "png" and header.bit_depth == 8 and header.channels == 3
    decode = _png_decoder() if is_plain and not header.has_alpha else None
    if decode is None:
        return None
    # Whatever it dislikes about a file, or a version of it about this call: OpenCV decides.
    try:
        pixels = np.asarray(decode(data, (header.height, header.width), "rgb"))
    except Exception:
        return None
    expected = (header.height, header.width, 3)
    return pixels if pixels.shape == expected and pixels.dtype == np.uint8 else None


@functools.cache
def _png_decoder() -> _DecodePng | None:
    """Return kornia-rs's decoder, 2 to 3 times as fast as OpenCV's; None without the library."""
    try:
        from kornia_rs.io import decode_image_png_u8
    except ImportError:
        return None
    decode: _DecodePng = decode_image_png_u8
    return decode

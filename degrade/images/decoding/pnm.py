"""PBM, PGM and PPM: bare samples, whose white the file tells."""

from __future__ import annotations

import re

import numpy as np

from degrade.arrays import AnyArray
from degrade.errors import InvalidValueError
from degrade.images.decoding.decoded import Decoded
from degrade.images.headers import ImageHeader
from degrade.images.headers.pnm import samples_at

__all__ = ["decode_pnm"]

_COMMENT = re.compile(rb"#[^\n]*")
_STRIP = 1 << 20


def decode_pnm(data: bytes, header: ImageHeader) -> Decoded:
    """Decode a Netpbm file; as :data:`degrade.images.decoding.decoded.Decoder` says."""
    kind, start = data[1:2], samples_at(data)
    shape = (header.height, header.width, header.channels)
    count = header.height * header.width * header.channels
    if kind == b"4":
        packed = -(-header.width // 8)
        bits = np.frombuffer(data, np.uint8, packed * header.height, start + 1)
        rows = np.unpackbits(bits.reshape(header.height, packed), axis=1)[:, : header.width]
        samples: AnyArray = 1 - rows.reshape(-1)
    elif kind in b"56":
        samples = np.frombuffer(data, ">u2" if header.white > 255 else np.uint8, count, start + 1)
    else:
        samples = _told_in_digits(data[start:], count, is_bitmap=kind == b"1")
    levels = _full_range(samples, header.white).reshape(shape)
    if header.channels == 1:
        return Decoded(levels.repeat(3, axis=2), notes=("gray",))
    return Decoded(levels)


def _told_in_digits(text: bytes, count: int, *, is_bitmap: bool) -> AnyArray:
    text = _COMMENT.sub(b" ", text) if b"#" in text else text
    if is_bitmap:  # of which each digit is a sample, with or without spaces; 1 is black
        samples: AnyArray = np.frombuffer(b"".join(text.split())[:count], np.uint8)
        samples = ord("1") - samples.astype(np.int64)
    else:
        words = text.split(maxsplit=count)[:count]
        if not all(word.isdigit() and len(word) < 6 for word in words):
            raise InvalidValueError("what should be its pixels is no number: it is damaged")
        samples = np.array(words, np.int64)
    if len(samples) < count:
        raise InvalidValueError("the file was cut short: pixels are missing")
    return samples


def _full_range(samples: AnyArray, white: int) -> AnyArray:
    """Return samples of 0 … white on the full range of 8 bits, or of 16 when they need them."""
    if samples.size and not 0 <= int(samples.min()) <= int(samples.max()) <= white:
        raise InvalidValueError("a pixel is brighter than its white: it is damaged")
    dtype, peak = (np.uint8, 255) if white < 256 else (np.uint16, 65535)
    if white == peak:
        return samples.astype(dtype)
    levels = np.empty(samples.shape, dtype)
    for start in range(0, len(samples), _STRIP):
        part = samples[start : start + _STRIP].astype(np.uint32)
        levels[start : start + _STRIP] = (part * peak + white // 2) // white
    return levels

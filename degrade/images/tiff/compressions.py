"""How the segments of TIFF files are compressed, each way undone strictly.

A way either gives every byte that it should, or an error: nothing is filled in, and no more is
unpacked than fits. Two kinds: some give bytes, which the page says how to read; others are image
formats of their own and give samples.
"""

from __future__ import annotations

import lzma
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import imagecodecs
import numpy as np

from degrade.arrays import AnyArray, U8Array
from degrade.errors import InvalidValueError
from degrade.images.tiff.jpeg_segments import fill_from_jpeg
from degrade.images.tiff.lzw import unpack_lzw
from degrade.images.tiff.pages import TiffPage

__all__ = ["BYTE_CODECS", "IMAGE_CODECS", "ByteCodec", "ImageCodec", "check_compression"]

_LZMA_MEMORY = 2**29


@dataclass(frozen=True, slots=True)
class ByteCodec:
    """A compression of bytes.

    Attributes
    ----------
    unpack : callable
        ``unpack(segment, out)`` fills ``out``, a (N,) uint8 array, from its beginning and returns
        how many bytes there are. More than fit: any error, or a larger number.
    expansion : int
        Bytes that one compressed byte can give, at most.
    differences : bool
        Samples may be stored as differences from their left neighbours (tag 317).
    """

    unpack: Callable[[bytes, U8Array], int]
    expansion: int
    differences: bool = True


ImageCodec: TypeAlias = Callable[[bytes, TiffPage, AnyArray], None]
"""Fills an (h, w, samples) array from a segment; any error when its size or type is another."""


def _stored(segment: bytes, out: U8Array) -> int:
    """Nothing is compressed; what is left behind the last row is padding."""
    count = min(len(segment), len(out))
    out[:count] = np.frombuffer(segment, np.uint8, count)
    return count


def _deflate(segment: bytes, out: U8Array) -> int:
    return len(imagecodecs.deflate_decode(segment, out=out.data))


def _packbits(segment: bytes, out: U8Array) -> int:
    try:
        return len(imagecodecs.packbits_decode(segment, out=out.data))
    except RuntimeError:
        # Padded to an even number of bytes, which begins no run.
        if len(segment) % 2 or segment[-1:] not in (b"\x00", b"\x80"):
            raise
        return len(imagecodecs.packbits_decode(segment[:-1], out=out.data))


def _zstd(segment: bytes, out: U8Array) -> int:
    return len(imagecodecs.zstd_decode(segment, out=out.data))


def _xz(segment: bytes, out: U8Array) -> int:
    decoder = lzma.LZMADecompressor(memlimit=_LZMA_MEMORY)
    unpacked = decoder.decompress(segment, len(out) + 1)
    if not decoder.eof:  # behind the last byte comes the end mark with its checksum
        decoder.decompress(b"", 1)
    if not decoder.eof:
        raise RuntimeError("no end mark")
    out[: len(unpacked)] = np.frombuffer(unpacked[: len(out)], np.uint8)
    return len(unpacked)


BYTE_CODECS: dict[int, ByteCodec] = {
    1: ByteCodec(_stored, 1, differences=False),
    5: ByteCodec(unpack_lzw, 4096),
    8: ByteCodec(_deflate, 1032),
    32773: ByteCodec(_packbits, 64, differences=False),
    32946: ByteCodec(_deflate, 1032),
    34925: ByteCodec(_xz, 2**16),
    50000: ByteCodec(_zstd, 2**16),
    34926: ByteCodec(_zstd, 2**16),
}
"""By the number in tag 259."""


def _webp(segment: bytes, page: TiffPage, out: AnyArray) -> None:
    imagecodecs.webp_decode(segment, hasalpha=out.shape[2] == 4, out=out)


def _jpegxl(segment: bytes, page: TiffPage, out: AnyArray) -> None:
    place = _without_one_sample(out)
    imagecodecs.jpegxl_decode(segment, keeporientation=True, numthreads=1, out=place)


def _lerc(segment: bytes, page: TiffPage, out: AnyArray) -> None:
    inner = page.integers(50674)[1:2].tolist() or [0]
    if inner != [0]:  # compressed once more, by deflate or zstd
        unpack = {1: _deflate, 2: _zstd}[inner[0]]
        room = np.empty(out.nbytes * 2 + 4096, np.uint8)
        segment = room[: unpack(segment, room)].tobytes()
    imagecodecs.lerc_decode(segment, out=_without_one_sample(out))


def _without_one_sample(out: AnyArray) -> AnyArray:
    return out[..., 0] if out.shape[2] == 1 else out


IMAGE_CODECS: dict[int, ImageCodec] = {
    7: fill_from_jpeg,
    34887: _lerc,
    50001: _webp,
    50002: _jpegxl,
    52546: _jpegxl,
}
"""By the number in tag 259."""

_OTHERS = {
    # Their decoders fill damaged lines; and a fax is no photo.
    2: "CCITT Huffman",
    3: "CCITT fax 3",
    4: "CCITT fax 4",
    6: "JPEG of the old style",
    9: "JBIG",
    10: "JBIG",
    262: "Kodak's",
    32766: "NeXT's",
    32767: "Sony's raw",
    32771: "CCITT Huffman of words",
    32809: "ThunderScan",
    32895: "Jpeg2000 of IT8",
    32908: "PixarFilm",
    32909: "PixarLog",
    32947: "Kodak's DCS",
    33003: "JPEG 2000",
    33004: "JPEG 2000",
    33005: "JPEG 2000",
    34661: "JBIG",
    34676: "SGI's LogLuv",
    34677: "SGI's LogLuv of 24 bits",
    34712: "JPEG 2000",
    34713: "Nikon's raw",
    34892: "JPEG with loss of DNG",
    34933: "PNG",
    34934: "JPEG XR",
    22610: "JPEG XR",
    50013: "PixTiff's",
}


def check_compression(number: int) -> None:
    """Refuse a compression that is not read; InvalidValueError names it."""
    if number not in BYTE_CODECS and number not in IMAGE_CODECS:
        name = _OTHERS.get(number, "an unknown one")
        raise InvalidValueError(
            f"its compression is {name} ({number}), which is not read: "
            "save it with LZW, deflate or without compression"
        )

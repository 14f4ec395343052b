"""What is no photo, or a part of one, and what claims to be large."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile

from degrade.errors import InputError
from degrade.images.image_io import decode_photo
from tests.degrade.images.encoded import encode, make_photo, png_chunk, with_exif

NAME = Path("photo.any")


SAMPLES = {
    "jpeg": encode(".jpg", make_photo()),
    "progressive jpeg": encode(".jpg", make_photo(), cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    "gray jpeg": encode(".jpg", make_photo()[..., 0]),
    "png": encode(".png", make_photo()),
    "16-bit png": encode(".png", make_photo().astype(np.uint16) * 257),
    "webp": encode(".webp", make_photo(), cv2.IMWRITE_WEBP_QUALITY, 80),
    "lossless webp": encode(".webp", make_photo(), cv2.IMWRITE_WEBP_QUALITY, 101),
    "tiff": encode(".tiff", make_photo()),
    "raw tiff": encode(".tiff", make_photo(), cv2.IMWRITE_TIFF_COMPRESSION, 1),
    "bmp": encode(".bmp", make_photo()),
    "ppm": encode(".ppm", make_photo()),
    "rotated jpeg": with_exif(encode(".jpg", make_photo()), 6),
}


@pytest.mark.parametrize("kind", SAMPLES)
def test_decode_photo_refuses_every_cut(kind: str) -> None:
    data = SAMPLES[kind]
    decode_photo(data, NAME)
    cuts = {len(data) * part // 20 for part in range(20)} | {len(data) - 1, len(data) - 9}
    for cut in sorted(cuts):
        with pytest.raises(InputError, match=r"photo\.any: "):
            decode_photo(data[:cut], NAME)


@pytest.mark.parametrize("kind", SAMPLES)
def test_decode_photo_raises_nothing_but_input_errors(kind: str) -> None:
    rng = np.random.default_rng(zlib.crc32(kind.encode()))
    original = np.frombuffer(SAMPLES[kind], np.uint8)
    for _ in range(150):
        data = original.copy()
        # Half the damage goes into the header, where it does more than change pixels.
        reach = data.size if rng.random() < 0.5 else min(64, data.size)
        places = rng.integers(reach, size=rng.integers(1, 5))
        data[places] = rng.integers(256, size=places.size)
        if rng.random() < 0.2:
            data = np.delete(data, np.arange(*np.sort(rng.integers(data.size, size=2))))
        try:
            photo = decode_photo(data.tobytes(), NAME, max_pixels=1_000_000)
        except InputError:
            continue
        assert photo.pixels.ndim == 3
        assert photo.pixels.shape[2] == 3


def _bomb_png(width: int, height: int) -> bytes:
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    end = png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"IDAT", zlib.compress(b"\0" * 9)) + end


BOMBS = [
    _bomb_png(20_000, 20_000),
    _bomb_png(2**31 - 1, 2**31 - 1),
    b"P6 20000 20000 255\n",
    b"P6 999999999 999999999 255\n",
    b"BM" + b"\0" * 12 + struct.pack("<IiiHH", 40, 20_000, -20_000, 1, 24) + b"\0" * 24,
    b"\xff\xd8\xff\xc0" + struct.pack(">HBHHB", 17, 8, 65000, 65000, 3) + b"\0" * 9 + b"\xff\xd9",
]


@pytest.mark.parametrize("data", BOMBS, ids=lambda data: ascii(data[:8]))
def test_decode_photo_refuses_bombs_by_their_header(data: bytes) -> None:
    with pytest.raises(InputError, match="more than 200000000 pixels"):
        decode_photo(data, NAME)


def test_decode_photo_refuses_above_the_callers_cap() -> None:
    data = encode(".png", make_photo(40, 56))
    with pytest.raises(InputError, match=r"56×40 is more than 2239 pixels; .*`max_pixels`"):
        decode_photo(data, NAME, max_pixels=40 * 56 - 1)
    decode_photo(data, NAME, max_pixels=40 * 56)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"no image at all", "not an image"),
        (encode(".png", make_photo())[:33] + png_chunk(b"acTL", b"\0" * 8), "several images"),
        (encode(".tiff", np.ones((4, 4), np.float32)), "floating-point"),
        (b"P5 3 2 1023\n" + b"\xff" * 12, "brighter than its white"),
    ],
    ids=ascii,
)
def test_decode_photo_says_why_and_what_to_do(data: bytes, reason: str) -> None:
    with pytest.raises(InputError, match=reason) as caught:
        decode_photo(data, NAME)
    assert caught.value.remedy
    assert "\n" not in str(caught.value)


def test_decode_photo_says_once_what_to_do() -> None:
    signed = io.BytesIO()
    tifffile.imwrite(signed, np.ones((4, 4), np.int16), photometric="minisblack")
    with pytest.raises(InputError, match="save it") as caught:
        decode_photo(signed.getvalue(), NAME)
    assert not caught.value.remedy

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from degrade.jpeg.frame import JpegFrame, jpeg_frame
from degrade.jpeg.tables import jpeg_settings

PIXELS = np.random.default_rng(0).integers(0, 256, (24, 40, 3), dtype=np.uint8)


def saved(mode: str = "RGB", **settings: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(PIXELS).convert(mode).save(file, "JPEG", **settings)
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "frame"),
    [
        (saved(), JpegFrame("baseline", 8, "luma and chroma", 2)),
        (saved(progressive=True), JpegFrame("progressive", 8, "luma and chroma", 2)),
        (saved("L"), JpegFrame("baseline", 8, "gray", 1)),
        (saved("CMYK"), JpegFrame("baseline", 8, "CMYK", 1)),
        (saved(keep_rgb=True), JpegFrame("baseline", 8, "RGB", 1)),
        (saved(quality=100), JpegFrame("baseline", 8, "luma and chroma", 1)),
        (
            saved(qtables=[[n] * 64 for n in (1, 2, 3)]),
            JpegFrame("baseline", 8, "luma and chroma", 3),
        ),
    ],
)
def test_jpeg_frame_tells_how_the_file_is_built(data: bytes, frame: JpegFrame) -> None:
    found = jpeg_frame(data)
    assert found is not None
    assert (found.coding, found.bits, found.colours) == (frame.coding, frame.bits, frame.colours)
    assert found.tables == frame.tables and not found.pictures


def test_jpeg_frame_tells_of_more_pictures_twelve_bits_and_three_tables() -> None:
    file = io.BytesIO()
    picture = Image.fromarray(PIXELS)
    picture.save(file, "MPO", save_all=True, append_images=[picture])
    found = jpeg_frame(file.getvalue())
    assert found is not None and found.pictures
    data = bytearray(saved(qtables=[[n] * 64 for n in (1, 2, 3)]))
    frame = data.index(b"\xff\xc0")
    data[frame + 1], data[frame + 4] = 0xC1, 12
    data[frame + 10 + 8] = 2  # of the third part: its table
    found = jpeg_frame(bytes(data))
    assert found == JpegFrame("sequential", 12, "luma and chroma", 3)


ADOBE = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00"
JFIF = b"\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"


@pytest.mark.parametrize(
    ("head", "names", "is_rgb"),
    [
        (b"", b"RGB", True),
        (b"", b"\x01\x02\x03", False),
        (ADOBE + b"\x00", b"\x01\x02\x03", True),
        (ADOBE + b"\x01", b"RGB", False),
        (JFIF, b"RGB", False),
        (JFIF + ADOBE + b"\x00", b"\x01\x02\x03", False),
    ],
)
def test_jpeg_frame_tells_rgb_as_decoders_do(head: bytes, names: bytes, is_rgb: bool) -> None:
    data = saved(keep_rgb=True, quality=95)
    start = data.index(b"\xff\xdb")  # what stands before is left out
    frame, scan = data.index(b"\xff\xc0"), data.index(b"\xff\xda")
    body = bytearray(data)
    body[frame + 10 : frame + 19 : 3] = body[scan + 5 : scan + 11 : 2] = names
    file = b"\xff\xd8" + head + bytes(body[start:])
    found, settings = jpeg_frame(file), jpeg_settings(file)
    assert found is not None and settings is not None
    assert found.colours == ("RGB" if is_rgb else "luma and chroma")
    assert (settings.chroma is None) == is_rgb
    pixels = np.array(Image.open(io.BytesIO(file))).astype(int)
    assert (np.abs(pixels - PIXELS).mean() < 10) == is_rgb


def test_jpeg_frame_of_anything_else_is_none() -> None:
    assert jpeg_frame(b"\x89PNG") is None
    data = saved()
    assert jpeg_frame(data[: data.index(b"\xff\xc0") + 12]) is None
    for length in range(len(data)):
        jpeg_frame(data[:length])

from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from degrade.errors import InvalidValueError
from degrade.images.image_header import ImageHeader, read_header

PIXELS = np.random.default_rng(1).integers(0, 256, (7, 11, 3), dtype=np.uint8)

PNG_START = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"


def _encode(ending: str, pixels: np.ndarray = PIXELS) -> bytes:
    done, data = cv2.imencode(ending, pixels)
    assert done
    return data.tobytes()


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _exif(orientation: int, order: str = "<") -> bytes:
    mark = b"II*\0" if order == "<" else b"MM\0*"
    entry = struct.pack(order + "HHI", 274, 3, 1) + struct.pack(order + "HH", orientation, 0)
    return mark + struct.pack(order + "IH", 8, 1) + entry + struct.pack(order + "I", 0)


def _jpeg_with_exif(exif: bytes) -> bytes:
    data, body = _encode(".jpg"), b"Exif\0\0" + exif
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:]


def _png_with(kind: bytes, body: bytes) -> bytes:
    data = _encode(".png")
    return data[:33] + _chunk(kind, body) + data[33:]


def _tiff(*tags: tuple[int, int]) -> bytes:
    body = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + body + bytes(4)


def _vp8x(flags: int, *chunks: tuple[bytes, bytes]) -> bytes:
    size = (10).to_bytes(3, "little") + (6).to_bytes(3, "little")
    body = b"VP8X" + struct.pack("<I", 10) + bytes([flags, 0, 0, 0]) + size
    for kind, content in chunks:
        body += kind + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


@pytest.mark.parametrize(
    ("ending", "kind"),
    [
        (".png", "png"),
        (".jpg", "jpeg"),
        (".webp", "webp"),
        (".tiff", "tiff"),
        (".bmp", "bmp"),
        (".ppm", "pnm"),
    ],
)
def test_read_header_reads_size_and_format(ending: str, kind: str) -> None:
    header = read_header(_encode(ending))
    assert (header.format, header.height, header.width) == (kind, 7, 11)
    assert (header.bit_depth, header.channels, header.orientation) == (8, 3, 1)
    flags = (header.is_animated, header.is_float, header.is_cmyk, header.has_alpha)
    assert not any((*flags, header.missing_end))


@pytest.mark.parametrize("ending", [".png", ".tiff", ".ppm"])
def test_read_header_reads_16_bits(ending: str) -> None:
    assert read_header(_encode(ending, PIXELS.astype(np.uint16) * 257)).bit_depth == 16


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_read_header_reads_orientation(orientation: int, order: str) -> None:
    exif = _exif(orientation, order)
    for data in (
        _jpeg_with_exif(exif),
        _png_with(b"eXIf", exif),
        _vp8x(8, (b"EXIF", exif)),
        _vp8x(8, (b"ICCP", b"odd"), (b"EXIF", b"Exif\0\0" + exif)),
    ):
        header = read_header(data)
        assert header.orientation == orientation
        assert header.upright_size == ((7, 11) if orientation < 5 else (11, 7))


@pytest.mark.parametrize("value", [0, 9, 77, 65535])
def test_read_header_takes_invalid_orientations_for_upright(value: int) -> None:
    assert read_header(_jpeg_with_exif(_exif(value))).orientation == 1


def _entry(tag: int, kind: int, count: int, value: bytes, order: str) -> bytes:
    return struct.pack(order + "HHI", tag, kind, count) + value.ljust(4, b"\0")


def _odd_exif(order: str, kind: str) -> bytes:
    """Return a block that says 6 in a way that Pillow and libexif understand."""
    code = {"byte": ("B", 1), "long": ("I", 4), "signed": ("h", 8)}.get(kind, ("H", 3))
    value = struct.pack(order + code[0], 6) * (2 if kind == "twice" else 1)
    entry = _entry(274, code[1], 2 if kind == "twice" else 1, value, order)
    before = _entry(256, 4, 99, b"\xff" * 4, order) if kind == "other tag damaged" else b""
    gap = b"\0" * (3 if kind == "odd place" else 0)
    count = 1 + len(before) // 12 + (50 if kind == "more entries promised" else 0)
    mark = b"II*\0" if order == "<" else b"MM\0*"
    start = struct.pack(order + "I", 8 + len(gap))
    return mark + start + gap + struct.pack(order + "H", count) + before + entry


ODD_EXIF = (
    *("byte", "long", "signed", "twice", "odd place"),
    *("other tag damaged", "more entries promised"),
)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ODD_EXIF)
def test_read_header_reads_odd_exif_as_others_do(kind: str, order: str) -> None:
    exif = _odd_exif(order, kind)
    for data in (_jpeg_with_exif(exif), _png_with(b"eXIf", exif), _vp8x(8, (b"EXIF", exif))):
        assert read_header(data).orientation == 6


def _app1(body: bytes) -> bytes:
    return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body


XMP = b"http://ns.adobe.com/xap/1.0/\0<x tiff:Orientation='3'/>"


def test_read_header_finds_exif_among_other_segments() -> None:
    data = _encode(".jpg")
    exif = _app1(b"Exif\0\0" + _exif(8))
    other = b"\xff\xed" + struct.pack(">H", 2000) + bytes(1998)
    assert read_header(data[:2] + _app1(XMP) + other + exif + data[2:]).orientation == 8
    # The first of two counts, and XMP where EXIF says nothing.
    second = _app1(b"Exif\0\0" + _exif(3))
    assert read_header(data[:2] + exif + second + data[2:]).orientation == 8
    silent = _app1(b"Exif\0\0II*\0\x08\0\0\0\x01\0" + _entry(34853, 4, 1, b"\x1a", "<") + bytes(4))
    assert read_header(data[:2] + silent + data[2:]).orientation == 1
    assert read_header(data[:2] + silent + _app1(XMP) + data[2:]).orientation == 3


@pytest.mark.parametrize("kind", [b"zTXt", b"tEXt"])
def test_read_header_reads_exif_in_texts_of_png(kind: bytes) -> None:
    block = b"Exif\0\0" + _exif(6)
    text = b"\nexif\n      " + str(len(block)).encode() + b"\n" + block.hex().encode() + b"\n"
    packed = b"\0" + zlib.compress(text) if kind == b"zTXt" else text
    data = _png_with(kind, b"Raw profile type exif\0" + packed)
    assert read_header(data).orientation == 6
    assert read_header(_png_with(kind, b"Raw profile type exif\0junk")).orientation == 1
    assert read_header(_png_with(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP)).orientation == 3


@pytest.mark.parametrize("exif", [b"", b"II*\0", b"junk" * 9, _exif(6)[:-9], _exif(6)[:12]])
def test_read_header_takes_damaged_exif_for_upright(exif: bytes) -> None:
    assert read_header(_jpeg_with_exif(exif)).orientation == 1
    assert read_header(_png_with(b"eXIf", exif)).orientation == 1


def test_read_header_sees_animation_alpha_float_and_inks() -> None:
    assert read_header(_png_with(b"acTL", b"\0" * 8)).is_animated
    assert read_header(_png_with(b"tRNS", b"\0" * 6)).has_alpha
    assert read_header(_encode(".png", np.dstack([PIXELS, PIXELS[..., :1]]))).has_alpha
    assert read_header(_vp8x(2)).is_animated
    assert read_header(_vp8x(16)).has_alpha
    assert read_header(_tiff((256, 5), (257, 4), (339, 3))).is_float
    inks = read_header(_tiff((256, 5), (257, 4), (262, 5), (277, 4)))
    assert (inks.is_cmyk, inks.has_alpha, inks.upright_size) == (True, False, (4, 5))
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 20, 8, 7, 11, 4) + b"\0" * 12
    assert read_header(b"\xff\xd8" + frame + b"\xff\xd9").is_cmyk


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (b"P1 3 2\n", (2, 3)),
        (b"P4\n# note\n# more\n 3\t2\n", (2, 3)),
        (b"P5 3 2 255\n", (2, 3)),
        (b"P6\n3 2\n65535\n", (2, 3)),
        (b"P2 # x\n 3 2 255 ", (2, 3)),
    ],
)
def test_read_header_reads_netpbm(data: bytes, size: tuple[int, int]) -> None:
    assert read_header(data).upright_size == size


def test_read_header_skips_thumbnails_and_stops_at_the_first_end() -> None:
    thumbnail = _encode(".jpg", PIXELS[:4, :5])
    data = _jpeg_with_exif(_exif(1) + thumbnail)
    assert read_header(data).upright_size == (7, 11)
    assert not read_header(data + b"trailing bytes").missing_end


@pytest.mark.parametrize("ending", [".png", ".jpg", ".webp"])
def test_read_header_sees_that_the_end_is_missing(ending: str) -> None:
    data = _encode(ending)
    for cut in range(len(data) * 9 // 10, len(data)):
        assert read_header(data[:cut]).missing_end, cut


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"hello", "not an image"),
        (b"\x89PNG\r\n\x1a\n", "damaged"),
        (b"\xff\xd8\xff\xe0", "damaged"),
        (b"RIFF\0\0\0\0WEBPXXXX", "WebP header is damaged"),
        (b"II*\0", "damaged"),
        (b"II*\0\xff\xff\xff\xff", "damaged"),
        (b"BM", "damaged"),
        (b"P5 3", "PNM header"),
        (b"P5 3 2 65536\n", "white as 65536"),
        (b"P6 3 2 0\n", "as 0"),
        (b"GIF89a", "GIF"),
        (b"\xff\xd8\xff\xd9", "damaged"),
        (_tiff((256, 5)), "damaged"),
        (_tiff((256, 0), (257, 4)), "4"),
        (b"P6 0 2 255\n", "0×2"),
        (PNG_START + struct.pack(">IIBB", 5, 5, 8, 9) + b"\0" * 9, "damaged"),
    ],
    ids=ascii,
)
def test_read_header_says_what_is_wrong(data: bytes, reason: str) -> None:
    with pytest.raises(InvalidValueError, match=reason):
        read_header(data)


PREFIXES = [
    b"",
    PNG_START,
    b"\xff\xd8\xff",
    b"RIFF\x40\0\0\0WEBPVP8X",
    b"II*\0\x08\0\0\0",
    b"MM\0*\0\0\0\x08",
    b"BM",
    b"P5 ",
    b"P6\n",
    _jpeg_with_exif(b"")[:60],
    _encode(".tiff")[:8],
]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(PREFIXES), st.binary(max_size=120))
def test_read_header_raises_nothing_else_on_any_bytes(prefix: bytes, rest: bytes) -> None:
    try:
        header = read_header(prefix + rest)
    except InvalidValueError:
        return
    assert isinstance(header, ImageHeader)
    assert min(header.upright_size) >= 1

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from degrade.errors import InputError
from degrade.images.decoding import png as png_decoding
from degrade.images.decoding.png import decode_png
from degrade.images.image_header import read_header
from degrade.images.image_io import decode_photo
from tests.compiled_forms import all_forms

in_all_forms = all_forms(png_decoding)

NAME = Path("photo.png")
RGB = np.random.default_rng(0).integers(0, 256, (23, 31, 3), dtype=np.uint8)
ROWS = b"".join(b"\x00" + row.tobytes() for row in RGB)
OTHER = cv2.cvtColor(RGB, cv2.COLOR_RGB2GRAY)


def chunk(kind: bytes, body: bytes, crc: int | None = None) -> bytes:
    right = zlib.crc32(kind + body)
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", crc or right)


def png(rows: bytes = ROWS, *, packed: bytes | None = None, before: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", 31, 23, 8, 2, 0, 0, 0)
    stream = zlib.compress(rows) if packed is None else packed
    parts = (chunk(b"IHDR", header), before, chunk(b"IDAT", stream), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


PACKED = zlib.compress(ROWS)
DAMAGED = {
    "checksum of its IDAT": png()[:90] + b"xx" + png()[92:],
    "checksum of its tEXt": png(before=chunk(b"tEXt", b"a\0b", 7)),
    "fewer pixels": png(ROWS[:-1]),
    "more pixels": png(ROWS + bytes(94)),
    "fewer pixels, end cut": png(packed=PACKED[:-4]),
    "stream of its pixels": png(packed=PACKED[:-4] + b"abcd"),
    "stream of its pixels, inside": png(packed=PACKED[:200] + bytes(20) + PACKED[220:]),
    "no known filter": png(b"\x07" + ROWS[1:]),
    "a part that is not known": png(before=chunk(b"ABCD", b"x")),
}


@pytest.mark.parametrize("reason", DAMAGED)
def test_decode_png_refuses_damage_by_name(reason: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match=reason.split(",")[0]):
        decode_photo(DAMAGED[reason], NAME)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_decode_png_refuses_damage_in_every_kind_of_pixel(channels: int, deep: bool) -> None:
    pixels = np.dstack([RGB, OTHER])[..., :channels].astype(np.uint16 if deep else np.uint8)
    done, encoded = cv2.imencode(".png", pixels)
    data = encoded.tobytes()
    assert done
    decode_photo(data, NAME)
    for place in range(8, len(data) - 1, 11):
        with pytest.raises(InputError):
            decode_photo(data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :], NAME)


ODD = [
    chunk(b"iCCP", b"sRGB\0\0" + zlib.compress(b"junk" * 50)),
    chunk(b"iCCP", b"sRGB\0\0junkjunk"),
    chunk(b"gAMA", b"\0\0\xb1\x8f") * 2,
    chunk(b"eXIf", b"junk"),
    chunk(b"tIME", b"junk"),
    chunk(b"abCd", b"private"),
    chunk(b"tRNS", b"\0"),
]


@pytest.mark.parametrize("before", ODD, ids=ascii)
def test_decode_png_reads_odd_chunks_and_prints_nothing(
    before: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    np.testing.assert_array_equal(decode_photo(png(before=before), NAME).pixels, RGB)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_decode_png_reads_what_pillow_writes(mode: str) -> None:
    image = Image.fromarray(RGB)
    if mode == "I;16":
        image = Image.fromarray(OTHER.astype(np.uint16) * 257)
    elif mode != "RGB":
        image = image.convert(mode)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    photo = decode_photo(buffer.getvalue(), NAME)
    expected = np.asarray(image.convert("RGB")) if mode != "I;16" else photo.as_u8()
    np.testing.assert_array_equal(photo.as_u8(), expected)
    if mode == "I;16":
        np.testing.assert_array_equal(photo.pixels[..., 1], OTHER.astype(np.uint16) * 257)


def test_decode_png_reads_interlaced_files(shared_data: Path) -> None:
    data = (shared_data / "odd/pngsuite_basi2c08.png").read_bytes()
    by_opencv = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    pixels = decode_png(data, read_header(data)).pixels  # not yet of sRGB's gamma
    np.testing.assert_array_equal(pixels, by_opencv[..., ::-1])
    for size in range(1, 10):  # some passes are empty; zlib packs nothing of so few rows
        passes = [(-(-(size - x) // a), -(-(size - y) // b)) for x, y, a, b in ADAM7]
        rows = b"".join((b"\0" + bytes(w)) * h for w, h in passes if w > 0 and h > 0)
        header = struct.pack(">IIBBBBB", size, size, 8, 0, 0, 0, 1)
        parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
        assert not decode_photo(b"\x89PNG\r\n\x1a\n" + b"".join(parts), NAME).pixels.any()


ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
         (0, 1, 1, 2))  # fmt: skip


def test_decode_png_refuses_sizes_that_its_bytes_cannot_hold() -> None:
    header = struct.pack(">IIBBBBB", 13000, 13000, 8, 2, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", PACKED), chunk(b"IEND", b""))
    with pytest.raises(InputError, match="13000×13000 pixels do not fit into its"):
        decode_photo(b"\x89PNG\r\n\x1a\n" + b"".join(parts), NAME)
    done, encoded = cv2.imencode(".png", np.zeros((2000, 3000, 3), np.uint8), [16, 9])
    assert done
    assert decode_photo(encoded.tobytes(), NAME).pixels.shape == (2000, 3000, 3)


def test_decode_png_gives_its_profile() -> None:
    from degrade.images.decoding import DECODERS
    from degrade.images.image_header import read_header

    data = png(before=chunk(b"iCCP", b"a name\0\0" + zlib.compress(b"profile" * 50)))
    assert DECODERS["png"](data, read_header(data)).profile == b"profile" * 50


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("strategy", range(5))
def test_decode_png_gives_the_pixels_that_were_written(
    strategy: int, channels: int, deep: bool
) -> None:
    rng = np.random.default_rng(strategy)
    kind = np.uint16 if deep else np.uint8
    smooth = cv2.GaussianBlur(rng.uniform(0, 1, (53, 41, channels)), (0, 0), 2)
    written = (smooth * np.iinfo(kind).max).astype(kind).reshape(53, 41, channels)
    done, data = cv2.imencode(".png", written, (cv2.IMWRITE_PNG_STRATEGY, strategy))
    assert done
    decoded = decode_png(data.tobytes(), read_header(data.tobytes()))
    rgb = written[..., 2::-1] if channels > 1 else np.repeat(written, 3, axis=2)
    assert decoded.pixels.dtype == kind
    np.testing.assert_array_equal(decoded.pixels, rgb)
    if channels == 4:
        np.testing.assert_array_equal(decoded.alpha, written[..., 3])
    assert decoded.notes == ("gray",) * (channels == 1)

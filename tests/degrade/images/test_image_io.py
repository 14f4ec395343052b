from __future__ import annotations

import hashlib
import io
import os
import struct
import threading
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from degrade.errors import InputError
from degrade.images.image_io import (
    decode_photo,
    quantise,
    read_photo,
    read_photo_header,
)
from degrade.images.image_rows import RowLayout, open_rows
from tests.degrade.images.encoded import encode, make_photo, png_chunk, with_exif

NAME = Path("photo.any")


# EXIF 2.32: which side of the upright picture the stored row 0 and column 0 are.
STORED: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda upright: upright,  # top, left
    2: lambda upright: upright[:, ::-1],  # top, right
    3: lambda upright: upright[::-1, ::-1],  # bottom, right
    4: lambda upright: upright[::-1],  # bottom, left
    5: lambda upright: upright.transpose(1, 0, 2),  # left, top
    6: lambda upright: np.rot90(upright, 1),  # right, top: to be turned clockwise
    7: lambda upright: upright[::-1, ::-1].transpose(1, 0, 2),  # right, bottom
    8: lambda upright: np.rot90(upright, -1),  # left, bottom: to be turned counterclockwise
}


@pytest.mark.parametrize("ending", [".png", ".jpg"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_decode_photo_turns_upright(orientation: int, ending: str) -> None:
    upright = make_photo()
    stored = np.ascontiguousarray(STORED[orientation](upright))
    data = with_exif(encode(ending, stored, cv2.IMWRITE_JPEG_QUALITY, 98), orientation)
    photo = decode_photo(data, NAME)
    assert photo.pixels.shape == upright.shape
    assert np.abs(photo.pixels.astype(int) - upright).mean() < (2.5 if ending == ".jpg" else 1e-9)
    assert ("rotated" in photo.notes) == (orientation != 1)
    assert read_photo_header(data, NAME).upright_size == upright.shape[:2]


@pytest.mark.parametrize("ending", [".png", ".webp", ".tiff", ".bmp", ".ppm"])
def test_decode_photo_gives_rgb(ending: str) -> None:
    rgb = make_photo()
    data = encode(ending, rgb, cv2.IMWRITE_WEBP_QUALITY, 101)
    photo = decode_photo(data, NAME)
    assert np.array_equal(photo.pixels, rgb)
    assert photo.notes == ()
    assert photo.sha256 == hashlib.sha256(data).hexdigest()
    assert not photo.pixels.flags.writeable


@pytest.mark.parametrize("ending", [".png", ".tiff", ".ppm"])
def test_decode_photo_keeps_16_bits(ending: str) -> None:
    rgb = make_photo().astype(np.uint16) * 257 + np.arange(56, dtype=np.uint16)[:, None]
    photo = decode_photo(encode(ending, rgb), NAME)
    assert photo.pixels.dtype == np.uint16
    assert np.array_equal(photo.pixels, rgb)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("ending", [".png", ".tiff", ".pgm"])
def test_decode_photo_makes_three_channels_of_gray(ending: str, dtype: type) -> None:
    gray = (make_photo()[..., 2].astype(dtype)) * (257 if dtype is np.uint16 else 1)
    photo = decode_photo(encode(ending, gray), NAME)
    assert photo.notes == ("gray",)
    assert photo.pixels.dtype == dtype
    assert all(np.array_equal(photo.pixels[..., channel], gray) for channel in range(3))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("ending", [".png", ".tiff"])
def test_decode_photo_drops_alpha_without_blending(ending: str, dtype: type) -> None:
    rgb = make_photo().astype(dtype) * (257 if dtype is np.uint16 else 1)
    alpha = np.arange(rgb[..., 0].size).reshape(rgb.shape[:2]).astype(dtype) | dtype(1)
    done, data = cv2.imencode(ending, np.dstack([rgb[..., ::-1], alpha]))
    photo = decode_photo(data.tobytes(), NAME)
    assert done
    assert photo.notes == ("alpha dropped",)
    assert np.array_equal(photo.pixels, rgb)


@pytest.mark.parametrize(
    ("hidden", "share"),
    [
        (1, "1 of its pixels is"),
        (2, "2 of its pixels are"),
        (20, "0.89 % of it is"),
        (2230, "more than 99 % of it is"),
    ],
)
@pytest.mark.parametrize("ending", [".png", ".tiff"])
def test_decode_photo_refuses_transparent_parts(ending: str, hidden: int, share: str) -> None:
    rgb = make_photo()
    alpha = np.full(rgb.shape[:2], 255, np.uint8)
    alpha.flat[:hidden] = 0
    _, data = cv2.imencode(ending, np.dstack([rgb, alpha]))
    with pytest.raises(InputError, match=f": {share} transparent.*crop it") as caught:
        decode_photo(data.tobytes(), NAME)
    assert caught.value.remedy
    photo = decode_photo(data.tobytes(), NAME, keep_alpha=True)
    assert photo.alpha is not None and np.array_equal(photo.alpha, alpha)


def test_decode_photo_takes_a_channel_that_hides_everything_for_none() -> None:
    rgb = make_photo()
    _, data = cv2.imencode(".png", np.dstack([rgb[..., ::-1], np.zeros(rgb.shape[:2], np.uint8)]))
    photo = decode_photo(data.tobytes(), NAME)
    assert photo.notes == ("alpha dropped",) and np.array_equal(photo.pixels, rgb)


@pytest.mark.parametrize("depth", [2, 8, 16])
def test_decode_photo_sees_the_transparent_level_of_gray(depth: int) -> None:
    levels = {2: bytes([0b00_01_10_11]), 8: bytes([0, 85, 170, 255])}
    row = levels.get(depth) or np.array([0, 21845, 43690, 65535], ">u2").tobytes()
    level = {2: 2, 8: 170, 16: 43690}[depth]
    data = b"\x89PNG\r\n\x1a\n" + png_chunk(
        b"IHDR", struct.pack(">IIBBBBB", 4, 1, depth, 0, 0, 0, 0)
    )
    data += png_chunk(b"tRNS", struct.pack(">H", level))
    data += png_chunk(b"IDAT", zlib.compress(b"\0" + row)) + png_chunk(b"IEND", b"")
    with pytest.raises(InputError, match="25 % of it is transparent"):
        decode_photo(data, NAME)
    photo = decode_photo(data, NAME, keep_alpha=True)
    assert photo.alpha is not None and photo.alpha.dtype == photo.pixels.dtype
    assert np.array_equal(photo.alpha[0] == 0, [False, False, True, False])
    assert (photo.alpha[0, :2] == np.iinfo(photo.alpha.dtype).max).all()


def test_decode_photo_reads_palettes() -> None:
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 3, 2, 8, 3, 0, 0, 0))
    palette = png_chunk(b"PLTE", bytes([10, 20, 30, 200, 100, 50]))
    rows = png_chunk(b"IDAT", zlib.compress(b"\0\0\1\0" + b"\0\1\1\0"))
    data = b"\x89PNG\r\n\x1a\n" + header + palette + rows + png_chunk(b"IEND", b"")
    expected = np.array([[10, 20, 30], [200, 100, 50]])[[[0, 1, 0], [1, 1, 0]]]
    assert np.array_equal(decode_photo(data, NAME).pixels, expected)


def test_decode_photo_converts_inks(shared_data: Path) -> None:
    photo = read_photo(shared_data / "odd/pil_sample_cmyk.jpg")
    assert photo.notes == ("CMYK converted",)
    # From another decoder; an Adobe file whose inversion is missed would average near 240.
    assert photo.pixels.mean() == pytest.approx(14.4, abs=2)


def test_photo_as_float_and_as_u8_keep_the_levels() -> None:
    levels = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    photo = decode_photo(encode(".png", levels), NAME)
    assert np.array_equal(photo.as_u8()[..., 0], np.rint(levels / 257).astype(np.uint8))
    assert photo.as_float().dtype == np.float32
    assert photo.as_float()[0, 0, 0] == 0
    assert photo.as_float()[-1, -1, 0] == 1
    assert np.abs(photo.as_float()[..., 0] - levels / 65535).max() < 1e-7
    low = decode_photo(encode(".png", make_photo()), NAME)
    assert np.array_equal(quantise(low.as_float()), low.as_u8())


def test_read_photo_refuses_what_is_no_regular_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    failures: list[InputError] = []

    def read_all() -> None:
        for path in (tmp_path / "pipe.png", tmp_path, Path("/dev/zero"), tmp_path / "gone.png"):
            with pytest.raises(InputError) as caught:
                read_photo(path)
            failures.append(caught.value)

    worker = threading.Thread(target=read_all, daemon=True)
    worker.start()
    worker.join(120)
    assert len(failures) == 4, "reading hangs or raises something else"
    assert "No such file" in failures[3].reason


@pytest.mark.parametrize("ending", [".png", ".webp", ".tif"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_decode_photo_keeps_alpha_when_asked(ending: str, dtype: type) -> None:
    if (ending, dtype) == (".webp", np.uint16):
        return
    peak = np.iinfo(dtype).max
    bgra = np.full((5, 7, 4), peak // 3, dtype)
    bgra[..., 3] = np.linspace(peak // 4, peak, 35).reshape(5, 7)
    settings = [cv2.IMWRITE_WEBP_QUALITY, 101] if ending == ".webp" else []
    done, data = cv2.imencode(ending, bgra, settings)
    assert done
    photo = decode_photo(data.tobytes(), Path("x"), keep_alpha=True)
    assert photo.alpha is not None and photo.notes == ()
    np.testing.assert_array_equal(photo.alpha, bgra[..., 3])
    np.testing.assert_array_equal(photo.pixels, peak // 3)
    assert decode_photo(data.tobytes(), Path("x")).alpha is None


@pytest.mark.parametrize("orientation", range(1, 9))
def test_decode_photo_turns_alpha_with_the_colours(orientation: int) -> None:
    pixels = np.arange(15, dtype=np.uint8).reshape(3, 5, 1).repeat(4, axis=2)
    done, data = cv2.imencode(".png", pixels)
    assert done
    exif = b"MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01"
    exif += bytes((0, orientation, 0, 0)) + bytes(4)
    chunk = len(exif).to_bytes(4) + b"eXIf" + exif + zlib.crc32(b"eXIf" + exif).to_bytes(4)
    turned = data.tobytes()[:33] + chunk + data.tobytes()[33:]
    photo = decode_photo(turned, Path("x"), keep_alpha=True)
    assert photo.alpha is not None
    np.testing.assert_array_equal(photo.alpha, photo.pixels[..., 0])
    assert photo.alpha.shape == ((3, 5) if orientation < 5 else (5, 3))


@pytest.mark.parametrize("keep_alpha", [True, False])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("kind", [0, 1, 2])
def test_decode_photo_gives_the_colours_of_tiffs_whatever_alpha_did(
    kind: int, bits: int, keep_alpha: bool
) -> None:
    """0: the file does not say; 1: it holds the products; 2: libtiff makes them, of 8 bits."""
    peak, dtype = 2**bits - 1, np.uint8 if bits == 8 else np.uint16
    pixels = np.full((4, 200, 4), (peak // 5, peak // 10, peak // 20, 0), dtype)
    pixels[..., 3] = np.linspace(peak // 12, peak, 200)
    stored = pixels.copy()
    if kind == 1:
        products = pixels[..., :3].astype(np.uint64) * pixels[..., 3:]
        stored[..., :3] = np.rint(products / peak)
    file = io.BytesIO()
    encoder = open_rows(file, "tiff", RowLayout(height=4, width=200, channels=4, bits=bits))
    encoder.write(stored)
    encoder.finish()
    # Tag 338, of type 3 (two bytes), once.
    as_written, wanted = (struct.pack("<HHIH", 338, 3, 1, number) for number in (2, kind))
    assert file.getvalue().count(as_written) == 1
    data = file.getvalue().replace(as_written, wanted)
    photo = decode_photo(data, Path("x"), keep_alpha=keep_alpha)
    if keep_alpha:
        np.testing.assert_array_equal(photo.alpha, pixels[..., 3])
    else:
        assert photo.alpha is None
    # A product is rounded: what is left of the colours is exact to half of 1/alpha.
    wrong = np.abs(photo.pixels.astype(float) - pixels[..., :3])
    assert (wrong <= (peak + 1) / 2 / pixels[..., 3:] + 0.5).all()

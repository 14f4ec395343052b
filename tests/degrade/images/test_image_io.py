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
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from degrade.disk.files import read_file
from degrade.errors import DegradeError, InputError, InvalidValueError
from degrade.images.image_io import (
    decode_photo,
    encode_png,
    quantise,
    read_photo,
    read_photo_header,
    write_png,
)
from degrade.images.image_rows import RowLayout, open_rows

NAME = Path("photo.any")


def _photo(height: int = 40, width: int = 56) -> np.ndarray:
    """A smooth colour image with some texture, so that JPEG keeps it close."""
    rows, columns = np.mgrid[:height, :width]
    rgb = np.stack([rows * 4, columns * 3, 128 + 60 * np.sin(rows / 5 + columns / 7)], axis=2)
    return rgb.clip(0, 255).astype(np.uint8)


def _encode(ending: str, rgb: np.ndarray, *options: int) -> bytes:
    done, data = cv2.imencode(ending, rgb[..., ::-1] if rgb.ndim == 3 else rgb, options)
    assert done
    return data.tobytes()


def _exif(orientation: int) -> bytes:
    entry = struct.pack("<HHIHH", 274, 3, 1, orientation, 0)
    return b"II*\0" + struct.pack("<IH", 8, 1) + entry + struct.pack("<I", 0)


def _png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _with_exif(data: bytes, orientation: int) -> bytes:
    if data.startswith(b"\xff\xd8"):
        body = b"Exif\0\0" + _exif(orientation)
        return data[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:]
    return data[:33] + _png_chunk(b"eXIf", _exif(orientation)) + data[33:]


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
    upright = _photo()
    stored = np.ascontiguousarray(STORED[orientation](upright))
    data = _with_exif(_encode(ending, stored, cv2.IMWRITE_JPEG_QUALITY, 98), orientation)
    photo = decode_photo(data, NAME)
    assert photo.pixels.shape == upright.shape
    assert np.abs(photo.pixels.astype(int) - upright).mean() < (2.5 if ending == ".jpg" else 1e-9)
    assert ("rotated" in photo.notes) == (orientation != 1)
    assert read_photo_header(data, NAME).upright_size == upright.shape[:2]


@pytest.mark.parametrize("ending", [".png", ".webp", ".tiff", ".bmp", ".ppm"])
def test_decode_photo_gives_rgb(ending: str) -> None:
    rgb = _photo()
    data = _encode(ending, rgb, cv2.IMWRITE_WEBP_QUALITY, 101)
    photo = decode_photo(data, NAME)
    assert np.array_equal(photo.pixels, rgb)
    assert photo.notes == ()
    assert photo.sha256 == hashlib.sha256(data).hexdigest()
    assert not photo.pixels.flags.writeable


@pytest.mark.parametrize("ending", [".png", ".tiff", ".ppm"])
def test_decode_photo_keeps_16_bits(ending: str) -> None:
    rgb = _photo().astype(np.uint16) * 257 + np.arange(56, dtype=np.uint16)[:, None]
    photo = decode_photo(_encode(ending, rgb), NAME)
    assert photo.pixels.dtype == np.uint16
    assert np.array_equal(photo.pixels, rgb)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("ending", [".png", ".tiff", ".pgm"])
def test_decode_photo_makes_three_channels_of_gray(ending: str, dtype: type) -> None:
    gray = (_photo()[..., 2].astype(dtype)) * (257 if dtype is np.uint16 else 1)
    photo = decode_photo(_encode(ending, gray), NAME)
    assert photo.notes == ("gray",)
    assert photo.pixels.dtype == dtype
    assert all(np.array_equal(photo.pixels[..., channel], gray) for channel in range(3))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("ending", [".png", ".tiff"])
def test_decode_photo_drops_alpha_without_blending(ending: str, dtype: type) -> None:
    rgb = _photo().astype(dtype) * (257 if dtype is np.uint16 else 1)
    alpha = np.arange(rgb[..., 0].size).reshape(rgb.shape[:2]).astype(dtype)
    done, data = cv2.imencode(ending, np.dstack([rgb[..., ::-1], alpha]))
    photo = decode_photo(data.tobytes(), NAME)
    assert done
    assert photo.notes == ("alpha dropped",)
    assert np.array_equal(photo.pixels, rgb)


def test_decode_photo_reads_palettes() -> None:
    header = _png_chunk(b"IHDR", struct.pack(">IIBBBBB", 3, 2, 8, 3, 0, 0, 0))
    palette = _png_chunk(b"PLTE", bytes([10, 20, 30, 200, 100, 50]))
    rows = _png_chunk(b"IDAT", zlib.compress(b"\0\0\1\0" + b"\0\1\1\0"))
    data = b"\x89PNG\r\n\x1a\n" + header + palette + rows + _png_chunk(b"IEND", b"")
    expected = np.array([[10, 20, 30], [200, 100, 50]])[[[0, 1, 0], [1, 1, 0]]]
    assert np.array_equal(decode_photo(data, NAME).pixels, expected)


def test_decode_photo_converts_inks(shared_data: Path) -> None:
    photo = read_photo(shared_data / "odd/pil_sample_cmyk.jpg")
    assert photo.notes == ("CMYK converted",)
    # From another decoder; an Adobe file whose inversion is missed would average near 240.
    assert photo.pixels.mean() == pytest.approx(14.4, abs=2)


def test_photo_as_float_and_as_u8_keep_the_levels() -> None:
    levels = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    photo = decode_photo(_encode(".png", levels), NAME)
    assert np.array_equal(photo.as_u8()[..., 0], np.rint(levels / 257).astype(np.uint8))
    assert photo.as_float().dtype == np.float32
    assert photo.as_float()[0, 0, 0] == 0
    assert photo.as_float()[-1, -1, 0] == 1
    assert np.abs(photo.as_float()[..., 0] - levels / 65535).max() < 1e-7
    low = decode_photo(_encode(".png", _photo()), NAME)
    assert np.array_equal(quantise(low.as_float()), low.as_u8())


SAMPLES = {
    "jpeg": _encode(".jpg", _photo()),
    "progressive jpeg": _encode(".jpg", _photo(), cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    "gray jpeg": _encode(".jpg", _photo()[..., 0]),
    "png": _encode(".png", _photo()),
    "16-bit png": _encode(".png", _photo().astype(np.uint16) * 257),
    "webp": _encode(".webp", _photo(), cv2.IMWRITE_WEBP_QUALITY, 80),
    "lossless webp": _encode(".webp", _photo(), cv2.IMWRITE_WEBP_QUALITY, 101),
    "tiff": _encode(".tiff", _photo()),
    "raw tiff": _encode(".tiff", _photo(), cv2.IMWRITE_TIFF_COMPRESSION, 1),
    "bmp": _encode(".bmp", _photo()),
    "ppm": _encode(".ppm", _photo()),
    "rotated jpeg": _with_exif(_encode(".jpg", _photo()), 6),
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
    header = _png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    end = _png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + header + _png_chunk(b"IDAT", zlib.compress(b"\0" * 9)) + end


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
    data = _encode(".png", _photo(40, 56))
    with pytest.raises(InputError, match=r"56×40 is more than 2239 pixels; .*`max_pixels`"):
        decode_photo(data, NAME, max_pixels=40 * 56 - 1)
    decode_photo(data, NAME, max_pixels=40 * 56)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"no image at all", "not an image"),
        (_encode(".png", _photo())[:33] + _png_chunk(b"acTL", b"\0" * 8), "several images"),
        (_encode(".tiff", np.ones((4, 4), np.float32)), "floating-point"),
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


def test_read_photo_reads_what_write_png_wrote(tmp_path: Path) -> None:
    for rgb in (_photo(), _photo(1, 1), _photo().astype(np.uint16) * 200):
        write_png(tmp_path / "new/folder/a.png", rgb)
        assert np.array_equal(read_photo(tmp_path / "new/folder/a.png").pixels, rgb)
    assert [path.name for path in (tmp_path / "new/folder").iterdir()] == ["a.png"]


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
    worker.join(5)
    assert len(failures) == 4, "reading hangs or raises something else"
    assert "No such file" in failures[3].reason


def test_read_file_leaves_no_descriptor_open(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for _ in range(20):
        with pytest.raises(InputError):
            read_file(tmp_path)
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def test_read_file_refuses_files_too_large_for_an_image(tmp_path: Path) -> None:
    with (tmp_path / "sparse.png").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(InputError, match="bytes are more than"):
        read_file(tmp_path / "sparse.png")


def test_write_png_says_when_it_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DegradeError, match="cannot be made"):
        write_png(tmp_path / "file/below/a.png", _photo())
    (tmp_path / "taken.png").mkdir()
    with pytest.raises(DegradeError, match=r"taken\.png: cannot be written"):
        write_png(tmp_path / "taken.png", _photo())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "taken.png"]


@pytest.mark.parametrize("level", [0, 3, 9])
@pytest.mark.parametrize("quickly", [False, True])
def test_encode_png_is_lossless_and_repeatable(level: int, quickly: bool) -> None:
    data = encode_png(_photo(), level=level, quickly=quickly)
    assert data == encode_png(np.asfortranarray(_photo()), level=level, quickly=quickly)
    assert np.array_equal(decode_photo(data, NAME).pixels, _photo())


@settings(max_examples=40, deadline=None)
@given(height=st.integers(1, 40), width=st.integers(1, 40), seed=st.integers(0, 10**6))
def test_encode_png_quickly_is_what_all_decoders_read(height: int, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    dtype = (np.uint8, np.uint16)[seed % 2]
    pixels = rng.integers(0, rng.integers(1, np.iinfo(dtype).max), (height, width, 3), dtype)
    data = encode_png(pixels, quickly=True)
    assert np.array_equal(decode_photo(data, NAME).pixels, pixels)
    by_opencv = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(by_opencv[..., ::-1], pixels)
    with Image.open(io.BytesIO(data)) as image:
        image.verify()
    if dtype == np.uint8:
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(data))), pixels)


def test_encode_png_quickly_packs_differences_to_the_row_above() -> None:
    data = encode_png(np.arange(36, dtype=np.uint8).reshape(3, 4, 3), quickly=True)
    assert zlib.decompress(data[41:-16]) == b"".join(
        b"\x02" + bytes(row) for row in (range(12), [12] * 12, [12] * 12)
    )
    assert data[:16] == b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR"
    assert data[-12:] == b"\x00\x00\x00\x00IEND\xaeB`\x82"


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((3, 3), np.uint8),
        np.zeros((3, 3, 4), np.uint8),
        np.zeros((3, 3, 3), np.float32),
        np.zeros((0, 3, 3), np.uint8),
    ],
    ids=lambda array: f"{array.shape} {array.dtype}",
)
def test_encode_png_refuses_other_arrays(array: np.ndarray) -> None:
    with pytest.raises(InvalidValueError, match="got"):
        encode_png(array)


def test_quantise_rounds_once_and_clips() -> None:
    values = np.array([-1, -0.0, 0.499 / 255, 0.501 / 255, 254.6 / 255, 1, 7], np.float32)
    assert quantise(values).tolist() == [0, 0, 0, 1, 255, 255, 255]
    assert quantise(np.array([np.inf, -np.inf], np.float32)).tolist() == [255, 0]


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

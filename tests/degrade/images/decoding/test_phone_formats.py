"""HEIC, AVIF, JPEG XL, JPEG 2000 and RAW: read where their library is, else named with it."""

from __future__ import annotations

import io
import struct
import sys
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from degrade.errors import InputError
from degrade.images.image_io import decode_photo, read_photo_header
from degrade.images.orientation import stored
from tests.degrade.images.raw_files import dng

NAME = Path("IMG_1.jpg")


def picture(height: int = 48, width: int = 80) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width]
    rgb = np.stack([rows * 5, columns * 3, 128 + 60 * np.sin(rows / 9 + columns / 11)], axis=2)
    return rgb.clip(0, 255).astype(np.uint8)


def orientation(value: int) -> bytes:
    exif = Image.Exif()
    exif[274] = value
    return exif.tobytes()


def by_pillow(format: str, rgb: np.ndarray | None = None, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture() if rgb is None else rgb).save(buffer, format, **options)
    return buffer.getvalue()


def heic(rgb: np.ndarray | None = None, **options: object) -> bytes:
    pillow_heif = pytest.importorskip("pillow_heif")
    rgb = picture() if rgb is None else rgb
    modes = {(3, 1): "RGB", (4, 1): "RGBA", (3, 2): "RGB;16"}
    mode = modes[rgb.shape[2], rgb.dtype.itemsize]
    file = pillow_heif.from_bytes(mode, (rgb.shape[1], rgb.shape[0]), rgb.tobytes())
    buffer = io.BytesIO()
    file.save(buffer, quality=-1, chroma=444, matrix_coefficients=0, **options)
    return buffer.getvalue()


def near(pixels: np.ndarray, expected: np.ndarray, most: float) -> bool:
    scale = 257 if pixels.dtype == np.uint16 else 1
    return bool(np.abs(pixels / scale - expected.astype(float)).mean() < most)


def test_decode_heic_gives_the_picture_and_its_depth() -> None:
    photo = decode_photo(heic(), NAME)
    assert photo.notes == ()
    assert near(photo.pixels, picture(), 2)
    deep = picture().astype(np.uint16) * 257
    photo = decode_photo(heic(deep), NAME)
    assert photo.pixels.dtype == np.uint16
    assert photo.pixels.max() == 65535 or photo.pixels.max() > 60000
    assert near(photo.pixels, picture(), 2)


def test_decode_heic_keeps_alpha_when_asked() -> None:
    rgba = np.dstack([picture(), np.maximum(picture()[..., 0], 8)])
    photo = decode_photo(heic(rgba), NAME, keep_alpha=True)
    assert photo.alpha is not None
    assert near(photo.alpha, rgba[..., 3], 2)
    assert decode_photo(heic(rgba), NAME).notes == ("alpha dropped",)


@pytest.mark.parametrize("turn", range(1, 9))
def test_decode_heic_is_turned_once(turn: int) -> None:
    """The container turns it (irot, imir), and EXIF says the same again."""
    pillow_heif = pytest.importorskip("pillow_heif")
    raw = np.ascontiguousarray(stored(picture(), turn))
    image = Image.fromarray(raw)
    buffer = io.BytesIO()
    file = pillow_heif.from_pillow(image)
    file.save(buffer, quality=95, exif=orientation(turn))
    photo = decode_photo(buffer.getvalue(), NAME)
    height, width = photo.pixels.shape[:2]
    assert read_photo_header(buffer.getvalue(), NAME).upright_size == (height, width)
    assert (height, width) == (48, 80)
    assert near(photo.pixels, picture(), 4)


@pytest.mark.parametrize("turn", range(1, 9))
def test_decode_avif_is_turned_once(turn: int) -> None:
    raw = np.ascontiguousarray(stored(picture(), turn))
    data = by_pillow("AVIF", raw, quality=95, exif=orientation(turn))
    photo = decode_photo(data, NAME)
    assert photo.pixels.shape == (48, 80, 3)
    assert near(photo.pixels, picture(), 4)
    assert ("rotated" in photo.notes) == (turn != 1)


def test_decode_jpegxl_gives_the_picture_and_its_depth() -> None:
    pytest.importorskip("pillow_jxl")
    np.testing.assert_array_equal(
        decode_photo(by_pillow("JXL", lossless=True), NAME).pixels, picture()
    )
    deep = picture().astype(np.uint16) * 250
    photo = decode_photo(imagecodecs.jpegxl_encode(deep, lossless=True), NAME)
    assert photo.pixels.dtype == np.uint16
    gray = decode_photo(by_pillow("JXL", picture()[..., 0], lossless=True), NAME)
    assert gray.notes == ("gray",)


def test_decode_jpeg2000_gives_the_picture_and_its_depth() -> None:
    np.testing.assert_array_equal(decode_photo(by_pillow("JPEG2000"), NAME).pixels, picture())
    deep = picture().astype(np.uint16) * 250
    for kind in ("jp2", "j2k"):
        data = imagecodecs.jpeg2k_encode(deep, level=0, codecformat=kind)
        np.testing.assert_array_equal(decode_photo(data, NAME).pixels, deep)


def test_decode_raw_develops_and_says_how() -> None:
    pytest.importorskip("rawpy")
    photo = decode_photo(dng(), NAME)
    assert photo.pixels.dtype == np.uint16
    assert photo.notes[0].startswith("developed from RAW")
    # Linear 3000/4095 on sRGB's curve; a flat sensor stays flat: no brightening, no pattern.
    middle = photo.pixels[10:-10, 10:-10]
    assert np.ptp(middle[..., 1]) < 600
    darker = decode_photo(dng(1000), NAME).pixels[10:-10, 10:-10]
    assert darker.mean() < middle.mean() * 0.8


FOREIGN = {
    "pillow_heif": ("heic", lambda: b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
    "pillow_jxl": ("jxl", lambda: b"\xff\x0a" + bytes(40), "JPEG XL"),
    "rawpy": ("raw", dng, "camera RAW"),
}


@pytest.mark.parametrize("library", FOREIGN)
def test_formats_without_their_library_are_named_with_its_extra(
    library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    extra, make, name = FOREIGN[library]
    data = make()
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(InputError, match=f"{name} inside") as caught:
        decode_photo(data, NAME)
    assert caught.value.remedy == f"pip install 'degrade[{extra}]'"


def samples() -> dict[str, bytes]:
    return {
        "heic": heic(),
        "avif": by_pillow("AVIF"),
        "jp2": by_pillow("JPEG2000"),
        "jxl": by_pillow("JXL") if "JXL" in Image.SAVE else b"",
        "dng": dng(),
    }


@pytest.mark.parametrize("kind", ["heic", "avif", "jp2", "jxl", "dng"])
def test_cut_files_are_refused_in_one_line(kind: str, capfd: pytest.CaptureFixture[str]) -> None:
    for library in ("pillow_heif", "pillow_jxl", "rawpy"):
        pytest.importorskip(library)
    data = samples()[kind]
    decode_photo(data, NAME)
    for part in (0.05, 0.3, 0.6, 0.9):
        with pytest.raises(InputError) as caught:
            decode_photo(data[: int(len(data) * part)], NAME)
        assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("kind", ["heic", "avif", "jp2", "jxl", "dng"])
def test_damaged_files_raise_nothing_but_input_errors(kind: str) -> None:
    for library in ("pillow_heif", "pillow_jxl", "rawpy"):
        pytest.importorskip(library)
    rng = np.random.default_rng(3)
    original = np.frombuffer(samples()[kind], np.uint8)
    for _ in range(60):
        data = original.copy()
        places = rng.integers(min(400, data.size), size=rng.integers(1, 5))
        data[places] = rng.integers(256, size=places.size)
        try:
            photo = decode_photo(data.tobytes(), NAME, max_pixels=1_000_000)
        except InputError:
            continue
        assert photo.pixels.ndim == 3


def test_multi_picture_jpegs_give_the_first_and_say_so() -> None:
    buffer = io.BytesIO()
    first, second = Image.fromarray(picture()), Image.fromarray(picture()[::-1].copy())
    first.save(buffer, "MPO", save_all=True, append_images=[second], quality=95)
    photo = decode_photo(buffer.getvalue(), NAME)
    assert photo.notes == ("first of several pictures",)
    assert near(photo.pixels, picture(), 4)


def test_what_begins_like_a_box_and_is_no_photo_is_refused() -> None:
    for data in (b"\0\0\0\x18ftypisom\0\0\0\0isommp42" + bytes(99), struct.pack(">I", 8) + b"moov"):
        with pytest.raises(InputError, match="not an image"):
            decode_photo(data, Path("film.heic"))

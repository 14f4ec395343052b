from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from degrade.arrays import AnyArray
from degrade.errors import DegradeError, InvalidValueError
from degrade.images.image_io import decode_photo
from degrade.images.image_rows import ROW_FORMATS, RowFormat, RowLayout, open_rows


def encoded(pixels: AnyArray, format: RowFormat, *, cuts: tuple[int, ...] = ()) -> bytes:
    file = io.BytesIO()
    layout = RowLayout(
        height=len(pixels),
        width=pixels.shape[1],
        channels=pixels.shape[2],
        bits=8 * pixels.itemsize,
    )
    encoder = open_rows(file, format, layout)
    for rows in np.split(pixels, cuts):
        encoder.write(rows)
    encoder.finish()
    return file.getvalue()


def decoded(data: bytes) -> AnyArray:
    """Return what OpenCV reads, in RGB order."""
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    pixels = pixels.reshape(*pixels.shape[:2], -1)
    return pixels[..., [2, 1, 0, 3][: pixels.shape[2]]] if pixels.shape[2] > 1 else pixels


@given(
    st.sampled_from(["png", "tiff"]),
    st.sampled_from([np.uint8, np.uint16]),
    st.sampled_from([1, 3, 4]),
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(0, 2**32 - 1),
    st.lists(st.integers(0, 40), max_size=4),
)
def test_png_and_tiff_give_every_pixel_back(
    format: RowFormat,
    dtype: type,
    channels: int,
    height: int,
    width: int,
    seed: int,
    cuts: list[int],
) -> None:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, np.iinfo(dtype).max, (height, width, channels), endpoint=True)
    pixels = pixels.astype(dtype)
    if format == "tiff" and channels == 4:
        pixels[..., 3] = np.iinfo(dtype).max  # libtiff multiplies the colours with it
    data = encoded(pixels, format, cuts=tuple(sorted(min(cut, height) for cut in cuts)))
    np.testing.assert_array_equal(decoded(data), pixels)
    photo = decode_photo(data, Path("x"), keep_alpha=True)
    assert photo.pixels.dtype == dtype and photo.pixels.shape == (height, width, 3)


@pytest.mark.parametrize("format", ["png", "tiff"])
def test_images_larger_than_a_strip_are_whole(format: RowFormat) -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (900, 1300, 3)).astype(np.uint8)
    data = encoded(pixels, format, cuts=(1, 7, 500))
    np.testing.assert_array_equal(decoded(data), pixels)


def test_tiff_is_what_other_readers_take_it_for() -> None:
    tifffile = pytest.importorskip("tifffile")
    pixels = np.random.default_rng(0).integers(0, 65536, (300, 700, 4)).astype(np.uint16)
    with tifffile.TiffFile(io.BytesIO(encoded(pixels, "tiff", cuts=(11,)))) as file:
        (page,) = file.pages
        np.testing.assert_array_equal(page.asarray(), pixels)
        assert [int(kind) for kind in page.extrasamples] == [2]


def test_png_is_what_other_readers_take_it_for() -> None:
    images = pytest.importorskip("PIL.Image")
    pixels = np.random.default_rng(0).integers(0, 256, (300, 700, 4)).astype(np.uint8)
    image = images.open(io.BytesIO(encoded(pixels, "png", cuts=(11,))))
    assert image.mode == "RGBA"
    np.testing.assert_array_equal(np.asarray(image), pixels)


@pytest.mark.parametrize("format", ["jpeg", "webp"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_jpeg_and_webp_look_the_same(format: RowFormat, channels: int) -> None:
    rows, columns = np.mgrid[:60, :90]
    pixels = np.stack([rows * 4, columns * 2, 250 - rows * 2, 255 - columns], -1).astype(np.uint8)
    pixels = pixels[..., :channels]
    if channels == 4 and format == "jpeg":
        with pytest.raises(InvalidValueError, match="jpeg does not hold"):
            encoded(pixels, format)
        return
    photo = decode_photo(encoded(pixels, format, cuts=(7, 20)), Path("x"), keep_alpha=True)
    colours = pixels[..., :3] if channels > 1 else np.repeat(pixels, 3, axis=2)
    assert np.abs(photo.pixels.astype(int) - colours).mean() < 2
    if channels == 4:
        np.testing.assert_array_equal(photo.alpha, pixels[..., 3])


def test_open_rows_refuses_what_a_format_cannot_hold() -> None:
    for format in ("jpeg", "webp"):
        longest = ROW_FORMATS[format].longest_side
        wide = RowLayout(height=1, width=longest + 1, channels=3, bits=8)
        with pytest.raises(InvalidValueError, match=f"ends at {longest}"):
            open_rows(io.BytesIO(), format, wide)
        with pytest.raises(InvalidValueError, match="bits=16"):
            open_rows(io.BytesIO(), format, RowLayout(height=1, width=1, channels=3, bits=16))


def test_row_layout_refuses_what_is_no_image() -> None:
    for changed in ({"height": 0}, {"channels": 2}, {"bits": 32}):
        with pytest.raises(InvalidValueError):
            RowLayout(**({"height": 1, "width": 1, "channels": 3, "bits": 8} | changed))


def test_rows_must_be_those_of_the_layout() -> None:
    encoder = open_rows(io.BytesIO(), "png", RowLayout(height=2, width=3, channels=3, bits=8))
    for rows in (
        np.zeros((1, 3, 3), np.uint16),
        np.zeros((1, 4, 3), np.uint8),
        np.zeros((3, 3), np.uint8),
    ):
        with pytest.raises(InvalidValueError, match="rows must be those of"):
            encoder.write(rows)


def test_finish_wants_every_row() -> None:
    layout = RowLayout(height=2, width=3, channels=3, bits=8)
    encoder = open_rows(io.BytesIO(), "png", layout)
    encoder.write(np.zeros((1, 3, 3), np.uint8))
    with pytest.raises(InvalidValueError, match="1 of 2 rows"):
        encoder.finish()
    encoder.write(np.zeros((1, 3, 3), np.uint8))
    with pytest.raises(InvalidValueError, match="rows must be"):
        encoder.write(np.zeros((1, 3, 3), np.uint8))


class Far(io.BytesIO):
    """A file that says it is near the place where TIFF's numbers end."""

    def tell(self) -> int:
        return super().tell() + 2**32 - 100


def test_tiff_ends_at_4_gib() -> None:
    encoder = open_rows(Far(), "tiff", RowLayout(height=1, width=300, channels=3, bits=8))
    rng = np.random.default_rng(0)
    with pytest.raises(DegradeError, match="4 GiB"):
        encoder.write(rng.integers(0, 256, (1, 300, 3)).astype(np.uint8))
        encoder.finish()

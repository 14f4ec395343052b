"""PNG files as they are written here."""

from __future__ import annotations

import io
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from degrade.errors import DegradeError, InvalidValueError
from degrade.images.image_io import decode_photo, encode_png, quantise, read_photo, write_png
from tests.degrade.images.encoded import make_photo

NAME = Path("photo.any")


def test_read_photo_reads_what_write_png_wrote(tmp_path: Path) -> None:
    for rgb in (make_photo(), make_photo(1, 1), make_photo().astype(np.uint16) * 200):
        write_png(tmp_path / "new/folder/a.png", rgb)
        assert np.array_equal(read_photo(tmp_path / "new/folder/a.png").pixels, rgb)
    assert [path.name for path in (tmp_path / "new/folder").iterdir()] == ["a.png"]


def test_write_png_says_when_it_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DegradeError, match="cannot be made"):
        write_png(tmp_path / "file/below/a.png", make_photo())
    (tmp_path / "taken.png").mkdir()
    with pytest.raises(DegradeError, match=r"taken\.png: cannot be written"):
        write_png(tmp_path / "taken.png", make_photo())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "taken.png"]


@pytest.mark.parametrize("level", [0, 3, 9])
@pytest.mark.parametrize("quickly", [False, True])
def test_encode_png_is_lossless_and_repeatable(level: int, quickly: bool) -> None:
    data = encode_png(make_photo(), level=level, quickly=quickly)
    assert data == encode_png(np.asfortranarray(make_photo()), level=level, quickly=quickly)
    assert np.array_equal(decode_photo(data, NAME).pixels, make_photo())


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

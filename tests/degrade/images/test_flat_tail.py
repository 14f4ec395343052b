from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from degrade.images.flat_tail import flat_tail
from degrade.images.image_io import IMAGE_SUFFIXES, decode_photo, encode_png

RGB = np.random.default_rng(0).integers(0, 256, (200, 120, 3), dtype=np.uint8)


def ending(colour: tuple[int, int, int], rows: int, dtype: type = np.uint8) -> np.ndarray:
    pixels = RGB.astype(dtype) * (257 if dtype is np.uint16 else 1)
    pixels[len(pixels) - rows :] = np.array(colour) * (257 if dtype is np.uint16 else 1)
    return pixels


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("colour", [(128, 128, 128), (0, 135, 0), (90, 60, 200)])
def test_flat_tail_finds_rows_of_one_colour(colour: tuple[int, int, int], dtype: type) -> None:
    assert flat_tail(ending(colour, 40, dtype)) == 40
    assert flat_tail(ending(colour, 16, dtype)) == 16
    assert flat_tail(ending(colour, 15, dtype)) == 0


@pytest.mark.parametrize("colour", [(0, 0, 0), (9, 7, 12), (255, 255, 255), (244, 244, 250)])
def test_flat_tail_leaves_nights_and_borders(colour: tuple[int, int, int]) -> None:
    assert flat_tail(ending(colour, 60)) == 0
    framed = ending((128, 128, 128), 60)
    framed[:20] = 128
    assert flat_tail(framed) == 0
    assert flat_tail(np.full((90, 50, 3), 128, np.uint8)) == 0  # a picture of one colour


def test_decode_photo_notes_a_flat_tail() -> None:
    photo = decode_photo(encode_png(ending((128, 128, 128), 50)), Path("x.png"))
    assert photo.notes == ("ends in rows of one colour, perhaps cut off",)
    buffer = io.BytesIO()
    Image.fromarray(RGB).save(buffer, "PNG")
    assert decode_photo(buffer.getvalue(), Path("x.png")).notes == ()


def test_no_research_photo_is_said_to_be_cut(shared_data: Path) -> None:
    found = [
        path.name
        for folder in ("hr", "real", "train", "odd")
        for path in sorted((shared_data / folder).rglob("*"))
        if path.suffix.lower() in IMAGE_SUFFIXES
        and (image := _read(path)) is not None
        and flat_tail(image)
    ]
    assert found == []


def _read(path: Path) -> np.ndarray | None:
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError):
        return None

"""Damage in HEIC's pixels, of which libheif says nothing, is found; sound files are left alone."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from degrade.errors import InputError
from degrade.images.decoding import hevc
from degrade.images.headers.heif_pictures import coded_pictures
from degrade.images.image_io import decode_photo

pillow_heif = pytest.importorskip("pillow_heif")
NAME = Path("IMG_1.heic")


def heic(rng: np.random.Generator, side: int = 160, **options: object) -> bytes:
    """A file of something like a photo: blurred noise, so that its codes are of all kinds."""
    coarse = rng.integers(0, 256, (side // 4, side // 4, 3), np.uint8)
    image = Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    pillow_heif.from_pillow(image).save(buffer, **{"quality": 90} | options)
    return buffer.getvalue()


def with_block(data: bytes, block: bytes, part: float) -> bytes:
    place = int(len(data) * part)
    return data[:place] + block + data[place + len(block) :]


def is_refused(data: bytes) -> bool:
    try:
        decode_photo(data, NAME)
    except InputError as error:
        return "its pixels are damaged" in str(error)
    return False


def test_pictures_are_those_of_the_primary_image() -> None:
    rng = np.random.default_rng(1)
    whole = coded_pictures(heic(rng))
    assert len(whole) == 1
    assert len(whole[0].parameters) >= 3  # the kinds that tell how it is coded
    tiled = coded_pictures(heic(rng, tile_size=64))
    assert len(tiled) == 9
    assert all(picture.units for picture in tiled)


def test_no_pictures_are_seen_in_what_ends_anywhere() -> None:
    data = heic(np.random.default_rng(2), 64)
    for length in range(0, 900, 7):
        assert len(coded_pictures(data[:length])) <= 1
    assert coded_pictures(b"") == ()


@pytest.mark.parametrize("options", [{}, {"tile_size": 64}, {"chroma": 444}, {"quality": 30}])
def test_sound_files_are_not_refused(options: dict[str, object]) -> None:
    rng = np.random.default_rng(3)
    for _ in range(5):
        hevc.require_sound_pictures(heic(rng, **options))


def test_zeros_are_refused_without_a_decoder_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hevc, "_decoder", lambda: None)
    data = heic(np.random.default_rng(4))
    assert not is_refused(data)
    assert all(is_refused(with_block(data, bytes(64), part)) for part in (0.3, 0.5, 0.7, 0.9))


@pytest.mark.parametrize("tile_size", [0, 64])
def test_noise_is_refused_where_the_decoder_can_be_asked(tile_size: int) -> None:
    assert hevc._decoder() is not None  # pillow-heif's wheels have it
    rng = np.random.default_rng(5)
    refused = 0
    for _ in range(20):
        data = heic(rng, tile_size=tile_size)
        refused += is_refused(with_block(data, rng.bytes(200), rng.uniform(0.3, 0.9)))
    assert refused >= 15

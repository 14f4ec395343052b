"""Damage in HEIC's pixels, of which libheif says nothing, is found; sound files are left alone."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Iterator
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


def grid_of_one(payload: bytes, tiles: int) -> bytes:
    """A file's boxes for a grid whose tiles are all the same bytes."""
    items = range(1, tiles + 2)

    def box(name: bytes, *parts: bytes) -> bytes:
        return (8 + sum(map(len, parts))).to_bytes(4) + name + b"".join(parts)

    def two(*numbers: int) -> bytes:
        return b"".join(number.to_bytes(2) for number in numbers)

    def kinds() -> Iterator[bytes]:
        for item in items:
            yield box(b"infe", b"\2\0\0\0", two(item, 0), b"grid" if item == 1 else b"hvc1")

    place = (8).to_bytes(4) + len(payload).to_bytes(4)
    return box(b"mdat", payload) + box(
        b"meta",
        bytes(4),
        box(b"pitm", bytes(4), two(1)),
        box(b"iinf", bytes(4), two(len(items)), *kinds()),
        box(b"iref", bytes(4), box(b"dimg", two(1, tiles, *items[1:]))),
        box(
            b"iprp",
            box(b"ipco", box(b"hvcC", bytes(21), b"\3", bytes(1))),
            box(b"ipma", bytes(6), two(len(items)), *(two(item) + b"\1\1" for item in items)),
        ),
        box(b"iloc", bytes(4), two(0x4400, len(items)), *(two(i, 0, 1) + place for i in items)),
    )


def test_pictures_are_those_of_the_primary_image() -> None:
    rng = np.random.default_rng(1)
    whole = tuple(coded_pictures(heic(rng)))
    assert len(whole) == 1
    assert len(whole[0].parameters) >= 3  # the kinds that tell how it is coded
    tiled = tuple(coded_pictures(heic(rng, tile_size=64)))
    assert len(tiled) == 9
    assert all(picture.units for picture in tiled)


def test_no_picture_is_seen_in_what_ends_before_it_does() -> None:
    data = heic(np.random.default_rng(2), 64)
    for length in range(0, len(data), 7):
        assert not list(coded_pictures(data[:length]))
    assert len(list(coded_pictures(data))) == 1


def test_tiles_that_share_their_bytes_are_not_in_memory_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    unit = b"\x26" + bytes([0xAA]) * 100_000
    data = grid_of_one(len(unit).to_bytes(4) + unit, 100)
    found = [picture.units for picture in coded_pictures(data)]
    assert found == [(unit,)] * 100
    del found
    monkeypatch.setattr(hevc, "_decoder", lambda: None)
    tracemalloc.start()
    try:
        hevc.require_sound_pictures(data)
        assert tracemalloc.get_traced_memory()[1] < 10 * len(data)
    finally:
        tracemalloc.stop()


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
    if hevc._decoder() is None:
        pytest.skip("pillow-heif has another decoder, or none that can be asked")
    rng = np.random.default_rng(5)
    data, refused = heic(rng, tile_size=tile_size), 0
    for part in np.linspace(0.3, 0.9, 8):
        refused += is_refused(with_block(data, rng.bytes(200), part))
    assert refused >= 6

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
import tifffile

from degrade.images.colour.facts import ColourFacts, read_colour_facts
from tests.colours import (
    DISPLAY_P3,
    SRGB_CHUNK,
    chrm,
    cicp,
    display_p3,
    exif_of_adobe_rgb,
    gama,
    iccp,
    ink_profile,
    png_chunk,
    png_with,
    with_pillow,
)

RGB = np.zeros((4, 5, 3), np.uint8)


def test_read_colour_facts_of_files_that_say_nothing() -> None:
    tiff = io.BytesIO()
    tifffile.imwrite(tiff, RGB, photometric="rgb")
    for data, format in (
        (png_with(RGB), "png"),
        (with_pillow(RGB, "JPEG"), "jpeg"),
        (with_pillow(RGB, "WEBP"), "webp"),
        (tiff.getvalue(), "tiff"),
        (with_pillow(RGB, "BMP"), "bmp"),
    ):
        assert read_colour_facts(data, format) == ColourFacts()


def test_read_colour_facts_finds_the_profile_of_each_format() -> None:
    profile = display_p3()
    tiff = io.BytesIO()
    tifffile.imwrite(tiff, RGB, photometric="rgb", iccprofile=profile)
    for data, format in (
        (png_with(RGB, iccp(profile)), "png"),
        (with_pillow(RGB, "JPEG", icc_profile=profile), "jpeg"),
        (with_pillow(RGB, "WEBP", icc_profile=profile), "webp"),
        (tiff.getvalue(), "tiff"),
    ):
        assert read_colour_facts(data, format) == ColourFacts(profile=profile)


def test_read_colour_facts_reads_png_chunks() -> None:
    data = png_with(
        RGB, cicp(12, 13, 0, 1), iccp(display_p3()), SRGB_CHUNK, gama(1 / 1.8), chrm(DISPLAY_P3)
    )
    assert read_colour_facts(data, "png") == ColourFacts(
        cicp=(12, 13, 0, 1),
        profile=display_p3(),
        is_srgb=True,
        gamma=0.55556,
        chromaticities=DISPLAY_P3,
    )


def test_read_colour_facts_ignores_png_chunks_that_are_damaged_or_late() -> None:
    wrong_sum = gama(1.0)[:-1] + b"\0"
    short = png_chunk(b"gAMA", b"\0\1") + png_chunk(b"cHRM", bytes(31)) + png_chunk(b"cICP", b"\1")
    for chunks in (wrong_sum, short, png_chunk(b"gAMA", bytes(4))):
        assert read_colour_facts(png_with(RGB, chunks), "png") == ColourFacts()
    late = png_with(RGB)[:-12] + iccp(display_p3()) + png_chunk(b"IEND", b"")
    assert read_colour_facts(late, "png") == ColourFacts()


def test_read_colour_facts_calls_a_png_profile_that_cannot_be_unpacked_empty() -> None:
    packed = zlib.compress(display_p3())
    for chunk in (
        png_chunk(b"iCCP", b"name\0\0" + packed[:-5]),
        png_chunk(b"iCCP", b"name\0\0" + packed[:30] + b"\xff" * 9 + packed[39:]),
        png_chunk(b"iCCP", b"name\0\1" + packed),
        png_chunk(b"iCCP", b"name"),
        iccp(display_p3())[:-1] + b"\0",
        png_chunk(b"iCCP", b"name\0\0" + zlib.compress(bytes(1 << 26))),
    ):
        assert read_colour_facts(png_with(RGB, chunk), "png").profile == b""


def test_read_colour_facts_joins_the_parts_of_a_jpegs_profile() -> None:
    profile = ink_profile()  # of several segments
    assert len(profile) > 2 * 65535
    data = with_pillow(RGB, "JPEG", icc_profile=profile)
    assert read_colour_facts(data, "jpeg").profile == profile
    segments = _segments(data)
    turned = data.replace(b"".join(segments), b"".join(segments[::-1]))
    assert read_colour_facts(turned, "jpeg").profile == profile
    without_second = data.replace(segments[1], b"")
    assert read_colour_facts(without_second, "jpeg").profile == b""
    twice = data.replace(segments[1], segments[0])
    assert read_colour_facts(twice, "jpeg").profile == b""


def _segments(jpeg: bytes) -> list[bytes]:
    found, place = [], jpeg.index(b"\xff\xe2")
    while jpeg[place : place + 2] == b"\xff\xe2":
        (length,) = struct.unpack_from(">H", jpeg, place + 2)
        found.append(jpeg[place : place + 2 + length])
        place += 2 + length
    return found


@pytest.mark.parametrize("order", ["<", ">"])
def test_read_colour_facts_reads_exif_of_cameras_set_to_adobe_rgb(order: str) -> None:
    exif = exif_of_adobe_rgb(order)
    for data, format in (
        (with_pillow(RGB, "JPEG", exif=b"Exif\0\0" + exif), "jpeg"),
        (with_pillow(RGB, "WEBP", exif=exif), "webp"),
        (png_with(RGB, png_chunk(b"eXIf", exif)), "png"),
    ):
        assert read_colour_facts(data, format) == ColourFacts(exif_says_adobe=True)
    for index, space, is_adobe in ((b"R98\0", 1, False), (b"R98\0", 2, True), (b"R03\0", 1, True)):
        block = exif_of_adobe_rgb(order, index=index, space=space)
        data = with_pillow(RGB, "JPEG", exif=b"Exif\0\0" + block)
        assert read_colour_facts(data, "jpeg").exif_says_adobe == is_adobe


def test_read_colour_facts_of_damaged_files_never_fails() -> None:
    rng = np.random.default_rng(0)
    tiff = io.BytesIO()
    tifffile.imwrite(tiff, RGB, photometric="rgb", iccprofile=display_p3())
    exif = exif_of_adobe_rgb()
    files = (
        (png_with(RGB, gama(1.0), iccp(display_p3()), png_chunk(b"eXIf", exif)), "png"),
        (with_pillow(RGB, "JPEG", icc_profile=display_p3(), exif=b"Exif\0\0" + exif), "jpeg"),
        (with_pillow(RGB, "WEBP", icc_profile=display_p3(), exif=exif), "webp"),
        (tiff.getvalue(), "tiff"),
    )
    for sound, format in files:
        for _ in range(300):
            data = bytearray(sound)
            for place in rng.integers(0, min(len(data), 900), 3):
                data[place] = rng.integers(0, 256)
            cut = rng.integers(0, len(data))
            for damaged in (bytes(data), bytes(data[:cut])):
                assert isinstance(read_colour_facts(damaged, format), ColourFacts)

from __future__ import annotations

import hashlib

import numpy as np

from degrade.images.colour.spaces import RgbSpace, decode_srgb, power_curve, primaries_to_xyz
from degrade.images.colour.tables import gray_table, rgb_tables
from tests.colours import ADOBE_RGB, DISPLAY_P3, PROPHOTO, colour_grid

SPACES = (
    RgbSpace("Display P3", (decode_srgb,) * 3, primaries_to_xyz(DISPLAY_P3)),
    RgbSpace("Adobe RGB", (power_curve(563 / 256),) * 3, primaries_to_xyz(ADOBE_RGB)),
    RgbSpace("ProPhoto", (power_curve(1.8),) * 3, primaries_to_xyz(PROPHOTO)),
)


def test_rgb_tables_give_the_same_bytes_on_every_processor() -> None:
    """Taken on x86-64; with and without AVX2, FMA and AVX-512 they were the same."""
    digest = hashlib.sha256()
    for space in SPACES:
        for dtype in (np.uint8, np.uint16):
            pixels = colour_grid(21, dtype)
            converted, _ = rgb_tables(space, 8 * pixels.itemsize).apply(pixels)
            digest.update(converted.tobytes())
    for bits in (8, 16):
        digest.update(gray_table(power_curve(2.25), bits).stored.tobytes())
    assert digest.hexdigest() == (
        "450b99fd075e80855a9d2c9ca4c4c07729f2e0197406911a9d5f9a79adc4feb9"
    )


def test_rgb_tables_convert_a_photo_of_any_layout_pixel_by_pixel() -> None:
    rng = np.random.default_rng(0)
    for dtype in (np.uint8, np.uint16):
        pixels = rng.integers(0, np.iinfo(dtype).max, (300, 301, 3), dtype, endpoint=True)
        tables = rgb_tables(SPACES[0], 8 * pixels.itemsize)
        whole, _ = tables.apply(pixels)  # more than one chunk
        assert not np.array_equal(whole, pixels)
        for view in (pixels[::-1, ::-1], pixels.transpose(1, 0, 2), pixels[200:, ::3]):
            one_by_one = [tables.apply(row[None])[0][0] for row in view]
            np.testing.assert_array_equal(tables.apply(view)[0], one_by_one)
        row = whole[7, 11], tables.apply(pixels[7:8, 11:12])[0][0, 0]
        np.testing.assert_array_equal(*row)


def test_rgb_tables_tell_what_share_was_clipped() -> None:
    pixels = np.full((100, 100, 3), 128, np.uint8)
    pixels[:30] = 0, 255, 0
    _, outside = rgb_tables(SPACES[0], 8).apply(pixels)
    assert outside == 0.3

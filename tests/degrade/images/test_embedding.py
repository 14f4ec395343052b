from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from degrade.errors import InvalidValueError
from degrade.images.colour.facts import read_colour_facts
from degrade.images.embedding import jpeg_with_profile
from degrade.images.image_io import decode_photo
from degrade.images.image_rows import RowFormat, RowLayout, open_rows
from tests.colours import display_p3, ink_profile

PROFILES = [display_p3(), display_p3("odd"), ink_profile()]


def _written(format: RowFormat, channels: int, bits: int, profile: bytes | None) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 1 << bits, (33, 44, channels))
    layout = RowLayout(height=33, width=44, channels=channels, bits=bits, profile=profile)
    file = io.BytesIO()
    encoder = open_rows(file, format, layout)
    encoder.write(pixels.astype(f"uint{bits}"))
    encoder.finish()
    return file.getvalue()


@pytest.mark.parametrize("profile", PROFILES, ids=["even", "odd", "large"])
@pytest.mark.parametrize(
    ("format", "channels", "bits"),
    [
        ("png", 1, 8),
        ("png", 3, 16),
        ("png", 4, 8),
        ("tiff", 3, 8),
        ("tiff", 4, 16),
        ("jpeg", 1, 8),
        ("jpeg", 3, 8),
        ("webp", 3, 8),
        ("webp", 4, 8),
    ],
)
def test_open_rows_embeds_a_profile_and_changes_no_pixel(
    format: RowFormat, channels: int, bits: int, profile: bytes
) -> None:
    data = _written(format, channels, bits, profile)
    plain = _written(format, channels, bits, None)
    assert read_colour_facts(data, format).profile == profile
    with Image.open(io.BytesIO(data)) as image:  # another reader finds the same
        assert image.info["icc_profile"] == profile
        image.load()
        assert image.size == (44, 33)
    if format != "png" or bits == 8:
        with Image.open(io.BytesIO(plain)) as image, Image.open(io.BytesIO(data)) as other:
            assert image.mode == other.mode
            np.testing.assert_array_equal(np.asarray(image), np.asarray(other))
    assert decode_photo(plain, Path("x"), keep_alpha=True).pixels.shape == (33, 44, 3)


def test_open_rows_without_a_profile_embeds_none() -> None:
    for format in ("png", "tiff", "jpeg", "webp"):
        data = _written(format, 3, 8, None)  # type: ignore[arg-type]
        assert read_colour_facts(data, format).profile is None


def test_jpeg_with_profile_refuses_what_does_not_fit() -> None:
    jpeg = _written("jpeg", 3, 8, None)
    with pytest.raises(InvalidValueError, match="does not fit into a JPEG"):
        jpeg_with_profile(jpeg, bytes(1 << 24))

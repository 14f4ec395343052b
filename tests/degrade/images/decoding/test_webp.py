from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from degrade.images.image_io import decode_photo

PIXELS = np.random.default_rng(0).integers(0, 256, (24, 32, 4), dtype=np.uint8)
NOTE = "lossy WebP, damage cannot be told"


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize("extended", [False, True])
def test_decode_webp_says_where_damage_cannot_be_told(
    mode: str, lossless: bool, extended: bool
) -> None:
    file = io.BytesIO()
    image = Image.fromarray(PIXELS).convert(mode)
    exif = image.getexif()
    exif[305] = "a program"
    settings = {"exif": exif} if extended else {}
    image.save(file, "WEBP", lossless=lossless, **settings)
    photo = decode_photo(file.getvalue(), Path("a.webp"), keep_alpha=True)
    assert (NOTE in photo.notes) == (not lossless)

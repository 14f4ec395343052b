"""What becomes of each odd file of the research material, which is beside the checkout or not."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import numpy as np
import pytest

from degrade.errors import InputError
from degrade.images.image_io import read_photo
from degrade.images.sources import find_images

# Upright (height, width), bits, notes.
ACCEPTED: dict[str, tuple[tuple[int, int], int, tuple[str, ...]]] = {
    "00017_gray.png": ((351, 500), 8, ("gray",)),
    "12in16bit.tif": ((100, 100), 16, ("gray",)),
    "hopper.webp": ((128, 128), 8, ("lossy WebP, damage cannot be told",)),
    "hopper_1bit.pbm": ((128, 128), 8, ("gray",)),
    "hopper_gray.jpg": ((128, 128), 8, ("gray",)),
    "i_trns.png": ((64, 64), 16, ("gray",)),
    "icc_profile_big.jpg": ((250, 425), 8, ("converted from TIFF RGB",)),
    "l_trns.png": ((64, 64), 8, ("gray",)),
    "landscape_6.jpg": ((450, 600), 8, ("converted from Generic RGB Profile", "rotated")),
    "p_trns_single.png": ((64, 64), 8, ()),
    "pil_sample_cmyk.jpg": ((100, 100), 8, ("CMYK converted",)),
    "png_decompression_dos.png": ((1, 1), 8, ("gray",)),  # the bomb is in text, never unpacked
    "png_named.jpeg": ((139, 220), 8, ()),
    "pngsuite_basi2c08.png": ((32, 32), 8, ("converted from gamma 1",)),
    "pngsuite_basn2c16.png": ((32, 32), 16, ("converted from gamma 1",)),
    "pngsuite_basn3p04.png": ((32, 32), 8, ("converted from gamma 1",)),
    "pngsuite_basn4a16.png": ((32, 32), 16, ("converted from gamma 1",)),
    "pngsuite_exif2c08.png": ((32, 32), 8, ()),
    "pngsuite_s01n3p01.png": ((1, 1), 8, ("converted from gamma 1",)),
    "portrait_8.jpg": ((600, 450), 8, ("converted from Generic RGB Profile", "rotated")),
    "rgb_trns.png": ((64, 64), 8, ()),
    "tRNS_null_1x1.png": ((1, 1), 8, ("alpha dropped",)),
    "tree_alpha_16bit.png": (
        (256, 342),
        16,
        ("converted from Adobe RGB (1998)", "colours outside sRGB clipped"),
    ),
}

TRANSPARENT = {
    "i_trns.png": "14 %",
    "l_trns.png": "14 %",
    "p_trns_single.png": "21 %",
    "pngsuite_basn4a16.png": "12 %",
    "rgb_trns.png": "21 %",
    "tree_alpha_16bit.png": "48 %",
}
"""Those of which so much is seen only by who asks for alpha, too."""

REJECTED = {
    "broken.png": "PNG header is damaged",
    "broken_data_stream.png": "cut short",
    "decompression_bomb.gif": "GIF",
    "huge_header_60000.png": "60000×60000 is more than 200000000 pixels",
    "iss634.gif": "GIF",
    "pngsuite_xcrn0g04.png": "not an image in a known format",
    "pngsuite_xhdn0g08.png": "the checksum of its IHDR chunk is wrong",
    "text_named.png": "not an image in a known format",
    "truncated_image.png": "cut short",
    "truncated_jpeg.jpg": "cut short",
    "zero_byte.png": "empty",
}


@pytest.fixture(scope="module")
def rows(shared_data: Path) -> dict[str, dict[str, str]]:
    with (shared_data / "MANIFEST.csv").open(newline="", encoding="utf-8") as file:
        listed = [row for row in csv.DictReader(file) if row["file"].startswith("odd/")]
    return {row["file"].removeprefix("odd/"): row for row in listed}


def test_every_odd_file_has_an_outcome_here(shared_data: Path, rows: dict[str, object]) -> None:
    assert {path.name for path in (shared_data / "odd").iterdir()} == rows.keys()
    assert rows.keys() == ACCEPTED.keys() | REJECTED.keys()


def test_no_file_is_both_valid_and_rejected(rows: dict[str, dict[str, str]]) -> None:
    for name, row in rows.items():
        if row["role"] == "odd_broken":
            assert name in REJECTED
        if row["role"] == "odd_valid":
            assert name in ACCEPTED or name.endswith(".gif")


@pytest.mark.parametrize("name", ACCEPTED)
def test_odd_file_is_accepted(
    shared_data: Path, rows: dict[str, dict[str, str]], name: str
) -> None:
    size, bits, notes = ACCEPTED[name]
    photo = read_photo(shared_data / "odd" / name, keep_alpha=name in TRANSPARENT)
    assert photo.pixels.shape == (*size, 3)
    assert photo.pixels.dtype == {8: np.uint8, 16: np.uint16}[bits]
    assert photo.notes == notes
    assert photo.sha256 == rows[name]["sha256"]
    if rows[name]["width"]:
        stored = (int(rows[name]["height"]), int(rows[name]["width"]))
        # MANIFEST.csv states stored sizes; both rotated files lie on their side (6 and 8).
        assert size == (stored[::-1] if "rotated" in notes else stored)


@pytest.mark.parametrize("name", TRANSPARENT)
def test_odd_file_with_transparent_parts_is_rejected(shared_data: Path, name: str) -> None:
    with pytest.raises(InputError, match=f"{TRANSPARENT[name]} of it is transparent"):
        read_photo(shared_data / "odd" / name)


@pytest.mark.parametrize("name", REJECTED)
def test_odd_file_is_rejected_by_name(shared_data: Path, name: str) -> None:
    with pytest.raises(InputError) as caught:
        read_photo(shared_data / "odd" / name)
    assert name in str(caught.value)
    assert REJECTED[name] in caught.value.reason
    assert caught.value.remedy


def test_rotated_photos_stand_upright(shared_data: Path) -> None:
    """The sky of both photos is bright and must end at the top."""
    for name in ("landscape_6.jpg", "portrait_8.jpg"):
        pixels = read_photo(shared_data / "odd" / name).pixels
        third = pixels.shape[0] // 3
        assert pixels[:third].mean() > pixels[-third:].mean() + 10, name


def test_find_images_finds_every_odd_file(shared_data: Path) -> None:
    files, rejects = find_images([shared_data / "odd"])
    names = {file.name for file in files}
    assert names == (ACCEPTED.keys() | REJECTED.keys())
    assert rejects == []
    assert find_images([shared_data / "odd/iss634.gif"])[0][0].name == "iss634.gif"


def test_same_pixels_with_every_opencv(shared_data: Path) -> None:
    """Taken with OpenCV 5.0.0; 4.14.0 gave the same. JPEG and WebP decoders promise no such."""
    digest = hashlib.sha256()
    for name in sorted(ACCEPTED):
        if not name.endswith((".jpg", ".webp")):
            photo = read_photo(shared_data / "odd" / name, keep_alpha=True)
            digest.update(photo.pixels.tobytes())
    assert digest.hexdigest() == (
        "c75d873724358009589df4c97dcee1fb1a0905423767c94ec6efc2f88dc25d42"
    )

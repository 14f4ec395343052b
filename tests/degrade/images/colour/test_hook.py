from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from degrade.errors import InputError, InvalidValueError
from degrade.images.colour import colours_of, to_srgb
from degrade.images.colour.conversion import DAMAGED_NOTE
from degrade.images.colour.hook import UNSURE_NOTE
from degrade.images.decoding import Decoded
from degrade.images.image_header import read_header
from degrade.images.image_io import decode_photo, read_photo_header
from tests.colours import (
    ADOBE_RGB,
    DISPLAY_P3,
    cicp,
    colour_grid,
    decode_srgb,
    display_p3,
    encode_srgb,
    exif_of_adobe_rgb,
    gama,
    gamma_tag,
    gray_profile,
    iccp,
    ink_profile,
    inks_to_light,
    png_chunk,
    png_with,
    to_srgb_reference,
    with_pillow,
)

SOFT = np.random.default_rng(0).integers(90, 170, (24, 32, 3), dtype=np.uint8)


def _psnr(a: np.ndarray, b: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.mean((a.astype(float) - b) ** 2)))


def _smooth() -> np.ndarray:
    """A picture that JPEG and WebP keep well."""
    y, x = np.mgrid[0:96, 0:128]
    return np.stack((80 + x, 60 + y + x / 4, 200 - y), -1).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_decode_photo_converts_display_p3_of_every_format(format: str) -> None:
    stored = _smooth()
    options = {"JPEG": {"quality": 97, "subsampling": 0}, "WEBP": {"lossless": True}}
    data = with_pillow(stored, format, icc_profile=display_p3(), **options.get(format, {}))
    photo = decode_photo(data, Path("x"))
    exact = 255 * to_srgb_reference(stored / 255, DISPLAY_P3, decode_srgb)
    assert _psnr(photo.pixels, exact) > (38 if format == "JPEG" else 50)
    assert photo.notes[0] == "converted from Display P3"
    plain = with_pillow(stored, format, **options.get(format, {}))
    assert decode_photo(plain, Path("x")).notes == ()


def test_decode_photo_converts_16_bits_with_16_bits() -> None:
    stored = colour_grid(9, np.uint16)
    exact = 65535 * to_srgb_reference(stored / 65535, DISPLAY_P3, decode_srgb)
    tiff = io.BytesIO()
    tifffile.imwrite(tiff, stored, photometric="rgb", iccprofile=display_p3())
    for data in (png_with(stored, iccp(display_p3())), tiff.getvalue()):
        photo = decode_photo(data, Path("x"))
        assert photo.pixels.dtype == np.uint16
        assert np.abs(photo.pixels - exact).max() < 40


def test_decode_photo_converts_before_it_turns() -> None:
    exif = b"Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0\0\0\0\0"
    stored = _smooth()
    options = {"quality": 97, "icc_profile": display_p3()}
    straight = decode_photo(with_pillow(stored, "JPEG", **options), Path("x"))
    turned = decode_photo(with_pillow(stored, "JPEG", exif=exif, **options), Path("x"))
    np.testing.assert_array_equal(np.rot90(straight.pixels, -1), turned.pixels)
    assert turned.notes == ("converted from Display P3", "rotated")


def test_decode_photo_of_gray_stays_gray() -> None:
    stored = np.arange(256, dtype=np.uint8).reshape(16, 16)
    profile = gray_profile(gamma_tag(1.0))
    for chunk in (iccp(profile), gama(1.0)):
        photo = decode_photo(png_with(stored, chunk), Path("x"))
        assert photo.notes[0] == "gray"
        assert photo.notes[1].startswith("converted from ")
        exact = 255 * encode_srgb(stored / 255)
        assert np.abs(photo.pixels - exact[..., None]).max() < 0.51


def test_decode_photo_follows_png_chunks_and_exif() -> None:
    adobe = 255 * to_srgb_reference(SOFT / 255, ADOBE_RGB, lambda v: v ** (563 / 256))
    p3 = 255 * to_srgb_reference(SOFT / 255, DISPLAY_P3, decode_srgb)
    for data, exact, note in (
        (png_with(SOFT, cicp(12, 13, 0, 1), gama(1.0)), p3, "converted from Display P3"),
        (
            png_with(SOFT, png_chunk(b"eXIf", exif_of_adobe_rgb())),
            adobe,
            "converted from Adobe RGB (by its EXIF)",
        ),
    ):
        photo = decode_photo(data, Path("x"))
        assert photo.notes == (note,)
        assert np.abs(photo.pixels - exact).max() < 0.75


def test_decode_photo_notes_a_damaged_profile_and_keeps_the_bytes() -> None:
    plain = decode_photo(png_with(SOFT), Path("x"))
    for profile in (b"", display_p3()[:200], b"x" * 500):
        photo = decode_photo(png_with(SOFT, iccp(profile)), Path("x"))
        np.testing.assert_array_equal(photo.pixels, plain.pixels)
        assert photo.notes == (DAMAGED_NOTE,)


@pytest.mark.parametrize(("transfer", "kind"), [(16, "PQ"), (18, "HLG")])
def test_hdr_is_refused_by_name_before_it_is_decoded(transfer: int, kind: str) -> None:
    data = png_with(SOFT, cicp(9, transfer, 0, 1))
    with pytest.raises(InputError, match=f"x.png: HDR \\({kind}\\)"):
        read_photo_header(data, Path("x.png"))
    with pytest.raises(InputError, match=f"HDR \\({kind}\\)"):
        decode_photo(data, Path("x.png"))


def test_hdr_in_heic_is_refused() -> None:
    pillow_heif = pytest.importorskip("pillow_heif", reason="the extra `heic` is not installed")
    for coding, refused in (((9, 16), True), ((9, 18), True), ((12, 13), False)):
        file = io.BytesIO()
        pillow_heif.from_pillow(Image.fromarray(_smooth())).save(
            file, color_primaries=coding[0], transfer_characteristics=coding[1]
        )
        if refused:
            with pytest.raises(InputError, match="HDR"):
                decode_photo(file.getvalue(), Path("x"))
        else:
            photo = decode_photo(file.getvalue(), Path("x"))
            assert photo.notes == ("converted from Display P3",)


def test_to_srgb_heeds_what_a_container_tells() -> None:
    data = png_with(SOFT)
    header = read_header(data)
    told = to_srgb(Decoded(SOFT, coding=(12, 13, 5)), header, data)
    exact = 255 * to_srgb_reference(SOFT / 255, DISPLAY_P3, decode_srgb)
    assert np.abs(told.pixels - exact).max() < 0.75
    for plain in (Decoded(SOFT, coding=(1, 13, 6)), Decoded(SOFT, coding=(2, 2, 2))):
        assert to_srgb(plain, header, data).pixels is SOFT
    for hdr in (
        Decoded(SOFT, coding=(9, 16, 9)),
        Decoded(SOFT, coding=(9, 18, 9), profile=display_p3()),
    ):
        with pytest.raises(InvalidValueError, match="HDR"):
            to_srgb(hdr, header, data)


# Profiles that are kept


def test_decode_photo_keeps_a_profile_when_asked() -> None:
    data = png_with(SOFT, iccp(display_p3()))
    photo = decode_photo(data, Path("x"), keep_profile=True)
    np.testing.assert_array_equal(photo.pixels, SOFT)
    assert photo.profile == display_p3()
    assert photo.notes == ("kept in Display P3",)
    assert decode_photo(data, Path("x")).profile is None


def test_decode_photo_keeps_no_profile_that_says_nothing_of_the_pixels() -> None:
    for chunks in (
        [iccp(display_p3()[:200])],
        [iccp(ink_profile(points=5))],
        [iccp(display_p3()), cicp(1, 13, 0, 1)],
        [gama(1.0)],
    ):
        photo = decode_photo(png_with(SOFT, *chunks), Path("x"), keep_profile=True)
        assert photo.profile is None


# Inks


def _inks() -> np.ndarray:
    return (np.random.default_rng(0).random((24, 32, 4)) * 150).astype(np.uint8)


def test_to_srgb_converts_inks_by_their_profile() -> None:
    inks = _inks()
    data = with_pillow(inks, "JPEG", quality=99, icc_profile=ink_profile(), subsampling=0)
    header = read_header(data)
    decoded = Decoded(SOFT, notes=("CMYK converted",), inks=255 - inks)
    converted = to_srgb(decoded, header, data)
    light, black = inks_to_light(inks / 255), inks_to_light(np.ones(4))
    exact = 255 * encode_srgb((light - black) / (1 - black))
    assert converted.notes == ("converted from Test Press",)
    assert converted.inks is None
    assert _psnr(converted.pixels, exact) > 45
    assert colours_of(data, header) == "Test Press"


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_decode_photo_converts_tiffs_of_inks_by_their_profile(dtype: type) -> None:
    peak = np.iinfo(dtype).max
    inks = (_inks() / 255 * peak).astype(dtype)
    light, black = inks_to_light(inks / peak), inks_to_light(np.ones(4))
    exact = encode_srgb((light - black) / (1 - black))
    for bigtiff in (False, True):
        tiff = io.BytesIO()
        tifffile.imwrite(
            tiff, inks, photometric="separated", iccprofile=ink_profile(), bigtiff=bigtiff
        )
        photo = decode_photo(tiff.getvalue(), Path("x"))
        assert photo.notes == ("converted from Test Press",)
        assert photo.pixels.dtype == dtype
        assert _psnr(photo.pixels / peak * 255, 255 * exact) > 45


def test_to_srgb_leaves_inks_without_a_sound_profile_to_the_decoder() -> None:
    for profile, notes in (
        (None, ("CMYK converted",)),
        (display_p3(), ("CMYK converted", DAMAGED_NOTE)),
        (ink_profile()[:-9], ("CMYK converted", DAMAGED_NOTE)),
    ):
        data = with_pillow(_inks(), "JPEG", **({"icc_profile": profile} if profile else {}))
        decoded = Decoded(SOFT, notes=("CMYK converted",), inks=255 - _inks())
        same = to_srgb(decoded, read_header(data), data)
        assert same.pixels is SOFT
        assert same.notes == notes


def test_to_srgb_is_unsure_of_inks_without_adobes_marker() -> None:
    data = with_pillow(_inks(), "JPEG")
    start = data.index(b"\xff\xee")
    bare = data[:start] + data[start + 16 :]
    decoded = Decoded(SOFT, notes=("CMYK converted",))
    assert to_srgb(decoded, read_header(bare), bare).notes == ("CMYK converted", UNSURE_NOTE)
    assert to_srgb(decoded, read_header(data), data).notes == ("CMYK converted",)

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image, ImageCms

from degrade.images.colour.conversion import (
    CLIPPED_NOTE,
    DAMAGED_NOTE,
    colour_conversion,
)
from degrade.images.colour.facts import ColourFacts
from tests.colours import (
    ADOBE_RGB,
    DISPLAY_P3,
    LINEAR_TAG,
    PROFILE_WHITE,
    PROPHOTO,
    SRGB,
    SRGB_TAG,
    Decode,
    build_profile,
    colour_grid,
    curve_tag,
    decode_srgb,
    display_p3,
    encode_srgb,
    gamma_tag,
    gray_profile,
    ink_profile,
    inks_to_light,
    lab_table_tag,
    matrix_profile,
    name_tag,
    parametric_tag,
    power,
    rgb_to_xyz,
    table_profile,
    to_srgb_reference,
)

PROFILES: dict[str, tuple[bytes, Sequence[float], Decode]] = {
    "display p3": (display_p3(), DISPLAY_P3, decode_srgb),
    "display p3, curve of points": (
        matrix_profile(DISPLAY_P3, curve_tag(decode_srgb, 4096)),
        DISPLAY_P3,
        decode_srgb,
    ),
    "adobe rgb": (matrix_profile(ADOBE_RGB, gamma_tag(563 / 256)), ADOBE_RGB, power(563 / 256)),
    "prophoto": (
        matrix_profile(PROPHOTO, parametric_tag(0, 1.8), version=4),
        PROPHOTO,
        power(1.8),
    ),
    "linear": (matrix_profile(SRGB, LINEAR_TAG), SRGB, power(1.0)),
}


def _by_profile(
    pixels: np.ndarray, profile: bytes, **kind: bool
) -> tuple[np.ndarray, tuple[str, ...]]:
    facts = ColourFacts(profile=profile)
    return colour_conversion(facts, bits=8 * pixels.itemsize, **kind).apply(pixels)


@pytest.mark.parametrize("name", PROFILES)
def test_colour_conversion_equals_the_definition_within_a_level(name: str) -> None:
    profile, chromaticities, decode = PROFILES[name]
    pixels = colour_grid(18)
    exact = to_srgb_reference(pixels / 255, chromaticities, decode) * 255
    converted, notes = _by_profile(pixels, profile)
    assert converted.dtype == np.uint8
    assert np.abs(converted - exact).max() < 0.75  # rounding takes 0.5 of it
    assert notes[0].startswith("converted from ")


@pytest.mark.parametrize("name", PROFILES)
def test_colour_conversion_keeps_16_bits(name: str) -> None:
    profile, chromaticities, decode = PROFILES[name]
    pixels = colour_grid(18, np.uint16)
    exact = to_srgb_reference(pixels / 65535, chromaticities, decode) * 65535
    converted, _ = _by_profile(pixels, profile)
    assert converted.dtype == np.uint16
    # The numbers in a profile have 16 bits too; near black sRGB's curve is 13 times as steep.
    assert np.abs(converted - exact).max() < 40
    assert np.sqrt(np.mean((converted - exact) ** 2)) < 3


@pytest.mark.parametrize("name", PROFILES)
def test_colour_conversion_agrees_with_littlecms(name: str) -> None:
    profile = PROFILES[name][0]
    pixels = colour_grid(33)
    transform = ImageCms.buildTransform(
        ImageCms.ImageCmsProfile(io.BytesIO(profile)),
        ImageCms.createProfile("sRGB"),
        "RGB",
        "RGB",
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    theirs = np.asarray(ImageCms.applyTransform(Image.fromarray(pixels), transform))
    ours, _ = _by_profile(pixels, profile)
    assert np.abs(ours.astype(int) - theirs).max() <= 1


@pytest.mark.parametrize(
    "profile",
    [
        bytes(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()),
        matrix_profile(SRGB, SRGB_TAG, name="anything"),
        matrix_profile(SRGB, curve_tag(decode_srgb, 1024)),
        matrix_profile(SRGB, curve_tag(decode_srgb, 64)),
        matrix_profile((0.3127, 0.329, 0.6401, 0.3299, 0.3002, 0.6001, 0.1501, 0.0601), SRGB_TAG),
    ],
    ids=["LittleCMS", "v4", "1024 points", "64 points", "rounded primaries"],
)
def test_colour_conversion_leaves_srgb_as_it_is(profile: bytes) -> None:
    for dtype in (np.uint8, np.uint16):
        pixels = colour_grid(5, dtype)
        same, notes = _by_profile(pixels, profile)
        assert same is pixels
        assert notes == ()


def test_colour_conversion_of_nothing_said_is_none() -> None:
    pixels = colour_grid(3)
    same, notes = colour_conversion(ColourFacts(), bits=8).apply(pixels)
    assert same is pixels
    assert notes == ()


def test_colour_conversion_does_not_call_other_spaces_srgb() -> None:
    pixels = colour_grid(5)
    for profile in (matrix_profile(SRGB, gamma_tag(2.2)), matrix_profile(SRGB, gamma_tag(1.8))):
        converted, notes = _by_profile(pixels, profile)
        assert notes
        assert not np.array_equal(converted, pixels)


def test_colour_conversion_keeps_white_black_and_grays_of_display_p3() -> None:
    grays = np.repeat(np.arange(256, dtype=np.uint8)[:, None, None], 3, axis=2)
    converted, _ = _by_profile(grays, display_p3())
    np.testing.assert_array_equal(converted, grays)


def test_colour_conversion_names_the_profile_printably_and_short() -> None:
    pixels = colour_grid(3)
    for name, shown in (
        ("Display P3", "Display P3"),
        ("a\n b\x1b[31m", r"a b\x1b[31m"),
        ("x" * 100, "x" * 37 + "..."),
        ("", "an unnamed profile"),
    ):
        _, notes = _by_profile(pixels, display_p3(name))
        assert notes[0] == f"converted from {shown}"


def test_colour_conversion_notes_clipping_of_more_than_a_hundredth() -> None:
    vivid = np.tile(np.array([0, 255, 0], np.uint8), (20, 20, 1))
    soft = np.full_like(vivid, 120)
    soft[..., 1] = 140
    assert _by_profile(vivid, display_p3())[1] == ("converted from Display P3", CLIPPED_NOTE)
    assert _by_profile(soft, display_p3())[1] == ("converted from Display P3",)
    soft[0, :3] = 0, 255, 0  # 3 of 400
    assert _by_profile(soft, display_p3())[1] == ("converted from Display P3",)


def test_colour_conversion_makes_the_darkest_gray_black() -> None:
    profile = matrix_profile(SRGB, curve_tag(lambda v: 0.02 + 0.98 * decode_srgb(v), 4096))
    pixels = colour_grid(9)
    converted, _ = _by_profile(pixels, profile)
    np.testing.assert_allclose(converted.astype(int), pixels, atol=1)


# Gray


def test_colour_conversion_of_gray_follows_its_curve() -> None:
    grays = np.repeat(np.arange(256, dtype=np.uint8)[:, None, None], 3, axis=2)
    for profile, light in (
        (gray_profile(gamma_tag(2.25)), np.linspace(0, 1, 256) ** 2.25),
        (gray_profile(LINEAR_TAG), np.linspace(0, 1, 256)),
        (matrix_profile(ADOBE_RGB, gamma_tag(1.75)), np.linspace(0, 1, 256) ** 1.75),
    ):
        converted, notes = _by_profile(grays, profile, is_gray=True)
        assert (converted == converted[..., :1]).all()
        assert np.abs(converted[:, 0, 0] - 255 * encode_srgb(light)).max() <= 0.51
        assert notes[0].startswith("converted from Test ")


def test_colour_conversion_of_gray_by_lightness() -> None:
    grays = np.repeat(np.arange(0, 65536, 257, dtype=np.uint16)[:, None, None], 3, axis=2)
    converted, _ = _by_profile(grays, gray_profile(LINEAR_TAG, connection=b"Lab "), is_gray=True)
    lightness = np.linspace(0, 100, 256)
    light = np.where(lightness > 8, ((lightness + 16) / 116) ** 3, lightness * 27 / 24389)
    assert np.abs(converted[:, 0, 0] - 65535 * encode_srgb(light)).max() <= 0.51


def test_colour_conversion_leaves_gray_with_srgbs_curve() -> None:
    pixels = np.full((2, 2, 3), 77, np.uint8)
    for profile in (gray_profile(curve_tag(decode_srgb)), display_p3()):
        same, notes = _by_profile(pixels, profile, is_gray=True)
        assert same is pixels
        assert notes == ()


# Tables


def _p3_to_xyz(stored: np.ndarray) -> np.ndarray:
    return decode_srgb(stored) @ rgb_to_xyz(DISPLAY_P3, PROFILE_WHITE).T


def _soft_colours(dtype: type) -> np.ndarray:
    """Colours that a table's grid follows: none at the edge of what sRGB has."""
    peak = np.iinfo(dtype).max
    rng = np.random.default_rng(0)
    return (peak * (0.3 + 0.4 * rng.random((60, 50, 3)))).astype(dtype)


def test_colour_conversion_by_tables_is_near_the_definition() -> None:
    profile = table_profile(_p3_to_xyz, 3, 33)
    pixels = _soft_colours(np.uint8)
    exact = 255 * to_srgb_reference(pixels / 255, DISPLAY_P3, decode_srgb)
    converted, notes = _by_profile(pixels, profile)
    assert notes == ("converted from Test Scanner",)
    error = converted - exact
    assert np.sqrt(np.mean(error**2)) < 0.35  # rounding takes 0.29 of it
    # LittleCMS makes one table of the profile and sRGB's curve, which is steep near black.
    assert np.abs(error[pixels.min(2) > 90]).max() < 1


def test_colour_conversion_by_tables_keeps_more_than_8_bits() -> None:
    profile = table_profile(_p3_to_xyz, 3, 33)
    pixels = _soft_colours(np.uint16)
    exact = 65535 * to_srgb_reference(pixels / 65535, DISPLAY_P3, decode_srgb)
    converted, _ = _by_profile(pixels, profile)
    assert converted.dtype == np.uint16
    # A level of 8 bits is 257; rounding to it would leave 74.
    assert np.sqrt(np.mean((converted - exact) ** 2)) < 10
    assert np.abs(converted - exact).max() < 257


def test_colour_conversion_by_tables_of_8_bits() -> None:
    profile = table_profile(_p3_to_xyz, 3, 33, bits=8)
    pixels = _soft_colours(np.uint8)
    exact = 255 * to_srgb_reference(pixels / 255, DISPLAY_P3, decode_srgb)
    converted, _ = _by_profile(pixels, profile)
    assert np.sqrt(np.mean((converted - exact) ** 2)) < 0.6  # Lab itself has 8 bits there


def test_colour_conversion_leaves_srgb_in_tables() -> None:
    def to_xyz(stored: np.ndarray) -> np.ndarray:
        return decode_srgb(stored) @ rgb_to_xyz(SRGB, PROFILE_WHITE).T

    pixels = _soft_colours(np.uint8)
    same, notes = _by_profile(pixels, table_profile(to_xyz, 3, 33))
    assert same is pixels
    assert notes == ()


def test_colour_conversion_of_inks_is_near_the_definition() -> None:
    rng = np.random.default_rng(0)
    inks = (255 * 0.7 * rng.random((40, 50, 4))).astype(np.uint8)
    converted, notes = _by_profile(inks, ink_profile(), is_ink=True)
    light = inks_to_light(inks / 255)
    black = inks_to_light(np.array([1.0, 1, 1, 1]))
    exact = 255 * encode_srgb((light - black) / (1 - black))
    assert converted.shape == (40, 50, 3)
    assert notes == ("converted from Test Press",)
    assert np.abs(converted - exact).max() < 4
    assert np.sqrt(np.mean((converted - exact) ** 2)) < 1
    paper = np.zeros((1, 1, 4), np.uint8)
    np.testing.assert_array_equal(_by_profile(paper, ink_profile(), is_ink=True)[0], [[[255] * 3]])


# What is damaged


def test_colour_conversion_passes_over_damaged_profiles() -> None:
    sound = display_p3()
    pixels = colour_grid(3)
    damaged = {
        "empty": b"",
        "cut": sound[:-40],
        "short": sound[:100],
        "no signature": sound[:36] + b"acsq" + sound[40:],
        "device link": sound[:12] + b"link" + sound[16:],
        "of inks": sound[:16] + b"CMYK" + sound[20:],
        "of gray": gray_profile(gamma_tag(1.8)),
        "a press": ink_profile(points=5),
        "many tags": sound[:128] + b"\xff" * 4 + sound[132:],
        "giant": sound + bytes(1 << 24),
        "of unknown age": sound[:8] + b"\x09" + sound[9:],
        "without green": build_profile({b"desc": name_tag("x", 2)}),
        "primaries in one line": matrix_profile(SRGB, SRGB_TAG).replace(
            *(matrix_profile(SRGB, SRGB_TAG)[m : m + 20] for m in _places_of_two_colours(sound))
        ),
        "a table of 255 points": build_profile(
            {b"A2B0": _with_byte(lab_table_tag(_p3_to_xyz, 3, 5), 10, 255)}, connection=b"Lab "
        ),
    }
    for what, profile in damaged.items():
        same, notes = _by_profile(pixels, profile)
        assert (what, notes) == (what, (DAMAGED_NOTE,))
        assert same is pixels


def _with_byte(data: bytes, place: int, value: int) -> bytes:
    return data[:place] + bytes([value]) + data[place + 1 :]


def _places_of_two_colours(profile: bytes) -> tuple[int, int]:
    first = matrix_profile(SRGB, SRGB_TAG).index(b"XYZ \0\0\0\0", 132 + 8 * 12)
    return first + 20, first + 40


@pytest.mark.parametrize("kind", ["matrix", "table", "inks", "gray"])
def test_colour_conversion_of_mutated_profiles_converts_or_notes(kind: str) -> None:
    profile, channels = {
        "matrix": (display_p3(), 3),
        "table": (table_profile(_p3_to_xyz, 3, 5), 3),
        "inks": (ink_profile(points=4), 4),
        "gray": (gray_profile(curve_tag(lambda v: v**1.8, 64)), 3),
    }[kind]
    pixels = np.arange(4 * 4 * channels, dtype=np.uint8).reshape(4, 4, channels)
    rng = np.random.default_rng(5)
    outcomes = set()
    for _ in range(20 if kind in ("table", "inks") else 150):
        data = bytearray(profile)
        reach = len(data) if rng.random() < 0.3 else 300  # header, directory, heads of tags
        for place in rng.integers(0, reach, rng.integers(1, 6)):
            data[place] = rng.integers(0, 256)
        if rng.random() < 0.2:
            del data[rng.integers(0, len(data)) :]
        converted, notes = _by_profile(
            pixels, bytes(data), is_gray=kind == "gray", is_ink=kind == "inks"
        )
        assert converted.dtype == np.uint8
        assert len(notes) <= 2
        outcomes.add(DAMAGED_NOTE in notes)
    assert outcomes == {True, False}

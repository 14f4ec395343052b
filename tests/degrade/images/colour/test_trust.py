"""What a file says of its colours, in the order in which it is trusted; HDR."""

from __future__ import annotations

import numpy as np
import pytest

from degrade.errors import InvalidValueError
from degrade.images.colour.conversion import (
    DAMAGED_NOTE,
    GAMMA_NOTE,
    colour_conversion,
    refuse_hdr,
)
from degrade.images.colour.facts import ColourFacts
from tests.colours import (
    ADOBE_RGB,
    DISPLAY_P3,
    SRGB,
    build_profile,
    colour_grid,
    decode_srgb,
    gamma_tag,
    matrix_profile,
    power,
    to_srgb_reference,
)


def test_colour_conversion_trusts_in_the_order_of_the_png_specification() -> None:
    everything = {
        "cicp": (12, 13, 0, 1),
        "profile": matrix_profile(ADOBE_RGB, gamma_tag(2.2), name="By profile"),
        "is_srgb": True,
        "gamma": 1.0,
        "exif_says_adobe": True,
    }
    expected = ["Display P3", "By profile", None, "gamma 1", "Adobe RGB (by its EXIF)", None]
    for source in expected:
        conversion = colour_conversion(ColourFacts(**everything), bits=8)
        assert conversion.source == source
        assert conversion.notes == ()
        everything.pop(next(iter(everything), ""), None)


def test_colour_conversion_passes_over_what_it_cannot_use() -> None:
    unknown = ColourFacts(cicp=(77, 13, 0, 1), profile=b"damaged", gamma=1.0)
    conversion = colour_conversion(unknown, bits=8)
    assert conversion.source == "gamma 1"
    assert conversion.notes == (DAMAGED_NOTE,)
    assert colour_conversion(ColourFacts(cicp=(9, 1, 0, 0)), bits=8).source is None


@pytest.mark.parametrize("gamma", [1e-5, 0.09, 11.0, 42949.67295])
def test_a_gamma_that_no_picture_has_is_damage(gamma: float) -> None:
    """Taken at its word, it leaves few levels between black and white; cHRM and EXIF count."""
    conversion = colour_conversion(ColourFacts(gamma=gamma), bits=8)
    assert conversion.source is None and conversion.notes == (GAMMA_NOTE,)
    pixels = colour_grid(5)
    for sound in ({"chromaticities": DISPLAY_P3}, {"exif_says_adobe": True}):
        expected, notes = colour_conversion(ColourFacts(**sound), bits=8).apply(pixels)
        found = colour_conversion(ColourFacts(**sound, gamma=gamma), bits=8).apply(pixels)
        assert np.array_equal(found[0], expected) and (found[0] != pixels).any()
        assert found[1] == (GAMMA_NOTE, *notes)
    for better in ({"is_srgb": True}, {"cicp": (12, 13, 0, 1)}):
        assert colour_conversion(ColourFacts(**better, gamma=gamma), bits=8).notes == ()


def test_colour_conversion_by_cicp_equals_the_definition() -> None:
    pixels = colour_grid(9)
    conversion = colour_conversion(ColourFacts(cicp=(12, 13, 0, 1)), bits=8)
    exact = 255 * to_srgb_reference(pixels / 255, DISPLAY_P3, decode_srgb)
    assert np.abs(conversion.apply(pixels)[0] - exact).max() < 0.75
    assert colour_conversion(ColourFacts(cicp=(1, 13, 0, 1)), bits=8).source is None


@pytest.mark.parametrize("gamma", [1 / 2.2, 0.45455, 0.45, 0.455])
def test_colour_conversion_takes_the_usual_gamma_for_srgb(gamma: float) -> None:
    for chromaticities in (None, SRGB):
        facts = ColourFacts(gamma=gamma, chromaticities=chromaticities)
        assert colour_conversion(facts, bits=8).source is None


def test_colour_conversion_by_gamma_and_primaries() -> None:
    pixels = colour_grid(9)
    for facts, chromaticities, gamma in (
        (ColourFacts(gamma=1.0), SRGB, 1.0),
        (ColourFacts(gamma=1 / 1.8), SRGB, 1.8),
        (ColourFacts(gamma=256 / 563, chromaticities=ADOBE_RGB), ADOBE_RGB, 563 / 256),
    ):
        exact = 255 * to_srgb_reference(pixels / 255, chromaticities, power(gamma))
        converted, notes = colour_conversion(facts, bits=8).apply(pixels)
        assert np.abs(converted - exact).max() < 0.75
        assert f"gamma {gamma:.3g}" in notes[0]
    p3 = ColourFacts(chromaticities=DISPLAY_P3)
    exact = 255 * to_srgb_reference(pixels / 255, DISPLAY_P3, decode_srgb)
    assert np.abs(colour_conversion(p3, bits=8).apply(pixels)[0] - exact).max() < 0.75


def test_colour_conversion_ignores_impossible_primaries() -> None:
    for chromaticities in ((0.0,) * 8, (0.3, 0.3) * 4, (40000.0,) * 8):
        facts = ColourFacts(chromaticities=chromaticities)
        assert colour_conversion(facts, bits=8).source is None


def test_colour_conversion_by_exif_equals_the_definition() -> None:
    pixels = colour_grid(9)
    exact = 255 * to_srgb_reference(pixels / 255, ADOBE_RGB, power(563 / 256))
    converted, _ = colour_conversion(ColourFacts(exif_says_adobe=True), bits=8).apply(pixels)
    assert np.abs(converted - exact).max() < 0.75


# HDR


def test_refuse_hdr_names_the_kind() -> None:
    tags = {b"cicp": b"cicp\0\0\0\0\x09\x10\x00\x01"}
    for facts, kind in (
        (ColourFacts(cicp=(9, 16, 0, 1)), "PQ"),
        (ColourFacts(cicp=(9, 18, 0, 1)), "HLG"),
        (ColourFacts(profile=build_profile(tags, version=4)), "PQ"),
    ):
        with pytest.raises(InvalidValueError, match=f"HDR \\({kind}\\)"):
            refuse_hdr(facts)
    for facts in (ColourFacts(), ColourFacts(cicp=(12, 13, 0, 1)), ColourFacts(profile=b"x")):
        refuse_hdr(facts)

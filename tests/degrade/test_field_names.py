"""Names of the field's sets are read; what no set means is left as it is."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from degrade.field_names import KNOWN_SETS, KnownSet, parse_name, scales_in
from degrade.geometry import Ratio, Scale


@pytest.mark.parametrize("known", KNOWN_SETS, ids=lambda known: known.name)
def test_parse_name_knows_both_sides_of_a_set(known: KnownSet) -> None:
    hr, lr = parse_name(known.hr), parse_name(known.lr)
    assert hr.bare == lr.bare != ""
    assert hr.side in (None, "hr") and lr.side in (None, "lr")
    assert lr.scale == known.scale


@pytest.mark.parametrize(
    ("path", "bare", "side", "scale"),
    [
        ("0801x4w3.png", "0801", None, 4),
        ("a-lr.png", "a", "lr", None),
        ("LR_0001.png", "0001", "lr", None),
        ("img_bicLRx4.png", "img", "lr", 4),
        ("a_LRBI_x4.png", "a", "lr", 4),
        ("a_LR_bicubic_x4.png", "a", "lr", 4),
        ("4x_a.png", "a", None, 4),
        ("a.hr.png", "a", "hr", None),
        ("0001x4_s001.png", "0001_s001", None, 4),
        ("HR/Canon/1.png", "Canon/1", "hr", None),
        ("deep/X4/1.png", "deep/1", None, 4),
        ("case/LR_x4.png", "case/", "lr", 4),
        ("0801x1.5.png", "0801", None, Ratio("1.5")),
        ("0801x2.70.png", "0801", None, Ratio("2.7")),
        ("0801X2.7_s001.png", "0801_s001", None, Ratio("2.7")),
        ("a_LR2.5.png", "a", "lr", Ratio("2.5")),
        ("a_LRBI_x12.5.png", "a", "lr", Ratio("12.5")),
        ("1.5x_a.png", "a", None, Ratio("1.5")),
        ("X1.10/a.png", "a", None, Ratio("1.1")),
        ("LR_bicubic/X4.00/a.png", "a", "lr", 4),
        ("hr_x1.5/a.png", "a", "hr", Ratio("1.5")),
        # Cameras name photos so.
        ("_DSC0001x4.png", "_DSC0001", None, 4),
        ("_MG_0001_LR.png", "_MG_0001", "lr", None),
        ("-dashx2.png", "-dash", None, 2),
        ("new\nlinex4.png", "new\nline", None, 4),
        # Left as they are.
        ("v1.5.png", "v1.5", None, None),
        ("photo.2024.1.5.png", "photo.2024.1.5", None, None),
        ("scene_HR_1.png", "scene_1", "hr", None),
        ("photo_1920x1080.png", "photo_1920x1080", None, None),
        ("img_SRF_4_SRCNN.png", "img_SRF_4_SRCNN", None, None),
        ("low/light_high.png", "light_high", "lr", None),
        ("wild/horses.png", "wild/horses", None, None),
        ("chr.png", "chr", None, None),
        ("_.png", "_", None, None),
    ],
)
def test_parse_name_takes_marks_off(
    path: str, bare: str, side: str | None, scale: Scale | None
) -> None:
    found = parse_name(path)
    assert (found.bare, found.side, found.scale) == (bare, side, scale)


@given(st.text(st.characters(exclude_characters="/\0"), max_size=20))
def test_parse_name_of_anything_is_composed(stem: str) -> None:
    composed, apart = (unicodedata.normalize(form, f"{stem}_LR.png") for form in ("NFC", "NFD"))
    assert parse_name(composed) == parse_name(apart)


@pytest.mark.parametrize(
    ("name", "scales"),
    [
        ("kernels_bicubicx234", (2, 3, 4)),
        ("kernels_12", ()),
        ("IMG_0_kernel_x4", (4,)),
        ("gt_k_x2", (2,)),
        ("x2_kernel_7", (2,)),
        ("from_x2_to_x4", (2, 4)),
        ("Levin09", ()),
        ("kernel_x1", ()),
        ("kernel_x2.5", (Ratio("2.5"),)),
        ("kernels_x2.0", (2,)),
    ],
)
def test_scales_in_finds_them_anywhere(name: str, scales: tuple[int, ...]) -> None:
    assert scales_in(name) == scales

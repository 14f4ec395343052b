"""Names that the field uses find each other; what is not certain is rejected by name."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from degrade.errors import InvalidValueError
from degrade.field_names import KNOWN_SETS, KnownSet, parse_name
from degrade.images.manifest import ManifestEntry
from pipelines.manifests.manifests import photo_group
from pipelines.pairs.image_matching import Matching, MatchRules, match_images
from pipelines.pairs.lr_names import LrName
from pipelines.shared.photo_scan import ScannedPhoto


def photo(name: str, height: int = 8, width: int = 12, root: str = "/hr") -> ScannedPhoto:
    return ScannedPhoto(
        path=Path(root) / name,
        name=name,
        sha256=f"{root} {name}",
        height=height,
        width=width,
        format="png",
        channels=3,
        bit_depth=8,
        orientation=1,
        bytes=1000,
        modified=0,
    )


def low(name: str, height: int = 4, width: int = 6) -> ScannedPhoto:
    return photo(name, height, width, "/lr")


def names_of(found: Matching) -> list[tuple[str, str]]:
    return [(pair.hr.name, pair.lr.name) for pair in found.matched]


@pytest.mark.parametrize(
    ("hr", "lr"),
    [
        ("0801.png", "0801.png"),
        ("0801.png", "0801.jpg"),
        ("0801.png", "0801x4.png"),
        ("0801.png", "0801_x2.PNG"),
        ("DSC_1454_x4.png", "DSC_1454_x1.png"),
        ("Canon_001_HR.png", "Canon_001_LR4.png"),
        ("a_GT.png", "a_LQ.png"),
        ("a.png", "a-LRx3.png"),
        ("deep/a_HR.png", "deep/a.png"),
        ("A.PNG", "a.png"),
        ("box3.png", "box3x2.png"),
        ("box3_HR.png", "box3.png"),
        ("HR/Canon/1.png", "LR/Canon/1.png"),
        ("Canon/1.png", "X2/Canon/1.png"),
        ("case/HR.png", "case/LR_x2.png"),
    ],
)
def test_match_images_knows_the_usual_names(hr: str, lr: str) -> None:
    found = match_images([photo(hr)], [low(lr)])
    assert names_of(found) == [(hr, lr)] and found.matched[0].scale == 2
    assert not found.rejects


@pytest.mark.parametrize("known", KNOWN_SETS, ids=lambda known: known.name)
@pytest.mark.parametrize("one_folder", [True, False])
def test_match_images_knows_the_sets_as_they_unpack(known: KnownSet, one_folder: bool) -> None:
    hr, lr = photo(known.hr), photo(known.lr, 2, 3)
    if one_folder and parse_name(known.lr).side is None:
        assert known.name == "BasicSR's own validation" or parse_name(known.lr).scale
    found = match_images([hr, lr], [hr, lr]) if one_folder else match_images([hr], [lr])
    assert names_of(found) == [(known.hr, known.lr)] and not found.rejects
    assert found.matched[0].stated == known.scale


@pytest.mark.parametrize("name", ["Café Zürich", "Ångström", "한글"])
def test_match_images_joins_the_forms_of_unicode(name: str) -> None:
    composed, apart = (unicodedata.normalize(form, f"{name}.png") for form in ("NFC", "NFD"))
    assert composed != apart
    found = match_images([photo(composed)], [low(apart)])
    assert names_of(found) == [(composed, apart)]
    (again,) = match_images([photo(apart)], [low(composed)]).matched
    assert again.key.rpartition("-")[0] == found.matched[0].key.rpartition("-")[0]


@pytest.mark.parametrize(
    ("hr", "lr"), [("a.png", "b.png"), ("one/a.png", "two/a.png"), ("ahr.png", "alr.png")]
)
def test_match_images_rejects_names_that_differ_otherwise(hr: str, lr: str) -> None:
    found = match_images([photo(hr)], [low(lr)])
    assert not found.matched and (found.alone_hr, found.alone_lr) == (1, 1)
    assert [reject.path for reject in found.rejects] == [f"/hr/{hr}", f"/lr/{lr}"]


def test_match_images_prefers_equal_names() -> None:
    found = match_images([photo("a.png"), photo("ax4.png")], [low("a.png"), low("ax4.png")])
    assert set(names_of(found)) == {("a.png", "a.png"), ("ax4.png", "ax4.png")}
    assert not found.rejects and {pair.stated for pair in found.matched} == {None}
    with_types = [photo("a.png"), photo("a.jpg")], [low("a.png"), low("a.jpg")]
    assert all(hr == lr for hr, lr in names_of(match_images(*with_types)))


def test_match_images_rejects_all_of_which_several_would_do() -> None:
    found = match_images([photo("a.png")], [low("a_x2.png"), low("a_LR.png")])
    assert not found.matched and len(found.rejects) == 3
    for reject in found.rejects:
        assert "3 images share its name" in reject.reason
        assert reject.reason.endswith("not certain: a.png, a_LR.png, a_x2.png")
    several_hr = match_images([photo("a.png"), photo("a_HR.png")], [low("a_LR.png")])
    assert not several_hr.matched and len(several_hr.rejects) == 3


def test_match_images_names_the_partner_that_was_taken() -> None:
    found = match_images([photo("a.png")], [low("a.png"), low("a_x2.png")])
    assert names_of(found) == [("a.png", "a.png")] and found.alone_lr == 1
    assert found.rejects[0].reason == "its HR image is paired with a.png"


WILD = [f"0001x4w{number}.png" for number in range(1, 5)]


def test_match_images_chooses_by_template() -> None:
    lr = [low(name) for name in (*WILD, "0002x4w1.png", "0003x4w1.png")]
    hr = [photo("0001.png"), photo("0002.png"), photo("0004.png")]
    assert names_of(match_images(hr, lr)) == [("0002.png", "0002x4w1.png")]
    found = match_images(hr, lr, MatchRules(lr_name=LrName("{name}x4w1")))
    assert set(names_of(found)) == {("0001.png", WILD[0]), ("0002.png", "0002x4w1.png")}
    assert sorted(image.name for image in found.passed_over) == WILD[1:]
    assert [reject.path for reject in found.rejects] == ["/hr/0004.png", "/lr/0003x4w1.png"]
    assert found.rejects[0].reason == "no LR image fits `lr_name='{name}x4w1'`"


@pytest.mark.parametrize(
    ("template", "hr", "lr"),
    [
        ("{name}_small", "a.png", "a_small.png"),
        ("{name}_small.jpg", "a.png", "a_small.jpg"),
        ("{name}x{scale}", "a.png", "ax2.png"),
        ("{name}_LR2", "Canon_1_HR.png", "Canon_1_LR2.png"),
        ("{name}", "A_HR.png", "a_hr.png"),
        ("klein {name}", "HR/a.png", "LR/klein a.png"),
        ("x2/{name}-k", "a.png", "x2/a-k.png"),
    ],
)
def test_match_images_reads_templates(template: str, hr: str, lr: str) -> None:
    others = [low("other_small.png"), low("b/a_small.png")]
    rules = MatchRules(lr_name=LrName(template))
    assert names_of(match_images([photo(hr)], [low(lr), *others], rules)) == [(hr, lr)]


def test_match_images_refuses_a_template_that_fits_several() -> None:
    rules = MatchRules(lr_name=LrName("{name}x{scale}"))
    lr = [low("ax2.png"), low("ax4.png")]
    found = match_images([photo("a.png")], lr, rules)
    assert not found.matched and len(found.rejects) == 3
    one = match_images([photo("a.png")], lr, MatchRules(scale=4, lr_name=rules.lr_name))
    assert names_of(one) == [("a.png", "ax4.png")]
    both = match_images([photo("a_HR.png"), photo("a_GT.png")], [low("ax2.png")], rules)
    assert not both.matched and len(both.rejects) == 3


@pytest.mark.parametrize("template", ["x4", "{nam}x4", "{name}{index}", "", "{}x4"])
def test_lr_name_refuses_other_templates(template: str) -> None:
    with pytest.raises(InvalidValueError, match="lr_name must have"):
        LrName(template)


def test_match_images_chooses_by_scale() -> None:
    lr = [low(f"X{scale}/0001x{scale}.png") for scale in (2, 3, 4)]
    assert not match_images([photo("0001.png")], lr).matched
    found = match_images([photo("0001.png")], lr, MatchRules(scale=3))
    assert names_of(found) == [("0001.png", "X3/0001x3.png")]
    assert len(found.passed_over) == 2 and not found.rejects
    # Both sides are named for each scale: nothing has to be chosen.
    hr = [photo(f"x{scale}/a_HR_x{scale}.png") for scale in (2, 3, 4)]
    lr = [low(f"x{scale}/a_LRBI_x{scale}.png") for scale in (2, 3, 4)]
    assert sorted(pair.stated or 0 for pair in match_images(hr, lr).matched) == [2, 3, 4]


def test_match_images_makes_pairs_of_all_variants() -> None:
    lr = [low(name) for name in (*WILD, "0001.png")]
    found = match_images([photo("0001.png")], lr, MatchRules(all_variants=True))
    assert {pair[1] for pair in names_of(found)} == {*WILD, "0001.png"}
    assert len({pair.key for pair in found.matched}) == 5 and not found.rejects


def test_match_images_takes_a_folder_that_holds_both_apart() -> None:
    both = [photo("c1_HR.png"), photo("c1_LR4.png", 2, 3), photo("c2_HR.png")]
    found = match_images(both, both)
    assert names_of(found) == [("c1_HR.png", "c1_LR4.png")] and found.matched[0].scale == 4
    assert [reject.path for reject in found.rejects] == ["/hr/c2_HR.png"]


@pytest.mark.parametrize(
    ("hr", "lr"),
    [("a_x4.png", "a_x1.png"), ("a_GT.png", "a_x4.png"), ("a.png", "X4/a.png")],
)
def test_match_images_tells_sides_by_scales_in_one_folder(hr: str, lr: str) -> None:
    both = [photo(hr), photo(lr, 2, 3)]
    assert names_of(match_images(both, both)) == [(hr, lr)]


@pytest.mark.parametrize("size", [(8, 13), (9, 12), (4, 6), (2, 3), (8, 18)])
def test_scale_is_exact_or_none(size: tuple[int, int]) -> None:
    (pair,) = match_images([photo("a.png", *size)], [low("a.png")]).matched
    assert pair.scale is None
    reject = pair.misfit(2)
    assert reject.path == "/hr/a.png" and f"{size[1]}×{size[0]}" in reject.reason


@pytest.mark.parametrize(
    ("size", "reason", "remedy"),
    [
        ((4, 6), "has its size, 6×4", "not enlarged"),
        ((2, 3), "3×2 is smaller than the 6×4 of a_LR4.png", "exchange `hr` and `lr`"),
        ((8, 12), "12×8 is 2 times the 6×4 of a_LR4.png, which is named ×4", "`scale=2`"),
        ((9, 12), "12×9 is not 2 times", "crop HR"),
    ],
)
def test_misfit_says_what_contradicts(size: tuple[int, int], reason: str, remedy: str) -> None:
    (pair,) = match_images([photo("a_HR.png", *size)], [low("a_LR4.png")]).matched
    assert reason in pair.misfit(2).reason and remedy in pair.misfit(2).remedy


def test_match_images_rejects_only_what_was_to_be_chosen_from() -> None:
    lr = [low(f"{kind}/0001x{scale}.png") for kind in ("LR_bicubic", "LR_mild") for scale in (2, 4)]
    found = match_images([photo("0001.png")], lr, MatchRules(scale=4))
    assert not found.matched and len(found.rejects) == 3 and len(found.passed_over) == 2
    assert found.rejects[0].reason.endswith("0001.png, LR_bicubic/0001x4.png, LR_mild/0001x4.png")


def test_match_images_by_template_and_scale_leaves_other_scales_out() -> None:
    hr = [photo(f"HR/x{scale}/a_HR_x{scale}.png") for scale in (2, 3, 4)]
    lr = [low(f"LR/LRBD/x{scale}/a_LRBD_x{scale}.png") for scale in (2, 3, 4)]
    rules = MatchRules(scale=4, lr_name=LrName("LR/LRBD/x{scale}/{name}_LRBD_x{scale}"))
    found = match_images(hr, lr, rules)
    assert names_of(found) == [("HR/x4/a_HR_x4.png", "LR/LRBD/x4/a_LRBD_x4.png")]
    assert not found.rejects and len(found.passed_over) == 4


def test_match_images_does_not_guess_where_names_are_marks_alone() -> None:
    one = [photo("HR.png"), photo("LR_x4.png", 2, 3)]
    assert names_of(match_images(one, one)) == [("HR.png", "LR_x4.png")]
    found = match_images([photo("LR.png"), photo("x4.png")], [low("GT.png"), low("x2.png")])
    assert not found.matched and (found.alone_hr, found.alone_lr) == (2, 2)
    several = match_images([photo("HR.png")], [low("LR.png"), low("LRx2.png")])
    assert not several.matched and len(several.rejects) == 3


WORDS = [
    *("a", "1", "001", "4", "SRF", "box3", "s001", "SRGB", "12h", "7L"),
    *("x1", "x2", "x4", "x4m", "4x", "LR", "HR", "gt", "LR4", "bicLRx4", "LRBI", "bicubic"),
]
stems = st.builds(
    lambda words, separator: separator.join(words),
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=4),
    st.sampled_from(["_", "-", "."]),
)
folders = st.lists(st.sampled_from(["HR", "X4", "LR_bicubic", "a", "train_HR"]), max_size=2)
paths = st.builds(lambda folder, stem: "/".join([*folder, stem]) + ".png", folders, stems)


@settings(deadline=None)
@given(*[st.lists(paths, max_size=4, unique=True)] * 2, st.booleans(), st.sampled_from([None, 4]))
def test_match_images_says_of_every_image_what_became_of_it(
    hr: list[str], lr: list[str], all_variants: bool, scale: int | None
) -> None:
    rules = MatchRules(scale=scale, all_variants=all_variants)
    found = match_images([photo(name) for name in hr], [low(name) for name in lr], rules)
    paired = {str(image.path) for pair in found.matched for image in (pair.hr, pair.lr)}
    passed_over = {str(image.path) for image in found.passed_over}
    rejected = {reject.path for reject in found.rejects}
    assert paired | passed_over | rejected == {f"/hr/{name}" for name in hr} | {
        f"/lr/{name}" for name in lr
    }
    assert not paired & passed_over and not paired & rejected and not passed_over & rejected
    for pair in found.matched:
        first, second = parse_name(pair.hr.name), parse_name(pair.lr.name)
        # A split of a manifest never parts what is paired here.
        if first.stem and second.stem:
            assert group_of(pair.hr.name) == group_of(pair.lr.name)


def group_of(path: str) -> str:
    entry = ManifestEntry(path=path, sha256="0f" * 32, height=1, width=1, role="hr")
    return photo_group(entry)

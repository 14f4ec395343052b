"""Names that the field uses find each other; what is not certain is rejected by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.pairs.image_matching import match_images
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
    ],
)
def test_match_images_knows_the_usual_names(hr: str, lr: str) -> None:
    matched, rejects = match_images([photo(hr)], [low(lr)])
    assert [(pair.hr.name, pair.lr.name, pair.scale) for pair in matched] == [(hr, lr, 2)]
    assert not rejects


@pytest.mark.parametrize(
    ("hr", "lr"), [("a.png", "b.png"), ("one/a.png", "two/a.png"), ("ahr.png", "alr.png")]
)
def test_match_images_rejects_names_that_differ_otherwise(hr: str, lr: str) -> None:
    matched, rejects = match_images([photo(hr)], [low(lr)])
    assert not matched
    assert [reject.path for reject in rejects] == [f"/hr/{hr}", f"/lr/{lr}"]


def test_match_images_prefers_equal_names() -> None:
    matched, rejects = match_images(
        [photo("a.png"), photo("ax4.png")], [low("a.png"), low("ax4.png")]
    )
    assert all(pair.hr.name == pair.lr.name for pair in matched) and len(matched) == 2
    assert not rejects


def test_match_images_rejects_all_of_which_several_would_do() -> None:
    matched, rejects = match_images([photo("a.png")], [low("a_x2.png"), low("a_LR.png")])
    assert not matched
    assert len(rejects) == 3 and all("3 images share" in reject.reason for reject in rejects)


def test_match_images_takes_a_folder_that_holds_both_apart() -> None:
    both = [photo("c1_HR.png"), photo("c1_LR4.png", 2, 3), photo("c2_HR.png")]
    matched, rejects = match_images(both, both)
    assert [(pair.hr.name, pair.lr.name, pair.scale) for pair in matched] == [
        ("c1_HR.png", "c1_LR4.png", 4)
    ]
    assert [reject.path for reject in rejects] == ["/hr/c2_HR.png"]


@pytest.mark.parametrize("size", [(8, 13), (9, 12), (4, 6), (2, 3), (8, 18)])
def test_scale_is_exact_or_none(size: tuple[int, int]) -> None:
    matched, _ = match_images([photo("a.png", *size)], [low("a.png")])
    assert matched[0].scale is None
    reject = matched[0].misfit(2)
    assert reject.path == "/hr/a.png" and f"{size[1]}×{size[0]}" in reject.reason

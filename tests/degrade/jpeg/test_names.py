from __future__ import annotations

import pytest
from PIL.JpegPresets import presets

from degrade.jpeg.names import name_tables
from degrade.jpeg.tables import EXAMPLES, JpegSettings, standard_tables


def scaled(percent: float) -> JpegSettings:
    luma, chroma = (
        tuple(min(max(int(step * percent / 100 + 0.5), 1), 255) for step in base)
        for base in EXAMPLES
    )
    return JpegSettings(luma, chroma, "4:2:0")


@pytest.mark.parametrize("quality", [1, 30, 50, 75, 87, 95, 99, 100])
def test_name_tables_says_the_quality_of_libjpeg_where_it_is_exact(quality: int) -> None:
    luma, chroma = standard_tables(quality)
    named = name_tables(JpegSettings(luma, chroma, "4:2:0"))
    assert named.words == f"libjpeg's quality {quality}"
    assert (named.luma_quality, named.chroma_quality) == (quality, quality)
    assert name_tables(JpegSettings(luma, None, "4:4:4")).chroma_quality is None
    one_off = (luma[0], luma[1] + 1, *luma[2:])
    assert name_tables(JpegSettings(one_off, chroma, "4:2:0")).luma_quality is None


def test_name_tables_tells_luma_and_chroma_of_different_qualities() -> None:
    luma, chroma = standard_tables(92)[0], standard_tables(80)[1]
    named = name_tables(JpegSettings(luma, chroma, "4:2:2"))
    assert named.words == "libjpeg's luma quality 92 and chroma quality 80"
    own = tuple(range(1, 65))
    assert name_tables(JpegSettings(luma, own, "4:2:2")).words == (
        "libjpeg's luma quality 92, a chroma table of its own"
    )
    assert name_tables(JpegSettings(own, own, "4:2:2")).words == "tables of its own"


def test_name_tables_finds_the_scale_between_two_qualities() -> None:
    named = name_tables(scaled(13.8))
    assert named.percent == pytest.approx(13.8, abs=0.15) and named.luma_quality is None
    assert named.words.endswith("between libjpeg's qualities 93 and 94")
    assert name_tables(scaled(14)).words == "libjpeg's quality 93"
    assert name_tables(scaled(134.7)).percent == pytest.approx(134.7, abs=0.5)


@pytest.mark.parametrize(
    ("preset", "words"),
    [
        ("web_low", "Photoshop, Save for Web, quality 10"),
        ("web_high", "Photoshop, Save for Web, quality 60"),
        ("web_maximum", "Photoshop, Save for Web, quality 100"),
        ("medium", "Photoshop, Save As, quality 5"),
        ("maximum", "Photoshop, Save As, quality 10"),
    ],
)
def test_name_tables_knows_photoshops_levels(preset: str, words: str) -> None:
    luma, chroma = (tuple(table) for table in presets[preset]["quantization"])
    subsampling = "4:2:0" if presets[preset]["subsampling"] else "4:4:4"
    named = name_tables(JpegSettings(luma, chroma, subsampling))
    assert named.words.split(" or ")[-1] == words
    # Elsewhere the same tables would be another's.
    assert "Photoshop" not in name_tables(JpegSettings(luma, chroma, "4:1:1")).words


def test_name_tables_knows_mozjpeg() -> None:
    first = (*(8, 8, 8, 9, 13, 19, 28, 43), *(8, 9, 10, 14, 17, 20, 27, 38))
    rest = (
        *(8, 10, 12, 16, 22, 31, 46, 68),
        *(9, 14, 16, 20, 27, 37, 53, 78),
        *(13, 17, 22, 27, 35, 47, 66, 95),
        *(19, 20, 31, 37, 47, 62, 85, 119),
        *(28, 27, 46, 53, 66, 85, 113, 156),
        *(43, 38, 68, 78, 95, 119, 156, 209),
    )
    table = (*first, *rest)
    assert name_tables(JpegSettings(table, table, "4:2:0")).words == "mozjpeg's quality 75"

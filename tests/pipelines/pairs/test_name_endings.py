from __future__ import annotations

import pytest

from pipelines.pairs.name_endings import common_ending, common_template, without_ending
from tests.pipelines.pairs.test_image_matching import photo


@pytest.mark.parametrize(
    ("names", "ending"),
    [
        (["a_gan.png", "sub/bc_gan.png"], "_gan"),
        (["a-x_gan.png", "b-x_gan.jpg"], "-x_gan"),
        (["aloud.png", "cloud.png"], ""),
        (["a_gan.png"], ""),
        (["a_gan.png", "other/a_gan.png"], ""),
        (["_gan.png", "b_gan.png"], ""),
        (["a_gan.png", "b_psnr.png"], ""),
    ],
)
def test_common_ending_is_what_a_mark_parts_from_all_names(names: list[str], ending: str) -> None:
    assert common_ending([photo(name) for name in names]) == ending


def test_without_ending_keeps_folder_type_and_file() -> None:
    whole = photo("sub/a_gan.png")
    short = without_ending(whole, "_gan")
    assert (short.name, short.path) == ("sub/a.png", whole.path)


def test_common_template_is_what_results_put_behind_names_of_hr() -> None:
    hr = [photo("0801.png"), photo("08011.png")]
    assert common_template(hr, [photo("0801_out.png"), photo("08011_out.png")]) == "{name}_out"
    assert common_template(hr, [photo("0801_out.png"), photo("08011_in.png")]) is None
    assert common_template(hr, [photo("other_out.png")]) is None

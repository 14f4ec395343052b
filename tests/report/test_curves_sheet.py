from __future__ import annotations

from pathlib import Path

import pytest

from degrade.images.image_io import decode_photo
from report.curves_sheet import encode_curves

pytest.importorskip("matplotlib", reason="the extra degrade[report] is not installed")

LOG = [{"step": n, "pixel": 1 / n, "real_score": n, "fake_score": -n} for n in range(1, 2001)]
SCORES = [{"step": n, "psnr": 20 + n / 1000, "bicubic_psnr": 21.0} for n in (1000, 2000)]


def size(picture: bytes | None) -> tuple[int, ...]:
    assert picture is not None
    return decode_photo(picture, Path("curves.png")).pixels.shape[:2]


def test_curves_that_belong_together_share_a_diagram() -> None:
    one = size(encode_curves([{"step": 1, "pixel": 0.5}], []))
    # The loss, the two scores, PSNR beside bicubic: three diagrams in one row.
    assert size(encode_curves(LOG, SCORES)) == one
    more = [{**line, "content": 1.0} for line in LOG]
    assert size(encode_curves(more, SCORES)) == (2 * one[0], one[1])


def test_lines_without_numbers_are_passed_over() -> None:
    odd = [None, 3, {"pixel": 1}, {"step": True, "pixel": 1}, {"step": 2, "pixel": None}]
    assert encode_curves(odd, [{"step": 1, "psnr": float("nan")}]) is None


def test_the_same_log_gives_the_same_bytes() -> None:
    assert encode_curves(LOG, SCORES) == encode_curves(LOG, SCORES)

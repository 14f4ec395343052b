"""The benchmark that plants blur by direction."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.directed_blur import Blur, blurs, features, halves, round_like, rows, taken
from degrade.arrays import U8Array, round_to_u8
from tests.making import make_scene


def _scene(number: int) -> U8Array:
    return round_to_u8(make_scene(f"directed {number}", 128, 128) * np.float32(255))


@pytest.mark.parametrize("blur", [Blur(1.2, 0.6, angle=30), Blur(0.4, 0.4, 3, 90)])
def test_the_round_blur_keeps_as_much_on_average(blur: Blur) -> None:
    found = round_like(blur)
    assert found.along == found.across and found.motion == 0
    assert 0.4 < found.along < 1.2
    assert round_like(found).along == pytest.approx(found.along, rel=1e-6)


def test_a_blur_acts_along_its_angle() -> None:
    photo = np.zeros((65, 65, 3), np.uint8)
    photo[32, 32] = 255
    left = taken(photo, Blur(0.3, 0.3, 9, 45), "one").astype(float)[..., 0]
    rising, falling = left[::-1].diagonal()[28:37].sum(), left.diagonal()[28:37].sum()
    assert rising > 2 * falling


def test_each_strength_has_each_angle_and_one_round_blur() -> None:
    for kind in ("Gaussian", "motion"):
        for plain, *turned in blurs(kind).values():
            assert plain.along == plain.across and not plain.motion
            assert [blur.angle for blur in turned] == [0, 30, 90]


def test_halves_share_no_scene() -> None:
    measured = [features(_scene(number)) for number in range(6)]
    for first, second, _ in halves(measured, measured, 3, 4):
        assert not {id(each) for each in first} & {id(each) for each in second}


@pytest.mark.slow
def test_planted_directions_are_named() -> None:
    table = list(rows({"scenes": [_scene(number) for number in range(48)]}, 24, 2))
    cells = [[cell.strip() for cell in row.split("|")[1:-1]] for row in table[2:]]
    planted = [row for row in cells if row[0].endswith("°")]
    assert len(planted) == 18 and all(row[4] == row[6] != "0" for row in planted[3:])

from __future__ import annotations

import hashlib
from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from degrade.noise.poisson import draw_poisson, quantile_table


@pytest.mark.parametrize("mean", [0, 1, 3, 20, 128, 255])
def test_draw_poisson_has_mean_variance_and_skew(mean: int) -> None:
    drawn = draw_poisson(np.full(400_000, mean, np.uint8), 1).astype(float)
    if not mean:
        assert not drawn.any()
        return
    # Five standard errors of 400,000 numbers, and what the table leaves out.
    assert drawn.mean() == pytest.approx(mean, abs=5 * (mean / 4e5) ** 0.5)
    assert drawn.var() == pytest.approx(mean, rel=5 * ((2 + 1 / mean) / 4e5) ** 0.5 + 2e-3)
    skew = ((drawn - mean) ** 3).mean() / mean**1.5
    assert skew == pytest.approx(mean**-0.5, abs=0.05)


def test_draw_poisson_draws_each_pixel_by_its_own_mean() -> None:
    means = np.repeat(np.array([0, 4, 200], np.uint8), 50_000).reshape(3, 250, 200)
    drawn = draw_poisson(means, 7)
    assert drawn.shape == means.shape
    assert drawn.mean(axis=(1, 2)) == pytest.approx([0, 4, 200], abs=0.3)
    assert np.array_equal(drawn, draw_poisson(means, 7))
    assert not np.array_equal(drawn, draw_poisson(means, 8))
    rows = drawn[2].astype(float) - 200
    assert abs((rows[1:] * rows[:-1]).mean()) < 5 * 200 / rows.size**0.5


def test_quantile_table_is_the_distribution() -> None:
    ends, begins = quantile_table()
    assert len(begins) == 256 and (np.diff(ends) >= 0).all()
    for mean in (1, 17, 255):
        stop = begins[mean + 1] if mean < 255 else len(ends)
        table = ends[begins[mean] : stop] - mean * 65536
        exact = stats.poisson.cdf(np.arange(len(table)), mean) * 65536
        assert np.abs(table - exact).max() <= 0.5 + 1e-6
        assert table[-1] == 65536


def test_quantile_table_does_not_depend_on_a_librarys_last_bits() -> None:
    """Summed exactly, but for exp(-mean), no share lies next to where rounding would move it."""
    nearest = 1.0
    for mean in range(1, 256):
        share = total = Fraction(np.exp(-mean))
        for count in range(1, 2 * mean + 30):
            share = share * mean / count
            total += share
            part = float(total * 65536 + Fraction(1, 2)) % 1
            if total * 65536 < Fraction(65535):
                nearest = min(nearest, part, 1 - part)
            if count % 8 == 0:  # keeps the fractions short; moves nothing by more than 2⁻¹⁰⁰
                share, total = _short(share), _short(total)
    assert nearest > 1e-8


def _short(value: Fraction) -> Fraction:
    return Fraction(int(value * 2**200), 2**200)


def test_draw_poisson_gives_the_same_numbers_everywhere() -> None:
    means = np.arange(256, dtype=np.uint8).repeat(9)
    drawn = draw_poisson(means, 5)
    digest = hashlib.sha256(drawn.astype("<i4").tobytes()).hexdigest()[:16]
    assert digest == "d8189cb1c04bd0bb"

"""Width against radius: planted growth is found, and what is not known is not told."""

from __future__ import annotations

import numpy as np
import pytest

from degrade.errors import InvalidValueError
from degrade.kernels.by_radius import LEAST_PHOTOS, RadiusCurve, radius_curve

RADII = (0.0, 0.3, 0.5, 0.7, 0.9)


def make_photos(count: int, growth: float, seed: int = 0) -> list[list[tuple[float, float]]]:
    """Return photos of any sharpness; some regions are out of focus, some do not tell."""
    rng = np.random.default_rng(seed)
    photos = []
    for _ in range(count):
        own, found = rng.uniform(0.8, 2.5), []
        for radius in RADII:
            width = own * (1 + growth * radius**2) * np.exp(rng.normal(0, 0.05))
            width *= 3 if radius and rng.random() < 0.1 else 1
            if radius == 0 or rng.random() < 0.8:
                found.append((radius, float(width)))
        photos.append(found)
    return photos


def curve_of(photos: list[list[tuple[float, float]]]) -> RadiusCurve:
    curve = radius_curve(photos)
    assert curve is not None
    return curve


@pytest.mark.parametrize("growth", [-0.2, 0.0, 1.0])
def test_radius_curve_finds_growth_whatever_the_photos_sharpness(growth: float) -> None:
    curve = curve_of(make_photos(60, growth))
    assert (curve.reference, curve.photos, len(curve.told)) == (0, 60, 4)
    for ring, radius in zip(curve.told, RADII[1:], strict=True):
        truth = 1 + growth * radius**2
        assert ring.radius == pytest.approx(radius)
        assert ring.ratio == pytest.approx(truth, rel=0.05)
        assert ring.interval is not None and ring.interval[0] < truth < ring.interval[1]
        assert ring.interval[0] < ring.ratio < ring.interval[1]


def test_radius_curve_has_intervals_that_hold_the_truth_as_often_as_they_say() -> None:
    hits = []
    for seed in range(300):
        (*_, ring) = curve_of(make_photos(14, 0.5, seed)).told
        assert ring.interval is not None
        hits.append(ring.interval[0] <= 1 + 0.5 * RADII[-1] ** 2 <= ring.interval[1])
    # Where one region in ten is out of focus the median lies a little above the truth.
    assert 0.9 <= np.mean(hits) <= 1


def test_radius_curve_does_not_tell_what_too_few_photos_know() -> None:
    photos = [[(0.0, 1.0), (0.5, 1.5)]] * LEAST_PHOTOS + [[(0.0, 1.0), (0.9, 2.0)]]
    curve = curve_of(photos)
    assert [ring.photos for ring in curve.rings] == [7, 0, 6, 0, 1]
    assert [ring.ratio for ring in curve.told] == [1.5] and curve.rings[4].ratio is None
    assert curve.rings[1].radius is None and curve.rings[4].radius == pytest.approx(0.9)
    assert curve_of(photos[1:]).told == ()


def test_radius_curve_compares_with_the_innermost_ring_that_is_known() -> None:
    photos = [[(0.25, 1.2), (0.9, 2.4)]] * LEAST_PHOTOS + [[(0.0, 1.0)]]
    curve = curve_of(photos)
    assert (curve.reference, curve.sigma) == (1, pytest.approx(1.2))
    assert [ring.ratio for ring in curve.told] == [pytest.approx(2.0)]


def test_radius_curve_takes_the_corner_for_the_last_ring_and_refuses_other_radii() -> None:
    assert curve_of([[(1.0, 1.0)]]).reference == 4
    assert radius_curve([[], []]) is None
    for bad in ((1.5, 1.0), (-0.1, 1.0), (float("nan"), 1.0), (0.5, 0.0), (0.5, float("nan"))):
        with pytest.raises(InvalidValueError):
            radius_curve([[bad]])

"""How far apart sets are: by means, by spreads, and hardly at all for halves of one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from degrade.audit.divergence import divergence, divergences
from degrade.audit.features import FEATURES, PhotoFeatures, measure_features
from degrade.errors import InvalidValueError
from degrade.rng import rng_for
from tests.degrade.audit.scenes import make_photo

_COUNT = sum(map(len, FEATURES.values()))
_ONE = measure_features(make_photo("one", 64))


def _photos(values: np.ndarray) -> list[PhotoFeatures]:
    return [replace(_ONE, values=row) for row in values]


def _normal(name: str, count: int = 400, mean: float = 0, spread: float = 1) -> list[PhotoFeatures]:
    return _photos(rng_for(0, name).normal(mean, spread, (count, _COUNT)))


@pytest.mark.parametrize(
    ("mean", "spread"), [(1.0, 1.0), (0.3, 1.0), (0.0, 2.0), (0.0, 0.5), (0.7, 1.5)]
)
def test_divergence_is_that_of_two_normal_distributions(mean: float, spread: float) -> None:
    found = divergence(_normal("a"), _normal("b", mean=mean, spread=spread))
    # By integration over the two densities, the definition of the distance.
    x = np.linspace(-20, 20, 20001)
    p, q = (
        np.exp(-np.square((x - m) / s) / 2) / (s * np.sqrt(2 * np.pi))
        for m, s in ((0, 1), (mean, spread))
    )
    wanted = 1 - np.sqrt(p * q).sum() * (x[1] - x[0])
    assert found == pytest.approx(wanted, rel=0.1, abs=0.003)
    turned = divergence(_normal("b", mean=mean, spread=spread), _normal("a"))
    assert turned == pytest.approx(found, rel=1e-9)


@pytest.mark.parametrize("count", [10, 40, 160])
def test_divergence_of_halves_of_one_set_is_what_chance_makes(count: int) -> None:
    found = np.mean([divergence(_normal(f"{i}", count), _normal(f"-{i}", count)) for i in range(9)])
    assert 0.42 / count < found < 0.6 / count


def test_divergences_count_photos_as_often_as_they_are_drawn() -> None:
    first, second = _normal("a", 12), _normal("b", 12, mean=0.4)
    counts = rng_for(0, "counts").multinomial(12, [1 / 12] * 12, 5).astype(float)
    found = divergences(first, second, counts, counts)
    for row, value in zip(counts.astype(int), found, strict=True):
        drawn = ([part[i] for i in np.repeat(np.arange(12), row)] for part in (first, second))
        # The scale, at which far values end, is that of all photos.
        assert value == pytest.approx(divergence(*drawn), rel=0.02)


def test_divergence_knows_bounds_and_what_is_not_known() -> None:
    values = np.repeat(_ONE.values[None], 6, axis=0)
    assert divergence(_photos(values), _photos(values)) == 0
    far = divergence(_photos(values), _photos(values + 1))
    assert 0.99 < far <= 1
    holes = rng_for(0, "holes").normal(0, 1, (6, _COUNT))
    other = holes.copy()
    other[:3, 0] = np.nan  # three are left: too few to tell
    other[:, 1:] += 0.5
    whole = divergence(_photos(holes), _photos(other))
    assert np.isfinite(whole) and whole > 0
    holes[:, 1:] = np.nan
    assert divergence(_photos(holes), _photos(other)) == 0
    with pytest.raises(InvalidValueError, match="4 photos of each set"):
        divergence(_photos(values), _photos(values[:3]))

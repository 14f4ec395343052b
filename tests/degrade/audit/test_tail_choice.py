"""Which noise makes LR like photos: what was done to them is nearest."""

from __future__ import annotations

import pytest

from degrade.audit.features import PhotoFeatures, measure_features
from degrade.audit.tail_choice import distance_of_noise
from degrade.errors import InvalidValueError
from tests.degrade.audit.scenes import make_photo, plant


def _set(kind: str, prefix: str) -> list[PhotoFeatures]:
    names = [f"{prefix} {number}" for number in range(8)]
    return [measure_features(plant(make_photo(name), kind, name)) for name in names]


@pytest.mark.parametrize("kind", ["more noise", "coarser grain", "more JPEG blocks"])
def test_distance_of_noise_is_least_for_what_was_done(kind: str) -> None:
    photos = _set(kind, "photo")
    same, other = _set(kind, "hr"), _set("nothing", "hr")
    assert 2 * distance_of_noise(photos, same) < distance_of_noise(photos, other)


def test_distance_of_noise_refuses_sets_that_are_not_matched() -> None:
    photos = _set("nothing", "photo")
    with pytest.raises(InvalidValueError, match="as many photos as LR"):
        distance_of_noise(photos, photos[:2])
    assert distance_of_noise(photos, photos) == 0

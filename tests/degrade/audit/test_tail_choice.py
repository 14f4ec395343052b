"""Which noise makes LR like photos: what was done to them is nearest."""

from __future__ import annotations

import pytest

from degrade.audit.features import PhotoFeatures, measure_features
from degrade.audit.tail_choice import distance_of_noise, louder_by
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


@pytest.mark.parametrize("kind", ["more noise", "more colour noise"])
def test_louder_by_tells_noise_of_either_kind(kind: str) -> None:
    photos, lr = _set("nothing", "photo"), _set("nothing", "hr")
    assert louder_by(photos, lr) < 1.25 and louder_by(photos, _set(kind, "hr")) > 2
    assert louder_by(_set(kind, "photo"), lr) < 1.1

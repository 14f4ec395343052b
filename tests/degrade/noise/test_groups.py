from __future__ import annotations

from typing import Any

import msgspec
import pytest

from degrade.errors import CorruptDataError
from degrade.noise.groups import NoiseGroups
from degrade.noise.statistics import measure_noise
from tests.degrade.noise.planted import noisy_photo


@pytest.fixture(scope="module")
def quiet_and_loud() -> dict[str, dict[str, Any]]:
    """Return what was measured in three photos of a quiet camera and two of a loud one."""
    times = {"q1": 1, "q2": 1, "q3": 1, "l1": 5, "l2": 5}
    return {
        name: msgspec.to_builtins(measure_noise(noisy_photo(name, times=more)))
        for name, more in times.items()
    }


def test_photos_of_unknown_cameras_are_together_where_their_noise_is_alike(
    quiet_and_loud: dict[str, dict[str, Any]],
) -> None:
    groups = NoiseGroups(quiet_and_loud.items())
    assert [len(group) for group in groups.members] == [3, 2] and groups.photos == 5
    quiet, loud = groups.fitted(0), groups.fitted(1)
    assert 4 < (loud.strengths[1].sigma[8] / quiet.strengths[1].sigma[8]) ** 2 < 6.2
    assert groups.of_photo("q2") is quiet and groups.of_photo("l2") is loud
    assert [groups.at(number) for number in range(5)] == [*[quiet] * 3, *[loud] * 2]
    with pytest.raises(IndexError):
        groups.at(5)


def test_photos_of_a_known_camera_are_together(quiet_and_loud: dict[str, dict[str, Any]]) -> None:
    cameras = {"q1": "X1, ISO 100", "l1": "X1, ISO 100", "q2": "X1, ISO 400"}
    values = {
        name: found | {"camera": cameras.get(name, "")} for name, found in quiet_and_loud.items()
    }
    groups = NoiseGroups(values.items())
    assert [[one.camera for one in group] for group in groups.members] == [
        ["X1, ISO 100"] * 2,
        ["X1, ISO 400"],
        [""],
        [""],
    ]


def test_photos_that_cannot_tell_are_left_out(quiet_and_loud: dict[str, dict[str, Any]]) -> None:
    groups = NoiseGroups({"no": {"cannot_tell": "it is small"}, "q1": quiet_and_loud["q1"]}.items())
    assert groups.photos == 1 and not groups.has_photo("no") and groups.has_photo("q1")
    assert NoiseGroups().photos == 0
    odd = NoiseGroups([("a", {"colours": []})])
    with pytest.raises(CorruptDataError, match="a photo's noise model"):
        _ = odd.photos


def test_photos_that_share_no_level_are_told_apart_by_their_grain() -> None:
    values = {
        name: msgspec.to_builtins(measure_noise(noisy_photo(name, low=low, high=high)))
        for name, low, high in (("dark", 20, 60), ("bright", 180, 230))
    }
    assert len(NoiseGroups(values.items()).members) == 1


def test_groups_of_fingerprints_count_their_photos(
    quiet_and_loud: dict[str, dict[str, Any]],
) -> None:
    values = {"a": quiet_and_loud["q1"] | {"photos": 3, "camera": "A"}, "b": quiet_and_loud["l1"]}
    groups = NoiseGroups(values.items())
    assert groups.photos == 4
    assert [groups.at(number).measured.camera for number in range(4)] == ["A", "A", "A", ""]

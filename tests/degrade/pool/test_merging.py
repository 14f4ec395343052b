"""What one pool takes over from another."""

from __future__ import annotations

from pathlib import Path

import pytest

from degrade.errors import CorruptDataError
from degrade.pool import DegradationPool, Findings
from tests.degrade.pool.parts import (
    PROVENANCE,
    SHA,
    flip_bit,
    found_patches,
    make_kernel,
    make_patch,
    make_photo,
)


def test_merge_adds_what_is_missing_with_its_provenance(tmp_path: Path) -> None:
    one, two = (DegradationPool.create(tmp_path / name) for name in "ab")
    one.add_kernel(make_kernel(0), PROVENANCE)
    for seed in range(3):
        two.add_kernel(make_kernel(seed), PROVENANCE)
        two.add_noise(make_patch(seed), PROVENANCE)
    two.add_findings(make_photo(), [found_patches(how=1)])
    report = one.merge(two)
    assert (report.kernels, report.noise, report.photos) == (2, 3, 1)
    assert (one.kernels, one.noise, one.photos) == (two.kernels, two.noise, two.photos)
    assert one.measurements == two.measurements and len(one.measurements) == 1
    assert DegradationPool.open(one.path).verify() == []
    again = one.merge(two)
    assert (again.kernels, again.noise, again.photos) == (0, 0, 0)


def test_merge_passes_no_damage_on(tmp_path: Path) -> None:
    one, two = (DegradationPool.create(tmp_path / name) for name in "ab")
    flip_bit(two.path / "noise" / f"{two.add_noise(make_patch(), PROVENANCE)}.npy")
    with pytest.raises(CorruptDataError):
        one.merge(DegradationPool.open(two.path))
    assert DegradationPool.open(one.path).noise == ()


def _measured(quality: int, **settings: int) -> Findings:
    return Findings(kind="jpeg", settings=settings, values={"quality": quality})


def test_merge_leaves_the_measurements_of_this_pool_in_force(tmp_path: Path) -> None:
    one, two = (DegradationPool.create(tmp_path / name) for name in "ab")
    two.add_findings(make_photo(), [_measured(50, how=1), _measured(60, how=2)])
    two.add_findings(make_photo("b", "0" * 64), [_measured(70, how=2)])
    one.add_findings(make_photo(), [_measured(90, how=1)])  # the later one of the same settings
    one.merge(two)
    for pool in (one, DegradationPool.open(one.path)):
        found = pool.index(2).measured["jpeg"]
        assert [(f.photo_sha256, f.values["quality"]) for f in found] == [("0" * 64, 70), (SHA, 90)]
        assert pool.measured("jpeg", {"how": 1})[SHA].values == {"quality": 90}
        assert pool.measured("jpeg", {"how": 2})[SHA].values == {"quality": 60}
    before = (one.path / "index.jsonl").read_bytes()
    one.merge(two)
    assert (one.path / "index.jsonl").read_bytes() == before

"""What one pool takes over from another."""

from __future__ import annotations

from pathlib import Path

import pytest

from degrade.errors import CorruptDataError
from degrade.pool import DegradationPool
from tests.degrade.pool.parts import (
    PROVENANCE,
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

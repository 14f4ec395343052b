"""What plans draw of photos of one camera."""

from __future__ import annotations

import hashlib
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from degrade.kernels import gaussian_kernel
from degrade.pool import DegradationPool, Findings, PhotoRecord
from degrade.pool.camera_kernels import NAMED, settle_camera_kernels
from degrade.pool.findings import FoundObject
from degrade.pool.fingerprint_making import make_fingerprint

SETTINGS = {"method": "spectral", "scale": 2}
CANON = {"make": "Canon", "model": "EOS 350D", "focal_length": 35.0, "iso": 400}


def _photo(number: int, **facts: Any) -> PhotoRecord:
    known: dict[str, Any] = {
        "name": f"{number}.jpg",
        "sha256": hashlib.sha256(f"{number}".encode()).hexdigest(),
        "path": f"/photos/{number}.jpg",
        "height": 600,
        "width": 800,
        "format": "jpeg",
        "channels": 3,
        "bit_depth": 8,
        "orientation": 1,
        "bytes": 1000 + number,
        "modified": 1,
    }
    return PhotoRecord(**{**known, **facts})


def _add(
    pool: DegradationPool,
    number: int,
    camera: dict[str, Any],
    *,
    kpsnr: float = 45.0,
    flags: tuple[str, ...] = (),
    **facts: Any,
) -> None:
    kernel = gaussian_kernel(21, 2, (1.2 + 0.1 * number, 1.0 + 0.1 * number))
    values = {"expected_kpsnr": kpsnr}
    found = FoundObject(kernel, "spectral", {**values, "confidence": 0.6})
    estimate = Findings(
        kind="kernel",
        settings=SETTINGS,
        values=values,
        flags=flags,
        confidence=0.6,
        objects=(found,),
    )
    exif = Findings(kind="camera", settings={"version": 1}, values=camera)
    pool.add_findings(_photo(number, **facts), [estimate, exif])


def _settled(path: Path, numbers: tuple[int, ...], *, together: bool) -> DegradationPool:
    pool = DegradationPool.create(path)
    for number in numbers:
        _add(pool, number, CANON)
        if not together:
            settle_camera_kernels(pool)
    settle_camera_kernels(pool)
    return pool


def test_settle_camera_kernels_offers_plans_one_moved_kernel_a_photo(tmp_path: Path) -> None:
    pool = DegradationPool.create(tmp_path / "pool")
    for number in range(4):
        _add(pool, number, CANON)
    before = pool.index(2)
    (camera,) = settle_camera_kernels(pool)
    assert camera.camera == "Canon EOS 350D" and len(camera.shares) == 4
    assert all(0 < share <= 0.5 for share in camera.shares)
    after = pool.index(2)
    assert len(after.kernel_ids) == 4 and not set(after.kernel_ids) & set(before.kernel_ids)
    # Each photo's own kernel stays.
    assert tuple(record.id for record in pool.kernels) == before.kernel_ids
    assert {record.id for record in pool.drawn_kernels} == set(after.kernel_ids)
    assert all(kpsnr > 45 for kpsnr in after.kernel_kpsnr.values())
    assert pool.verify() == []


def test_settle_camera_kernels_does_not_depend_on_order_or_on_when_photos_came(
    tmp_path: Path,
) -> None:
    wanted = _settled(tmp_path / "together", (0, 1, 2), together=True)
    for count, numbers in enumerate(permutations((0, 1, 2))):
        for together in (True, False):
            pool = _settled(tmp_path / f"{count}-{together}", numbers, together=together)
            assert pool.index(2) == wanted.index(2)
            assert pool.digest(2) == wanted.digest(2)


def test_settle_camera_kernels_writes_nothing_twice(tmp_path: Path) -> None:
    pool = _settled(tmp_path / "pool", (0, 1, 2), together=True)
    end = pool.index_end
    settle_camera_kernels(pool)
    assert pool.index_end == end


def test_settle_camera_kernels_is_the_same_after_the_pool_is_opened_again(tmp_path: Path) -> None:
    pool = _settled(tmp_path / "pool", (0, 1, 2), together=True)
    assert DegradationPool.open(pool.path).index(2) == pool.index(2)
    other = DegradationPool.create(tmp_path / "other")
    report = other.merge(pool)
    assert report.kernels == 3 and other.index(2) == pool.index(2)


@pytest.mark.parametrize(
    "other",
    [
        {**CANON, "model": "EOS 5D"},
        {**CANON, "focal_length": 200.0},
        {**CANON, "lens": "another"},
        {**CANON, "iso": 3200},
        {**CANON, "digital_zoom": 2.0},
        {},
    ],
)
def test_settle_camera_kernels_keeps_apart_what_is_not_of_one_camera(
    tmp_path: Path, other: dict[str, Any]
) -> None:
    pool = DegradationPool.create(tmp_path / "pool")
    _add(pool, 0, CANON)
    _add(pool, 1, other)
    before = pool.index(2)
    assert settle_camera_kernels(pool) == [] and pool.index(2) == before


def test_settle_camera_kernels_keeps_smaller_copies_apart_and_turned_photos_together(
    tmp_path: Path,
) -> None:
    pool = DegradationPool.create(tmp_path / "pool")
    _add(pool, 0, CANON)
    _add(pool, 1, CANON, height=300, width=400)
    assert settle_camera_kernels(pool) == []
    _add(pool, 2, CANON, height=800, width=600)
    (camera,) = settle_camera_kernels(pool)
    assert len(camera.shares) == 2


def test_settle_camera_kernels_passes_over_photos_that_were_enlarged(tmp_path: Path) -> None:
    pool = DegradationPool.create(tmp_path / "pool")
    for number in range(3):
        _add(pool, number, CANON, flags=("already upscaled",) if number == 0 else ())
    (camera,) = settle_camera_kernels(pool)
    assert len(camera.shares) == 2


def test_settle_camera_kernels_takes_back_what_was_moved(tmp_path: Path) -> None:
    pool = DegradationPool.create(tmp_path / "pool")
    for number in range(3):
        _add(pool, number, CANON)
    before = pool.index(2).kernel_ids
    settle_camera_kernels(pool)
    assert not set(pool.index(2).kernel_ids) & set(before)
    for number in range(3):
        named = Findings(kind="camera", settings={"version": 1, NAMED: ""}, values={NAMED: ""})
        pool.add_findings(_photo(number), [named])
    assert settle_camera_kernels(pool) == [] and pool.index(2).kernel_ids == before


def test_settle_camera_kernels_passes_over_a_kernel_that_is_damaged(tmp_path: Path) -> None:
    pool = DegradationPool.create(tmp_path / "pool")
    for number in range(3):
        _add(pool, number, CANON)
    record = pool.kernels[0]
    (pool.path / "kernels" / f"{record.id}.npy").write_bytes(b"none")
    (camera,) = settle_camera_kernels(pool)
    assert len(camera.shares) == 2 and record.id in pool.index(2).kernel_ids


def test_a_fingerprint_has_the_kernels_that_plans_draw(tmp_path: Path) -> None:
    pool = _settled(tmp_path / "pool", (0, 1, 2), together=True)
    (tmp_path / "camera.json").write_bytes(make_fingerprint(pool))
    told = DegradationPool.open(tmp_path / "camera.json")
    expected = [round(kpsnr, 3) for kpsnr in pool.index(2).kernel_kpsnr.values()]
    assert sorted(told.index(2).kernel_kpsnr.values()) == pytest.approx(sorted(expected))

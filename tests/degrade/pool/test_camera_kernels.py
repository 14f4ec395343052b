"""What is told, and what plans draw, of photos of one camera."""

from __future__ import annotations

import hashlib
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from degrade.degradation.index import CAMERA_KERNEL
from degrade.degradation.steps import BlurSettings
from degrade.errors import InvalidValueError
from degrade.kernels import gaussian_kernel
from degrade.kernels.metrics import kernel_psnr
from degrade.pool import DegradationPool, Findings, PhotoRecord, Provenance
from degrade.pool.camera_groups import NAMED
from degrade.pool.camera_kernels import settle_camera_kernels
from degrade.pool.findings import FoundObject
from degrade.pool.fingerprint_making import make_fingerprint
from degrade.rng import rng_for

SETTINGS = {"method": "spectral", "scale": 2}
IMPORTED = Provenance("k.npy", None, None, "import", {}, "1")
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


def _drawn(pool: DegradationPool) -> set[str]:
    """Return the kernels that a recipe draws which asks for those of the camera."""
    return {key for (key,) in pool.index(2).camera_by_photo}


def _settled(path: Path, numbers: tuple[int, ...], *, together: bool) -> DegradationPool:
    pool = DegradationPool.create(path)
    for number in numbers:
        _add(pool, number, CANON)
        if not together:
            settle_camera_kernels(pool)
    settle_camera_kernels(pool)
    return pool


def test_settle_camera_kernels_keeps_each_photos_own_and_offers_a_moved_one_beside_it(
    tmp_path: Path,
) -> None:
    pool = DegradationPool.create(tmp_path / "pool")
    for number in range(4):
        _add(pool, number, CANON)
    before = pool.index(2)
    (camera,) = settle_camera_kernels(pool)
    assert camera.camera == "Canon EOS 350D" and len(camera.shares) == 4
    assert all(0 < share <= 0.75 for share in camera.shares)
    after = pool.index(2)
    assert after.kernel_ids == before.kernel_ids and before.moved == {}
    assert tuple(record.id for record in pool.kernels) == before.kernel_ids
    assert set(after.moved) == set(before.kernel_ids)
    assert len(_drawn(pool)) == 4 and not _drawn(pool) & set(before.kernel_ids)
    assert all(after.kernel_kpsnr[key] > 45 for key in _drawn(pool))
    assert pool.verify() == []


@pytest.mark.parametrize("first", [0, 1])
def test_a_kernel_of_two_cameras_is_moved_towards_that_of_the_photo_it_is_told_of(
    tmp_path: Path, first: int
) -> None:
    pool = DegradationPool.create(tmp_path / "pool")
    kernel = gaussian_kernel(21, 2, (1.25, 1.0))
    known = {"expected_kpsnr": 45.0}
    shared = Findings(
        kind="kernel",
        settings=SETTINGS,
        values=known,
        objects=(FoundObject(kernel, "spectral", known),),
    )
    for number in (first, 1 - first):
        camera = {**CANON, "model": f"of {number}"}
        exif = Findings(kind="camera", settings={"version": 1}, values=camera)
        pool.add_all_findings([(_photo(number), shared), (_photo(number), exif)])
        _add(pool, 2 + number, camera)
    settle_camera_kernels(pool)
    photo = _photo(first).sha256
    (own,) = (r for r in pool.kernels if r.provenance.source_sha256 == photo)
    assert pool.moved_kernels[own.id].photo == photo
    assert len(pool.kernels) == len(pool.moved_kernels) == 3


def _of_two_cameras(path: Path, order: tuple[int, int]) -> DegradationPool:
    """Return a pool with a kernel of no photo that two photos of two cameras have, too."""
    pool = DegradationPool.create(path)
    kernel, known = gaussian_kernel(21, 2, (1.25, 1.0)), {"expected_kpsnr": 45.0}
    pool.add_kernel(kernel, IMPORTED)
    shared = Findings(
        kind="kernel",
        settings=SETTINGS,
        values=known,
        objects=(FoundObject(kernel, "other", known),),
    )
    for number in order:
        camera = {**CANON, "model": f"of {number}"}
        exif = Findings(kind="camera", settings={"version": 1}, values=camera)
        pool.add_all_findings([(_photo(number), shared), (_photo(number), exif)])
        _add(pool, 2 + number, camera)
        settle_camera_kernels(pool)
    return pool


def test_which_moved_kernel_counts_does_not_depend_on_what_came_first(tmp_path: Path) -> None:
    one, other = (_of_two_cameras(tmp_path / f"{o[0]}", o) for o in ((0, 1), (1, 0)))
    assert one.index(2).moved == other.index(2).moved and len(one.index(2).moved) == 3
    assert one.digest(2) == other.digest(2)


@pytest.mark.parametrize("is_first", [True, False])
def test_a_kernel_that_is_a_moved_one_too_is_drawn_as_itself(
    tmp_path: Path, is_first: bool
) -> None:
    moved = _settled(tmp_path / "twin", (0, 1, 2), together=True)
    key = moved.index(2).moved[moved.index(2).kernel_ids[0]]
    imported = moved.read_kernel(key), IMPORTED
    pool = DegradationPool.create(tmp_path / "pool")
    if is_first:
        pool.add_kernel(*imported)
    for number in range(3):
        _add(pool, number, CANON)
    settle_camera_kernels(pool)
    if not is_first:
        assert pool.add_kernel(*imported) == key
    for again in (pool, DegradationPool.open(pool.path)):
        settle_camera_kernels(again)
        index = again.index(2)
        assert set(index.kernel_ids) == {*moved.index(2).kernel_ids, key}
        assert index.moved == moved.index(2).moved
    end = pool.index_end
    pool.add_kernel(*imported)
    assert pool.index_end == end and pool.verify() == []


def test_merged_pools_keep_kernels_of_photos_and_of_cameras_apart(tmp_path: Path) -> None:
    ours = _settled(tmp_path / "ours", (0, 1, 2), together=True)
    theirs = _settled(tmp_path / "theirs", (1, 2, 3), together=True)
    own = {*ours.index(2).kernel_ids, *theirs.index(2).kernel_ids}
    ours.merge(theirs)
    settle_camera_kernels(ours)
    whole = _settled(tmp_path / "whole", (0, 1, 2, 3), together=True)
    assert set(ours.index(2).kernel_ids) == own == set(whole.index(2).kernel_ids)
    assert ours.index(2).moved == whole.index(2).moved


def test_settle_camera_kernels_changes_the_digest_of_runs_that_ask_for_them_alone(
    tmp_path: Path,
) -> None:
    pool = DegradationPool.create(tmp_path / "pool")
    for number in range(3):
        _add(pool, number, CANON)
    before = {kinds: pool.digest(2, kinds) for kinds in ((), ("jpeg",), (CAMERA_KERNEL,))}
    assert before[()] == before[CAMERA_KERNEL,]
    settle_camera_kernels(pool)
    after = {kinds: pool.digest(2, kinds) for kinds in before}
    assert after[()] == before[()] and after["jpeg",] == before["jpeg",]
    assert pool.index(2, ()).moved == {} and len(pool.index(2, ()).kernel_kpsnr) == 3
    assert after[CAMERA_KERNEL,] != before[CAMERA_KERNEL,]


def test_plans_draw_each_photos_own_kernel_and_the_cameras_where_a_recipe_says_so(
    tmp_path: Path,
) -> None:
    pool = _settled(tmp_path / "pool", (0, 1, 2), together=True)
    own = {record.id for record in pool.kernels}
    for kernels, wanted in ((None, own), ("camera", _drawn(pool))):
        settings = BlurSettings(kernels=kernels)
        index = pool.index(2, settings.draws_from)
        drawn = {settings.draw(index, (8, 8), rng_for(0, n)).kernel_id for n in range(60)}
        assert drawn == wanted
    alone = DegradationPool.create(tmp_path / "alone")
    _add(alone, 0, CANON)
    with pytest.raises(InvalidValueError, match="moved towards their camera's"):
        settings.draw(alone.index(2, settings.draws_from), (8, 8), rng_for(0))


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
    settle_camera_kernels(pool)
    assert len(pool.index(2).moved) == 3
    for number in range(3):
        named = Findings(kind="camera", settings={"version": 1, NAMED: ""}, values={NAMED: ""})
        pool.add_findings(_photo(number), [named])
    assert settle_camera_kernels(pool) == [] and pool.index(2).moved == {}


def test_settle_camera_kernels_passes_over_a_kernel_that_is_damaged(tmp_path: Path) -> None:
    pool = DegradationPool.create(tmp_path / "pool")
    for number in range(3):
        _add(pool, number, CANON)
    record = pool.kernels[0]
    (pool.path / "kernels" / f"{record.id}.npy").write_bytes(b"none")
    (camera,) = settle_camera_kernels(pool)
    assert len(camera.shares) == 2 and record.id not in pool.index(2).moved


def test_a_fingerprint_has_each_photos_own_kernel_and_that_of_its_camera(tmp_path: Path) -> None:
    pool = _settled(tmp_path / "pool", (0, 1, 2), together=True)
    (tmp_path / "camera.json").write_bytes(make_fingerprint(pool))
    told = DegradationPool.open(tmp_path / "camera.json")
    own = {record.id: record for record in told.kernels}
    assert told.index(2).kernel_ids == tuple(own) and len(own) == 3
    expected = [round(kpsnr, 3) for kpsnr in pool.index(2).kernel_kpsnr.values()]
    assert sorted(told.index(2).kernel_kpsnr.values()) == pytest.approx(sorted(expected))
    there = [pool.read_kernel(key).weights for key in _drawn(pool)]
    for key, record in told.moved_kernels.items():
        assert record.values["camera"] == "Canon EOS 350D" and record.values["camera_photos"] == 3
        (one,) = record.objects or ()
        assert key in own and told.index(2).moved[key] == one
        near = [kernel_psnr(told.read_kernel(one).weights, weights) for weights in there]
        assert max(near) > 80, "but for whole taps it is one of the pool's"
    assert told.verify() == []


def test_a_fingerprint_of_photos_that_were_not_moved_is_as_before(tmp_path: Path) -> None:
    pool = DegradationPool.create(tmp_path / "pool")
    _add(pool, 0, CANON)
    assert settle_camera_kernels(pool) == []
    assert b'"moved"' not in make_fingerprint(pool)

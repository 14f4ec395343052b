"""Reading a pool changes nothing, and only a pool is opened as one."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from degrade.degradation.index import Measured
from degrade.errors import CorruptDataError, DegradeError, InvalidValueError
from degrade.noise.residuals import tile_residual
from degrade.pool import DegradationPool, Findings
from tests.degrade.pool.parts import (
    PROVENANCE,
    SHA,
    found_patches,
    make_kernel,
    make_patch,
    make_photo,
)
from tests.making import fill_pool


def test_index_and_digest_do_not_depend_on_the_order_of_adding(tmp_path: Path) -> None:
    pools = []
    for name, order in (("a", (0, 1, 2)), ("b", (2, 0, 1))):
        one = DegradationPool.create(tmp_path / name)
        for seed in order:
            one.add_noise(make_patch(seed), PROVENANCE)
            one.add_kernel(make_kernel(seed), PROVENANCE)
        pools.append(one)
    assert pools[0].index(4) == pools[1].index(4)
    assert pools[0].digest(4) == pools[1].digest(4)
    before = pools[0].digest(4)
    pools[0].add_kernel(make_kernel(9, scale=2), PROVENANCE)
    assert pools[0].digest(4) == before
    pools[0].add_noise(make_patch(9), PROVENANCE)
    assert pools[0].digest(4) != before


def test_kernel_made_tells_settings_and_sources_apart(pool: DegradationPool) -> None:
    key = pool.add_kernel(make_kernel(), PROVENANCE)
    assert pool.kernel_made(PROVENANCE.settings, SHA) == key
    assert pool.kernel_made({**PROVENANCE.settings, "seed": 0.0}, SHA) is None
    assert pool.kernel_made(PROVENANCE.settings, "0" * 64) is None


def test_index_offers_the_latest_values_of_each_photo_and_digest_covers_them(
    pool: DegradationPool,
) -> None:
    pool.add_findings(make_photo(), [found_patches(make_patch())])
    before = pool.digest(4)
    assert pool.index(4).measured == {}, "what gave patches is drawn as patches"
    for quality in (90, 75, 80):
        settings, values = {"version": quality % 2}, {"quality": quality}
        jpeg = Findings(kind="jpeg", settings=settings, values=values)
        pool.add_findings(make_photo(), [jpeg])
        measured = DegradationPool.open(pool.path).index(4).measured
        assert measured == {"jpeg": (Measured(SHA, values),)}
    digests = {before, pool.digest(4)}
    pool.add_findings(make_photo("b", "0" * 64), [jpeg])
    assert [found.photo_sha256 for found in pool.index(2).measured["jpeg"]] == ["0" * 64, SHA]
    assert len(digests | {pool.digest(4)}) == 3


def test_read_residual_crop_equals_the_crop_of_the_whole(pool: DegradationPool) -> None:
    patch = make_patch(size=40)
    key = pool.add_noise(patch, PROVENANCE)
    for window in ((0, 0, 40, 40), (3, 7, 16, 20), (39, 39, 1, 1), (30, 20, 100, 64)):
        crop = pool.read_residual_crop(key, *window)
        np.testing.assert_array_equal(crop, tile_residual(patch.residual, *window))
        assert crop.shape == (*window[2:], 3) and crop.dtype == np.float32
    for window in ((-1, 0, 4, 4), (0, 0, 0, 4)):
        with pytest.raises(InvalidValueError):
            pool.read_residual_crop(key, *window)


def test_pool_pickles_without_its_handles(pool: DegradationPool) -> None:
    key = pool.add_noise(make_patch(), PROVENANCE)
    pool.read_residual_crop(key, 0, 0, 4, 4)
    data = pickle.dumps(pool)
    assert len(data) < 1000
    copy = pickle.loads(data)
    np.testing.assert_array_equal(copy.read_residual(key), pool.read_residual(key))


def test_unknown_ids_are_named(pool: DegradationPool) -> None:
    for read in (pool.read_kernel, pool.read_residual):
        with pytest.raises(InvalidValueError, match="nothing"):
            read("nothing")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"format": "degrade-pool", "version": 3}',
        b'{"format": "degrade-pool", "version": true}',
        b'{"format": "degrade-pool", "version": 2, "more": 1}',
        b"[" * 100_000,
    ],
)
def test_open_refuses_another_format(pool: DegradationPool, content: bytes) -> None:
    (pool.path / "pool.json").write_bytes(content)
    with pytest.raises(CorruptDataError, match=r"pool\.json"):
        DegradationPool.open(pool.path)


def test_open_says_what_to_do_about_a_pool_of_version_1(pool: DegradationPool) -> None:
    (pool.path / "pool.json").write_bytes(b'{"format": "degrade-pool", "version": 1}\n')
    with pytest.raises(DegradeError, match=r"version 1, .* build-pool SRC pool=NEW`$"):
        DegradationPool.open(pool.path)


def test_open_writes_nothing(tmp_path: Path) -> None:
    pool = fill_pool(tmp_path / "pool")
    before = {p: p.stat().st_mtime_ns for p in [pool.path, *pool.path.rglob("*")]}
    found = DegradationPool.open(pool.path)
    found.read_kernel(found.kernels[0].id)
    assert found.verify() == []
    assert {p: p.stat().st_mtime_ns for p in [pool.path, *pool.path.rglob("*")]} == before


def _append(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"more")


def _swap(first: Path, second: Path) -> None:
    contents = first.read_bytes(), second.read_bytes()
    second.write_bytes(contents[0])
    first.write_bytes(contents[1])


@pytest.mark.parametrize("folder", ["kernels", "noise"])
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda files: _append(files[0]), "holds 4 bytes more than what was added"),
        (lambda files: files[0].write_bytes(files[0].read_bytes()[:-1]), "not a whole .npy array"),
        (lambda files: files[0].write_bytes(b""), "not a whole .npy array"),
        (lambda files: _swap(*files[:2]), "its content is not what was added"),
        (lambda files: files[0].unlink(), "cannot be read"),
        (lambda files: (files[0].parent / "notes.txt").touch(), "not of this pool"),
        (lambda files: (files[0].parent / "0.npy").touch(), "not in index.jsonl"),
        (lambda files: _append(files[0].parents[1] / "index.jsonl"), "no whole line; harmless"),
    ],
)
def test_verify_finds_what_was_done_to_the_files(
    tmp_path: Path, folder: str, change: Callable[[list[Path]], object], words: str
) -> None:
    pool = fill_pool(tmp_path / "pool")
    change(sorted((pool.path / folder).glob("*.npy")))
    problems = DegradationPool.open(pool.path).verify()
    assert problems and all(words in problem for problem in problems)


@pytest.mark.parametrize("name", [".hidden", "x.0bbfd16a-1-18523728.tmp"])
def test_verify_passes_over_what_systems_and_killed_runs_leave(tmp_path: Path, name: str) -> None:
    pool = fill_pool(tmp_path / "pool")
    (pool.path / "noise" / name).touch()
    assert pool.verify() == []


def test_index_and_digest_cover_the_kinds_that_are_asked_for(pool: DegradationPool) -> None:
    pool.add_kernel(make_kernel(), PROVENANCE)
    before = pool.digest(4, [])
    assert before == pool.digest(4, ["jpeg"])
    jpeg = Findings(kind="jpeg", settings={}, values={"quality": 80})
    pool.add_findings(make_photo(), [jpeg])
    covered = pool.digest(4, ["jpeg"])
    pool.add_findings(make_photo(), [Findings(kind="camera", settings={}, values={"iso": 100})])
    assert pool.digest(4, []) == before, "what no step draws from changes nothing"
    assert pool.digest(4, ["jpeg"]) == covered != before
    assert len({covered, pool.digest(4), pool.digest(4, ["camera"]), before}) == 4
    assert list(pool.index(4, ["jpeg", "none"]).measured) == ["jpeg"]
    assert pool.index(4, []).measured == {} and list(pool.index(4).measured) == ["camera", "jpeg"]


def test_index_tells_where_the_jpeg_grid_of_a_photo_lies_in_its_patches(
    pool: DegradationPool,
) -> None:
    patch = replace(make_patch(size=32), box=(5, 18, 32, 32))
    pool.add_findings(make_photo(), [found_patches(patch)])
    assert [choice.jpeg_unit for choice in pool.index(4).noise] == [None]
    before = pool.digest(4, ["jpeg"])

    def units(values: dict[str, object], **asked: Any) -> list[object]:
        jpeg = Findings(kind="jpeg", settings={"version": 4}, values=values)
        pool.add_findings(make_photo(), [jpeg])
        return [choice.jpeg_unit for choice in pool.index(4, **asked).noise]

    assert units({"luma": [1] * 64, "unit": [0, 3, 8, 16]}) == [(3, 1, 8, 16)]
    assert units({"format": "png", "pixels": {"unit": [7, 0, 8, 8]}}) == [(2, 6, 8, 8)]
    assert units({"unit": [7, 0, 8, 8]}, measured=["camera"]) == [None]
    assert pool.digest(4, ["jpeg"]) != before
    for odd in ([8, 0, 8, 8], [0, 0, 0, 8], [0, 0, 8], [0.0, 0, 8, 8], "0088", None, [0] * 4):
        assert units({"unit": odd}) == [None]

"""What is added to a pool comes back, and only a pool is opened as one."""

from __future__ import annotations

import dataclasses
import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from degrade.errors import CorruptDataError, DegradeError, InvalidValueError
from degrade.kernels import BlurKernel
from degrade.noise import NoisePatch
from degrade.pool import DegradationPool, SourceRecord
from degrade.residuals import tile_residual
from tests.degrade.pool.parts import PROVENANCE, SHA, index_lines, make_kernel, make_patch
from tests.making import fill_pool


def test_add_kernel_comes_back_bit_for_bit(pool: DegradationPool) -> None:
    for seed in range(20):
        kernel = make_kernel(seed)
        key = pool.add_kernel(kernel, PROVENANCE)
        found = DegradationPool.open(pool.path).read_kernel(key)
        np.testing.assert_array_equal(found.weights, kernel.weights)
        assert (found.scale, found.source) == (4, PROVENANCE.source_name)
        assert pool.add_kernel(found, PROVENANCE) == key  # read and added again: the same thing
    assert len(pool.kernels) == 20
    assert pool.kernels[0].provenance == PROVENANCE


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_add_noise_comes_back_as_the_same_residual(pool: DegradationPool, dtype: type) -> None:
    patch = make_patch(dtype=dtype)
    key = pool.add_noise(patch, PROVENANCE)
    found = DegradationPool.open(pool.path)
    residual = found.read_residual(key)
    assert residual.dtype == np.float32
    np.testing.assert_array_equal(residual, patch.residual)
    assert np.abs(residual.mean(axis=(0, 1), dtype=np.float64)).max() < 1e-7
    (record,) = found.noise
    assert (record.size, record.variance, record.brightness) == (32, 16.0, 90.0)


def test_add_is_idempotent_and_ids_tell_content_apart(pool: DegradationPool) -> None:
    first = pool.add_kernel(make_kernel(), PROVENANCE)
    lines = index_lines(pool)
    other = dataclasses.replace(PROVENANCE, source_name="another")
    assert pool.add_kernel(make_kernel(), other) == first
    assert index_lines(pool) == lines
    assert pool.kernels[0].provenance == PROVENANCE
    assert pool.add_kernel(make_kernel(1), PROVENANCE) != first
    deep = make_patch(dtype=np.uint16)
    shallow = NoisePatch((deep.pixels // 257).astype(np.uint8), 16.0, 90.0, "a", deep.box)
    assert pool.add_noise(deep, PROVENANCE) != pool.add_noise(shallow, PROVENANCE)


def test_ids_depend_on_the_scale(pool: DegradationPool) -> None:
    weights = np.zeros((5, 5), np.float32)
    weights[2:4, 2:4] = 0.25
    two = pool.add_kernel(BlurKernel(weights, 2), PROVENANCE)
    shifted = np.zeros((5, 5), np.float32)
    shifted[3, 3] = 1
    three = pool.add_kernel(BlurKernel(shifted, 3), PROVENANCE)
    assert pool.index(2).kernel_ids == (two,) and pool.index(3).kernel_ids == (three,)
    assert pool.digest(2) != pool.digest(3)


def test_add_source_keeps_the_latest_place(pool: DegradationPool) -> None:
    pool.add_source(SourceRecord("a", SHA, "/old/a.jpg"))
    pool.add_source(SourceRecord("a", SHA, "/new/a.jpg"))
    pool.add_source(SourceRecord("a", SHA, "/new/a.jpg"))
    assert len(index_lines(pool)) == 2
    assert DegradationPool.open(pool.path).sources == (SourceRecord("a", SHA, "/new/a.jpg"),)


def test_names_of_any_bytes_survive(pool: DegradationPool) -> None:
    for name in (
        "日本語 ×.jpg",
        "new\nline\r.png",
        os.fsdecode(b"\xff\xfe.jpg"),
        "\u2028",
        "a\"b'",
    ):
        provenance = dataclasses.replace(PROVENANCE, source_name=name)
        key = pool.add_noise(make_patch(len(name)), provenance)
        found = {n.id: n for n in DegradationPool.open(pool.path).noise}
        assert found[key].provenance.source_name == name


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


def test_kernels_measured_tells_settings_apart(pool: DegradationPool) -> None:
    key = pool.add_kernel(make_kernel(), PROVENANCE)
    assert pool.kernels_measured(PROVENANCE.settings) == {SHA: key}
    assert pool.kernels_measured("{}") == {}


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


def test_open_and_create_refuse_other_folders(tmp_path: Path) -> None:
    with pytest.raises(DegradeError, match="no degradation pool"):
        DegradationPool.open(tmp_path / "missing")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"")
    with pytest.raises(DegradeError, match="holds other files"):
        DegradationPool.create(tmp_path / "photos")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DegradeError, match="no pool can be made"):
        DegradationPool.create(tmp_path / "file")
    assert [p.name for p in (tmp_path / "photos").iterdir()] == ["a.jpg"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format": "degrade-pool", "version": 2}'])
def test_open_refuses_another_format(pool: DegradationPool, content: bytes) -> None:
    (pool.path / "pool.json").write_bytes(content)
    with pytest.raises(CorruptDataError, match=r"pool\.json"):
        DegradationPool.open(pool.path)


def test_open_writes_nothing(tmp_path: Path) -> None:
    pool = fill_pool(tmp_path / "pool")
    before = {p: p.stat().st_mtime_ns for p in [pool.path, *pool.path.rglob("*")]}
    found = DegradationPool.open(pool.path)
    found.read_kernel(found.kernels[0].id)
    assert found.verify() == []
    assert {p: p.stat().st_mtime_ns for p in [pool.path, *pool.path.rglob("*")]} == before

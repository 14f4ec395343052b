"""What is added to a pool comes back, once."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import numpy as np
import pytest

from degrade.errors import DegradeError
from degrade.kernels import BlurKernel
from degrade.noise import NoisePatch
from degrade.pool import DegradationPool, Findings
from degrade.pool.findings import FoundObject
from degrade.pool.records import TOWARDS_CAMERA
from tests.degrade.pool.parts import (
    PROVENANCE,
    SHA,
    index_lines,
    make_kernel,
    make_patch,
    make_photo,
)


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
    other = msgspec.structs.replace(PROVENANCE, source_name="another")
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


def test_add_photo_keeps_the_latest_place(pool: DegradationPool) -> None:
    pool.add_photo(make_photo("a", SHA, "/old/a.jpg"))
    pool.add_photo(make_photo("a", SHA, "/new/a.jpg"))
    pool.add_photo(make_photo("a", SHA, "/new/a.jpg"))
    assert len(index_lines(pool)) == 2
    assert DegradationPool.open(pool.path).photos == (make_photo("a", SHA, "/new/a.jpg"),)


def test_names_of_any_bytes_survive(pool: DegradationPool) -> None:
    for name in (
        "日本語 ×.jpg",
        "new\nline\r.png",
        os.fsdecode(b"\xff\xfe.jpg"),
        "\u2028",
        "a\"b'",
    ):
        provenance = msgspec.structs.replace(PROVENANCE, source_name=name)
        key = pool.add_noise(make_patch(len(name)), provenance)
        found = {n.id: n for n in DegradationPool.open(pool.path).noise}
        assert found[key].provenance.source_name == name


def test_open_and_create_refuse_other_folders(tmp_path: Path) -> None:
    with pytest.raises(DegradeError, match="no degradation pool"):
        DegradationPool.open(tmp_path / "missing")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"")
    with pytest.raises(DegradeError, match="holds other files"):
        DegradationPool.create(tmp_path / "photos")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DegradeError, match=r"no pool: .*cannot be made .*; "):
        DegradationPool.create(tmp_path / "file")
    assert [p.name for p in (tmp_path / "photos").iterdir()] == ["a.jpg"]


def test_findings_of_a_photo_that_is_measured_again_tell_anew_of_a_kernel_that_stayed(
    pool: DegradationPool,
) -> None:
    def found(confidence: float, version: int, method: str = "spectral") -> Findings:
        objects = (FoundObject(make_kernel(), method, {"confidence": confidence}),)
        return Findings(kind="kernel", settings={"version": version}, objects=objects)

    photo = make_photo()
    for confidence, version in ((0.9, 1), (0.4, 2)):
        pool.add_findings(photo, [found(confidence, version)])
        for each in (pool, DegradationPool.open(pool.path)):
            (record,) = each.kernels
            assert record.provenance.values == {"confidence": confidence}
            assert record.provenance.settings == {"version": version}
    end = pool.index_end
    pool.add_findings(photo, [found(0.4, 2)])
    assert pool.index_end == end
    # What is known of it elsewhere, or of what it became, leaves it as it is.
    pool.add_findings(make_photo("b", "cd" * 32), [found(0.1, 3)])
    pool.add_findings(photo, [found(0.2, 4, "kernelgan")])
    moved = Findings(kind="x", settings=TOWARDS_CAMERA, objects=found(0.3, 5).objects)
    pool.add_findings(photo, [moved])
    (record,) = pool.kernels
    assert record.provenance.values == {"confidence": 0.4}
    # Of what is found twice at once the first counts, as where it was unknown.
    pool.add_findings(photo, [found(0.5, 6), found(0.6, 7)])
    (record,) = pool.kernels
    assert record.provenance.values == {"confidence": 0.5}
    assert pool.verify() == []

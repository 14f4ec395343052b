"""Objects that are damaged, missing or another thing than their record says."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from degrade.errors import CorruptDataError, DegradeError
from degrade.pool import DegradationPool, KernelRecord
from degrade.pool.object_files import content_id
from tests.degrade.pool.parts import (
    PROVENANCE,
    flip_bit,
    index_lines,
    make_kernel,
    make_patch,
    read_record,
    with_crc,
)
from tests.making import fill_pool, open_below


def test_read_residual_crop_keeps_no_file_open(pool: DegradationPool) -> None:
    with pool.writing():
        keys = [pool.add_noise(make_patch(seed, size=8), PROVENANCE) for seed in range(30)]
    for _ in range(2):
        for seed, key in enumerate(keys):
            crop = pool.read_residual_crop(key, 1, 1, 4, 4)
            np.testing.assert_array_equal(crop, make_patch(seed, size=8).residual[1:5, 1:5])
    assert open_below(pool.path) == []


def _remove(path: Path) -> None:
    path.unlink()


def _lead_to_copy(path: Path) -> None:
    path.rename(path.with_suffix(".copy"))
    path.symlink_to(path.with_suffix(".copy"))


@pytest.mark.parametrize("change", [_remove, lambda path: os.truncate(path, 200), _lead_to_copy])
def test_read_residual_crop_names_a_file_that_changed_since_it_was_checked(
    pool: DegradationPool, change: Callable[[Path], None]
) -> None:
    key = pool.add_noise(make_patch(), PROVENANCE)
    pool.read_residual_crop(key, 20, 20, 4, 4)
    change(pool.path / "noise" / f"{key}.npy")
    with pytest.raises(CorruptDataError, match=key):
        pool.read_residual_crop(key, 20, 20, 4, 4)


def test_a_folder_that_became_a_link_to_elsewhere_is_not_followed(
    pool: DegradationPool, tmp_path: Path
) -> None:
    kernel = pool.add_kernel(make_kernel(), PROVENANCE)
    noise = pool.add_noise(make_patch(), PROVENANCE)
    pool.read_kernel(kernel)
    pool.read_residual_crop(noise, 20, 20, 4, 4)
    for name in ("kernels", "noise"):
        (pool.path / name).rename(tmp_path / f"moved {name}")
        (pool.path / name).symlink_to(tmp_path / f"moved {name}")
    with pytest.raises(DegradeError, match="leads outside"):
        pool.read_kernel(kernel)
    with pytest.raises(DegradeError, match="became a link"):
        pool.read_residual_crop(noise, 20, 20, 4, 4)


def test_a_noise_file_in_fortran_order_is_refused(pool: DegradationPool) -> None:
    patch = make_patch()
    key = pool.add_noise(patch, PROVENANCE)
    np.save(pool.path / "noise" / f"{key}.npy", np.asfortranarray(patch.pixels))
    with pytest.raises(CorruptDataError, match="in C order"):
        pool.read_residual_crop(key, 0, 0, 4, 4)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


def _replace(path: Path) -> None:
    np.save(path, np.zeros((5, 5), np.float32))


def _as_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _as_pickle(path: Path) -> None:
    np.save(path, np.array([{}]), allow_pickle=True)


def _claim_terabyte(path: Path) -> None:
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "<f4", "fortran_order": False, "shape": (2**19, 2**19)}
        )


def _lead_outside(path: Path) -> None:
    outside = path.parents[2] / "outside.npy"
    shutil.move(path, outside)
    path.symlink_to(outside)


@pytest.mark.parametrize(
    "damage",
    [Path.unlink, _cut, flip_bit, _replace, _as_fifo, _as_pickle, _claim_terabyte, _lead_outside],
)
def test_damaged_objects_are_refused_and_named(
    pool: DegradationPool, damage: Callable[[Path], None]
) -> None:
    kernel, noise = make_kernel(), make_patch()
    ids = {
        "kernels": pool.add_kernel(kernel, PROVENANCE),
        "noise": pool.add_noise(noise, PROVENANCE),
    }
    pool.add_kernel(make_kernel(1), PROVENANCE)
    for folder, key in ids.items():
        damage(pool.path / folder / f"{key}.npy")
        found = DegradationPool.open(pool.path)
        with pytest.raises(DegradeError, match=key):
            if folder == "kernels":
                found.read_kernel(key)
            else:
                found.read_residual(key)
        if folder == "noise":
            with pytest.raises(DegradeError, match=key):
                found.read_residual_crop(key, 0, 0, 4, 4)
        assert any(key in line and "\n" not in line for line in found.verify())
    assert len(found.verify()) == 2


def test_adding_again_mends_a_damaged_object(pool: DegradationPool) -> None:
    noise = pool.add_noise(make_patch(), PROVENANCE)
    kernel = pool.add_kernel(make_kernel(), PROVENANCE)
    flip_bit(pool.path / "noise" / f"{noise}.npy")
    (pool.path / "kernels" / f"{kernel}.npy").unlink()
    lines = index_lines(pool)
    pool = DegradationPool.open(pool.path)
    assert len(pool.verify()) == 2
    pool.add_noise(make_patch(), PROVENANCE)
    pool.add_kernel(make_kernel(), PROVENANCE)
    assert pool.verify() == [] and index_lines(pool) == lines


def test_a_stored_kernel_that_breaks_the_rules_is_refused(pool: DegradationPool) -> None:
    for weights in (np.full((3, 3), np.nan), np.zeros((3, 3)), np.eye(5) / 5, np.ones((4, 4)) / 16):
        weights = weights.astype(np.float32)
        key = content_id(weights, 4)
        record = KernelRecord(key, 4, weights.shape[0], PROVENANCE)
        with pool.writing():
            pool._add_all([], [(record, weights)])
        with pytest.raises(CorruptDataError, match=key):
            pool.read_kernel(key)
    assert len(pool.verify()) == 4


def test_verify_notices_wrong_means(pool: DegradationPool) -> None:
    key = pool.add_noise(make_patch(), PROVENANCE)
    record = read_record(pool, 0)
    record["means"] = [90.0, 90.0, 90.0]
    (pool.path / "index.jsonl").write_bytes(with_crc(record))
    (problem,) = DegradationPool.open(pool.path).verify()
    assert key in problem and "means" in problem


def test_verify_names_files_that_a_cut_index_no_longer_knows(tmp_path: Path) -> None:
    pool = fill_pool(tmp_path / "pool", kernels=2, patches=1)
    assert pool.verify() == []
    index = tmp_path / "pool" / "index.jsonl"
    lines = index.read_bytes().splitlines(keepends=True)
    index.write_bytes(lines[0])
    problems = DegradationPool.open(tmp_path / "pool").verify()
    assert len(problems) == 2 and all("not in index.jsonl" in problem for problem in problems)

"""What goes with an export: option files that name it, and KAIR's kernels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from degrade.errors import DegradeError
from degrade.kernels.files import import_kernel, read_kernel_file
from degrade.pool import DegradationPool
from pipelines.exports.export_pairs import ExportConfig, export_pairs
from tests.pipelines.exported import (
    SCALE,
    make_pairs,
    options_of,
)


@pytest.fixture
def pairs(tmp_path: Path, pool: Path) -> Path:
    return make_pairs(tmp_path / "pairs", pool)


def test_export_pairs_names_files_that_are_all_there(tmp_path: Path, pairs: Path) -> None:
    for format in ("basicsr-lmdb", "png", "kair"):
        out = tmp_path / f"out {format} é'#\\"
        export_pairs(ExportConfig(pairs=pairs, out=out, format=format))
        for options in options_of(out).values():
            train = options["datasets"]["train"]
            places = [
                place
                for name, value in train.items()
                if name.startswith("dataroot") or name == "meta_info"
                for place in (value if isinstance(value, list) else [value])
            ]
            assert len(places) >= 2
            for place in places:
                assert Path(place).is_absolute() and Path(place).exists(), place
            assert options["scale"] == SCALE


def test_option_files_hold_numbers_and_patches_that_fit(tmp_path: Path, pairs: Path) -> None:
    for format in ("png", "kair"):
        export_pairs(ExportConfig(pairs=pairs, out=tmp_path / format, format=format))
    options = options_of(tmp_path / "png") | options_of(tmp_path / "kair")
    train = {name: value["datasets"]["train"] for name, value in options.items()}
    hr_patches = {
        *(train[f"{name}_gan"]["gt_size"] for name in ("basicsr", "realesrgan")),
        train["neosr_gan"]["patch_size"] * SCALE,
        train["trainner-redux_gan"]["lq_size"] * SCALE,
        train["kair_gan"]["H_size"],
    }
    assert hr_patches == {32}

    def numbers(value: Any) -> list[Any]:
        if isinstance(value, dict):
            return [item for inner in value.values() for item in numbers(inner)]
        if isinstance(value, list):
            return [item for inner in value for item in numbers(inner)]
        return [value]

    for name, value in options.items():
        texts = [item for item in numbers(value) if isinstance(item, str)]
        assert not any(text[:1].isdigit() for text in texts), f"{name}: a number became a text"
        assert 0.0001 in numbers(value) or 0.0002 in numbers(value), name


def test_export_pairs_writes_kernels_that_kair_and_this_project_agree_on(
    tmp_path: Path, pairs: Path, pool: Path
) -> None:
    out = tmp_path / "out"
    report = export_pairs(ExportConfig(pairs=pairs, out=out, format="kair"))
    assert any(line.startswith("kernels.mat: 3 kernels") for line in report.lines)
    opened = DegradationPool.open(pool)
    raw = read_kernel_file(out / "kernels.mat")
    assert len(raw) == 3
    for found, record in zip(raw, opened.kernels, strict=True):
        kernel = opened.read_kernel(record.id)
        assert np.array_equal(found.weights, kernel.weights[::-1, ::-1].astype(np.float64))
        back, _ = import_kernel(found, SCALE, "convolve")
        assert np.allclose(back.weights, kernel.weights, atol=1e-6)

    moved = pool.rename(tmp_path / "moved")
    lost = export_pairs(ExportConfig(pairs=pairs, out=tmp_path / "lost", format="kair"))
    told = next(line for line in lost.lines if line.startswith("no kernels.mat: "))
    assert told.endswith("is not there; say where it is now: `pool=DIR`, and export again")
    config = ExportConfig(pairs=pairs, out=tmp_path / "found", format="kair", pool=moved)
    export_pairs(config)
    assert (tmp_path / "found/kernels.mat").read_bytes() == (out / "kernels.mat").read_bytes()
    # What the message advises: the same command with --pool.
    again = export_pairs(replace(config, out=tmp_path / "lost"))
    assert again.skipped == 9 and any("3 kernels" in line for line in again.lines)
    assert (tmp_path / "lost/kernels.mat").read_bytes() == (out / "kernels.mat").read_bytes()


def test_export_pairs_of_kair_does_not_begin_where_its_kernels_cannot_go(
    tmp_path: Path, pairs: Path
) -> None:
    out = tmp_path / "out"
    (out / "kernels.mat").mkdir(parents=True)
    with pytest.raises(DegradeError, match=r"kernels\.mat/ is there"):
        export_pairs(ExportConfig(pairs=pairs, out=out, format="kair"))
    assert not (out / "export.json").exists()


def test_export_pairs_removes_its_working_folder_at_whatever_point_it_was_killed(
    tmp_path: Path, pairs: Path
) -> None:
    config = ExportConfig(pairs=pairs, out=tmp_path / "out", format="png")
    export_pairs(config)
    work = tmp_path / "out/.partial"
    for left in ([], ["export.json"], ["export.json", "progress.json"]):
        work.mkdir()
        for name in left:
            (work / name).write_text("{}")
        export_pairs(config)
        assert not work.exists(), left
    work.mkdir()
    (work / "mine.tmp").touch()
    export_pairs(config)
    assert (work / "mine.tmp").exists()


def test_export_pairs_without_networks_for_the_scale_says_so(
    tmp_path: Path, monkeypatch: Any, pairs: Path
) -> None:
    monkeypatch.setattr("pipelines.exports.finishing.TRAINER_SCALES", (3, 4))
    report = export_pairs(ExportConfig(pairs=pairs, out=tmp_path / "out", format="png"))
    assert any("no option files" in line and "×2" in line for line in report.lines)
    assert not (tmp_path / "out/options").exists()

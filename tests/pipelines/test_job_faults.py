"""Faults that every job meets: odd names, a folder in use, a disk that cannot be written, rot."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest

from degrade.disk.locks import folder_lock
from degrade.errors import DegradeError, FolderInUseError
from degrade.images.image_io import decode_photo, write_png
from degrade.images.manifest import ManifestEntry, write_manifest
from degrade.images.sources import hash_file
from degrade.noise import NoiseSelection
from degrade.pairs import open_pairs
from degrade.pool import DegradationPool
from degrade.rng import rng_for
from pipelines import (
    BuildPairsConfig,
    EstimateKernelsConfig,
    ExtractNoiseConfig,
    build_pairs,
    estimate_kernels,
    extract_noise,
)
from pipelines.exports.export_pairs import ExportConfig, export_pairs
from pipelines.pairs.checks import verify
from pipelines.pairs.import_pairs import ImportPairsConfig, import_pairs
from tests.pipelines.photographs import take_photo
from tests.torture.parts import SkippedError
from tests.torture.small_disk import small_disk

ODD_NAMES = (
    "two words",
    "new\nline",
    "tab\t\x1b[31m",
    "-rf",
    "é",
    "e\u0301",
    "名前",
    "'\"`$(x)",
    os.fsdecode(b"\xff\xfe"),
    "x" * 250,
    "a.b.c",
    "%s %d",
)


def _extract(photos: Path, pool: Path) -> ExtractNoiseConfig:
    selection = NoiseSelection(patch_size=32, max_variance=100)
    return ExtractNoiseConfig(sources=(photos,), pool=pool, selection=selection)


def _write_flat(path: Path, key: object) -> None:
    noise = rng_for(0, "flat", str(key)).normal(120, 2, (64, 64, 3))
    write_png(path, np.rint(noise).astype(np.uint8))


def test_every_job_takes_names_of_any_bytes(tmp_path: Path, pool: Path) -> None:
    hr = tmp_path / os.fsdecode(b"photos \n\xff")
    for number, name in enumerate(ODD_NAMES):
        _write_flat(hr / f"{name}.png", number)
    count = len(ODD_NAMES)
    noise = extract_noise(_extract(hr, tmp_path / "noise\n\udcff"))
    assert (noise.done, noise.exit_code) == (4 * count, 0)
    summary = noise.summary()
    assert len(summary.splitlines()) == 1 + count and summary.isprintable() is False
    assert all(line.isprintable() for line in summary.splitlines())
    config = BuildPairsConfig(
        pool=pool, out=tmp_path / "pairs\n\udcfe", hr=(hr,), scale=2, hr_size=64
    )
    built = build_pairs(config)
    assert (built.done, built.exit_code) == (count, 0)
    assert verify(config.out).done == count
    out = tmp_path / os.fsdecode(b"export \n\xfd")
    exported = export_pairs(ExportConfig(pairs=Path(config.out), out=out, format="png"))
    assert exported.done == count
    imported = ImportPairsConfig(hr=out / "hr", lr=out / "lr", out=tmp_path / "again\udcfc")
    assert import_pairs(imported).done == count


@pytest.fixture
def finished(tmp_path: Path, scenes: Path, pool: Path) -> Path:
    out = tmp_path / "pairs"
    build_pairs(BuildPairsConfig(pool=pool, out=out, hr=(scenes,), scale=2, hr_size=128))
    return out


def test_every_job_refuses_a_folder_in_use(tmp_path: Path, finished: Path, pool: Path) -> None:
    _write_flat(tmp_path / "flat" / "a.png", 0)
    write_png(tmp_path / "sharp" / "a.png", take_photo("a", side=100))
    images = ExportConfig(pairs=finished, out=tmp_path / "images", format="png")
    export_pairs(images)
    export = ExportConfig(pairs=finished, out=tmp_path / "export", format="h5")
    imported = ImportPairsConfig(
        hr=images.out / "hr", lr=images.out / "lr", out=tmp_path / "imported"
    )
    estimate = EstimateKernelsConfig(sources=(tmp_path / "sharp",), pool=pool, scale=2)
    for folder, job in (
        (pool, lambda: extract_noise(_extract(tmp_path / "flat", pool))),
        (pool, lambda: estimate_kernels(estimate)),
        (export.out, lambda: export_pairs(export)),
        (imported.out, lambda: import_pairs(imported)),
    ):
        folder.mkdir(exist_ok=True)
        before = {path.name for path in folder.iterdir()}
        with folder_lock(folder):
            with pytest.raises(FolderInUseError, match=f"in use by process {os.getpid()} on"):
                job()
            assert {path.name for path in folder.iterdir()} == before | {".lock"}
        job()


def test_a_read_only_pool_is_used_but_not_added_to(
    tmp_path: Path, scenes: Path, finished: Path
) -> None:
    try:
        with small_disk(tmp_path / "disk") as disk:
            pool = DegradationPool.create(disk / "pool")
            _write_flat(disk / "flat" / "a.png", 0)
            extract_noise(_extract(disk / "flat", pool.path))
            write_png(disk / "sharp" / "a.png", take_photo("a", side=100))
            estimate = EstimateKernelsConfig(sources=(disk / "sharp",), pool=pool.path, scale=2)
            estimate_kernels(estimate)
            subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
            assert DegradationPool.open(pool.path).verify() == []
            config = BuildPairsConfig(
                pool=pool.path, out=tmp_path / "built", hr=(scenes,), scale=2, hr_size=64
            )
            assert build_pairs(config).done > 0
            for job in (
                lambda: extract_noise(_extract(disk / "flat", pool.path)),
                lambda: estimate_kernels(estimate),
                lambda: export_pairs(ExportConfig(pairs=finished, out=disk / "out", format="png")),
            ):
                with pytest.raises(DegradeError, match=r"disk/.*\(Read-only file system\)"):
                    job()
    except SkippedError as reason:
        pytest.skip(str(reason))


def test_a_flipped_bit_in_a_jpeg_is_seen_where_its_hash_is_recorded(
    tmp_path: Path, scenes: Path, pool: Path
) -> None:
    """The decoder sees nothing; a manifest's hash does, and pairs record that of their photo."""
    picture = cv2.imread(str(scenes / "scene 1.png"))
    done, data = cv2.imencode(".jpg", picture)
    assert done
    path = tmp_path / "jpegs" / "a.jpg"
    path.parent.mkdir()
    path.write_bytes(data.tobytes())
    height, width, _ = picture.shape
    recorded = hash_file(path)
    entry = ManifestEntry(path="a.jpg", sha256=recorded, height=height, width=width, role="hr")
    listed = path.parent / "list.jsonl"
    write_manifest(listed, [entry])
    config = BuildPairsConfig(pool=pool, out=tmp_path / "pairs", hr=(listed,), scale=2, hr_size=64)
    assert build_pairs(config).exit_code == 0
    with open_pairs(Path(config.out)) as reader:
        assert {record.plan and record.plan.source_sha256 for record in reader.records} == {
            recorded
        }
    rotten = bytearray(data.tobytes())
    rotten[len(rotten) // 2] ^= 4
    decode_photo(bytes(rotten), path)
    path.write_bytes(rotten)
    with pytest.raises(DegradeError, match=r"a\.jpg: its content is not what was recorded"):
        build_pairs(config)
    assert json.loads((Path(config.out) / "manifest.json").read_bytes())["pairs"] > 0

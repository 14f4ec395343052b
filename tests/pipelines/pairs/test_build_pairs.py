"""Pairs hold what photos and pool have; they do not depend on who makes them, or in which order."""

from __future__ import annotations

import errno
import itertools
import json
import os
import random
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from degrade.disk.files import read_file
from degrade.errors import ChangedConfigError, DegradeError, InputError, InvalidValueError
from degrade.images.image_io import read_photo, write_png
from degrade.pairs import open_pairs
from degrade.pool import DegradationPool
from pipelines import build_pairs
from pipelines.executors import InProcessExecutor, ProcessExecutor
from pipelines.pairs.checks import ReplayConfig, replay_pair, verify
from pipelines.shared.finding_photos import find_photos
from tests.making import fill_pool
from tests.pipelines.pairs.building import FORMATS, config_for, digests


@pytest.mark.parametrize("format", FORMATS)
def test_build_pairs_gives_the_same_bytes_for_any_workers_and_order(
    tmp_path: Path, scenes: Path, pool: Path, format: str
) -> None:
    first = config_for(tmp_path, scenes, pool, format, "one")
    report = build_pairs(first, executor=InProcessExecutor())
    assert report.exit_code == 0 and report.done > 20
    expected = digests(first.out)
    assert len([name for name in expected if name.endswith(".json")]) > 1, "wanted several shards"

    build_pairs(replace(first, out=tmp_path / "two"), executor=ProcessExecutor(2))
    assert digests(tmp_path / "two") == expected

    files = sorted(scenes.iterdir())
    random.Random(3).shuffle(files)
    build_pairs(replace(first, out=tmp_path / "three", hr=tuple(files)))
    assert digests(tmp_path / "three") == expected


@pytest.mark.parametrize("format", FORMATS)
def test_build_pairs_does_not_depend_on_where_the_photos_lie(
    tmp_path: Path, scenes: Path, pool: Path, format: str
) -> None:
    here = config_for(tmp_path, scenes, pool, format, "here")
    build_pairs(here)
    moved = shutil.copytree(scenes, tmp_path / "elsewhere" / "deep")
    build_pairs(replace(here, hr=(moved.parent,), out=tmp_path / "there"))
    with open_pairs(here.out) as a, open_pairs(tmp_path / "there") as b:
        assert a.keys == b.keys
        for row in range(len(a)):
            assert all(np.array_equal(x, y) for x, y in zip(a.read(row), b.read(row), strict=True))


def test_build_pairs_names_what_it_rejects_and_goes_on(
    tmp_path: Path, scenes: Path, pool: Path
) -> None:
    (scenes / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n nothing more")
    (scenes / "cut.png").write_bytes((scenes / "scene 1.png").read_bytes()[:3000])
    (scenes / "empty.jpg").touch()
    shutil.copy(scenes / "scene 2.png", scenes / "the same again.png")
    small = read_photo(scenes / "scene 0.png").pixels[:40, :90]
    write_png(scenes / "small.png", small)
    config = config_for(tmp_path, scenes, pool)
    report = build_pairs(config)
    assert report.exit_code == 3
    reasons = {Path(reject.path).name: reject.reason for reject in report.rejects}
    assert set(reasons) == {"broken.png", "cut.png", "empty.jpg", "small.png"}
    assert "90×40 is smaller than the HR patch of 64" in reasons["small.png"]
    lines = (config.out / "rejects.jsonl").read_text().splitlines()
    assert {Path(json.loads(line)["path"]).name for line in lines} == set(reasons)
    with open_pairs(config.out) as reader:
        assert len(reader) == report.done


def test_build_pairs_names_rejects_by_path_but_keeps_paths_out_of_the_shards(
    tmp_path: Path, scenes: Path, pool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged = bytearray((scenes / "scene 1.png").read_bytes())
    damaged[len(damaged) // 2] ^= 8
    (scenes / "damaged.png").write_bytes(damaged)
    config = config_for(tmp_path, scenes, pool)
    (reject,) = build_pairs(config).rejects
    assert reject.path == str(scenes / "damaged.png") and "checksum of its IDAT" in reject.reason
    monkeypatch.chdir(tmp_path)
    build_pairs(replace(config, hr=(Path(scenes.name),), out=tmp_path / "relative"))
    shards = [
        {name: digest for name, digest in digests(out).items() if name != "rejects.jsonl"}
        for out in (config.out, tmp_path / "relative")
    ]
    assert shards[0] == shards[1]


def test_build_pairs_commits_no_shard_without_a_photo_that_went_away(
    tmp_path: Path, scenes: Path, pool: Path
) -> None:
    config = config_for(tmp_path, scenes, pool)

    def take_away(done: int, _total: int) -> None:
        if done == 0:
            (scenes / "scene 3.png").rename(tmp_path / "away.png")

    with pytest.raises(DegradeError, match=r"scene 3\.png: cannot be read"):
        build_pairs(config, on_progress=take_away)
    (tmp_path / "away.png").rename(scenes / "scene 3.png")
    report = build_pairs(config)
    assert report.exit_code == 0 and report.skipped > 0
    build_pairs(replace(config, out=tmp_path / "undisturbed"))
    assert digests(config.out) == digests(tmp_path / "undisturbed")


@pytest.mark.parametrize(("failing", "is_made"), [({9}, True), ({9, 10}, True), ({9, 11}, False)])
def test_build_pairs_does_not_take_a_failing_disk_for_a_bad_photo(
    tmp_path: Path,
    scenes: Path,
    pool: Path,
    monkeypatch: pytest.MonkeyPatch,
    failing: set[int],
    is_made: bool,
) -> None:
    """Reads 0 to 6 are the scan; a shard is tried twice, and a photo read again before it goes."""
    config = config_for(tmp_path, scenes, pool)
    reads = itertools.count()

    def read_or_fail(path: Path) -> bytes:
        if next(reads) in failing:
            raise InputError(path, f"cannot be read ({os.strerror(errno.EIO)})")
        return read_file(path)

    with monkeypatch.context() as patch:
        patch.setattr("pipelines.shared.photo_scan.read_file", read_or_fail)
        if is_made:
            assert build_pairs(config).exit_code == 0
        else:
            with pytest.raises(DegradeError, match=r"scene .*\.png: cannot be read"):
                build_pairs(config)
    assert build_pairs(config).exit_code == 0
    build_pairs(replace(config, out=tmp_path / "undisturbed"))
    assert digests(config.out) == digests(tmp_path / "undisturbed")


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("hr_size", [64, None])
def test_pairs_hold_the_photos_pixels_and_replay_byte_for_byte(
    tmp_path: Path, scenes: Path, pool: Path, format: str, hr_size: int | None
) -> None:
    config = replace(config_for(tmp_path, scenes, pool, format), hr_size=hr_size)
    build_pairs(config)
    photos = {photo.sha256: photo.pixels for photo in map(read_photo, scenes.iterdir())}
    with open_pairs(config.out) as reader:
        for row in range(len(reader)):
            lr, hr = reader.read(row)
            top, left, height, width = reader.records[row].plan.hr_box
            source = photos[reader.records[row].plan.source_sha256]
            assert np.array_equal(hr, source[top : top + height, left : left + width])
            assert lr.shape == (height // 2, width // 2, 3)
        key = reader.keys[-1]
    assert replay_pair(ReplayConfig(pairs=config.out, key=key)).identical
    checked = verify(config.out)
    assert checked.done == len(reader.keys)


@pytest.mark.parametrize("format", FORMATS)
def test_verify_names_damage_and_building_again_mends_it(
    tmp_path: Path, scenes: Path, pool: Path, format: str
) -> None:
    config = config_for(tmp_path, scenes, pool, format)
    build_pairs(config)
    before = digests(config.out)
    name = "*.h5" if format == "hdf5" else "*_HR.lmdb/data.mdb"
    shard = sorted(config.out.glob(name))[0]
    damaged = bytearray(shard.read_bytes())
    for part in range(1, 8):  # one of them may hit padding
        damaged[len(damaged) * part // 8] ^= 1
    shard.write_bytes(damaged)
    with pytest.raises(
        DegradeError, match=r"shard-00000.*row \d+, key scene-.*build it again: shard-00000$"
    ):
        verify(config.out)
    shard.unlink()
    build_pairs(config)
    assert digests(config.out) == before
    verify(config.out)


def test_replay_finds_renamed_photos_by_their_content(
    tmp_path: Path, scenes: Path, pool: Path
) -> None:
    config = config_for(tmp_path, scenes, pool)
    build_pairs(config)
    with open_pairs(config.out) as reader:
        key = reader.keys[0]
    moved = scenes.rename(tmp_path / "moved")
    for index, path in enumerate(sorted(moved.iterdir())):
        path.rename(moved / f"{index}.png")
    with pytest.raises(DegradeError, match="`hr=DIR`"):
        replay_pair(ReplayConfig(pairs=config.out, key=key))
    replayed = ReplayConfig(pairs=config.out, key=key, hr=(moved,), out=tmp_path / "one")
    assert replay_pair(replayed).identical
    assert len(list((tmp_path / "one").glob("*.png"))) == 2
    with pytest.raises(DegradeError, match="no pair has the key nonsense; keys look like scene"):
        replay_pair(ReplayConfig(pairs=config.out, key="nonsense", hr=(moved,)))


def test_build_pairs_without_hr_takes_the_pools_photos_halved(
    tmp_path: Path, scenes: Path, pool: Path
) -> None:
    opened = DegradationPool.open(pool)
    photos, _ = find_photos([scenes])
    with opened.writing():
        for photo in photos:
            opened.add_photo(photo.as_record())
    config = replace(config_for(tmp_path, scenes, pool), hr=(), hr_size=None)
    report = build_pairs(config)
    assert report.done == 7
    with open_pairs(config.out) as reader:
        sizes = sorted(hr.shape[:2] for _, hr in map(reader.read, range(len(reader))))
    halves = sorted((p.height // 4 * 2, p.width // 4 * 2) for p in photos)
    assert sizes == halves


@pytest.mark.parametrize("noise", ["bake", "defer"])
def test_build_pairs_without_noise_in_the_pool_says_what_to_do(
    tmp_path: Path, scenes: Path, noise: Literal["bake", "defer"]
) -> None:
    empty = fill_pool(tmp_path / "quiet", patches=0).path
    config = replace(config_for(tmp_path, scenes, empty), noise=noise)
    with pytest.raises(
        DegradeError, match=r"no noise patch; run: `degrade extract-noise .*`noise=none`"
    ):
        build_pairs(config)
    assert build_pairs(replace(config, noise="none")).done > 0


def test_build_pairs_without_a_kernel_of_the_scale_says_what_to_do(
    tmp_path: Path, scenes: Path, pool: Path
) -> None:
    config = replace(config_for(tmp_path, scenes, pool), scale=4)
    with pytest.raises(
        DegradeError, match=r"no ×4 kernel \(only of scale 2\); run: `degrade estimate"
    ):
        build_pairs(config)


def test_build_pairs_bakes_the_pools_noise(tmp_path: Path, scenes: Path, pool: Path) -> None:
    noisy = replace(config_for(tmp_path, scenes, pool, name="noisy"), model_error="none")
    clean = replace(noisy, noise="none", out=tmp_path / "clean")
    build_pairs(noisy)
    build_pairs(clean)
    differences = []
    with open_pairs(noisy.out) as a, open_pairs(clean.out) as b:
        for row in range(len(a)):
            assert a.records[row].plan.kernel_id == b.records[row].plan.kernel_id
            differences.append(a.read(row)[0].astype(float) - b.read(row)[0])
    residual = np.concatenate([d.ravel() for d in differences])
    assert abs(residual.mean()) < 0.1
    assert 2.8 < residual.std() < 3.2


def test_build_pairs_adds_the_model_error_and_says_so(
    tmp_path: Path, scenes: Path, pool: Path
) -> None:
    clean = replace(config_for(tmp_path, scenes, pool, name="clean"), noise="none")
    report = build_pairs(clean)
    assert not any("model-error" in fact.words for fact in report.facts)
    white = replace(clean, model_error=2.0, out=tmp_path / "white")
    told = {fact.kind: fact for fact in build_pairs(white).facts if "model-error" in fact.words}
    assert sorted(told) == ["clipping", "step"] and told["clipping"].values["noise"] == [
        "model-error"
    ]
    assert told["step"].words.endswith("σ = 2 grey levels")
    with open_pairs(white.out) as a, open_pairs(clean.out) as b:
        pairs = [(a.read(row)[0].astype(float), b.read(row)[0]) for row in range(len(a))]
        seeds = {record.plan.steps[2].seed for record in a.records}
        assert len(seeds) == len(a)
    error = np.concatenate([(noisy - plain).ravel() for noisy, plain in pairs])
    assert abs(error.mean()) < 0.03
    # Both were rounded to whole levels.
    assert error.var() == pytest.approx(4 + 2 / 12, rel=0.03)


def test_build_pairs_gives_the_model_error_the_spectrum_of_residuals(
    tmp_path: Path, scenes: Path, pool: Path
) -> None:
    """Neighbours correlate by 0.48, and rounding takes 1/25 of it; a recipe may have none."""
    config = replace(config_for(tmp_path, scenes, pool), error_spectrum="residual")
    assert "spectrum of residuals" in " ".join(fact.words for fact in build_pairs(config).facts)
    clean = replace(config, noise="bake", model_error="none", error_spectrum=None)
    build_pairs(replace(clean, out=tmp_path / "clean", omitted=("residual",)))
    only = replace(config, out=tmp_path / "only", omitted=("residual",))
    build_pairs(only)
    with open_pairs(only.out) as a, open_pairs(tmp_path / "clean") as b:
        errors = [a.read(row)[0].astype(float) - b.read(row)[0] for row in range(len(a))]
    together = [np.corrcoef(e[:, 1:].ravel(), e[:, :-1].ravel())[0, 1] for e in errors]
    assert np.mean(together) == pytest.approx(0.46, abs=0.03)
    with pytest.raises(InvalidValueError, match="has no model error here"):
        build_pairs(replace(clean, out=tmp_path / "none", error_spectrum="residual"))
    with pytest.raises(InvalidValueError, match="must be white or residual"):
        replace(clean, error_spectrum="pink")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("noise", "sizes"),
    [("bake", [[2.0, 0.0]]), ("defer", [[2.0, 0.0]]), ("none", [])],
)
def test_build_pairs_goes_on_with_the_same_model_error_only(
    tmp_path: Path, scenes: Path, pool: Path, noise: Any, sizes: list[list[float]]
) -> None:
    config = replace(config_for(tmp_path, scenes, pool), noise=noise)
    build_pairs(config)
    recipe = json.loads((tmp_path / "pairs" / "run.json").read_bytes())["settings"]["recipe"]
    found = [step for step in recipe["steps"] if step["kind"] == "model-error"]
    assert [[step["base"], step["slope"]] for step in found] == sizes
    with pytest.raises(ChangedConfigError, match=r"`recipe`: .* -> always model-error: .*σ = 3 "):
        build_pairs(replace(config, model_error=3.0))


def test_build_pairs_refuses_a_model_error_that_is_none(
    tmp_path: Path, scenes: Path, pool: Path
) -> None:
    config = config_for(tmp_path, scenes, pool)
    for wrong in ("some", 0.0, -1.0, 100.0, float("nan"), float("inf")):
        with pytest.raises(InvalidValueError, match="model_error must be"):
            replace(config, model_error=wrong)


def test_build_pairs_names_the_pools_photos_that_are_gone_or_changed(
    tmp_path: Path, scenes: Path, pool: Path
) -> None:
    opened = DegradationPool.open(pool)
    photos, _ = find_photos([scenes])
    with opened.writing():
        for photo in photos:
            opened.add_photo(photo.as_record())
    gone, changed, touched = photos[0].path, photos[1].path, photos[2].path
    gone.unlink()
    data = bytearray(changed.read_bytes())
    data[-20] ^= 1  # of the same length
    before = changed.stat().st_mtime_ns
    changed.write_bytes(bytes(data))
    os.utime(changed, ns=(before, before))  # as copies that keep times leave it
    os.utime(touched, ns=(1, 1))
    config = replace(config_for(tmp_path, scenes, pool), hr=(), hr_size=None)
    report = build_pairs(config)
    assert report.done == len(photos) - 2
    reasons = {Path(reject.path): reject.reason for reject in report.rejects}
    assert reasons.keys() == {gone, changed}
    assert "No such file" in reasons[gone] and "sha256 differs" in reasons[changed]


def test_build_pairs_tells_of_copies_and_of_folders_without_photos(
    tmp_path: Path, scenes: Path, pool: Path
) -> None:
    config = config_for(tmp_path, scenes, pool)
    shutil.copy(scenes / "scene 1.png", scenes / "copy.png")
    report = build_pairs(config)
    assert "with the very content of another, and passed over: 1 file" in report.lines
    with pytest.raises(DegradeError, match=rf"no photo in {config.out}, which holds a run of bu"):
        build_pairs(replace(config, hr=(config.out,), out=tmp_path / "other"))

"""Collecting noise: what is found, what is refused and why, and what to do about nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from degrade.degradation.index import BY_CAMERA
from degrade.errors import DegradeError, InvalidValueError
from degrade.images.image_io import write_png
from degrade.noise import NoiseSelection
from degrade.pool import DegradationPool
from degrade.rng import rng_for
from pipelines import (
    BuildPoolConfig,
    EstimateKernelsConfig,
    ExtractNoiseConfig,
    build_pool,
    estimate_kernels,
    extract_noise,
)
from pipelines.executors import ProcessExecutor
from pipelines.measuring.extract_noise import NoNoiseError
from pipelines.shared.reports import Fact, RunReport


def write_noisy(path: Path, sigma: float, *, size: int = 100, texture: float = 0.0) -> None:
    """Write a grey photo with noise; ``texture`` adds stripes of that amplitude."""
    noise = rng_for(0, path.name).normal(0, sigma, (size, size, 3))
    stripes = texture * np.sin(np.arange(size) / 2)[None, :, None]
    write_png(path, np.clip(np.rint(128 + noise + stripes), 0, 255).astype(np.uint8))


def config_for(folder: Path, **selection: float) -> ExtractNoiseConfig:
    chosen = NoiseSelection(patch_size=32, **selection)  # type: ignore[arg-type]
    return ExtractNoiseConfig(sources=(folder,), pool=folder / ".." / "pool", selection=chosen)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    write_noisy(tmp_path / "photos" / "quiet.png", 2.0)
    write_noisy(tmp_path / "photos" / "loud.png", 12.0)
    write_noisy(tmp_path / "photos" / "striped.png", 2.0, texture=40)
    return tmp_path / "photos"


def test_run_noise_extraction_keeps_flat_patches_with_their_origin(photos: Path) -> None:
    report = extract_noise(config_for(photos))
    # 100 px: starts at 0, 32, 64 and, for the last row and column, 68.
    assert report.done == 16 and report.exit_code == 0
    pool = DegradationPool.open(photos / ".." / "pool")
    assert {record.provenance.source_name for record in pool.noise} == {"quiet.png"}
    boxes = {record.provenance.box for record in pool.noise}
    assert (68, 68, 32, 32) in boxes and (0, 0, 32, 32) in boxes
    assert len(pool.photos) == 3
    residual = pool.read_residual(pool.noise[0].id)
    assert np.abs(residual.mean(axis=(0, 1))).max() < 1e-6
    assert 1.5 < 255 * residual.std() < 2.5
    assert "loud.png: 0 of 16 positions at 32 px; refused: variance 16" in report.summary()


def test_run_noise_extraction_keeps_at_most_max_patches_of_a_photo_and_says_so(
    photos: Path,
) -> None:
    config = config_for(photos, stride=8, max_patches=5)
    report = extract_noise(config)
    assert report.done == 5
    assert "quiet.png: 100 of 100 positions at 32 px, of which 5 are kept" in report.lines
    pool = DegradationPool.open(photos / ".." / "pool")
    settings = pool.noise[0].provenance.settings
    assert settings["max_patches"] == 5 and settings["stride"] == 8
    assert len({record.provenance.box for record in pool.noise}) == 5
    again = extract_noise(config, executor=ProcessExecutor(2))
    assert (again.done, again.skipped) == (0, 5)


def test_run_noise_extraction_again_adds_nothing(photos: Path) -> None:
    first = extract_noise(config_for(photos))
    again = extract_noise(config_for(photos), executor=ProcessExecutor(2))
    assert (again.done, again.skipped) == (0, first.done)


def test_run_noise_extraction_searches_no_photo_twice(photos: Path) -> None:
    config = config_for(photos)
    first = extract_noise(config)
    index = photos.parent / "pool" / "index.jsonl"
    before = index.read_bytes()
    seen: list[tuple[int, int]] = []
    again = extract_noise(config, on_progress=lambda *now: seen.append(now))
    assert seen == [(3, 3)] and index.read_bytes() == before
    assert again.facts[:-1] == first.facts, "what was found is told as if it were found again"
    assert again.lines[-1] == "3 photos searched before with these settings"
    (photos / "loud.png").rename(photos / "renamed.png")
    write_noisy(photos / "new.png", 2.5)
    more = extract_noise(config, on_progress=lambda *now: seen.append(now))
    assert seen[1:] == [(3, 4), (4, 4)] and more.done == 16
    assert any(line.startswith("renamed.png: 0 of 16") for line in more.lines)
    pool = DegradationPool.open(photos / ".." / "pool")
    assert {photo.name for photo in pool.photos} >= {"renamed.png", "new.png"}
    other = extract_noise(config_for(photos, max_variance=19.0))
    assert not any("searched before" in line for line in other.lines)


def test_run_noise_extraction_that_found_nothing_says_so_again(photos: Path) -> None:
    (photos / "quiet.png").unlink()
    texts = []
    for _ in range(2):
        with pytest.raises(NoNoiseError) as caught:
            extract_noise(config_for(photos))
        texts.append(str(caught.value))
    assert texts[0] == texts[1] and "2 photos" in texts[0]
    assert caught.value.report.lines[-1] == "2 photos searched before with these settings"


def test_run_noise_extraction_searches_again_what_is_damaged(photos: Path) -> None:
    extract_noise(config_for(photos))
    pool = DegradationPool.open(photos / ".." / "pool")
    damaged = photos / ".." / "pool" / "noise" / f"{pool.noise[3].id}.npy"
    damaged.write_bytes(damaged.read_bytes()[:-4] + b"\x01\x02\x03\x04")
    (photos / ".." / "pool" / "noise" / f"{pool.noise[5].id}.npy").unlink()
    report = extract_noise(config_for(photos))
    assert (report.done, report.skipped) == (0, 16)
    assert DegradationPool.open(photos / ".." / "pool").verify() == []


def test_run_noise_extraction_flags_patches_of_jpeg_blocks(photos: Path) -> None:
    grain = rng_for(0, "grain").normal(128, 4.0, (128, 128, 3))
    _, data = cv2.imencode(".jpg", np.rint(grain).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 75])
    (photos / "blocky.jpg").write_bytes(data.tobytes())
    report = extract_noise(config_for(photos))
    (line,) = (line for line in report.lines if line.startswith("blocky.jpg: "))
    assert "; JPEG blocks: steps between them are " in line
    assert report.lines[-1].startswith(
        "JPEG blocks show in the patches of 1 of 2 photos (blocky.jpg): "
    )
    flagged = {
        record.provenance.source_name: record.provenance.flags
        for record in DegradationPool.open(photos / ".." / "pool").noise
    }
    assert flagged == {"quiet.png": (), "blocky.jpg": ("JPEG blocks",)}


def test_extract_noise_leaves_out_noise_that_jpeg_has_changed(photos: Path) -> None:
    grain = rng_for(0, "grain").normal(128, 4.0, (128, 128, 3))
    _, data = cv2.imencode(".jpg", np.rint(grain).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 75])
    (photos / "blocky.jpg").write_bytes(data.tobytes())
    config = replace(config_for(photos), min_confidence=0.5)
    for _ in range(2):
        report = extract_noise(config)
        (reject,) = report.rejects
        assert "JPEG blocks show in its noise: confidence 0.00 is below 0.5" in reject.reason
        kept = DegradationPool.open(photos / ".." / "pool").noise
        assert {record.provenance.source_name for record in kept} == {"quiet.png"}
    extract_noise(config_for(photos))
    (late,) = extract_noise(config).rejects
    assert "its noise is in the pool from an earlier run (confidence 0.00 is below" in late.reason
    with pytest.raises(InvalidValueError, match="min_confidence must be between 0 and 1"):
        replace(config, min_confidence=1.5)


def test_extract_noise_says_which_sizes_it_chose_and_who_gave_most(tmp_path: Path) -> None:
    write_noisy(tmp_path / "photos" / "large.png", 2.0, size=300)
    write_noisy(tmp_path / "photos" / "small.png", 2.0, size=48)
    config = ExtractNoiseConfig(sources=(tmp_path / "photos",), pool=tmp_path / "pool")
    for _ in range(2):
        facts = {fact.kind: fact for fact in extract_noise(config).facts}
        assert facts["patch_sizes"].words == "patch sizes: 32 px: 1 photo, 256 px: 1 photo"
        assert " gave 4 of 8 patches; pairs draw a photo first" in facts["large_share"].words


def test_run_noise_extraction_that_finds_nothing_names_the_setting_that_would(
    photos: Path,
) -> None:
    (photos / "quiet.png").unlink()
    with pytest.raises(NoNoiseError) as caught:
        extract_noise(config_for(photos))
    text = str(caught.value)
    assert "positions by grey variance" in text and "\n" not in text
    wanted = float(text.split("`max_variance=")[-1].split("`")[0])
    assert extract_noise(config_for(photos, max_variance=wanted)).done > 0


def test_run_noise_extraction_of_dark_photos_names_the_setting_that_would(photos: Path) -> None:
    with pytest.raises(NoNoiseError, match=r"refused as dark .*: try a lower `min_mean`"):
        extract_noise(config_for(photos, min_mean=200.0, max_variance=1e6))


def test_run_noise_extraction_tells_of_every_photo_also_when_names_agree(photos: Path) -> None:
    write_noisy(photos.parent / "more" / "quiet.png", 14.0)
    config = replace(config_for(photos), sources=(photos, photos.parent / "more"))
    lines = extract_noise(config).lines
    assert sum(line.startswith("quiet.png: ") for line in lines) == 2


def test_run_pool_building_without_noise_goes_on_and_names_who_was_too_small(
    tmp_path: Path, photos: Path
) -> None:
    (photos / "quiet.png").unlink()
    write_noisy(photos / "small.png", 2.0, size=20)
    kernels = EstimateKernelsConfig(sources=(photos,), pool=tmp_path / "pool", scale=2)
    report = build_pool(BuildPoolConfig(kernels=kernels, noise=config_for(photos)))
    assert report.exit_code == 3
    (noise,) = [reject for reject in report.rejects if reject.path == "noise"]
    assert "no noise patch found in 2 photos" in noise.reason
    reasons = [reject.reason for reject in report.rejects if "small.png" in reject.path]
    assert any("smaller than a noise patch" in reason for reason in reasons)
    assert any("20×20 pixels are too few for a kernel" in reason for reason in reasons)
    assert len(DegradationPool.open(tmp_path / "pool").kernels) == 2
    head, *lines = report.summary().splitlines()
    # The stripes of the other are no noise.
    assert head.startswith(
        "build-pool: 0 noise patches, 2 kernels, 3 photos, 1 noise model, 3 rejected in "
    )
    sections = [line.split(" in ")[0].strip() for line in lines if line[2] != " "]
    assert sections == [
        "extract-noise: 0 noise patches, 1 rejected",
        "estimate-kernels: 2 kernels, 1 rejected",
        "read-jpeg: 3 photos",
        "measure-noise: 1 noise model",
        "read-camera: 3 photos",
        "read-levels: 3 photos",
        "read-resampling: 3 photos",
        "read-sharpening: 3 photos",
    ]
    assert any(line.startswith("    loud.png: 0 of 16 positions at 32 px; ") for line in lines)


def test_run_noise_extraction_names_photos_smaller_than_a_patch(photos: Path) -> None:
    write_noisy(photos / "tiny.png", 2.0, size=20)
    (photos / "broken.png").write_bytes(b"no picture")
    report = extract_noise(config_for(photos))
    assert report.exit_code == 3
    reasons = {Path(reject.path).name: str(reject) for reject in report.rejects}
    assert "20×20 is smaller than a noise patch of 32" in reasons["tiny.png"]
    assert "`patch_size=20`" in reasons["tiny.png"]
    lines = (photos / ".." / "pool" / "rejects.jsonl").read_text().splitlines()
    assert [Path(json.loads(line)["path"]).name for line in lines] == ["broken.png", "tiny.png"]
    with pytest.raises(NoNoiseError, match=r"1 photo rejected: .*tiny\.png: 20×20"):
        extract_noise(replace(config_for(photos), sources=(photos / "tiny.png",)))


def test_run_noise_extraction_of_an_empty_folder_says_what_it_looked_for(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    with pytest.raises(
        DegradeError, match=r"no photo in .*photos; a folder is searched for .*\.png"
    ):
        extract_noise(config_for(tmp_path / "photos"))


def test_run_noise_extraction_tells_of_a_photo_from_the_pool_as_when_it_was_searched(
    photos: Path,
) -> None:
    grain = rng_for(0, "mixed").normal(128, 2.0, (96, 96, 3))
    grain[32:64] = 128
    grain[64:] = 128 + 8 * (grain[64:] - 128)
    write_png(photos / "mixed.png", np.clip(np.rint(grain), 0, 255).astype(np.uint8))
    first, again = extract_noise(config_for(photos)), extract_noise(config_for(photos))
    assert again.facts[:-1] == first.facts
    (mixed,) = (fact for fact in again.facts if fact.values.get("photo") == "mixed.png")
    assert mixed.words == "mixed.png: 3 of 9 positions at 32 px; refused: flat 3, variance 3"


def test_run_noise_extraction_reports_numbers_of_each_photo(photos: Path) -> None:
    report = extract_noise(config_for(photos))
    facts = [fact for fact in report.facts if fact.kind == "noise"]
    assert [fact.values["photo"] for fact in facts] == ["loud.png", "quiet.png", "striped.png"]
    assert len({tuple(fact.values) for fact in facts}) == 1
    loud, quiet, _ = (fact.values for fact in facts)
    assert (quiet["positions"], quiet["accepted"], quiet["kept"]) == (16, 16, 16)
    variances = [record.variance for record in DegradationPool.open(photos / ".." / "pool").noise]
    assert quiet["variance"] == pytest.approx(np.mean(variances), rel=1e-12)
    assert loud["refused"]["variance"] == 16 and loud["kept"] == 0 and loud["variance"] is None
    json.dumps(report.to_json(), allow_nan=False)
    again = extract_noise(config_for(photos)).facts[-1]
    assert (again.kind, again.values) == ("searched_before", {"photos": 3})


def write_photo_of(path: Path, model: str) -> None:
    """Write a noisy photo whose EXIF data name a camera."""
    noise = rng_for(0, path.name).normal(128, 2, (100, 100, 3))
    image = Image.fromarray(np.rint(noise).astype(np.uint8))
    exif = image.getexif()
    exif[271], exif[272] = "Maker", model
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, "PNG", exif=exif)


def cameras_in(pool: Path) -> dict[str, str]:
    opened = DegradationPool.open(pool)
    sets = opened.index(4, [BY_CAMERA]).cameras
    return {opened.photo_names[sha]: names[-1] for sha, names in sets.items()}


def test_photos_that_only_extract_noise_has_seen_name_their_camera(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_photo_of(tmp_path / "photos" / f"{name}.png", f"Model {name}")
    config = config_for(tmp_path / "photos")
    extract_noise(config)
    assert cameras_in(config.pool) == {"a.png": "Maker Model a", "b.png": "Maker Model b"}
    end = DegradationPool.open(config.pool).index_end
    assert extract_noise(config).done == 0
    assert DegradationPool.open(config.pool).index_end == end


def test_a_camera_that_the_user_named_stays_when_noise_is_extracted(tmp_path: Path) -> None:
    write_photo_of(tmp_path / "photos" / "a.png", "Model a")
    config = config_for(tmp_path / "photos")
    kernels = EstimateKernelsConfig(
        sources=config.sources, pool=config.pool, scale=4, camera="my scanner"
    )
    build_pool(BuildPoolConfig(kernels=kernels, noise=config))
    extract_noise(config_for(tmp_path / "photos", max_variance=30))
    assert cameras_in(config.pool) == {"a.png": "my scanner"}
    assert not facts_of(extract_noise(config), "cameras_by_exif")


def facts_of(report: RunReport, kind: str) -> list[Fact]:
    return [fact for part in (report, *report.parts) for fact in part.facts if fact.kind == kind]


def test_cameras_by_exif_beside_those_by_name_are_told(tmp_path: Path) -> None:
    """Noise is drawn with kernels of its camera, so a second truth must not come unseen."""
    for name in ("a", "b", "c"):
        write_photo_of(tmp_path / name / f"{name}.png", "Model")
    config = config_for(tmp_path / "a")
    named = EstimateKernelsConfig(
        sources=config.sources, pool=config.pool, scale=4, camera="my scanner"
    )
    build_pool(BuildPoolConfig(kernels=named, noise=config))
    more = replace(config, sources=(tmp_path / "a", tmp_path / "b"))
    for _ in range(2):  # told as long as it is so
        (told,) = facts_of(extract_noise(more), "cameras_by_exif")
        assert told.values == {"photos": 1, "named": ["my scanner"]}
        assert "(my scanner)" in told.words and "`degrade build-pool" in told.words
    by_exif = replace(named, camera="exif")
    for run in (
        lambda: build_pool(BuildPoolConfig(kernels=by_exif, noise=config)),
        lambda: estimate_kernels(replace(by_exif, sources=more.sources)),
    ):
        build_pool(BuildPoolConfig(kernels=named, noise=config))
        (told,) = facts_of(run(), "renamed_cameras")
        assert told.values == {"before": "my scanner", "now": None, "photos": 1}
        assert "`camera='my scanner'` keeps the name" in told.words
        assert not facts_of(run(), "renamed_cameras")

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from degrade.degradation.steps import Jpeg, Residual
from degrade.images.image_io import quantise, write_png
from degrade.jpeg.compression import recompressed
from degrade.jpeg.tables import JpegSettings, standard_tables
from degrade.pairs import open_pairs
from degrade.pool import DegradationPool
from pipelines.cli import main
from tests.degrade.jpeg.photos import make_photo, through_jpeg
from tests.making import make_scene


def _run(*arguments: object) -> str:
    result = CliRunner().invoke(main, list(map(str, arguments)))
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    scene = make_scene("photo", 160, 200)
    grain = np.random.default_rng(0).normal(0, 0.008, scene.shape)
    scene[:80, :80] = 0.5  # a flat part, for noise
    pixels = quantise((scene + grain).astype(np.float32))
    write_png(folder / "clean.png", pixels)
    for quality in (60, 90):
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "JPEG", quality=quality)
        (folder / f"q{quality}.jpg").write_bytes(file.getvalue())
    return folder


def test_pairs_go_through_the_compression_of_the_photos(photos: Path, tmp_path: Path) -> None:
    pool = tmp_path / "pool"
    told = _run("build-pool", photos, "--pool", pool, "--scale", 2, "--jobs", 1)
    assert "q60.jpg: libjpeg's quality 60, 4:2:0" in told and "1 photo in other formats" in told
    names = {photo.sha256: photo.name for photo in DegradationPool.open(pool).photos}
    found = {
        names[record.photo]: record.values
        for record in DegradationPool.open(pool).measurements
        if record.kind == "jpeg"
    }
    assert found["clean.png"] == {"format": "png", "pixels": {"doubt": "no grid"}}
    assert {name: found[name].get("quality") for name in found if "q" in name} == {
        "q60.jpg": 60,
        "q90.jpg": 90,
    }
    assert "q60.jpg  libjpeg's quality 60, 4:2:0" in _run("inspect", pool)
    common = ("build-pairs", "--pool", pool, "--hr", photos, "--scale", 2, "--hr-size", 64)
    _run(*common, "--out", tmp_path / "plain", "--jobs", 1)
    told = _run(*common, "--out", tmp_path / "pairs", "--jpeg", "measured", "--jobs", 1)
    noise = DegradationPool.open(pool).noise
    twice = sum(patch.provenance.source_name != "clean.png" for patch in noise)
    assert f"{twice} of {len(noise)} noise patches are from JPEG photos" in told and twice
    plain, pairs = open_pairs(tmp_path / "plain"), open_pairs(tmp_path / "pairs")
    qualities = set()
    for number, record in enumerate(pairs.records):
        assert record.plan is not None
        *_, step = record.plan.steps
        assert isinstance(step, Jpeg)
        qualities.add(step.luma)
        # What was compressed is what there would have been without.
        settings = JpegSettings(step.luma, step.chroma, step.subsampling)
        wanted = recompressed(plain.read(number)[0], settings)
        assert np.array_equal(pairs.read(number)[0], wanted)
    assert qualities == {standard_tables(quality)[0] for quality in (60, 90)}
    _run("replay", tmp_path / "pairs", pairs.records[0].key)


def test_pairs_go_through_what_pixels_tell(tmp_path: Path) -> None:
    photos, pool = tmp_path / "photos", tmp_path / "pool"
    clean = make_photo("clean")
    noise = np.random.default_rng(0).normal(128, 2, (96, 96, 3))
    clean[:96, :96] = np.rint(noise)  # a flat part, for noise
    write_png(photos / "clean.png", clean)
    write_png(photos / "resaved.png", through_jpeg(clean, 80, subsampling="4:2:0")[3:, 5:])
    file = io.BytesIO()
    twice = through_jpeg(clean, 70)
    Image.fromarray(twice).save(file, "JPEG", quality=92, subsampling="4:4:4")
    (photos / "twice.jpg").write_bytes(file.getvalue())
    told = _run("build-pool", photos, "--pool", pool, "--scale", 2, "--jobs", 1)
    words = "once a JPEG: libjpeg's quality 80, 4:2:0, its grid begins at row 5, column 3"
    assert f"resaved.png: {words}" in told
    assert "twice.jpg: libjpeg's quality 92, 4:4:4, before at quality 70" in told
    assert "1 photo in other formats, without a trace of JPEG" in told
    shown = _run("inspect", pool)
    assert words in shown and "no JPEG: no grid of one found, unless it was resized" in shown
    out = tmp_path / "pairs"
    common = ("--pool", pool, "--hr", photos / "clean.png", "--scale", 2)
    further = ("--noise", "none", "--jpeg", "measured", "--out", out)
    _run("build-pairs", *common, "--hr-size", 64, *further)
    steps = [record.plan.steps[-1] for record in open_pairs(out).records if record.plan]
    drawn = {(step.luma, step.subsampling) for step in steps if isinstance(step, Jpeg)}
    assert drawn == {(standard_tables(80)[0], "4:2:0"), (standard_tables(92)[0], "4:4:4")}


def test_nothing_is_remembered_of_a_damaged_photo(photos: Path, tmp_path: Path) -> None:
    data = (photos / "q60.jpg").read_bytes()
    (photos / "q60.jpg").write_bytes(data[: len(data) // 2] + b"\xff\xd9")
    arguments = ["build-pool", photos, "--pool", tmp_path / "pool", "--scale", 2, "--jobs", 1]
    result = CliRunner().invoke(main, list(map(str, arguments)))
    assert result.exit_code == 3 and result.output.count("q60.jpg: its pixels are damaged") == 1
    assert "quality 60" not in result.output and "read-jpeg: 2 photos, 1 rejected" in result.output
    found = DegradationPool.open(tmp_path / "pool").measurements
    assert len({record.photo for record in found}) == 2


def test_noise_that_was_compressed_stands_on_its_grid(tmp_path: Path) -> None:
    photos, pool, out = tmp_path / "photos", tmp_path / "pool", tmp_path / "pairs"
    clean = make_photo("noise")
    clean[:160, :160] = np.rint(np.random.default_rng(0).normal(128, 3, (160, 160, 3)))
    write_png(photos / "resaved.png", through_jpeg(clean, 80, subsampling="4:2:0")[3:, 5:])
    _run("build-pool", photos, "--pool", pool, "--scale", 2, "--patch-size", 48, "--jobs", 1)
    noise = DegradationPool.open(pool).noise
    assert noise and "on a JPEG grid" in _run("inspect", pool)
    for entry in json.loads(_run("inspect", pool, "--json"))["noise"]:
        top, left = entry["provenance"]["box"][:2]
        # Of the JPEG 3 rows and 5 columns are cut: its second unit begins at row 13, column 11.
        assert entry["jpeg_unit"] == [(13 - top) % 16, (11 - left) % 16, 16, 16]
    common = ("build-pairs", "--pool", pool, "--hr", photos, "--scale", 2, "--jpeg", "measured")
    told = _run(*common, "--hr-size", 48, "--model-error", "none", "--out", out)
    count = len(noise)
    assert f"{count} of {count} noise patches are from JPEG photos: {count} stand on their" in told
    units = {choice.id: choice.jpeg_unit for choice in DegradationPool.open(pool).index(2).noise}
    for record in open_pairs(out).records:
        assert record.plan is not None
        *_, residual, jpeg = record.plan.steps
        assert isinstance(residual, Residual) and isinstance(jpeg, Jpeg)
        assert jpeg.luma == standard_tables(80)[0]
        unit = units[residual.noise_id]
        assert unit is not None
        assert ((residual.top - unit[0]) % 16, (residual.left - unit[1]) % 16) == (0, 0)
    told = _run(*common, "--hr-size", 128, "--out", tmp_path / "large")
    assert f"{count} of {count} noise patches are from JPEG photos: that noise is comp" in told


@pytest.mark.parametrize(("orientation", "is_turned"), [(1, False), (3, False), (6, True)])
def test_pairs_are_compressed_as_a_photo_lay_in_its_file(
    orientation: int, is_turned: bool, tmp_path: Path
) -> None:
    photos, pool, out = tmp_path / "photos", tmp_path / "pool", tmp_path / "pairs"
    exif = Image.Exif()
    exif[274] = orientation
    photos.mkdir()
    pixels = make_photo("turned")
    pixels[:96, :96] = np.rint(np.random.default_rng(0).normal(128, 2, (96, 96, 3)))  # for noise
    Image.fromarray(pixels).save(
        photos / "turned.jpg", "JPEG", quality=80, subsampling="4:2:2", exif=exif
    )
    _run("build-pool", photos, "--pool", pool, "--scale", 2, "--jobs", 1)
    common = ("--pool", pool, "--hr", photos, "--scale", 2, "--hr-size", 64, "--out", out)
    _run("build-pairs", *common, "--noise", "none", "--jpeg", "measured", "--jobs", 1)
    steps = {record.plan.steps[-1] for record in open_pairs(out).records if record.plan}
    assert steps == {Jpeg(*standard_tables(80), "4:2:2", turned=is_turned)}
    _run("replay", out, open_pairs(out).records[0].key)

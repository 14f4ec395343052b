"""Every command that reads photos takes the same colours from them, and says so."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from degrade.errors import DegradeError
from degrade.images.colour.facts import read_colour_facts
from degrade.images.image_io import quantise, read_photo
from degrade.pairs import open_pairs
from pipelines import BuildPairsConfig, build_pairs
from pipelines.manifests.manifests import MakeManifestConfig, make_manifest
from pipelines.measuring.estimate_kernels import EstimateKernelsConfig, estimate_kernels
from pipelines.measuring.extract_noise import ExtractNoiseConfig
from pipelines.pairs.checks import ReplayConfig, replay_pair
from pipelines.pairs.import_pairs import ImportPairsConfig, import_pairs
from pipelines.pool.build_pool import build_pool
from pipelines.pool.measurements import BuildPoolConfig
from tests.colours import (
    DISPLAY_P3,
    chrm,
    cicp,
    decode_srgb,
    display_p3,
    gamma_tag,
    gray_profile,
    iccp,
    png_with,
    to_srgb_reference,
)
from tests.making import make_scene
from tests.pipelines.enlarged import run, write_interpolator

NOTE = "converted from Display P3"


def _soft(name: str, height: int = 64, width: int = 64) -> np.ndarray:
    """A scene that has colours, none of them at the edge of what sRGB holds."""
    return quantise(np.float32(0.35) + np.float32(0.3) * make_scene(name, height, width))


def _write(path: Path, pixels: np.ndarray, *chunks: bytes) -> np.ndarray:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png_with(pixels, *chunks))
    return 255 * to_srgb_reference(pixels / 255, DISPLAY_P3, decode_srgb)


def _pairs_config(tmp_path: Path, pool: Path) -> BuildPairsConfig:
    return BuildPairsConfig(
        pool=pool, out=tmp_path / "pairs", hr=(tmp_path / "in",), scale=2, hr_size=64
    )


def test_build_pairs_converts_and_counts_photos(tmp_path: Path, pool: Path) -> None:
    exact = _write(tmp_path / "in" / "a.png", _soft("a"), iccp(display_p3()))
    _write(tmp_path / "in" / "b.png", _soft("b"), iccp(display_p3()))
    _write(tmp_path / "in" / "c.png", _soft("c"))
    report = build_pairs(_pairs_config(tmp_path, pool))
    assert f"2 photos: {NOTE}" in report.lines
    with open_pairs(tmp_path / "pairs") as reader:
        (row,) = (row for row, key in enumerate(reader.keys) if key.startswith("a-"))
        _, hr = reader.read(row)
    assert np.abs(hr - exact).max() < 0.75


def test_build_pairs_does_not_go_on_with_what_was_decoded_otherwise(
    tmp_path: Path, pool: Path
) -> None:
    _write(tmp_path / "in" / "a.png", _soft("a"), iccp(display_p3()))
    config = _pairs_config(tmp_path, pool)
    build_pairs(config)
    assert build_pairs(config).skipped == 1
    place = tmp_path / "pairs" / "run.json"
    settings = json.loads(place.read_text())
    del settings["decoding"]  # as versions wrote it that did not heed profiles
    place.write_text(json.dumps(settings))
    with pytest.raises(DegradeError, match="another version of degrade"):
        build_pairs(config)


def test_replay_makes_converted_photos_again(tmp_path: Path, pool: Path) -> None:
    _write(tmp_path / "in" / "a.png", _soft("a"), iccp(display_p3()))
    build_pairs(_pairs_config(tmp_path, pool))
    place = tmp_path / "pairs"
    with open_pairs(place) as reader:
        (key,) = reader.keys
    report = replay_pair(ReplayConfig(pairs=place, key=key))
    assert report.identical and report.decoded_alike


def test_import_pairs_converts_and_counts_images(tmp_path: Path) -> None:
    exact = _write(tmp_path / "HR" / "1.png", _soft("a"), iccp(display_p3()))
    _write(tmp_path / "LR" / "1.png", _soft("b", 32, 32), cicp(12, 13, 0, 1))
    config = ImportPairsConfig(hr=tmp_path / "HR", lr=tmp_path / "LR", out=tmp_path / "pairs")
    assert f"2 photos: {NOTE}" in import_pairs(config).lines
    with open_pairs(tmp_path / "pairs") as reader:
        _, hr = reader.read(0)
    assert np.abs(hr - exact).max() < 0.75


def test_build_pool_and_estimate_kernels_count_photos(tmp_path: Path) -> None:
    _write(tmp_path / "in" / "a.png", _soft("a", 128, 128), iccp(display_p3()))
    _write(tmp_path / "in" / "b.png", _soft("b", 128, 128), iccp(display_p3()[:200]))
    sources = (tmp_path / "in",)
    kernels = EstimateKernelsConfig(sources=sources, pool=tmp_path / "pool", scale=2)
    noise = ExtractNoiseConfig(sources=sources, pool=tmp_path / "pool")
    lines = {f"1 photo: {NOTE}", "1 photo: colour profile damaged, ignored"}
    report = build_pool(BuildPoolConfig(kernels=kernels, noise=noise))
    assert lines <= set(report.lines)
    alone = EstimateKernelsConfig(sources=sources, pool=tmp_path / "other", scale=2)
    assert lines <= set(estimate_kernels(alone).lines)


def test_make_manifest_rejects_hdr_by_name(tmp_path: Path) -> None:
    _write(tmp_path / "in" / "sdr.png", _soft("a"))
    _write(tmp_path / "in" / "hdr.png", _soft("b"), cicp(9, 16, 0, 1))
    report = make_manifest(
        MakeManifestConfig(sources=(tmp_path / "in",), out=tmp_path / "manifest.jsonl")
    )
    assert report.done == 1
    (reject,) = report.rejects
    assert reject.path.endswith("hdr.png") and "HDR (PQ)" in reject.reason


# Enlarging


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return write_interpolator(tmp_path / "generator.pth")


def test_upscale_gives_srgb(tmp_path: Path, weights: Path) -> None:
    _write(tmp_path / "in" / "a.png", _soft("a", 20, 30), iccp(display_p3()))
    report = run(tmp_path, weights, tmp_path / "in")
    assert NOTE in report.lines[0]
    data = (tmp_path / "out" / "a.png").read_bytes()
    assert read_colour_facts(data, "png").profile is None
    _write(tmp_path / "srgb" / "a.png", read_photo(tmp_path / "in" / "a.png").pixels)
    run(tmp_path, weights, tmp_path / "srgb", out="other")
    assert data == (tmp_path / "other" / "a.png").read_bytes()


@pytest.mark.parametrize(
    ("format", "ending"), [("png", "png"), ("tiff", "tif"), ("webp", "webp"), ("jpeg", "jpg")]
)
def test_upscale_keeps_a_profile_when_asked(
    tmp_path: Path, weights: Path, format: str, ending: str
) -> None:
    stored = _soft("a", 20, 30)
    _write(tmp_path / "in" / "a.png", stored, iccp(display_p3()))
    _write(tmp_path / "plain" / "b.png", stored)
    report = run(tmp_path, weights, tmp_path / "in", format=format, keep_profile=True)
    assert "kept in Display P3" in report.lines[0]
    run(tmp_path, weights, tmp_path / "plain", format=format, out="other")
    kept, plain = tmp_path / "out" / f"a.{ending}", tmp_path / "other" / f"b.{ending}"
    assert read_colour_facts(kept.read_bytes(), format).profile == display_p3()
    assert NOTE in read_photo(kept).notes
    from PIL import Image

    with Image.open(kept) as image, Image.open(plain) as other:  # pixels as they were stored
        np.testing.assert_array_equal(np.asarray(image), np.asarray(other))


def test_upscale_keeps_gray_and_its_profile(tmp_path: Path, weights: Path) -> None:
    gray = _soft("a", 20, 30)[..., 0]
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "gray.png").write_bytes(png_with(gray, iccp(gray_profile(gamma_tag(1.8)))))
    (tmp_path / "in" / "three.png").write_bytes(png_with(gray, iccp(display_p3())))
    run(tmp_path, weights, tmp_path / "in", keep_profile=True)
    notes = read_photo(tmp_path / "out" / "gray.png").notes
    assert notes == ("gray", "converted from Test Gray")
    data = (tmp_path / "out" / "three.png").read_bytes()
    assert data[25] == 2  # RGB: the profile is for three channels
    assert read_colour_facts(data, "png").profile == display_p3()


def test_upscale_goes_on_where_colours_stay_and_says_where_they_would_not(
    tmp_path: Path, weights: Path
) -> None:
    _write(tmp_path / "in" / "a.png", _soft("a", 20, 30), chrm(DISPLAY_P3))
    _write(tmp_path / "in" / "b.png", _soft("b", 20, 30))
    run(tmp_path, weights, tmp_path / "in")
    assert run(tmp_path, weights, tmp_path / "in").skipped == 2
    journal = tmp_path / "out" / "upscale.jsonl"
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    text = ""
    for line in lines:  # as versions wrote it that did not heed colours
        line["settings"].pop("colours", None)
        text += json.dumps(line) + "\n"
    journal.write_text(text)
    with pytest.raises(DegradeError, match=r"made with other settings .*colours"):
        run(tmp_path, weights, tmp_path / "in")
    assert run(tmp_path, weights, tmp_path / "in" / "b.png").skipped == 1
    assert run(tmp_path, weights, tmp_path / "in" / "a.png", overwrite=True).done == 1

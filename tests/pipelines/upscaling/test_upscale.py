"""A result is what the network makes of the photo, in the form that was asked for."""

from __future__ import annotations

import json
import shutil
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from degrade.errors import DegradeError, InputError
from degrade.images.image_io import quantise, read_photo, write_png
from degrade.resample import imresize
from esrgan.networks import MSRResNet, RRDBNet, SRResNet
from esrgan.training.checkpoints import write_generator
from esrgan.upscaling.upscaler import upscale
from esrgan.weights.files import read_network, weights_of, write_weights
from tests.esrgan.lively import lively_network
from tests.making import make_scene
from tests.pipelines.enlarged import contents, photos, run, write_interpolator


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return write_interpolator(tmp_path / "generator.pth")


def test_run_upscaling_enlarges_a_folder_and_rejects_by_name(tmp_path: Path, weights: Path) -> None:
    scene = make_scene("a", 20, 30)
    write_png(tmp_path / "in" / "photo.png", quantise(scene))
    write_png(tmp_path / "in" / "sub" / "ünï code.png", np.rint(scene * 65535).astype(np.uint16))
    (tmp_path / "in" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n cut")
    report = run(tmp_path, weights, tmp_path / "in")
    assert (report.done, report.exit_code) == (2, 3)
    photo = read_photo(tmp_path / "out" / "photo.png").pixels
    deep = read_photo(tmp_path / "out" / "sub" / "ünï code.png").pixels
    assert photo.shape == deep.shape == (80, 120, 3)
    assert photo.dtype == np.uint8 and deep.dtype == np.uint16
    assert abs(photo.mean() / 255 - scene.mean()) < 0.03
    assert np.abs(photo / 255 - deep / 65535).max() < 0.02
    (line,) = (tmp_path / "out" / "rejects.jsonl").read_text().splitlines()
    assert "broken.png" in json.loads(line)["path"]


@pytest.mark.parametrize("kind", ["rrdbnet", "srresnet", "msrresnet"])
def test_run_upscaling_is_the_network_within_a_grey_level(tmp_path: Path, kind: str) -> None:
    network = lively_network(kind, blocks=2)
    weights = tmp_path / "w.safetensors"
    write_weights(weights, weights_of(network))
    source = photos(tmp_path, "a.png")
    assert run(tmp_path, weights, source).exit_code == 0
    expected = upscale(read_photo(source / "a.png").pixels, network, tile=64)
    found = read_photo(tmp_path / "out" / "a.png").pixels
    assert np.abs(found.astype(int) - expected).max() <= 1


def test_run_upscaling_mirrors_photos_on(tmp_path: Path) -> None:
    network = lively_network("rrdbnet", blocks=2)
    weights = tmp_path / "w.safetensors"
    write_weights(weights, weights_of(network))
    source = photos(tmp_path, "a.png")
    assert run(tmp_path, weights, source, mirror=8).exit_code == 0
    wide = np.pad(read_photo(source / "a.png").pixels, ((8, 8), (8, 8), (0, 0)), mode="reflect")
    expected = upscale(wide, network, tile=96)[32:-32, 32:-32]
    found = read_photo(tmp_path / "out" / "a.png").pixels
    assert np.abs(found.astype(int) - expected).max() <= 1


@pytest.mark.parametrize(
    ("format", "ending"), [("png", ".png"), ("tiff", ".tif"), ("webp", ".webp"), ("jpeg", ".jpg")]
)
def test_run_upscaling_keeps_alpha_where_the_format_can(
    tmp_path: Path, weights: Path, format: str, ending: str
) -> None:
    rgba = np.dstack([quantise(make_scene("rgb", 20, 40)), np.zeros((20, 40), np.uint8)])
    rgba[4:15, 6:31, 3] = 255
    rgba[8, 9, 3] = 77
    (tmp_path / "in").mkdir()
    cv2.imwrite(str(tmp_path / "in" / "a.png"), rgba)
    report = run(tmp_path, weights, tmp_path / "in", format=format)
    photo = read_photo(tmp_path / "out" / f"a{ending}", keep_alpha=True)
    if format == "jpeg":
        assert photo.alpha is None and "alpha dropped" in report.lines[0]
        return
    expected = np.rint(np.clip(imresize(rgba[..., 3].astype(np.float32), 4), 0, 255))
    np.testing.assert_array_equal(photo.alpha, expected)
    assert "alpha dropped" not in report.lines[0]


@pytest.mark.parametrize("format", ["png", "jpeg"])
def test_what_lies_under_transparency_is_not_drawn_into_what_is_seen(
    tmp_path: Path, weights: Path, format: str
) -> None:
    rgba = np.dstack([quantise(make_scene("rgb", 24, 40)), np.full((24, 40), 255, np.uint8)])
    rgba[6:15, 10:31, 3] = 0
    results = []
    for number, level in enumerate((0, 255)):
        rgba[rgba[..., 3] == 0, :3] = level
        (tmp_path / f"in{number}").mkdir()
        cv2.imwrite(str(tmp_path / f"in{number}" / f"a{number}.png"), rgba)
        assert run(tmp_path, weights, tmp_path / f"in{number}", format=format).exit_code == 0
        path = tmp_path / "out" / f"a{number}.{'jpg' if format == 'jpeg' else 'png'}"
        results.append(read_photo(path, keep_alpha=True).pixels)
    np.testing.assert_array_equal(results[0], results[1])


@pytest.mark.parametrize(
    ("format", "ending"), [("png", ".png"), ("tiff", ".tif"), ("webp", ".webp"), ("jpeg", ".jpg")]
)
def test_run_upscaling_keeps_gray_and_depth_where_the_format_can(
    tmp_path: Path, weights: Path, format: str, ending: str
) -> None:
    (tmp_path / "in").mkdir()
    gray = np.rint(make_scene("gray", 20, 40)[..., 0] * 65535).astype(np.uint16)
    cv2.imwrite(str(tmp_path / "in" / "a.png"), gray)
    report = run(tmp_path, weights, tmp_path / "in", format=format)
    photo = read_photo(tmp_path / "out" / f"a{ending}")
    told = "lossy WebP, damage cannot be told" if format == "webp" else "gray"
    assert photo.notes == (told,)
    deep = format in ("png", "tiff")
    assert photo.pixels.dtype == (np.uint16 if deep else np.uint8)
    assert ("8 of 16 bits" in report.lines[0]) != deep
    assert (
        np.abs(photo.pixels[::4, ::4, 0] / np.iinfo(photo.pixels.dtype).max - gray / 65535).mean()
        < 0.05
    )


def test_run_upscaling_turns_photos_upright(tmp_path: Path, weights: Path) -> None:
    done, data = cv2.imencode(".png", quantise(make_scene("exif", 8, 20)))
    assert done
    exif = b"MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06" + bytes(6)
    chunk = len(exif).to_bytes(4) + b"eXIf" + exif + zlib.crc32(b"eXIf" + exif).to_bytes(4)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(data.tobytes()[:33] + chunk + data.tobytes()[33:])
    assert "rotated" in run(tmp_path, weights, tmp_path / "in").lines[0]
    assert read_photo(tmp_path / "out" / "a.png").pixels.shape == (80, 32, 3)


def test_run_upscaling_mixes_two_networks(tmp_path: Path, weights: Path) -> None:
    source = photos(tmp_path, "a.png")
    other = write_interpolator(tmp_path / "other.pth", seed=3)
    network = read_network(other)
    with torch.no_grad():
        network.conv_last.bias.add_(0.3)  # type: ignore[union-attr]
    write_generator(other, network)
    results = []
    for alpha in (0.0, 0.5, 1.0):
        run(tmp_path, weights, source, out=f"{alpha}", other=other, alpha=alpha)
        results.append(read_photo(tmp_path / f"{alpha}" / "a.png").pixels.mean() / 255)
    assert results[0] < results[1] - 0.05 < results[2] - 0.1
    run(tmp_path, weights, source)
    assert contents(tmp_path / "out")["a.png"] == contents(tmp_path / "0.0")["a.png"]
    with pytest.raises(DegradeError, match=r"`alpha`: None -> 0\.5, other `other`\)"):
        run(tmp_path, weights, source, other=other, alpha=0.5)
    smaller = tmp_path / "smaller.pth"
    write_generator(smaller, RRDBNet(features=4, blocks=1, growth=2))
    with pytest.raises(InputError, match=r"smaller\.pth: only networks of one form.*`other`"):
        run(tmp_path, weights, source, other=smaller, alpha=0.5)
    write_generator(smaller, SRResNet(features=4, blocks=1))
    with pytest.raises(InputError, match=r"RRDBNet .* and SRResNet"):
        run(tmp_path, weights, source, other=smaller, alpha=0.5)


def test_run_upscaling_takes_the_folder_of_a_training(tmp_path: Path, weights: Path) -> None:
    (tmp_path / "model" / "1-tiny").mkdir(parents=True)
    shutil.copy(weights, tmp_path / "model" / "1-tiny" / "generator.pth")
    assert run(tmp_path, tmp_path / "model", photos(tmp_path, "a.png")).done == 1


def test_run_upscaling_says_what_tiles_cost(tmp_path: Path) -> None:
    network = lively_network(blocks=2)
    weights = tmp_path / "w.safetensors"
    write_weights(weights, weights_of(network))
    source = photos(tmp_path, "a.png")
    height, width = read_photo(source / "a.png").pixels.shape[:2]
    whole = run(tmp_path, weights, source)
    assert not [fact for fact in whole.facts if fact.kind == "tiles"]
    cut = run(tmp_path, weights, source, tile=height // 2, overwrite=True)
    (fact,) = (fact for fact in cut.facts if fact.kind == "tiles")
    assert fact.values["cost"] > 1 and f"cost {fact.values['cost']:.2f} times" in fact.words
    assert ("more `max_memory`" in fact.words) == (fact.values["cost"] > 1.5)
    assert width >= height


def test_run_upscaling_in_many_photos_sums_up(tmp_path: Path, weights: Path) -> None:
    source = photos(tmp_path, *(f"{n}.png" for n in range(6)))
    cv2.imwrite(str(source / "gray.png"), np.full((5, 5), 90, np.uint8))
    lines = run(tmp_path, weights, source).lines
    assert lines[0] == f"in {tmp_path / 'out'}" and lines[1] == "1 photo: gray"
    assert lines[2].startswith("by RRDBNet ×4")
    assert lines[3].startswith("in tiles, which cost 1.") and len(lines) == 4


def test_every_kind_of_weights_is_read(tmp_path: Path) -> None:
    source = photos(tmp_path, "a.png")
    networks = [RRDBNet(scale=s, features=4, blocks=1, growth=2) for s in (1, 2, 3, 4)]
    networks += [
        kind(scale=s, features=4, blocks=1) for kind in (SRResNet, MSRResNet) for s in (2, 3, 4)
    ]  # type: ignore[misc]
    for number, network in enumerate(networks):
        path = tmp_path / f"{number}.safetensors"
        write_weights(path, weights_of(network))
        run(tmp_path, path, source, out=str(number))
        pixels = read_photo(tmp_path / str(number) / "a.png").pixels
        assert pixels.shape == (20 * network.scale, 30 * network.scale, 3)

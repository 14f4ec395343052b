from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from degrade.errors import DegradeError, FolderInUseError, InputError, InvalidValueError
from degrade.image_io import quantise, read_photo, write_png
from degrade.locks import folder_lock
from degrade.resample import imresize
from esrgan.checkpoints import write_generator
from esrgan.networks import MSRResNet, RRDBNet, SRResNet
from esrgan.starting import start_as_interpolation
from esrgan.upscaling import upscale
from esrgan.weight_files import read_network, weights_of, write_weights
from pipelines.upscaling import UpscaleConfig, run_upscaling
from tests.esrgan.lively import lively_network
from tests.making import make_scene


def write_interpolator(path: Path, *, scale: int = 4, seed: int = 0) -> Path:
    torch.manual_seed(seed)
    generator = RRDBNet(scale=scale, features=12, blocks=1, growth=2)
    start_as_interpolation(generator)
    write_generator(path, generator)
    return path


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return write_interpolator(tmp_path / "generator.pth")


def run(tmp_path: Path, weights: Path, *sources: Path, out: str = "out", **settings: Any):
    settings = {"tile": 16, "device": "cpu"} | settings
    return run_upscaling(
        UpscaleConfig(sources=sources, weights=weights, out=tmp_path / out, **settings)
    )


def photos(tmp_path: Path, *names: str) -> Path:
    for number, name in enumerate(names):
        write_png(tmp_path / "in" / name, quantise(make_scene(name, 20, 30 + number)))
    return tmp_path / "in"


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


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


def test_run_upscaling_goes_on_where_it_was_stopped(tmp_path: Path, weights: Path) -> None:
    source = photos(tmp_path, "a.png", "b.png", "sub/c.png")
    whole = tmp_path / "whole"
    run(tmp_path, weights, source, out="whole")

    def stop(done: int, total: int) -> None:
        if done > total / 2:
            raise KeyboardInterrupt

    config = UpscaleConfig(
        sources=(source,), weights=weights, out=tmp_path / "out", tile=16, device="cpu"
    )
    stopped = run_upscaling(config, on_progress=stop)
    assert stopped.exit_code == 130 and stopped.done == 1
    assert not [path for path in contents(tmp_path / "out") if path.endswith(".tmp")]
    report = run_upscaling(config)
    assert (report.done, report.skipped, report.exit_code) == (2, 1, 0)
    assert contents(tmp_path / "out") == contents(whole)
    report = run_upscaling(config)
    assert (report.done, report.skipped) == (0, 3) and contents(tmp_path / "out") == contents(whole)


def test_run_upscaling_makes_again_what_is_gone_or_whose_photo_changed(
    tmp_path: Path, weights: Path
) -> None:
    source = photos(tmp_path, "a.png", "b.png", "c.png")
    run(tmp_path, weights, source)
    (tmp_path / "out" / "a.png").unlink()
    write_png(source / "b.png", quantise(make_scene("new", 10, 12)))
    report = run(tmp_path, weights, source)
    assert (report.done, report.skipped) == (2, 1)
    assert read_photo(tmp_path / "out" / "b.png").pixels.shape == (40, 48, 3)


def test_run_upscaling_replaces_nothing_that_it_did_not_write(
    tmp_path: Path, weights: Path
) -> None:
    source = photos(tmp_path, "a.png", "b.png", "c.png")
    mine = tmp_path / "out" / "a.png"
    mine.parent.mkdir()
    mine.write_bytes(b"my holiday")
    (tmp_path / "out" / "c.png").mkdir()
    report = run(tmp_path, weights, source)
    assert (report.done, report.exit_code) == (1, 3) and mine.read_bytes() == b"my holiday"
    assert all("is there and is not what an earlier" in each.reason for each in report.rejects)
    # Nor what has changed since.
    changed = tmp_path / "out" / "b.png"
    changed.write_bytes(changed.read_bytes() + b"!")
    assert len(run(tmp_path, weights, source).rejects) == 3
    (tmp_path / "out" / "c.png").rmdir()
    report = run(tmp_path, weights, source, overwrite=True)
    assert (report.done, report.exit_code) == (3, 0)
    assert read_photo(mine).pixels.shape == (80, 120, 3)


@pytest.mark.parametrize(
    ("settings", "said"),
    [({"flips": True}, "flips: False -> True"), ({"precision": "fp32"}, "precision: auto -> fp32")],
)
def test_run_upscaling_does_not_mix_settings(
    tmp_path: Path, weights: Path, settings: dict[str, Any], said: str
) -> None:
    source = photos(tmp_path, "a.png")
    run(tmp_path, weights, source)
    before = contents(tmp_path / "out")
    with pytest.raises(DegradeError, match=rf"a\.png was made with other settings \({said}\)"):
        run(tmp_path, weights, source, **settings)
    assert contents(tmp_path / "out") == before
    # Tiles and memory change nothing that can be seen.
    assert run(tmp_path, weights, source, tile=9).skipped == 1
    assert run(tmp_path, weights, source, overwrite=True, **settings).done == 1
    assert run(tmp_path, weights, source, **settings).skipped == 1


def test_run_upscaling_knows_other_weights(tmp_path: Path, weights: Path) -> None:
    source = photos(tmp_path, "a.png")
    run(tmp_path, weights, source)
    other = write_interpolator(tmp_path / "other.pth", seed=1)
    with pytest.raises(DegradeError, match="other weights"):
        run(tmp_path, other, source)
    # Another photo's result does not stand in the way.
    assert run(tmp_path, other, *[photos(tmp_path, "z.png") / "z.png"]).done == 1


def test_run_upscaling_into_the_folder_of_its_sources(tmp_path: Path, weights: Path) -> None:
    source = photos(tmp_path, "a.png", "b.png")
    for out in ("in", "in/large"):
        for _ in range(2):
            report = run(tmp_path, weights, source, out=out, suffix="_x4")
            assert report.done + report.skipped == 2 + 2 * (out != "in") and not report.rejects
    names = {str(path.relative_to(source)) for path in source.rglob("*.png")}
    assert {"a_x4.png", "large/a_x4.png", "large/a_x4_x4.png"} <= names and len(names) == 8


def test_run_upscaling_keeps_photos_of_one_name_apart(tmp_path: Path, weights: Path) -> None:
    for number, folder in enumerate(("one", "two")):
        write_png(tmp_path / folder / "a.png", quantise(make_scene(f"s{number}", 8, 8 + number)))
    write_png(tmp_path / "one" / "a.bmp", quantise(make_scene("s2", 8, 10)))
    report = run(tmp_path, weights, tmp_path / "one", tmp_path / "two")
    assert report.done == 3
    widths = {read_photo(p).pixels.shape[1] for p in (tmp_path / "out").glob("*.png")}
    assert widths == {32, 36, 40}


def test_run_upscaling_never_replaces_a_source(tmp_path: Path, weights: Path) -> None:
    path = photos(tmp_path, "photo.png") / "photo.png"
    before = path.read_bytes()
    for overwrite in (False, True):
        with pytest.raises(DegradeError, match=r"photo\.png is a source.*--suffix"):
            run(tmp_path, weights, tmp_path / "in", out="in", overwrite=overwrite)
    assert path.read_bytes() == before


def test_run_upscaling_fails_before_it_writes(tmp_path: Path, weights: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DegradeError, match="no photo"):
        run(tmp_path, weights, tmp_path / "empty")
    source = photos(tmp_path, "a.png")
    with pytest.raises(InputError, match=r"none\.pth: cannot be read"):
        run(tmp_path, tmp_path / "none.pth", source)
    with pytest.raises(InvalidValueError, match="fp16 is for GPUs"):
        run(tmp_path, weights, source, precision="fp16")
    torch.save({"params": torch.nn.Linear(1, 1)}, weights)
    with pytest.raises(DegradeError, match="could run code"):
        run(tmp_path, weights, source)
    gray = RRDBNet(in_channels=1, out_channels=1, features=4, blocks=1, growth=2)
    write_generator(weights, gray)
    with pytest.raises(InputError, match="a generator from 1 channels to 1"):
        run(tmp_path, weights, source)
    assert not (tmp_path / "out").exists()


def test_run_upscaling_waits_for_no_other_run(tmp_path: Path, weights: Path) -> None:
    (tmp_path / "out").mkdir()
    with folder_lock(tmp_path / "out"), pytest.raises(FolderInUseError):
        run(tmp_path, weights, photos(tmp_path, "a.png"))


def test_run_upscaling_rejects_results_that_nobody_could_open(
    tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.upscaling._MAX_RESULT_PIXELS", 1000)
    write_png(tmp_path / "in" / "large.png", quantise(make_scene("a", 8, 8)))
    write_png(tmp_path / "in" / "small.png", quantise(make_scene("a", 7, 8)))
    report = run(tmp_path, weights, tmp_path / "in")
    assert report.done == 1 and "32×32" in report.rejects[0].reason


def test_run_upscaling_rejects_what_a_format_cannot_hold(tmp_path: Path, weights: Path) -> None:
    write_png(tmp_path / "in" / "long.png", np.zeros((1, 4097, 3), np.uint8))
    (reject,) = run(tmp_path, weights, tmp_path / "in", format="webp").rejects
    assert "16388×4" in reject.reason and "16383" in reject.reason
    assert reject.remedy == "use --format png"


def test_run_upscaling_rejects_what_outgrows_a_format_and_goes_on(
    tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("degrade.image_rows._TIFF_END", 1500)
    write_png(tmp_path / "in" / "a.png", quantise(make_scene("a", 40, 40)))
    write_png(tmp_path / "in" / "b.png", np.zeros((4, 4, 3), np.uint8))
    report = run(tmp_path, weights, tmp_path / "in", format="tiff")
    assert report.done == 1 and "4 GiB" in report.rejects[0].reason
    assert report.rejects[0].path.endswith("a.png")


def test_run_upscaling_rejects_names_that_become_too_long(tmp_path: Path, weights: Path) -> None:
    source = photos(tmp_path, "a" * 247 + ".png", "b.png")
    report = run(tmp_path, weights, source, suffix="_enlarged")
    assert report.done == 1
    assert "cannot be called" in report.rejects[0].reason


def test_run_upscaling_rejects_photos_whose_place_is_taken(tmp_path: Path, weights: Path) -> None:
    source = photos(tmp_path, "sub/a.png", "b.png")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "sub").write_text("a file")
    report = run(tmp_path, weights, source)
    assert report.done == 1 and report.rejects[0].path.endswith("a.png")


@pytest.mark.parametrize(("format", "ending"), [("png", ".png"), ("tiff", ".tif"),
                                                ("webp", ".webp"), ("jpeg", ".jpg")])  # fmt: skip
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


@pytest.mark.parametrize(("format", "ending"), [("png", ".png"), ("tiff", ".tif"),
                                                ("webp", ".webp"), ("jpeg", ".jpg")])  # fmt: skip
def test_run_upscaling_keeps_gray_and_depth_where_the_format_can(
    tmp_path: Path, weights: Path, format: str, ending: str
) -> None:
    (tmp_path / "in").mkdir()
    gray = np.rint(make_scene("gray", 20, 40)[..., 0] * 65535).astype(np.uint16)
    cv2.imwrite(str(tmp_path / "in" / "a.png"), gray)
    report = run(tmp_path, weights, tmp_path / "in", format=format)
    photo = read_photo(tmp_path / "out" / f"a{ending}")
    assert photo.notes == (() if format == "webp" else ("gray",))
    deep = format in ("png", "tiff")
    assert photo.pixels.dtype == (np.uint16 if deep else np.uint8)
    assert ("8 of 16 bits" in report.lines[0]) != deep
    assert np.abs(photo.pixels[::4, ::4, 0] / np.iinfo(photo.pixels.dtype).max
                  - gray / 65535).mean() < 0.05  # fmt: skip


def test_run_upscaling_turns_photos_upright(tmp_path: Path, weights: Path) -> None:
    done, data = cv2.imencode(".png", quantise(make_scene("exif", 8, 20)))
    assert done
    import zlib

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
    smaller = tmp_path / "smaller.pth"
    write_generator(smaller, RRDBNet(features=4, blocks=1, growth=2))
    with pytest.raises(InputError, match=r"smaller\.pth: only networks of one form.*--with"):
        run(tmp_path, weights, source, other=smaller, alpha=0.5)
    write_generator(smaller, SRResNet(features=4, blocks=1))
    with pytest.raises(InputError, match=r"RRDBNet .* and SRResNet"):
        run(tmp_path, weights, source, other=smaller, alpha=0.5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"alpha": 0.5}, "--with and --alpha"), ({"other": Path("x")}, "--with and --alpha"),
        ({"other": Path("x"), "alpha": 2.0}, "alpha must be"), ({"tile": 0}, "tile must be"),
        ({"max_memory": 0.0}, "max_memory must be"), ({"suffix": "a/b"}, "suffix is a part"),
        ({"format": "gif"}, "format must be one of png, jpeg, tiff, webp, got 'gif'"),
    ],
)  # fmt: skip
def test_upscale_config_refuses_what_cannot_be(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidValueError, match=message):
        UpscaleConfig(**({"sources": (), "weights": Path("w"), "out": Path("o")} | settings))


def test_run_upscaling_says_when_memory_does_not_suffice(tmp_path: Path, weights: Path) -> None:
    with pytest.raises(InvalidValueError, match=r"a tile of this network needs .* GiB, got 0\.00"):
        run(tmp_path, weights, photos(tmp_path, "a.png"), tile=None, max_memory=1e-5)


def test_run_upscaling_takes_the_folder_of_a_training(tmp_path: Path, weights: Path) -> None:
    (tmp_path / "model" / "1-tiny").mkdir(parents=True)
    shutil.copy(weights, tmp_path / "model" / "1-tiny" / "generator.pth")
    assert run(tmp_path, tmp_path / "model", photos(tmp_path, "a.png")).done == 1


def test_run_upscaling_in_many_photos_sums_up(tmp_path: Path, weights: Path) -> None:
    source = photos(tmp_path, *(f"{n}.png" for n in range(6)))
    cv2.imwrite(str(source / "gray.png"), np.full((5, 5), 90, np.uint8))
    lines = run(tmp_path, weights, source).lines
    assert lines[0] == f"in {tmp_path / 'out'}" and lines[1] == "1 photo: gray"
    assert lines[2].startswith("by RRDBNet ×4") and len(lines) == 3


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_run_upscaling_names_a_folder_that_cannot_be_written(tmp_path: Path, weights: Path) -> None:
    (tmp_path / "out").mkdir(mode=0o500)
    with pytest.raises(DegradeError, match="out"):
        run(tmp_path, weights, photos(tmp_path, "a.png"))


def test_run_upscaling_leaves_nothing_of_a_photo_that_the_disk_refuses(
    tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = photos(tmp_path, "a.png", "b.png")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("degrade.file_streams.os.fsync", full)
        with pytest.raises(DegradeError, match=r"a\.png: the disk is full"):
            run(tmp_path, weights, source)
    left = set(contents(tmp_path / "out"))
    assert left <= {"upscale.jsonl", "rejects.jsonl"}
    assert run(tmp_path, weights, source).done == 2


def test_run_upscaling_goes_on_when_a_result_could_not_be_replaced(
    tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = photos(tmp_path, "a.png")
    run(tmp_path, weights, source)
    write_png(source / "a.png", quantise(make_scene("new", 10, 12)))

    def fail(*_arguments: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr("degrade.file_streams.Path.replace", fail)
        with pytest.raises(DegradeError):
            run(tmp_path, weights, source)
    report = run(tmp_path, weights, source)
    assert (report.done, report.rejects) == (1, ())


def test_every_kind_of_weights_is_read(tmp_path: Path) -> None:
    source = photos(tmp_path, "a.png")
    networks = [RRDBNet(scale=s, features=4, blocks=1, growth=2) for s in (1, 2, 3, 4)]
    networks += [kind(scale=s, features=4, blocks=1) for kind in (SRResNet, MSRResNet)
                 for s in (2, 3, 4)]  # type: ignore[misc]  # fmt: skip
    for number, network in enumerate(networks):
        path = tmp_path / f"{number}.safetensors"
        write_weights(path, weights_of(network))
        run(tmp_path, path, source, out=str(number))
        pixels = read_photo(tmp_path / str(number) / "a.png").pixels
        assert pixels.shape == (20 * network.scale, 30 * network.scale, 3)

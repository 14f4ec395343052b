"""A store, an export format and a preset are a row each: toy ones work in every command."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from degrade.exchange import EXPORT_FORMATS, ExportFormat
from degrade.images.image_io import decode_photo, read_photo
from degrade.pairs import STORES, PairReader, open_pairs
from degrade.pairs.store_kinds import StoreKind
from esrgan.training.presets import PRESETS, Preset
from esrgan.weights.files import read_network
from pipelines.cli import main
from tests.pipelines.training_logs import log_of

TOY_STORE = StoreKind(
    name="toy",
    words="bytes of a test",
    module="tests.pipelines.toy_store",
    endings=(".toy",),
    smallest_shard=1 << 16,
)
TOY_FORMAT = ExportFormat(
    name="toy",
    readers="readers of a test",
    writer="tests.pipelines.toy_writer",
    entries=lambda _: ("toy.bin", "toy.txt"),
)
TOY_PRESET = Preset(
    source="a test",
    settings={
        "generator": "srresnet",
        "features": 8,
        "blocks": 1,
        "loss_weights": {"pixel": 1.0},
        "hr_patch": 32,
        "batch_size": 2,
        "steps": 2,
    },
)


def run(*arguments: object) -> Result:
    words = [str(argument) for argument in arguments]
    result = CliRunner().invoke(main, words, terminal_width=200)
    assert result.exit_code == 0, result.output
    return result


def build(out: Path, scenes: Path, pool: Path, *more: object) -> Path:
    options = ("--pool", pool, "--hr", scenes, "--out", out, "--scale", 2, "--hr-size", 64)
    run("build-pairs", *options, "--jobs", 1, *more)
    return out


def assert_same_pairs(one: PairReader, other: PairReader) -> None:
    assert one.keys == other.keys and len(one) > 10
    for row in range(len(one)):
        for first, second in zip(one.read(row), other.read(row), strict=True):
            np.testing.assert_array_equal(first, second, strict=True)


@pytest.fixture
def toy_pairs(tmp_path: Path, scenes: Path, pool: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setitem(STORES, TOY_STORE.name, TOY_STORE)
    return build(tmp_path / "toy pairs", scenes, pool, "--format", "toy")


def test_added_store_holds_pairs_for_every_command(
    toy_pairs: Path, tmp_path: Path, scenes: Path, pool: Path
) -> None:
    assert "bytes of a test" in run("build-pairs", "--help").output
    with open_pairs(toy_pairs) as reader:
        shards = [f"shard-{index:05d}.toy" for index in range(len(list(toy_pairs.glob("*.toy"))))]
        assert len(shards) > 1 and all((toy_pairs / name).is_file() for name in shards)
        with open_pairs(build(tmp_path / "usual", scenes, pool)) as usual:
            assert_same_pairs(reader, usual)
        key, row = reader.keys[-1], len(reader) - 1
        lr, hr = reader.read(row)
        crop_lr, crop_hr = reader.read_crop(row, 5, 3, 8)
        np.testing.assert_array_equal(crop_lr, lr[5:13, 3:11])
        np.testing.assert_array_equal(crop_hr, hr[10:26, 6:22])

    assert "sound pairs" in run("verify", toy_pairs).output
    assert "identical, byte for byte" in run("replay", toy_pairs, key).output
    run("export", toy_pairs, tmp_path / "png", "--to", "png", "--jobs", 1)
    assert np.array_equal(read_photo(tmp_path / "png" / "hr" / f"{key}.png").pixels, hr)
    imported = ("--hr", tmp_path / "png" / "hr", "--lr", tmp_path / "png" / "lr", "--scale", 2)
    again = tmp_path / "again"
    run("import-pairs", *imported, "--out", again, "--format", "toy", "--jobs", 1)
    with open_pairs(again) as one, open_pairs(toy_pairs) as other:
        held = [
            {reader.read(row)[0].tobytes() for row in range(len(one))} for reader in (one, other)
        ]
        assert held[0] == held[1] and len(one) == len(other)


def test_damage_in_an_added_store_is_named(toy_pairs: Path) -> None:
    shard = toy_pairs / "shard-00001.toy"
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 8
    shard.write_bytes(content)
    result = CliRunner().invoke(main, ["verify", str(toy_pairs)])
    assert result.exit_code == 1 and "delete what is damaged and build it again: shard-00001" in (
        result.stderr
    )


def test_added_export_format_is_written_from_any_store(
    toy_pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(EXPORT_FORMATS, TOY_FORMAT.name, TOY_FORMAT)
    assert "toy: readers of a test." in run("export", "--help").output
    out = tmp_path / "exported"
    assert "toy.bin, toy.txt" in run("export", toy_pairs, out, "--to", "toy", "--jobs", 1).output
    assert json.loads((out / "export.json").read_text())["entries"] == ["toy.bin", "toy.txt"]
    assert {path.name for path in out.iterdir()} == {"export.json", "toy.bin", "toy.txt"}

    content, start = (out / "toy.bin").read_bytes(), 0
    with open_pairs(toy_pairs) as reader:
        lines = [line.split() for line in (out / "toy.txt").read_text().splitlines()]
        assert [key for key, *_ in lines] == sorted(reader.keys)
        for key, *sizes in lines:
            lr, hr = reader.read(reader.find(key))
            for side, size in zip((hr, lr), map(int, sizes), strict=True):
                photo = decode_photo(content[start : start + size], out, max_pixels=64 * 64)
                np.testing.assert_array_equal(photo.pixels, side)
                start += size
    assert start == len(content)
    assert "0 pairs" in run("export", toy_pairs, out, "--to", "toy", "--jobs", 1).output


def test_added_preset_trains_and_goes_on(
    toy_pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_thread: None
) -> None:
    monkeypatch.setitem(PRESETS, "toy", TOY_PRESET)
    assert "|toy]" in run("train", "--help").output
    shown = run("train", "--preset", "toy", "--show-config").output
    assert tomllib.loads(shown)["stages"] == ["toy"] and "# a test" in shown
    options = ("--pairs", toy_pairs, "--preset", "toy", "--out", tmp_path / "model")
    assert "2 steps" in run("train", *options, "--device", "cpu").output
    assert [entry["step"] for entry in log_of(tmp_path / "model")] == [1, 2]
    network = read_network(tmp_path / "model" / "generator.pth")
    assert type(network).__name__ == "SRResNet" and network.scale == 2
    run("train", *options, "--device", "cpu", "--steps", 3)
    assert len(log_of(tmp_path / "model")) == 3

    # A preset of the user's own may go on from it.
    further = Preset(source="a test", before="toy", settings=TOY_PRESET.settings | {"steps": 1})
    monkeypatch.setitem(PRESETS, "further", further)
    chained = ("--pairs", toy_pairs, "--preset", "further", "--out", tmp_path / "chain")
    run("train", *chained, "--device", "cpu")
    assert [len(log_of(tmp_path / "chain" / name)) for name in ("1-toy", "2-further")] == [2, 1]

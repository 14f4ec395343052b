"""What ``degrade finetune-artifacts`` tunes on, holds out and leaves out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from degrade.arrays import U8Array
from degrade.errors import ChangedConfigError
from degrade.images.image_io import write_png
from esrgan.networks import Generator
from esrgan.upscaling.upscaler import upscale
from tests.degrade.audit.scenes import make_photo
from tests.esrgan.pair_folders import make_pairs
from tests.pipelines.artifacts.detecting import run
from tests.pipelines.artifacts.tuning_runs import RATE, TUNING, changed, command


def test_finetune_artifacts_keeps_what_the_gan_makes_of_pairs(begun: Path) -> None:
    pairs = make_pairs(begun / "pairs", scale=2, hr_size=64, sides=(128,))
    report = changed(begun, pairs=pairs, min_area=1200)()
    assert any("without artefacts: what the GAN makes of them is kept" in x for x in report.lines)
    other = make_pairs(begun / "x4", scale=4, sides=(192,))
    found = run(*command(begun, "x4 out"), *TUNING, *RATE, "--pairs", other)
    assert found.exit_code == 1 and "×4, the networks ×2" in found.output


def test_finetune_artifacts_goes_on_where_pairs_are_computed_otherwise(
    begun: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = make_pairs(begun / "pairs", scale=2, hr_size=64, sides=(128,))
    assert changed(begun, pairs=pairs, min_area=1200, max_minutes=1e-9)().done == 1

    def on_another_device(lr: U8Array, network: Generator, *, device: str, mirror: int) -> U8Array:
        result = upscale(lr, network, device=device, mirror=mirror)
        result[20, 20] ^= 1
        return result

    monkeypatch.setattr("pipelines.artifacts.tuning_photos.upscale", on_another_device)
    last = changed(begun, pairs=pairs, min_area=1200)()
    assert (last.done, last.skipped) == (5, 1)
    others = make_pairs(begun / "others", scale=2, hr_size=64, sides=(192,))
    for changes, name in (
        ({"pairs": others, "min_area": 1200}, "content of the pairs"),
        ({"pairs": pairs, "min_area": 1300}, "`min_area`"),
        ({"min_area": 1200}, "content of the pairs"),
    ):
        with pytest.raises(ChangedConfigError, match=name):
            changed(begun, **changes)()


def test_finetune_artifacts_takes_photos_to_hold_out_and_clean_ones(begun: Path) -> None:
    report = changed(
        begun, held_out=(begun / "lr" / "2.png",), clean=(begun / "lr" / "0.png",), steps=2
    )()
    assert any(line.startswith("held out: 2.png") for line in report.lines)


def test_finetune_artifacts_knows_photos_by_any_of_their_names(begun: Path) -> None:
    # Names that sort before those of the sources, and after.
    (begun / "a link").symlink_to(begun / "lr")
    (begun / "z link.png").hardlink_to(begun / "lr" / "0.png")
    reports = [
        changed(begun, held_out=(held,), clean=(clean,), steps=2, out=begun / out)()
        for held, clean, out in (
            (begun / "lr" / "2.png", begun / "lr" / "0.png", "plain"),
            (begun / "a link" / "2.png", begun / "z link.png", "other"),
        )
    ]
    for report in reports:
        assert any("of 3 photos" in line for line in report.lines)
        assert "held out: 2.png" in report.lines
    records = [
        json.loads((begun / out / "training/training.json").read_text())
        for out in ("plain", "other")
    ]
    assert records[0] == records[1]


def test_finetune_artifacts_names_photos_smaller_than_a_crop(begun: Path) -> None:
    for name in ("small.png", "held.png"):
        write_png(begun / "more" / name, make_photo(name, 14))
    report = changed(
        begun,
        sources=(begun / "lr", begun / "more" / "small.png"),
        held_out=(begun / "lr" / "2.png", begun / "more" / "held.png"),
        steps=2,
    )()
    assert report.done == 2
    assert [Path(each.path).name for each in report.rejects] == ["small.png"]
    assert report.rejects[0].reason == "14×14 pixels are smaller than a crop of 16"
    enlarged = {path.name for path in (begun / "out" / "gan").glob("*.png")}
    assert "held.png" in enlarged and "small.png" not in enlarged


def test_finetune_artifacts_wants_photos_enough_to_hold_one_out(begun: Path) -> None:
    for number in range(1, 4):
        (begun / "lr" / f"{number}.png").unlink()
    found = run(*command(begun), *TUNING, *RATE)
    assert found.exit_code == 1 and "at least two photos must have some" in found.output

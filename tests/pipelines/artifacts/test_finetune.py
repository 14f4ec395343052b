"""``degrade finetune-artifacts`` as its users run it, with micro networks."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result

from degrade.arrays import U8Array
from degrade.artifacts import DetectionSettings, detect_artifacts
from degrade.disk.journal import Journal
from degrade.errors import ChangedConfigError
from degrade.images.image_io import read_photo, write_png
from esrgan.networks import Generator, RRDBNet
from esrgan.training.first_weights import start_as_interpolation
from esrgan.upscaling.upscaler import upscale
from esrgan.weights.files import read_network, weights_of, write_weights
from pipelines.artifacts.finetune import FinetuneConfig, finetune_artifacts
from pipelines.cli import main
from pipelines.shared.reports import RunReport
from pipelines.training.record import results_of
from tests.degrade.audit.scenes import make_photo
from tests.esrgan.pair_folders import make_pairs

SMALL = ("--min-area", 40, "--steps", 60, "--save-every", 10, "--share", 2, "--device", "cpu")
RATE = tuple(
    word
    for setting in ("learning_rate=1e-3", "hr_patch=32", "batch_size=2")
    for word in ("--set", setting)
)


def run(*words: str | Path | int) -> Result:
    return CliRunner().invoke(main, list(map(str, words)))


def write_network(path: Path, *, sharpening: float, scale: int = 2) -> Path:
    """Write an interpolation; with sharpening it overshoots at edges, as some GANs do."""
    torch.manual_seed(0)
    network = RRDBNet(scale=scale, features=12, blocks=1, growth=4)
    start_as_interpolation(network)
    with torch.no_grad():
        for colour in range(3):
            kernel = network.conv_last.weight[colour, colour]
            kernel -= sharpening / 9
            kernel[1, 1] += sharpening
    write_weights(path, weights_of(network))
    return path


@pytest.fixture
def begun(tmp_path: Path, one_thread: None) -> Path:
    """Four photos, and two networks that differ where there are edges."""
    for number in range(4):
        write_png(tmp_path / "lr" / f"{number}.png", make_photo(f"lr {number}", 56))
    write_network(tmp_path / "mse.pth", sharpening=0)
    write_network(tmp_path / "gan.pth", sharpening=16)
    return tmp_path


def command(place: Path, out: str = "out") -> tuple[str | Path, ...]:
    networks = ("--mse", place / "mse.pth", "--gan", place / "gan.pth")
    return ("finetune-artifacts", place / "lr", *networks, "--out", place / out)


def config(place: Path, out: str = "out", steps: int = 6) -> FinetuneConfig:
    return FinetuneConfig(
        sources=(place / "lr",),
        mse=place / "mse.pth",
        gan=place / "gan.pth",
        out=place / out,
        settings=("learning_rate=1e-3", "hr_patch=32", "batch_size=2"),
        steps=steps,
        save_every=2,
        share=2,
        min_area=40,
        device="cpu",
    )


def test_finetune_artifacts_leaves_less_of_them_on_photos_held_out(begun: Path) -> None:
    words = (*command(begun), *SMALL, *RATE, "--tolerance", 0.7)
    found = run("--report", begun / "report.json", *words)
    assert found.exit_code == 0, found.output
    rows = list(csv.DictReader((begun / "out" / "finetune.csv").open()))
    assert [row["image"] for row in rows][-1] == "all" and len(rows) == 2
    facts = json.loads((begun / "report.json").read_text())["facts"]
    total = [fact for fact in facts if fact["kind"] == "photo"][-1]
    assert total["image"] == "all held out"
    assert float(rows[-1]["gone"]) == pytest.approx(total["gone"], abs=1e-5)
    assert total["gone"] > 0.3 and abs(total["texture"] - 1) <= 0.7
    # What the table says is so of the weights that were written, by the detection's own words.
    held_out = read_photo(begun / "lr" / rows[0]["image"]).as_u8()
    mse, gan, tuned = (
        upscale(held_out, read_network(begun / name))
        for name in ("mse.pth", "gan.pth", "out/generator.pth")
    )
    settings = DetectionSettings(min_area=40)
    before, after = (
        detect_artifacts(mse, image, settings=settings).flagged.mean() for image in (gan, tuned)
    )
    assert before == pytest.approx(float(rows[0]["flagged_before"]), abs=1e-5) and before > 0.01
    assert after == pytest.approx(float(rows[0]["flagged_after"]), abs=1e-5)
    picture = read_photo(begun / "out" / "before_after.png").pixels
    assert picture.shape[0] > 100 and picture.shape[1] > 300
    # Again: everything is there, and says the same.
    again = run("--report", begun / "again.json", *words)
    assert again.exit_code == 0, again.output
    then = json.loads((begun / "again.json").read_text())
    assert then["done"] == 0
    assert [fact for fact in then["facts"] if fact["kind"] == "photo"][-1] == total


def test_finetune_artifacts_goes_on_as_if_it_had_not_been_stopped(begun: Path) -> None:
    whole = finetune_artifacts(config(begun, "whole"))
    assert whole.done == 6
    first = finetune_artifacts(
        FinetuneConfig(**{**as_words(config(begun, "parts")), "max_minutes": 1e-9})
    )
    assert first.done == 1 and any("run it again" in line for line in first.lines)
    assert not (begun / "parts" / "finetune.csv").exists()
    last = finetune_artifacts(config(begun, "parts"))
    assert (last.done, last.skipped) == (5, 1)
    for name in ("training/best.pth", "training/generator.pth", "finetune.csv"):
        assert (begun / "whole" / name).read_bytes() == (begun / "parts" / name).read_bytes(), name
    scores = [
        list(Journal(begun / out / "training" / "validation.jsonl").read())
        for out in ("whole", "parts")
    ]
    assert scores[0] == scores[1] and [each["step"] for each in scores[0]] == [2, 4, 6]


def as_words(settings: FinetuneConfig) -> dict[str, object]:
    return {name: getattr(settings, name) for name in FinetuneConfig.__dataclass_fields__}


def changed(place: Path, **changes: object) -> Callable[[], RunReport]:
    settings = FinetuneConfig(**{**as_words(config(place)), **changes})
    return lambda: finetune_artifacts(settings)


def test_finetune_artifacts_refuses_other_settings_on_the_way(begun: Path) -> None:
    finetune_artifacts(config(begun))
    found = run(*command(begun), *SMALL, *RATE, "--seed", 1)
    assert found.exit_code == 1 and "other settings" in found.output.replace("\n", " ")


def test_finetune_artifacts_refuses_to_go_on_with_what_an_earlier_version_began(
    begun: Path,
) -> None:
    """Its loss was L1 alone, and it had no setting for what the others are."""
    earlier = ("energy_weight=0", "artifact_weight=0", "pixel_loss=l1", "clipped_hr=false")
    settings = (*config(begun).settings, "milestones=[]", "gamma=0.5")
    changed(begun, steps=2, settings=(*settings, *earlier))()
    record = begun / "out" / "training" / "training.json"
    kept = json.loads(record.read_text())
    assert kept["pixel_weight"] == 1 and kept["clipped_hr"] is False
    plain = {name: kept[name] for name in kept if name not in ("energy_weight", "clipped_hr")}
    results_of(record.parent).write(record, json.dumps(plain).encode())
    assert changed(begun, steps=3, settings=(*settings, *earlier))().done == 1
    with pytest.raises(ChangedConfigError) as caught:
        changed(begun, steps=3)()
    for name in ("energy_weight", "artifact_weight", "pixel_loss", "clipped_hr", "milestones"):
        assert f"`{name}`" in str(caught.value)


def test_finetune_artifacts_keeps_what_the_gan_makes_of_pairs(begun: Path) -> None:
    pairs = make_pairs(begun / "pairs", scale=2, hr_size=64, sides=(128,))
    report = changed(begun, pairs=pairs, min_area=1200)()
    assert any("without artefacts: what the GAN makes of them is kept" in x for x in report.lines)
    other = make_pairs(begun / "x4", scale=4, sides=(192,))
    found = run(*command(begun, "x4 out"), *SMALL, *RATE, "--pairs", other)
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

    monkeypatch.setattr("pipelines.artifacts.finetune.upscale", on_another_device)
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


def test_finetune_artifacts_says_when_there_is_nothing_to_do(begun: Path) -> None:
    (begun / "gan.pth").write_bytes((begun / "mse.pth").read_bytes())
    found = run(*command(begun), *SMALL, *RATE)
    assert found.exit_code == 0 and "nothing is flagged in 4 photos" in found.output
    assert not (begun / "out" / "generator.pth").exists()


def test_finetune_artifacts_wants_photos_enough_to_hold_one_out(begun: Path) -> None:
    for number in range(1, 4):
        (begun / "lr" / f"{number}.png").unlink()
    found = run(*command(begun), *SMALL, *RATE)
    assert found.exit_code == 1 and "at least two photos must have some" in found.output


def test_finetune_artifacts_names_networks_that_do_not_fit(begun: Path) -> None:
    write_network(begun / "mse.pth", sharpening=0, scale=4)
    found = run(*command(begun), *SMALL)
    assert found.exit_code == 1 and "mse.pth: enlarges ×4" in found.output
    (begun / "mse.pth").unlink()
    found = run(*command(begun), *SMALL)
    assert found.exit_code == 1 and "mse.pth" in found.output
    found = run("finetune-artifacts", begun / "absent", *command(begun)[2:], *SMALL)
    assert found.exit_code == 1


def test_finetune_artifacts_replaces_nobodys_files(begun: Path) -> None:
    mine = begun / "out" / "generator.pth"
    mine.parent.mkdir()
    mine.write_bytes(b"mine")
    found = run(*command(begun), *SMALL)
    assert found.exit_code == 1 and mine.read_bytes() == b"mine"
    assert "generator.pth is there" in found.output


def test_an_unknown_setting_is_named(begun: Path) -> None:
    found = run(*command(begun), *SMALL, "--set", "learning_rat=1")
    assert found.exit_code == 1 and "did you mean 'learning_rate'" in found.output

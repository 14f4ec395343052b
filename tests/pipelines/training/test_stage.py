"""Stages: one after another, saved, validated, stopped."""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from degrade.errors import ChangedConfigError, DegradeError, InvalidValueError
from esrgan.losses import LOSSES, Loss
from esrgan.training.checkpoints import read_newest_checkpoint
from pipelines.training.train import TrainConfig, train
from tests.esrgan.pair_folders import make_pairs
from tests.pipelines.training_logs import log_of


def test_a_stage_goes_on_from_the_weights_of_the_last(small_run: TrainConfig) -> None:
    sizes = ("features=8", "blocks=1", "growth=4", "discriminator_features=4", "content_weight=0")
    chain = replace(small_run, preset="realsr", settings=sizes)
    train(chain)
    first = small_run.out / "1-rrdb-psnr" / "generator.pth"
    single = replace(
        small_run,
        out=small_run.out.with_name("single"),
        stages=("realsr",),
        settings=sizes,
        init=first,
    )
    train(single)
    results = [small_run.out / "2-realsr" / "generator.pth", single.out / "generator.pth"]
    assert results[0].read_bytes() == results[1].read_bytes()
    # Again: everything is there.
    report = train(chain)
    assert (report.done, report.skipped) == (0, 8)
    with pytest.raises(ChangedConfigError, match="stages"):
        train(replace(chain, preset="esrgan"))
    with pytest.raises(ChangedConfigError, match="stages"):
        train(replace(chain, preset="tiny", settings=()))


def test_a_loss_with_a_row_is_trained_logged_and_told(
    small_run: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy = Loss(compute=lambda given, _: given.sr_BCHW.mean(), words="how bright SR is")
    monkeypatch.setitem(LOSSES, "toy", toy)
    plain = train(replace(small_run, settings=("pixel_steps=0",)))
    report = train(
        replace(
            small_run,
            out=small_run.out.with_name("toy"),
            settings=("pixel_steps=0", "toy_weight=0.25"),
        )
    )
    assert "losses: 1 × pixel (l1), 0.001 × adversarial (relativistic)" in plain.lines
    told = "losses: 1 × pixel (l1), 0.001 × adversarial (relativistic), 0.25 × toy"
    assert told in report.lines
    for entry in log_of(small_run.out.with_name("toy")):
        weighted = entry["pixel"] + 0.001 * entry["adversarial"] + 0.25 * entry["toy"]
        assert entry["generator"] == pytest.approx(weighted, rel=1e-5) and entry["toy"] > 0


def test_a_stage_is_left_alone_when_the_next_has_begun(small_run: TrainConfig) -> None:
    sizes = ("features=8", "blocks=1", "growth=4", "discriminator_features=4", "content_weight=0")
    chain = replace(small_run, preset="realsr", settings=sizes)
    train(chain)
    first = small_run.out / "1-rrdb-psnr" / "generator.pth"
    before = first.read_bytes()
    told: list[str] = []
    report = train(replace(chain, steps=6), on_stage=told.append)
    assert (report.done, report.skipped) == (2, 10)
    assert report.lines[0] == "rrdb-psnr: stays at step 4, from whose weights realsr has begun"
    assert len(told) == 1 and told[0].startswith("realsr: steps 5 to 6 on cpu in fp32; RRDBNet ×2")
    assert first.read_bytes() == before
    with pytest.raises(
        ChangedConfigError, match=r"1-rrdb-psnr .*`learning_rate`: 0\.0002 -> 0\.001"
    ):
        train(replace(chain, settings=(*sizes, "rrdb-psnr.learning_rate=1e-3")))
    first.write_bytes((small_run.out / "2-realsr" / "generator.pth").read_bytes())
    with pytest.raises(ChangedConfigError, match="content of the weights to start from"):
        train(chain)


def test_a_run_that_is_stopped_is_validated_where_it_would_have_been(
    small_run: TrainConfig, pairs_to_validate_on: Path
) -> None:
    watched = replace(small_run, validation=pairs_to_validate_on, steps=5, keep_best=0)

    def stop(done: int, _total: int) -> None:
        if done == 3:
            signal.raise_signal(signal.SIGTERM)

    train(watched, on_progress=stop)
    assert [entry["step"] for entry in log_of(small_run.out, "validation.jsonl")] == [2]
    assert (small_run.out / "checkpoint-00000003.pt").exists()
    assert any("validation at step 5" in line for line in train(watched).lines)
    assert [entry["step"] for entry in log_of(small_run.out, "validation.jsonl")] == [2, 4, 5]
    assert not (small_run.out / "best.pth").exists()


def test_validation_keeps_the_best(small_run: TrainConfig, pairs_to_validate_on: Path) -> None:
    watched = replace(
        small_run,
        validation=pairs_to_validate_on,
        steps=5,
        save_every=1,
        keep=1,
        keep_best=2,
        settings=("learning_rate=1e-2", "pixel_steps=0", "features=12", "blocks=1", "growth=4"),
    )
    report = train(watched)
    entries = log_of(small_run.out, "validation.jsonl")
    assert [entry["step"] for entry in entries] == list(range(1, 6))
    assert {entry["bicubic_psnr"] > 0 for entry in entries} == {True}
    assert len({(entry["bicubic_psnr"], entry["bicubic_ssim"]) for entry in entries}) == 1
    best = sorted(entries, key=lambda e: (e["psnr"], e["step"]), reverse=True)[:2]
    kept = {int(path.stem[-8:]) for path in small_run.out.glob("checkpoint-*.pt")}
    assert kept == {5} | {entry["step"] for entry in best}
    assert any(
        "PSNR" in line and "bicubic: PSNR" in line and "without 2 border pixels" in line
        for line in report.lines
    )
    newest = read_newest_checkpoint(small_run.out)
    assert newest is not None and newest["step"] == 5
    weights = torch.load(small_run.out / "best.pth")["params"]
    state = torch.load(small_run.out / f"checkpoint-{best[0]['step']:08d}.pt")
    assert all(torch.equal(weights[name], state["generator"][name]) for name in weights)


def test_the_best_is_chosen_by_the_measure_that_is_asked_for(
    small_run: TrainConfig, pairs_to_validate_on: Path
) -> None:
    watched = replace(
        small_run,
        validation=pairs_to_validate_on,
        best_by="gmsd",
        steps=5,
        save_every=1,
        keep=1,
        settings=("learning_rate=1e-2", "pixel_steps=0", "features=12", "blocks=1", "growth=4"),
    )
    report = train(watched)
    entries = log_of(small_run.out, "validation.jsonl")
    best = min(entries, key=lambda each: (each["gmsd"], -each["step"]))
    kept = {int(path.stem[-8:]) for path in small_run.out.glob("checkpoint-*.pt")}
    assert kept == {5, best["step"]}
    assert any("GMSD" in line and "bicubic" in line for line in report.lines)
    # Scores by another measure do not compare: the next validation is the best of its own.
    train(replace(watched, best_by="ssim", steps=6))
    latest = torch.load(small_run.out / "checkpoint-00000006.pt")["generator"]
    weights = torch.load(small_run.out / "best.pth")["params"]
    assert all(torch.equal(weights[name], latest[name]) for name in weights)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"best_by": "beauty"}, "best_by must be one of psnr"),
        ({"best_by": "lpips"}, "`best_by_weights` are the files"),
        ({"best_by": "gmsd"}, "give `validation`"),
        ({"best_by_weights": (Path("x.pth"),)}, "give both or neither"),
    ],
)
def test_a_measure_that_cannot_be_taken_is_refused(
    small_run: TrainConfig, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidValueError, match=said):
        replace(small_run, **changes)


def test_a_discriminator_is_gone_on_with_and_watched(
    small_run: TrainConfig, pairs_to_validate_on: Path
) -> None:
    judged = replace(
        small_run,
        validation=pairs_to_validate_on,
        settings=("pixel_steps=0", "discriminator_features=4"),
    )
    train(judged)
    entries = log_of(small_run.out, "validation.jsonl")
    names = ("real_accuracy", "fake_accuracy", "real_accuracy_trained", "fake_accuracy_trained")
    assert all(0 <= entry[name] <= 1 for entry in entries for name in names)
    later = replace(judged, out=small_run.out.with_name("later"), init_discriminator=small_run.out)
    train(replace(later, steps=0, validation=None))
    assert not (later.out / "discriminator.pth").exists()
    begun = torch.load(later.out / "checkpoint-00000000.pt")["discriminator"]
    ended = torch.load(small_run.out / "discriminator.pth")["params"]
    assert all(torch.equal(begun[name], ended[name]) for name in ended)
    # Its sizes are those of the file, whatever the recipe says.
    wider = replace(later, out=small_run.out.with_name("wider"), settings=("pixel_steps=0",))
    train(wider)
    (small_run.out / "discriminator.pth").write_bytes(
        (wider.out / "discriminator.pth").read_bytes()
    )
    with pytest.raises(ChangedConfigError, match="content of the discriminator's weights"):
        train(wider)
    with pytest.raises(InvalidValueError, match="use `discriminator=patch`"):
        train(replace(wider, settings=("discriminator=unet",)))
    with pytest.raises(InvalidValueError, match="none has one"):
        train(replace(wider, settings=("adversarial_weight=0",)))


def test_the_curves_are_drawn_at_the_end_and_when_a_run_is_stopped(small_run: TrainConfig) -> None:
    pytest.importorskip("matplotlib", reason="the extra degrade[report] is not installed")

    def stop(done: int, _total: int) -> None:
        if done == 3:
            signal.raise_signal(signal.SIGTERM)

    train(small_run, on_progress=stop)
    stopped = (small_run.out / "curves.png").read_bytes()
    train(small_run)
    assert (small_run.out / "curves.png").read_bytes() != stopped
    (small_run.out / "curves.png").write_bytes(b"mine")
    with pytest.raises(DegradeError, match=r"curves\.png is there"):
        train(small_run)


def test_a_discriminator_may_see_images_changed(small_run: TrainConfig) -> None:
    changed = replace(small_run, settings=("pixel_steps=0", "discriminator_augment=flip,colour"))
    train(changed)
    first = (small_run.out / "generator.pth").read_bytes()
    train(replace(changed, out=small_run.out.with_name("again")))
    assert (small_run.out.with_name("again") / "generator.pth").read_bytes() == first
    train(replace(changed, out=small_run.out.with_name("plain"), settings=("pixel_steps=0",)))
    assert (small_run.out.with_name("plain") / "generator.pth").read_bytes() != first


def test_the_average_is_what_is_written(small_run: TrainConfig) -> None:
    train(replace(small_run, settings=("ema_decay=0.9",)))
    newest = read_newest_checkpoint(small_run.out)
    assert newest is not None
    weights = torch.load(small_run.out / "generator.pth")["params"]
    assert all(torch.equal(weights[name], newest["average"][name]) for name in weights)
    assert not all(torch.equal(weights[name], newest["generator"][name]) for name in weights)


def test_tensorboard_gets_events(small_run: TrainConfig) -> None:
    pytest.importorskip("tensorboard")
    train(replace(small_run, tensorboard=True))
    assert list((small_run.out / "tensorboard").glob("events.*"))


def test_max_minutes_ends_a_run_that_can_be_gone_on_with(small_run: TrainConfig) -> None:
    report = train(replace(small_run, max_minutes=1e-9, steps=100))
    assert (report.done, report.exit_code, report.interrupted) == (1, 0, None)
    assert any("`max_minutes`" in line and "step 1 of 100" in line for line in report.lines)
    assert train(replace(small_run, steps=3)).skipped == 1


def test_pairs_that_are_trained_on_are_no_validation(
    small_run: TrainConfig, pairs_to_validate_on: Path, tmp_path: Path
) -> None:
    told = "for validation are trained on, too: it tells little of others"
    for name, held_out, is_told in (
        ("same", small_run.pairs, True),
        ("of a photo trained on", pairs_to_validate_on, True),
        ("other", make_pairs(tmp_path / "held out", scale=2, hr_size=48), False),
    ):
        run = replace(small_run, validation=held_out, steps=1, out=tmp_path / name)
        lines = train(run).lines
        assert any(told in line for line in lines) == is_told, (name, lines)

"""What a training starts from, and what it says when it cannot start."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from degrade.errors import DegradeError
from degrade.images.sources import hash_file
from esrgan.losses import VGG19Features
from esrgan.networks import RRDBNet
from esrgan.training.checkpoints import write_generator
from esrgan.weights.files import weights_of, write_weights
from pipelines.training.inputs import read_init
from pipelines.training.train import TrainConfig, train
from tests.esrgan.pair_folders import make_pairs
from tests.pipelines.training_logs import log_of


def test_run_training_needs_the_weights_before_the_pairs(small_run: TrainConfig) -> None:
    nowhere = small_run.pairs / "nowhere"
    with pytest.raises(DegradeError, match="no VGG19 weights"):
        train(replace(small_run, stages=("realsr",), pairs=nowhere, vgg_weights=nowhere))
    with pytest.raises(
        DegradeError, match=r"nowhere\.pth: the weights to start from, `init`, do not exist"
    ):
        train(replace(small_run, pairs=nowhere, init=nowhere.with_suffix(".pth")))
    with pytest.raises(DegradeError, match=r"pairs/nowhere: "):
        train(replace(small_run, pairs=nowhere))
    assert not small_run.out.exists()


def test_vgg19s_weights_that_no_loss_needs_are_not_asked_for_in_vain(
    small_run: TrainConfig,
) -> None:
    nowhere = small_run.pairs / "nowhere"
    with pytest.raises(DegradeError, match=r"nowhere: no such file; leave `vgg_weights` out"):
        train(replace(small_run, vgg_weights=nowhere))
    assert not small_run.out.exists()


def test_presets_that_look_through_vgg19_say_what_to_do_without(small_run: TrainConfig) -> None:
    nowhere = small_run.pairs / "nowhere"
    realsr = replace(small_run, preset="realsr", pairs=nowhere, vgg_weights=nowhere)
    with pytest.raises(DegradeError, match=r"`content_weight=0` .*`features=gabor`"):
        train(realsr)
    for way in ({"settings": ("content_weight=0",)}, {"features": "gabor"}):
        with pytest.raises(DegradeError, match="pairs/nowhere: "):
            train(replace(realsr, **way))  # type: ignore[arg-type]


FEW = ("features=8", "blocks=1", "growth=4", "discriminator_features=4")

FAILING: list[tuple[dict[str, Any], str]] = [
    ({"device": "cuda:99"}, "device 'cuda:99' cannot be used here"),
    ({"preset": "realsr", "vgg_weights": Path("no")}, "no VGG19 weights: tried no"),
    ({"init": Path("no.pth")}, r"no\.pth: the weights to start from, `init`, do not exist"),
    ({"stages": ("srresnet", "srgan-mse"), "init": Path("start.pth")}, "'srresnet'.*RRDBNet"),
    ({"pairs": Path("no")}, "no: is not there; check the path"),
    ({"hr_patch": 33}, "multiple of the scale 2, got 33; use `hr_patch=32`"),
    ({"hr_patch": 512}, "none of its .* pairs is as large"),
    ({"settings": ("learning_rate=nan",)}, "learning_rate must be a number"),
    ({"settings": ("stepz=3",)}, "did you mean 'steps'"),
    ({"stages": ("rrdb-psnr", "tiny")}, "stage tiny goes on from the weights of rrdb-psnr, but"),
    (
        {
            "stages": ("rrdb-psnr", "realsr"),
            "settings": (*FEW, "content_weight=0", "learning_rate=1e30"),
            "steps": 50,
            "save_every": 99,
        },
        "no loss was finite",
    ),
]


def test_a_failed_start_does_not_stand_in_the_way_of_the_next(
    small_run: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(small_run.out.parent)
    write_generator(Path("start.pth"), RRDBNet(scale=2, features=8, blocks=1, growth=4))
    for changes, message in FAILING:
        with pytest.raises(DegradeError, match=message) as caught:
            train(replace(small_run, **changes))
        assert "\n" not in str(caught.value)
        assert not small_run.out.exists() or message == FAILING[-1][1]
    assert train(small_run).done == 4
    assert len(log_of(small_run.out)) == 4


def test_a_published_recipe_looks_through_vgg19(small_run: TrainConfig, tmp_path: Path) -> None:
    torch.save(VGG19Features().state_dict(), tmp_path / "vgg19.pth")
    digest = hash_file(tmp_path / "vgg19.pth")[:8]
    weights = (tmp_path / "vgg19.pth").rename(tmp_path / f"vgg19-{digest}.pth")
    train(replace(small_run, stages=("realsr",), settings=FEW, vgg_weights=weights, steps=2))
    assert all(entry["content"] > 0 for entry in log_of(small_run.out))


def test_run_training_starts_from_given_weights(small_run: TrainConfig) -> None:
    train(small_run)
    start = small_run.out / "generator.pth"
    later = replace(small_run, out=small_run.out.with_name("later"), init=start, steps=0)
    report = train(later)
    assert report.done == 0
    weights = [torch.load(path)["params"] for path in (start, later.out / "generator.pth")]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    # Its folder stands for it, as with `upscale`: the same training, which goes on.
    again = train(replace(later, init=small_run.out, steps=1))
    assert again.done == 1


def test_the_cycle_loss_finds_the_kernels(small_run: TrainConfig) -> None:
    train(replace(small_run, settings=("cycle_weight=0.1", "pixel_steps=0")))
    assert all(entry["cycle"] > 0 for entry in log_of(small_run.out))


def test_weights_to_start_from_may_leave_their_scale_to_the_pairs(
    small_run: TrainConfig, tmp_path: Path
) -> None:
    old = tmp_path / "old.pth"
    write_weights(old, weights_of(RRDBNet(scale=3, features=8, blocks=1, growth=4)), naming="model")
    assert read_init(old).scale == 2
    make_pairs(tmp_path / "x3", scale=3, hr_size=48)
    config = replace(small_run, pairs=tmp_path / "x3", hr_patch=33, init=old, settings=FEW)
    train(config)
    assert read_init(config.out / "generator.pth").scale == 3
    with pytest.raises(DegradeError, match="pairs are ×4, the weights to start from ×2"):
        train(replace(config, pairs=make_pairs(tmp_path / "x4", hr_size=48), hr_patch=32))

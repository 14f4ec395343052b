from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from degrade.images.image_io import quantise
from degrade.pairs import open_pairs
from esrgan.data import PairDataset
from esrgan.losses import ADVERSARIAL_LOSSES, Augmentation, AugmentedDiscriminator
from esrgan.networks import VGGDiscriminator
from esrgan.training.discriminator_watch import DiscriminatorWatch
from esrgan.training.loop import create_state, take_steps
from tests.esrgan.pair_folders import make_pairs
from tests.esrgan.training_runs import SMALL, all_equal, weights_of
from tests.making import make_scene


@pytest.mark.parametrize(
    ("kind", "real", "fake", "told"),
    [
        ("vanilla", [1.0, -1.0, 2.0, 3.0], [-1.0, 1.0], (0.75, 0.5)),
        ("least_squares", [0.6, 0.4], [0.4, 0.6], (0.5, 0.5)),
        ("relativistic", [5.0, 4.0], [4.2, 3.0], (1.0, 1.0)),
    ],
)
def test_accuracy_is_the_share_that_is_told_as_what_it_is(
    kind: str, real: list[float], fake: list[float], told: tuple[float, float]
) -> None:
    found = ADVERSARIAL_LOSSES[kind].accuracy(torch.tensor(real), torch.tensor(fake))
    assert found == pytest.approx(told)


@pytest.mark.parametrize("discriminator", ["patch", "vgg", "unet"])
def test_watching_changes_nothing(tmp_path: Path, discriminator: str) -> None:
    config = replace(SMALL, discriminator=discriminator, steps=1)
    dataset = PairDataset(make_pairs(tmp_path / "a", hr_size=64), hr_patch=32, seed=0)
    watch = DiscriminatorWatch(open_pairs(make_pairs(tmp_path / "b")), dataset, config)
    state = create_state(config, scale=4, seed=0)
    assert watch.accuracy(state) == {}
    take_steps(dataset, state, config)
    before = weights_of(state)
    with state.evaluating():
        found = watch.accuracy(state)
    assert all_equal(before, weights_of(state))
    assert set(found) == {
        f"{side}_accuracy{ending}" for side in ("real", "fake") for ending in ("", "_trained")
    }
    assert all(0 <= value <= 1 for value in found.values())


def unsure(kinds: tuple[Augmentation, ...]) -> float:
    """Let a discriminator learn which four of eight crops are called real; return its loss.

    All are of one kind, so there is nothing to learn but the crops by heart.
    """
    crops = [quantise(make_scene(f"crop {n}", 32, 32)) for n in range(8)]
    images = torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2).float() / 255
    real, fake = images[:4], images[4:]
    torch.manual_seed(0)
    discriminator = VGGDiscriminator(features=8, patch_size=32)
    optimizer = torch.optim.Adam(discriminator.parameters(), lr=1e-3)
    loss = ADVERSARIAL_LOSSES["vanilla"]
    for step in range(100):
        judge = AugmentedDiscriminator(discriminator, kinds, 0, (step,))
        optimizer.zero_grad()
        loss.discriminator(judge(real), judge(fake)).backward()
        optimizer.step()
    judge = AugmentedDiscriminator(discriminator, kinds, 0, ("judged",))
    with torch.no_grad():
        found = [float(loss.discriminator(judge(real), judge(fake))) for _ in range(10)]
    return float(np.mean(found))


def test_a_discriminator_that_sees_changed_images_learns_less_by_heart() -> None:
    plain = unsure(())
    changed = unsure(("flip", "translation", "colour"))
    # A loss of log 2 is that of a discriminator that knows nothing.
    assert plain < 0.01 and changed > 0.1

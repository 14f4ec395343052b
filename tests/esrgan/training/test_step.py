from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from degrade.errors import InvalidValueError
from degrade.kernels import gaussian_kernel
from degrade.resample import imresize
from esrgan.losses import (
    GaborFeatures,
    VGG19Features,
    artifact_loss,
    energy_loss,
)
from esrgan.training.batches import Batch
from esrgan.training.config import TrainingConfig
from esrgan.training.state import TrainingState, create_state
from esrgan.training.step import training_step
from tests.esrgan.training_runs import (
    SMALL,
    all_equal,
    double_networks,
    in_double,
    random_batch,
    weights_of,
)
from tests.making import make_scene
from tests.rounding import assert_same_formula, gamma


def gradients_of(state: TrainingState) -> dict[str, Tensor]:
    networks = {"g": state.generator, "d": state.discriminator}
    return {
        f"{letter}.{name}": parameter.grad.clone()
        for letter, network in networks.items()
        if network is not None
        for name, parameter in network.named_parameters()
        if parameter.grad is not None
    }


def joined(gradients: dict[str, Tensor], names: Iterable[str]) -> Tensor:
    return torch.cat([gradients[name].flatten() for name in names])


def test_training_step_leaves_out_what_is_near_flagged_areas() -> None:
    """In each part of the batch, and less the margin that no loss sees."""
    config = replace(SMALL, loss_weights={"energy": 1.0}, loss_margin=4, batch_size=4)
    batch = random_batch(config)
    near_flagged = torch.zeros_like(batch.hr_BCHW[:, :1])
    near_flagged[1:, :, 16:] = 1
    # There HR has far more texture than SR, elsewhere less.
    batch = replace(batch, hr_BCHW=torch.where(near_flagged > 0, batch.hr_BCHW, 0.5))
    seen, whole = (slice(4, -4), slice(4, -4)), []
    for parts in (1, 2):
        state = create_state(config, scale=4, seed=0)
        with torch.no_grad():
            next(reversed([p for p in state.generator.parameters() if p.dim() > 1])).mul_(30)
            sr_BCHW = state.generator(batch.lr_BCHW)
        found = training_step(
            state,
            replace(batch, near_flagged_B1HW=near_flagged),
            replace(config, accumulation=parts),
        )
        images = [each[..., *seen] for each in (sr_BCHW, batch.hr_BCHW, near_flagged)]
        assert found["energy"] == pytest.approx(float(energy_loss(*images)), rel=1e-5)
        whole.append(float(energy_loss(*images[:2])))
    assert min(whole) > 2 * found["energy"]


def test_training_step_moves_both_networks_and_reports_each_loss() -> None:
    state = create_state(SMALL, scale=4, seed=0)
    before = [
        p.detach().clone() for n in (state.generator, state.discriminator) for p in n.parameters()
    ]  # type: ignore[union-attr]
    losses = training_step(state, random_batch(), SMALL)
    assert set(losses) == {"pixel", "adversarial", "generator", "discriminator"}
    assert losses["generator"] == pytest.approx(
        losses["pixel"] + 0.01 * losses["adversarial"], rel=gamma(4)
    )
    after = [p for n in (state.generator, state.discriminator) for p in n.parameters()]  # type: ignore[union-attr]
    moved = [not torch.equal(a, b) for a, b in zip(before, after, strict=True)]
    # Of the last bias see the next test.
    assert all(moved[:-1])
    assert (state.step, state.skipped) == (1, 0)


def test_the_last_bias_of_a_relativistic_discriminator_has_no_gradient_but_rounding() -> None:
    """What is added to all scores cancels in that loss; Adam makes a full step of the residue.

    Of n real and n fake scores each has a gradient of at most 1/n, so their absolute sum is at most
    2. Each went through a mean of n, the loss (8 operations or fewer) and the sum of 2n.
    """
    state = create_state(SMALL, scale=4, seed=0)
    assert state.discriminator is not None
    batch = random_batch()
    count = state.discriminator(batch.hr_BCHW).numel()
    training_step(state, batch, SMALL)
    gradient = list(state.discriminator.parameters())[-1].grad
    assert gradient is not None and gradient.numel() == 1
    assert float(gradient.abs()) <= 2 * gamma(count + 8 + 2 * count)


def test_training_step_gives_each_network_the_gradient_of_its_own_loss_only() -> None:
    config = SMALL.with_settings(pixel_weight=0.0, adversarial_weight=1.0)
    state = double_networks(create_state(config, scale=4, seed=0))
    training_step(state, in_double(random_batch()), config)
    gradients = gradients_of(state)
    for letter, sign in (("d", 1), ("g", -1)):
        again = double_networks(create_state(config, scale=4, seed=0))
        batch = in_double(random_batch())
        assert again.discriminator is not None
        real = again.discriminator(batch.hr_BCHW)
        fake = again.discriminator(again.generator(batch.lr_BCHW))
        bce = torch.nn.functional.softplus
        loss = (
            bce(-sign * (real - fake.mean())).mean() + bce(sign * (fake - real.mean())).mean()
        ) / 2
        loss.backward()
        expected = gradients_of(again)
        own = [name for name in expected if name.startswith(letter)]
        assert_same_formula(joined(gradients, own), joined(expected, own))


def test_pixel_steps_leave_the_discriminator_alone() -> None:
    config = replace(SMALL, pixel_steps=1)
    state = create_state(config, scale=4, seed=0)
    assert set(training_step(state, random_batch(), config)) == {"pixel", "generator"}
    assert "discriminator" in training_step(state, random_batch(), config)


def test_every_loss_takes_part() -> None:
    config = SMALL.with_settings(
        content_weight=1.0,
        texture_weight=0.1,
        cycle_weight=0.2,
        variation_weight=1e-4,
        prior_weight=0.01,
        frequency_weight=0.3,
        energy_weight=3.0,
        artifact_weight=5.0,
        diversity_weight=1e-4,
        noise_channels=1,
    )
    torch.manual_seed(0)
    kernel = torch.from_numpy(gaussian_kernel(7, 4, (1.2, 1.0)).weights.copy())
    images = random_batch(config)
    batch = replace(images, kernels_BKK=torch.stack([kernel, kernel]))
    state = create_state(config, scale=4, seed=0, features=VGG19Features())
    losses = training_step(state, batch, config)
    total = sum(weight * losses[name] for name, weight in config.loss_weights.items())
    # Terms above 0: each is rounded, multiplied by its weight, and added to the others.
    assert losses["generator"] == pytest.approx(total, rel=gamma(2 + len(losses)))


def test_a_short_training_with_the_artifact_loss_leaves_less_of_it() -> None:
    images = [make_scene(name, 32, 32) for name in ("first", "second")]
    hr_BCHW, lr_BCHW = (
        torch.from_numpy(np.stack(each)).permute(0, 3, 1, 2).float()
        for each in (images, [imresize(image, 1 / 4) for image in images])
    )
    batch, reached = Batch(lr_BCHW=lr_BCHW, hr_BCHW=hr_BCHW), []
    for weight in (0.0, 1000.0):
        config = SMALL.with_settings(
            features=12, start_as_interpolation=True, adversarial_weight=0, artifact_weight=weight
        )
        state = create_state(config, scale=4, seed=0)
        for _ in range(40):
            training_step(state, batch, config)
        with torch.no_grad():
            reached.append(float(artifact_loss(state.generator(lr_BCHW), hr_BCHW)))
    assert reached[1] < 0.95 * reached[0]


def test_the_artifact_loss_compares_with_the_average() -> None:
    config = SMALL.with_settings(ema_decay=0.9, artifact_weight=1.0)
    state, batch = create_state(config, scale=4, seed=0), random_batch(config)
    training_step(state, batch, config)
    assert state.average is not None
    with torch.no_grad():
        sr_BCHW, average_BCHW = state.generator(batch.lr_BCHW), state.average(batch.lr_BCHW)
    expected = artifact_loss(sr_BCHW, batch.hr_BCHW, average_BCHW)
    assert float(expected) != float(artifact_loss(sr_BCHW, batch.hr_BCHW))
    losses = training_step(state, batch, config)
    assert losses["artifact"] == pytest.approx(float(expected), rel=1e-3)
    assert state.average.training


def test_what_is_watched_is_what_was_done() -> None:
    config = replace(SMALL, warm_up_steps=3)
    state = double_networks(create_state(config, scale=4, seed=0))
    batch = in_double(random_batch())
    again = double_networks(create_state(config, scale=4, seed=0))
    assert again.discriminator is not None
    real, fake = (again.discriminator(x) for x in (batch.hr_BCHW, again.generator(batch.lr_BCHW)))
    training_step(state, batch, config)
    watched, gradients = state.watched, gradients_of(state)
    assert watched["learning_rate"] == config.learning_rate_at(0)
    assert watched["real_score"] == pytest.approx(float(real.detach().mean()), rel=gamma(2))
    assert watched["fake_score"] == pytest.approx(float(fake.detach().mean()), rel=gamma(2))
    for letter, name in (("g", "generator"), ("d", "discriminator")):
        own = joined(gradients, [key for key in gradients if key.startswith(letter)])
        assert watched[f"{name}_gradient"] == pytest.approx(float(own.norm()), rel=gamma(2))


def test_gabor_features_take_vgg19_s_place() -> None:
    config = SMALL.with_settings(content_weight=1.0, texture_weight=1.0, content_features="gabor")
    state = create_state(config, scale=4, seed=0, features=GaborFeatures())
    losses = training_step(state, random_batch(config), config)
    assert losses["content"] > 0 and losses["texture"] > 0


@pytest.mark.parametrize("parts", [2, 4])
@pytest.mark.parametrize("kind", ["relativistic", "vanilla", "hinge", "least_squares"])
def test_accumulation_gives_the_gradients_of_the_joined_batch(parts: int, kind: str) -> None:
    """Where no normalisation looks at the batch; means over it are then all that joins samples."""
    whole = SMALL.with_settings(
        batch_size=4, discriminator_norm="none", adversarial_loss=kind, variation_weight=1e-4
    )
    gradients, losses = [], []
    for config in (whole, replace(whole, accumulation=parts)):
        state = double_networks(create_state(config, scale=4, seed=0))
        losses.append(training_step(state, in_double(random_batch(config)), config))
        gradients.append(gradients_of(state))
    # Reported in float32.
    assert losses[1] == pytest.approx(losses[0], rel=gamma(2))
    for letter in "gd":
        own = [name for name in gradients[0] if name.startswith(letter)]
        assert_same_formula(joined(gradients[1], own), joined(gradients[0], own))


def test_accumulation_leaves_statistics_over_the_batch_to_the_parts() -> None:
    """A deviation that is documented: BatchNorm sees a part, and running means move by each."""
    config = replace(SMALL, batch_size=4, accumulation=2, generator="srresnet")
    state = create_state(config, scale=4, seed=0)
    training_step(state, random_batch(config), config)
    buffers = dict(state.generator.named_buffers())
    assert buffers["bn_body.num_batches_tracked"] == 2


@pytest.mark.parametrize("poison", [math.nan, math.inf])
@pytest.mark.parametrize("side", ["lr", "hr"])
def test_a_step_without_a_finite_loss_changes_counters_only(poison: float, side: str) -> None:
    config = replace(
        SMALL, generator="srresnet", discriminator="vgg", adversarial_loss="vanilla", ema_decay=0.9
    )
    state = create_state(config, scale=4, seed=0)
    training_step(state, random_batch(), config)
    before, optimizer = weights_of(state), state.to_plain()["generator_optimizer"]
    batch = random_batch()
    (batch.lr_BCHW if side == "lr" else batch.hr_BCHW)[0, 0, 3, 3] = poison
    training_step(state, batch, config)
    assert (state.step, state.skipped, state.skipped_in_a_row) == (2, 1, 1)
    # Running statistics, which the pass had changed already, included.
    assert all_equal(before, weights_of(state))
    assert float(optimizer["state"][0]["step"]) == 1
    training_step(state, random_batch(), config)
    assert (state.step, state.skipped, state.skipped_in_a_row) == (3, 1, 0)
    assert all(bool(weight.isfinite().all()) for weight in weights_of(state))


def test_clip_norm_limits_each_network_s_gradient() -> None:
    config = replace(SMALL, clip_norm=1e-3)
    state = create_state(config, scale=4, seed=0)
    training_step(state, random_batch(), config)
    for network in (state.generator, state.discriminator):
        gradients = [p.grad for p in network.parameters()]  # type: ignore[union-attr]
        norm = torch.nn.utils.get_total_norm([g for g in gradients if g is not None])
        # torch adds 1e-6 to the norm that it divides by, which here is above 1e-3.
        assert norm == pytest.approx(1e-3, rel=1e-3)


def test_the_average_follows_the_generator() -> None:
    config = SMALL.with_settings(ema_decay=0.75, generator="srresnet", adversarial_weight=0.0)
    state = create_state(config, scale=4, seed=0)
    assert state.average is not None
    expected = state.generator.conv_first.weight.detach().clone()
    for _ in range(3):
        training_step(state, random_batch(), config)
        expected = 0.75 * expected + 0.25 * state.generator.conv_first.weight.detach()
    torch.testing.assert_close(state.average.conv_first.weight, expected)
    running = dict(state.average.named_buffers())["bn_body.running_mean"]
    assert torch.equal(running, dict(state.generator.named_buffers())["bn_body.running_mean"])


def test_adamw_takes_the_weight_decay() -> None:
    config = replace(SMALL, optimizer="adamw", weight_decay=0.1)
    state = create_state(config, scale=4, seed=0)
    assert isinstance(state.generator_optimizer, torch.optim.AdamW)
    assert state.generator_optimizer.param_groups[0]["weight_decay"] == 0.1


@pytest.mark.parametrize("kind", ["relativistic", "vanilla"])
@pytest.mark.parametrize("norm", ["none", "spectral", "batch"])
def test_bf16_gives_nearly_the_same_gradients(kind: str, norm: Any) -> None:
    """None may be lost to a weight that was converted in a pass without gradients."""
    whole = SMALL.with_settings(
        adversarial_loss=kind, discriminator_norm=norm, adversarial_weight=0.1
    )
    gradients = []
    for precision in ("fp32", "bf16"):
        config: TrainingConfig = replace(whole, precision=precision)
        state = create_state(config, scale=4, seed=0)
        assert state.bf16 == (precision == "bf16")
        training_step(state, random_batch(config), config)
        gradients.append(gradients_of(state))
    assert gradients[0].keys() == gradients[1].keys()
    for letter in "gd":
        joined = [
            torch.cat([g.flatten() for name, g in each.items() if name.startswith(letter)])
            for each in gradients
        ]
        assert float(torch.cosine_similarity(*joined, dim=0)) > 0.95


@pytest.mark.parametrize("discriminator", ["patch", "vgg"])
def test_no_loss_sees_the_margin(discriminator: str) -> None:
    """What HR is along the edges changes no weight; what it is inside does."""
    config = replace(SMALL, hr_patch=48, loss_margin=8, discriminator=discriminator)
    plain = random_batch(config)
    edges, inside = plain.hr_BCHW.clone(), plain.hr_BCHW.clone()
    edges[..., :8, :] = edges[..., -8:, :] = 0
    edges[..., :8] = edges[..., -8:] = 0
    inside[..., 20, 20] = 0
    found = []
    for hr_BCHW in (plain.hr_BCHW, edges, inside):
        state = create_state(config, scale=4, seed=0)
        training_step(state, replace(plain, hr_BCHW=hr_BCHW), config)
        found.append(weights_of(state))
    assert all_equal(found[0], found[1])
    assert not all_equal(found[0], found[2])


@pytest.mark.parametrize(("margin", "said"), [(6, "multiple of the scale 4"), (16, "must leave")])
def test_a_margin_that_does_not_fit_is_refused(margin: int, said: str) -> None:
    with pytest.raises(InvalidValueError, match=said):
        create_state(replace(SMALL, hr_patch=32, loss_margin=margin), scale=4, seed=0)


def test_clipped_hr_forgives_what_is_cut_from_a_result() -> None:
    """HR is the own result, cut: nothing differs. Where HR is not white, SR beyond does."""
    config = replace(SMALL, loss_weights={"pixel": 1.0})
    plain = random_batch(config)
    found = []
    for clipped, white in ((False, 1.0), (True, 1.0), (True, 0.9)):
        changed = replace(config, clipped_hr=clipped)
        state = create_state(changed, scale=4, seed=0)
        with torch.no_grad():
            state.generator.conv_last.weight *= 60
            state.generator.conv_last.bias += 0.3
            own = state.generator(plain.lr_BCHW)
        assert float((own > 1).float().mean()) > 0.01 and float((own < 0).float().mean()) > 0.01
        batch = replace(plain, hr_BCHW=torch.where(own > 1, white, own.clamp(0, 1)))
        found.append(training_step(state, batch, changed)["pixel"])
    cut = float((own - own.clamp(0, 1)).abs().mean())
    assert found[0] == pytest.approx(cut, rel=1e-4)
    assert found[1] < 1e-4 * cut
    assert found[2] == pytest.approx(float(((own - 0.9) * (own > 1)).mean()), rel=1e-4)


@pytest.mark.parametrize("accumulation", [1, 2])
def test_clipped_hr_gives_the_discriminator_no_hint(accumulation: int) -> None:
    """Of the own result, cut, it sees what it sees of the result: both score alike."""
    config = replace(SMALL, accumulation=accumulation)
    plain = random_batch(config)
    scores = {}
    for clipped in (False, True):
        changed = replace(config, clipped_hr=clipped)
        state = create_state(changed, scale=4, seed=0)
        with torch.no_grad():
            state.generator.conv_last.weight *= 60
            own = state.generator(plain.lr_BCHW)
        losses = training_step(state, replace(plain, hr_BCHW=own.clamp(0, 1)), changed)
        scores[clipped] = abs(state.watched["real_score"] - state.watched["fake_score"])
        assert math.isfinite(losses["adversarial"])
    assert scores[True] < 0.01 * scores[False]

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
import torch

from degrade.errors import InvalidValueError
from esrgan.losses import ADVERSARIAL_LOSSES

Array = npt.NDArray[np.float64]


def log_sigmoid(x: Array) -> Array:
    return -np.log1p(np.exp(-x))


def relativistic(real: Array, fake: Array) -> float:
    real_side = -log_sigmoid(real - fake.mean()).mean()
    return float(real_side - log_sigmoid(-(fake - real.mean())).mean()) / 2


NAIVE: dict[str, tuple[Callable[[Array, Array], float], Callable[[Array, Array], float]]] = {
    "vanilla": (
        lambda real, fake: (-log_sigmoid(real).mean() - log_sigmoid(-fake).mean()) / 2,
        lambda real, fake: -log_sigmoid(fake).mean(),
    ),
    "least_squares": (
        lambda real, fake: (((real - 1) ** 2).mean() + (fake**2).mean()) / 2,
        lambda real, fake: ((fake - 1) ** 2).mean(),
    ),
    "hinge": (
        lambda real, fake: (np.maximum(0, 1 - real).mean() + np.maximum(0, 1 + fake).mean()) / 2,
        lambda real, fake: -fake.mean(),
    ),
    "relativistic": (relativistic, lambda real, fake: relativistic(fake, real)),
}

SHAPES = [(4, 1), (4,), (2, 1, 3, 5)]


def scores(shape: tuple[int, ...]) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    real, fake = torch.randn(2, *shape, generator=generator, dtype=torch.float64)
    return 2 * real + 0.5, 2 * fake - 0.3


def test_every_adversarial_loss_is_checked() -> None:
    assert set(ADVERSARIAL_LOSSES) == set(NAIVE)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", NAIVE)
def test_adversarial_losses_follow_their_formulas(name: str, shape: tuple[int, ...]) -> None:
    real, fake = scores(shape)
    loss, (discriminator, generator) = ADVERSARIAL_LOSSES[name], NAIVE[name]
    arrays = real.numpy(), fake.numpy()
    assert float(loss.discriminator(real, fake)) == pytest.approx(discriminator(*arrays), rel=1e-12)
    assert float(loss.generator(real, fake)) == pytest.approx(generator(*arrays), rel=1e-12)


@pytest.mark.parametrize("name", NAIVE)
def test_adversarial_losses_have_the_gradient_of_their_value(name: str) -> None:
    real, fake = scores((2, 1, 2, 2))
    loss = ADVERSARIAL_LOSSES[name]
    torch.autograd.gradcheck(loss.discriminator, (real.requires_grad_(), fake.requires_grad_()))
    torch.autograd.gradcheck(lambda f: loss.generator(real.detach(), f), (fake,))


@pytest.mark.parametrize("name", NAIVE)
def test_both_sides_pull_the_scores_apart_and_the_generator_its_own_up(name: str) -> None:
    real, fake = (torch.full((2, 1), 0.1).requires_grad_() for _ in range(2))
    loss = ADVERSARIAL_LOSSES[name]
    loss.discriminator(real, fake).backward()
    assert real.grad is not None and fake.grad is not None
    assert (real.grad < 0).all() and (fake.grad > 0).all()
    fake.grad = None
    loss.generator(real.detach(), fake).backward()
    assert (fake.grad < 0).all()


def test_the_generator_still_learns_from_a_discriminator_that_is_sure() -> None:
    for name in ("vanilla", "relativistic"):
        fake = torch.full((2, 1), -40.0, requires_grad=True)
        ADVERSARIAL_LOSSES[name].generator(torch.full((2, 1), 40.0), fake).backward()
        assert fake.grad is not None and float(fake.grad.sum()) <= -0.5


@pytest.mark.parametrize("name", NAIVE)
def test_adversarial_losses_stay_finite_and_wide(name: str) -> None:
    loss = ADVERSARIAL_LOSSES[name]
    for sign in (1, -1):
        real = torch.full((3, 1, 2, 2), sign * 1e4, dtype=torch.bfloat16)
        for value in (loss.discriminator(real, -real), loss.generator(real, -real)):
            assert value.dtype == torch.float32 and math.isfinite(float(value))


def test_relativistic_losses_are_log_2_when_real_and_fake_look_alike() -> None:
    logits = torch.full((2, 1, 3, 3), 1.7)
    loss = ADVERSARIAL_LOSSES["relativistic"]
    for side in (loss.discriminator, loss.generator):
        assert float(side(logits, logits)) == pytest.approx(math.log(2), rel=1e-6)


def test_only_the_relativistic_generator_needs_the_scores_of_real_images() -> None:
    fake = torch.zeros(2, 1)
    for name, loss in ADVERSARIAL_LOSSES.items():
        assert loss.generator_needs_real == (name == "relativistic")
        if loss.generator_needs_real:
            with pytest.raises(InvalidValueError, match="needs the scores of real images"):
                loss.generator(None, fake)
        else:
            assert math.isfinite(float(loss.generator(None, fake)))

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from degrade.errors import InvalidValueError
from esrgan.losses import (
    ADVERSARIAL_LOSSES,
    GABOR_LAYERS,
    LOSSES,
    GaborFeatures,
    GeneratorLoss,
    Judge,
    VGG19Features,
    artifact_loss,
    content_loss,
    cycle_loss,
    diversity_loss,
    energy_loss,
    focal_frequency_loss,
    gradient_prior_loss,
    l1_loss,
    l2_loss,
    pair_features,
    texture_loss,
    total_variation,
)
from esrgan.training.presets import SRGAN_FEATURE_SCALE
from tests.rounding import gamma

WEIGHTS = dict(
    zip(LOSSES, (1e-2, 1.0, 3.0, 5e-3, 0.2, 2e-8, 1e-3, 0.1, 3.0, 2.0, 1e-3), strict=True)
)


@pytest.fixture
def discriminator() -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Conv2d(3, 4, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(4, 1, 3))


def inputs() -> dict[str, Any]:
    generator = torch.Generator().manual_seed(2)
    shapes = {"sr_BCHW": (2, 3, 16, 16), "hr_BCHW": (2, 3, 16, 16), "lr_BCHW": (2, 3, 8, 8)}
    tensors = {name: torch.rand(shape, generator=generator) for name, shape in shapes.items()}
    kernels = torch.rand(2, 5, 5, generator=generator)
    other = torch.rand(shapes["sr_BCHW"], generator=generator)
    kernels /= kernels.sum((1, 2), keepdim=True)
    return tensors | {"kernels_BKK": kernels, "other": (other, 1.5)}


@contextmanager
def counted(network: nn.Module) -> Iterator[list[Tensor]]:
    """Collect what a network is given."""
    seen: list[Tensor] = []
    hook = network.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    try:
        yield seen
    finally:
        hook.remove()


def flops(loss: GeneratorLoss, **given: Any) -> int:
    with FlopCounterMode(display=False) as counter:
        loss(**given)
    return counter.get_total_flops()


def test_generator_loss_is_the_weighted_sum_of_its_terms(
    vgg: VGG19Features, discriminator: nn.Module
) -> None:
    given = inputs()
    sr, hr = given["sr_BCHW"], given["hr_BCHW"]
    content, texture = {"conv2_1": 0.5, "relu3_1": 1.0}, {"relu1_1": 2.0}
    loss = GeneratorLoss(
        weights=WEIGHTS, features=vgg, content_layers=content, texture_layers=texture
    )
    losses, total = loss(**given, judge=Judge(discriminator))
    features = pair_features(vgg, sr, hr, {*content, *texture})
    expected = {
        "pixel": l1_loss(sr, hr),
        "content": content_loss(*features, content),
        "texture": texture_loss(*features, texture),
        "adversarial": ADVERSARIAL_LOSSES["relativistic"].generator(
            discriminator(hr), discriminator(sr)
        ),
        "cycle": cycle_loss(sr, given["lr_BCHW"], given["kernels_BKK"]),
        "variation": total_variation(sr),
        "prior": gradient_prior_loss(sr),
        "frequency": focal_frequency_loss(sr, hr),
        "energy": energy_loss(sr, hr),
        "artifact": artifact_loss(sr, hr),
        "diversity": diversity_loss(sr, *given["other"]),
    }
    assert list(losses) == list(LOSSES)
    for name, value in expected.items():
        torch.testing.assert_close(losses[name], value)
    torch.testing.assert_close(total, sum(WEIGHTS[n] * v for n, v in expected.items()))


def test_generator_loss_passes_its_settings_on(
    vgg: VGG19Features, discriminator: nn.Module
) -> None:
    given = inputs()
    sr, hr = given["sr_BCHW"], given["hr_BCHW"]
    layers = {"relu1_2": 1.0}
    loss = GeneratorLoss(
        weights={"pixel": 1.0, "content": 1.0, "adversarial": 1e-3},
        pixel="l2",
        content_layers=layers,
        content_distance="l2",
        content_scale=SRGAN_FEATURE_SCALE,
        features=vgg,
        adversarial="hinge",
    )
    losses, _ = loss(sr, hr, judge=Judge(discriminator))
    features = pair_features(vgg, sr, hr, layers)
    content = content_loss(*features, layers, distance="l2", scale=SRGAN_FEATURE_SCALE)
    torch.testing.assert_close(losses["pixel"], l2_loss(sr, hr))
    torch.testing.assert_close(losses["content"], content)
    torch.testing.assert_close(losses["adversarial"], -discriminator(sr).mean())


@pytest.mark.parametrize("off", LOSSES)
def test_a_term_of_weight_0_is_left_out(
    off: str, vgg: VGG19Features, discriminator: nn.Module
) -> None:
    given = inputs()
    weights = WEIGHTS | {off: 0.0}
    losses, total = GeneratorLoss(weights=weights, features=vgg)(
        **given, judge=Judge(discriminator)
    )
    assert set(losses) == set(LOSSES) - {off}
    torch.testing.assert_close(total, sum(weights[n] * v for n, v in losses.items()))


def test_weight_0_removes_the_cost(vgg: VGG19Features, discriminator: nn.Module) -> None:
    given = inputs()
    with counted(vgg) as seen, counted(discriminator) as scored:
        off = dict.fromkeys(LOSSES, 0.0) | {"pixel": 1.0}
        loss = GeneratorLoss(weights=off, features=vgg)
        assert flops(loss, **given, judge=Judge(discriminator)) == 0
        # Nor are the inputs of the others asked for.
        loss(given["sr_BCHW"], given["hr_BCHW"])
        assert not seen and not scored


def test_content_and_texture_share_one_pass_up_to_the_deepest_layer(vgg: VGG19Features) -> None:
    given = inputs()
    pair = {name: given[name] for name in ("sr_BCHW", "hr_BCHW")}

    def made(weights: Mapping[str, float], deepest: str, none: float = 0.0) -> GeneratorLoss:
        return GeneratorLoss(
            weights=weights,
            features=vgg,
            content_layers={"relu1_2": 1.0, deepest: 1.0, "conv5_4": none},
            texture_layers={"relu1_1": 1.0, "relu2_1": 1.0},
        )

    with counted(vgg) as seen:
        made({"content": 1.0, "texture": 1.0}, "conv3_1")(**pair)
    assert [image is pair[name] for image, name in zip(seen, ("hr_BCHW", "sr_BCHW"), strict=True)]
    gram = 2 * 2 * (64**2 * 256 + 128**2 * 64) * 2
    alone = flops(made({"content": 1.0}, "conv3_1"), **pair)
    assert flops(made({"content": 1.0, "texture": 1.0}, "conv3_1"), **pair) == alone + gram
    assert flops(made({"content": 1.0}, "conv2_2"), **pair) < alone
    # A layer of weight 0 is no deepest layer.
    assert flops(made({"content": 1.0}, "conv3_1", none=1e-9), **pair) > 2 * alone


@pytest.mark.parametrize("adversarial", ADVERSARIAL_LOSSES)
def test_the_discriminator_learns_nothing_and_sees_hr_only_where_needed(
    adversarial: Any, discriminator: nn.Module
) -> None:
    given = inputs()
    sr, hr = given["sr_BCHW"].requires_grad_(), given["hr_BCHW"]
    fixed = discriminator[0].bias.requires_grad_(False)
    loss = GeneratorLoss(weights={"adversarial": 1.0}, adversarial=adversarial)
    with counted(discriminator) as scored:
        _, total = loss(sr, hr, judge=Judge(discriminator))
    assert [image is sr for image in scored] == [False, True][adversarial != "relativistic" :]
    total.backward()
    assert sr.grad is not None and sr.grad.any()
    assert all(parameter.grad is None for parameter in discriminator.parameters())
    assert [p.requires_grad for p in discriminator.parameters()] == [True, False, True, True]
    assert not fixed.requires_grad


def test_generator_loss_works_without_any_weights_file() -> None:
    given = inputs()
    sr = given["sr_BCHW"].requires_grad_()
    loss = GeneratorLoss(
        weights={"content": 1.0, "texture": 1.0},
        features=GaborFeatures(),
        content_layers=GABOR_LAYERS,
        texture_layers={"energy1": 1.0},
    )
    losses, total = loss(sr, given["hr_BCHW"])
    total.backward()
    assert all(float(value.detach()) > 0 for value in losses.values())
    assert sr.grad is not None and sr.grad.any()


def test_generator_loss_in_mixed_precision_is_near_that_of_float32(
    vgg: VGG19Features, discriminator: nn.Module
) -> None:
    given = inputs()
    given["sr_BCHW"].requires_grad_()
    loss = GeneratorLoss(weights=WEIGHTS, features=vgg)
    exact, _ = loss(**given, judge=Judge(discriminator))
    with torch.autocast("cpu", torch.bfloat16):
        losses, total = loss(**given, judge=Judge(discriminator))
    assert total.dtype == torch.float32
    # Each layer of a network rounds its weights and its input; the Gram matrices' differences are
    # squared. What does not go through a network is computed as without autocast.
    allowed = {
        "content": gamma(2 * 16 + 1, torch.bfloat16),
        "texture": 2 * gamma(2 * 16 + 1, torch.bfloat16),
        "adversarial": gamma(2 * 2 + 1, torch.bfloat16),
    }
    for name, value in losses.items():
        assert value.dtype == torch.float32
        torch.testing.assert_close(value, exact[name], rtol=allowed.get(name, 0), atol=0)
    total.backward()
    assert bool(given["sr_BCHW"].grad.isfinite().all())


def test_generator_loss_compiles_into_one_graph(vgg: VGG19Features) -> None:
    given = inputs()
    weights = WEIGHTS | {"adversarial": 0.0}
    loss = GeneratorLoss(weights=weights, features=vgg, content_layers={"conv2_2": 1.0})
    compiled = torch.compile(lambda **g: loss(**g)[1], backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(**given), loss(**given)[1])


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"weights": {"perceptual": 1.0}}, r"no loss 'perceptual'; known are pixel, content"),
        ({"weights": {"pixel": -1.0}}, "pixel_weight must be at least 0 and finite, got -1"),
        ({"weights": {"pixel": float("nan")}}, "finite"),
        ({"weights": {"pixel": 0.0}}, "must have a weight above 0"),
        ({"weights": {}}, "must have a weight above 0"),
        ({"weights": {"pixel": 1.0}, "pixel": "l3"}, "one of l1, l2, charbonnier; got 'l3'"),
        ({"weights": {"pixel": 1.0}, "adversarial": "wgan"}, "one of vanilla.*got 'wgan'"),
        ({"weights": {"pixel": 1.0}, "content_distance": "l3"}, "one of l1, l2; got 'l3'"),
        ({"weights": {"content": 1.0}}, "the content loss needs a feature network"),
        ({"weights": {"texture": 1.0}}, "the texture loss needs a feature network"),
        ({"weights": {"content": 1.0}, "features": GaborFeatures()}, "gabor1.*got 'conv5_4'"),
    ],
)
def test_generator_loss_refuses_settings_that_cannot_be(settings: Any, match: str) -> None:
    with pytest.raises(InvalidValueError, match=match):
        GeneratorLoss(**settings)


def test_generator_loss_names_the_input_that_is_missing() -> None:
    given = inputs()
    pair = given["sr_BCHW"], given["hr_BCHW"]
    with pytest.raises(InvalidValueError, match="needs the discriminator"):
        GeneratorLoss(weights={"adversarial": 1.0})(*pair)
    for missing in ({"lr_BCHW": given["lr_BCHW"]}, {"kernels_BKK": given["kernels_BKK"]}):
        with pytest.raises(InvalidValueError, match="needs the LR images and their kernels"):
            GeneratorLoss(weights={"cycle": 1.0})(*pair, **missing)

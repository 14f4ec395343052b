from __future__ import annotations

import numpy as np
import pytest
import torch

from degrade.errors import InvalidValueError
from esrgan.losses import (
    ESRGAN_LAYERS,
    VGG19Features,
    content_loss,
    pair_features,
)
from esrgan.training.presets import SRGAN_FEATURE_SCALE, VGG22_LAYERS, VGG54_LAYERS
from tests.rounding import SAME_FORMULA, gamma

# Each of conv5_4's 16 layers rounds its weights and its input; the last one's output makes it odd.
OF_BF16_VGG = gamma(2 * 16 + 1, torch.bfloat16)

LAYERS = {"conv1_2": 0.1, "relu3_4": 1.5}


def image(seed: int) -> torch.Tensor:
    return torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("distance", ["l1", "l2"])
@pytest.mark.parametrize("scale", [1.0, SRGAN_FEATURE_SCALE])
def test_content_loss_is_the_weighted_sum_of_mean_distances(
    vgg: VGG19Features, distance: str, scale: float
) -> None:
    power = {"l1": 1, "l2": 2}[distance]
    # In float64 from here on: means of thousands of values in float32 lose some digits.
    sr_features, hr_features = (
        {name: feature.double() for name, feature in features.items()}
        for features in pair_features(vgg, image(0), image(1), LAYERS)
    )
    naive = sum(
        weight
        * np.mean(np.abs(scale * (sr_features[name].numpy() - hr_features[name].numpy())) ** power)
        for name, weight in LAYERS.items()
    )
    loss = content_loss(sr_features, hr_features, LAYERS, distance=distance, scale=scale)
    assert float(loss) == pytest.approx(naive, rel=SAME_FORMULA)


def test_the_published_layer_sets_are_those_of_their_papers() -> None:
    # SRGAN, §2.2.1: after the activation; ESRGAN, §3.3: before it.
    assert (VGG22_LAYERS, VGG54_LAYERS) == ({"relu2_2": 1}, {"relu5_4": 1})
    assert ESRGAN_LAYERS == {"conv5_4": 1}
    assert round(SRGAN_FEATURE_SCALE**2, 3) == 0.006


def of_esrgan(vgg: VGG19Features, sr_BCHW: torch.Tensor, hr_BCHW: torch.Tensor) -> torch.Tensor:
    features = pair_features(vgg, sr_BCHW, hr_BCHW, ESRGAN_LAYERS)
    return content_loss(*features, ESRGAN_LAYERS)


def test_esrgan_s_layers_are_compared_before_the_activation(vgg: VGG19Features) -> None:
    wanted = (vgg(image(0))["conv5_4"] - vgg(image(1))["conv5_4"]).abs().mean()
    torch.testing.assert_close(of_esrgan(vgg, image(0), image(1)), wanted)


def test_content_loss_teaches_sr_only(vgg: VGG19Features) -> None:
    hr_BCHW = image(0).requires_grad_()
    assert float(of_esrgan(vgg, hr_BCHW, hr_BCHW).detach()) == 0
    sr_BCHW = image(1).requires_grad_()
    of_esrgan(vgg, sr_BCHW, hr_BCHW).backward()
    assert sr_BCHW.grad is not None and sr_BCHW.grad.any()
    assert hr_BCHW.grad is None
    assert all(parameter.grad is None for parameter in vgg.parameters())


def test_content_loss_of_mixed_precision_is_near_that_of_float32(vgg: VGG19Features) -> None:
    sr_BCHW = image(1).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        loss = of_esrgan(vgg, sr_BCHW, image(0))
    assert loss.dtype == torch.float32
    exact = of_esrgan(vgg, sr_BCHW, image(0))
    torch.testing.assert_close(loss, exact, rtol=OF_BF16_VGG, atol=0)
    loss.backward()
    assert sr_BCHW.grad is not None and bool(sr_BCHW.grad.isfinite().all())


def test_content_loss_has_the_gradient_of_its_value() -> None:
    features = [torch.rand(2, 2, 3, 3, dtype=torch.float64) for _ in range(2)]

    def loss(sr: torch.Tensor) -> torch.Tensor:
        return content_loss({"a": sr}, {"a": features[1]}, {"a": 2.0}, distance="l2", scale=0.3)

    torch.autograd.gradcheck(loss, (features[0].requires_grad_(),))


def test_content_loss_refuses_what_does_not_fit() -> None:
    one = {"a": torch.rand(1, 2, 3, 3)}
    with pytest.raises(InvalidValueError, match=r"layer b is not among the features \['a'\]"):
        content_loss(one, one, {"b": 1.0})
    with pytest.raises(InvalidValueError, match="of one shape"):
        content_loss(one, {"a": torch.rand(1, 2, 3, 4)}, {"a": 1.0})
    with pytest.raises(InvalidValueError, match="at least one layer"):
        content_loss(one, one, {})

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from degrade.errors import InvalidValueError
from esrgan.losses import TEXTURE_LAYERS, VGG19Features, gram_matrix, texture_loss

NORMALISED = 1 / (3 * 4 * 5)


def features(seed: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def test_gram_matrix_is_normalised_by_channels_and_places() -> None:
    values = features(0).numpy()
    expected = np.einsum("bihw,bjhw->bij", values, values) * NORMALISED
    np.testing.assert_allclose(gram_matrix(features(0)), expected, rtol=1e-12)


def test_texture_loss_is_the_squared_norm_of_the_difference() -> None:
    grams = [np.einsum("bihw,bjhw->bij", f, f) * NORMALISED for f in (features(0), features(1))]
    other = [np.einsum("bihw,bjhw->bij", f, f) * NORMALISED for f in (features(2), features(3))]
    expected = sum(
        weight * np.mean([np.linalg.norm(a - b, "fro") ** 2 for a, b in zip(*pair, strict=True)])
        for weight, pair in ((0.5, grams), (2.0, other))
    )
    loss = texture_loss(
        {"a": features(0), "b": features(2)},
        {"a": features(1), "b": features(3)},
        {"a": 0.5, "b": 2.0},
    )
    assert float(loss) == pytest.approx(expected, rel=1e-12)


def test_texture_loss_does_not_see_where_features_are() -> None:
    shuffled = features(0).flatten(2)[:, :, torch.randperm(20)].unflatten(2, (4, 5))
    loss = texture_loss({"a": shuffled}, {"a": features(0)}, {"a": 1.0})
    assert float(loss) == pytest.approx(0, abs=1e-24)
    assert float(texture_loss({"a": features(1)}, {"a": features(0)}, {"a": 1.0})) > 1e-3


def test_texture_loss_has_the_gradient_of_its_value() -> None:
    def loss(sr: Tensor) -> Tensor:
        return texture_loss({"a": sr}, {"a": features(1)}, {"a": 3.0})

    torch.autograd.gradcheck(loss, (features(0).requires_grad_(),))
    same = features(1).requires_grad_()
    loss(same).backward()
    assert same.grad is not None and bool((same.grad == 0).all())


def test_gram_matrix_is_float32_in_mixed_precision() -> None:
    exact = gram_matrix(features(0, torch.float32))
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(gram_matrix(features(0, torch.float32)), exact)
        assert gram_matrix(features(0).bfloat16()).dtype == torch.float32


def test_texture_layers_are_layers_of_vgg19() -> None:
    assert set(TEXTURE_LAYERS) < set(VGG19Features.LAYER_NAMES)


def test_texture_loss_refuses_what_does_not_fit() -> None:
    one = {"a": features(0)}
    with pytest.raises(InvalidValueError, match="layer b is not among"):
        texture_loss(one, one, {"b": 1.0})
    with pytest.raises(InvalidValueError, match="of one shape"):
        texture_loss(one, {"a": features(0)[:1]}, {"a": 1.0})
    with pytest.raises(InvalidValueError, match="at least one layer"):
        texture_loss(one, one, {})

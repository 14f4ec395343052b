from __future__ import annotations

import pytest
import torch
from torch import nn

from esrgan.networks import SpectralConv2d


def largest_singular_value(weight: torch.Tensor) -> float:
    return float(torch.linalg.matrix_norm(weight.detach().flatten(1), ord=2))


@pytest.mark.parametrize("factor", [1.0, 100.0])
def test_spectral_convolution_comes_to_a_norm_of_one(factor: float) -> None:
    torch.manual_seed(0)
    conv = SpectralConv2d(6, 10, 3)
    with torch.no_grad():
        conv.weight_orig.mul_(factor)
        for _ in range(100):
            conv.normalised_weight()
    assert largest_singular_value(conv.eval().normalised_weight()) == pytest.approx(1, abs=1e-3)
    assert largest_singular_value(conv.weight_orig) != pytest.approx(1, abs=0.1)


def test_spectral_convolution_is_near_a_norm_of_one_from_the_beginning() -> None:
    torch.manual_seed(0)
    for _ in range(20):
        norm = largest_singular_value(SpectralConv2d(6, 10, 3).eval().normalised_weight())
        assert 1 <= norm < 1.1


def test_spectral_convolution_equals_torchs_in_training_and_after() -> None:
    torch.manual_seed(0)
    ours = SpectralConv2d(3, 5, 4, stride=2, padding=1)
    theirs = nn.utils.spectral_norm(nn.Conv2d(3, 5, 4, stride=2, padding=1))
    theirs.load_state_dict(ours.state_dict(), strict=True)
    x_BCHW = torch.rand(2, 3, 10, 8)
    for _ in range(3):
        torch.testing.assert_close(ours(x_BCHW), theirs(x_BCHW), rtol=0, atol=0)
        gradients = [
            torch.autograd.grad(conv(x_BCHW).square().sum(), conv.weight_orig)[0]
            for conv in (ours, theirs)
        ]
        torch.testing.assert_close(*gradients)
    ours.eval(), theirs.eval()
    torch.testing.assert_close(ours(x_BCHW), theirs(x_BCHW), rtol=0, atol=0)
    assert set(ours.state_dict()) == set(theirs.state_dict())


def test_spectral_convolution_rests_in_eval_mode() -> None:
    conv = SpectralConv2d(3, 5, 3).eval()
    before = conv.weight_u.clone()
    conv(torch.rand(1, 3, 5, 5))
    assert torch.equal(before, conv.weight_u)


def test_spectral_convolution_can_be_passed_twice_before_the_backward_pass() -> None:
    conv = SpectralConv2d(3, 5, 3)
    (conv(torch.rand(1, 3, 5, 5)).sum() + conv(torch.rand(1, 3, 5, 5)).sum()).backward()
    assert conv.weight_orig.grad is not None


def test_spectral_convolution_measures_in_full_precision_under_autocast() -> None:
    torch.manual_seed(0)
    conv = SpectralConv2d(3, 5, 3).eval()
    expected = conv.normalised_weight()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(conv.normalised_weight(), expected, rtol=0, atol=0)
        assert conv(torch.rand(1, 3, 5, 5)).dtype == torch.bfloat16

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from degrade.errors import InvalidValueError
from esrgan.losses import PIXEL_LOSSES, charbonnier_loss, l1_loss, l2_loss

NAIVE = {
    "l1": lambda sr, hr: np.abs(sr - hr).mean(),
    "l2": lambda sr, hr: ((sr - hr) ** 2).mean(),
    "charbonnier": lambda sr, hr: np.sqrt((sr - hr) ** 2 + 1e-6).mean(),
}


def images(dtype: torch.dtype = torch.float64) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return tuple(torch.rand(2, 3, 5, 4, generator=generator, dtype=dtype) for _ in range(2))


@pytest.mark.parametrize("name", PIXEL_LOSSES)
def test_pixel_losses_are_the_means_of_their_formulas(name: str) -> None:
    sr, hr = images()
    loss = PIXEL_LOSSES[name](sr, hr)
    assert loss.dtype == torch.float64
    assert float(loss) == pytest.approx(NAIVE[name](sr.numpy(), hr.numpy()), rel=1e-12)


@pytest.mark.parametrize("name", PIXEL_LOSSES)
def test_pixel_losses_have_the_gradient_of_their_value(name: str) -> None:
    sr, hr = images()
    torch.autograd.gradcheck(PIXEL_LOSSES[name], (sr.requires_grad_(), hr))


@given(st.floats(0, 1), st.floats(0, 1))
def test_charbonnier_lies_at_most_epsilon_above_l1(sr: float, hr: float) -> None:
    pair = torch.tensor([[sr], [hr]], dtype=torch.float64)
    value, least = charbonnier_loss(*pair), abs(sr - hr)
    assert max(least, 1e-3) * (1 - 1e-12) <= float(value) <= least + 1e-3 + 1e-15


def test_charbonnier_keeps_a_finite_gradient_where_sr_is_hr() -> None:
    hr = torch.rand(1, 3, 2, 2)
    sr = hr.clone().requires_grad_()
    charbonnier_loss(sr, hr).backward()
    assert sr.grad is not None and bool((sr.grad == 0).all())


def test_pixel_losses_sum_half_precision_in_float32() -> None:
    sr, hr = images(torch.float32)
    for loss in PIXEL_LOSSES.values():
        for dtype in (torch.bfloat16, torch.float16):
            value = loss(sr.to(dtype), hr)
            assert value.dtype == torch.float32
            torch.testing.assert_close(value, loss(sr.to(dtype).float(), hr), rtol=0, atol=0)


def test_pixel_losses_refuse_shapes_that_would_be_broadcast() -> None:
    for loss in (l1_loss, l2_loss, charbonnier_loss):
        with pytest.raises(InvalidValueError, match=r"\(1, 3, 4, 4\) and \(1, 1, 4, 4\)"):
            loss(torch.rand(1, 3, 4, 4), torch.rand(1, 1, 4, 4))

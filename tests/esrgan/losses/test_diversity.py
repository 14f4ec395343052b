from __future__ import annotations

import pytest
import torch

from degrade.errors import InvalidValueError
from esrgan.losses import diversity_loss


def test_the_loss_is_the_published_reciprocal() -> None:
    sr_BCHW = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0)).double()
    other_BCHW = sr_BCHW + torch.tensor([0.25, -0.5]).double().view(2, 1, 1, 1)
    assert float(diversity_loss(sr_BCHW, other_BCHW, 1.5)) == pytest.approx(
        1 / (0.375 / 1.5 + 1e-5)
    )
    assert float(diversity_loss(sr_BCHW, sr_BCHW, 1.5)) == pytest.approx(1e5)


def test_results_that_are_pushed_by_it_move_apart() -> None:
    sr_BCHW = torch.rand(1, 3, 4, 4, generator=torch.Generator().manual_seed(1)).requires_grad_()
    other_BCHW = torch.rand(1, 3, 4, 4, generator=torch.Generator().manual_seed(2))
    diversity_loss(sr_BCHW, other_BCHW, 1.0).backward()
    assert sr_BCHW.grad is not None
    further = sr_BCHW.detach() - 0.01 * sr_BCHW.grad.sign()
    before, after = ((x - other_BCHW).abs().mean() for x in (sr_BCHW.detach(), further))
    assert after > before


def test_shapes_that_differ_are_refused() -> None:
    with pytest.raises(InvalidValueError):
        diversity_loss(torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 5), 1.0)

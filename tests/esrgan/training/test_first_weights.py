from __future__ import annotations

import numpy as np
import pytest
import torch

from degrade.errors import InvalidValueError
from esrgan.networks import RRDBNet
from esrgan.training.first_weights import start_as_interpolation
from tests.rounding import SAME_FORMULA, gamma


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_start_as_interpolation_gives_linear_functions_back(scale: int) -> None:
    torch.manual_seed(0)
    network = RRDBNet(scale=scale, features=16, blocks=2, growth=4).double()
    start_as_interpolation(network)
    line = torch.arange(24, dtype=torch.float64)
    rows, columns = torch.meshgrid(line, line, indexing="ij")
    colours = torch.tensor([0.2, 0.3, 0.4], dtype=torch.float64).view(3, 1, 1)
    lr_CHW = colours + 0.012 * rows - 0.005 * columns
    sr = network(lr_CHW[None])[0].detach().numpy()
    # The phase rule: SR pixel p lies at LR coordinate (p + 0.5) / scale - 0.5.
    at = (np.arange(24 * scale) + 0.5) / scale - 0.5
    expected = colours.numpy() + 0.012 * at[:, None] - 0.005 * at[None, :]
    inner = (slice(None), slice(6 * scale, -6 * scale), slice(6 * scale, -6 * scale))
    # Values below 1. At ×3 a weight is a rounded third times another, rounded.
    np.testing.assert_allclose(sr[inner], expected[inner], rtol=0, atol=gamma(3) + SAME_FORMULA)


def test_start_as_interpolation_lets_everything_learn() -> None:
    torch.manual_seed(0)
    network = RRDBNet(scale=4, features=16, blocks=1, growth=4)
    start_as_interpolation(network)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        network(torch.rand(2, 3, 8, 8)).square().mean().backward()
        optimizer.step()
    silent = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []


def test_start_as_interpolation_refuses_too_few_features() -> None:
    with pytest.raises(InvalidValueError, match="features"):
        start_as_interpolation(RRDBNet(scale=2, features=8, blocks=1, growth=2))


def test_start_as_interpolation_refuses_a_network_that_does_not_enlarge() -> None:
    with pytest.raises(InvalidValueError, match="×1"):
        start_as_interpolation(RRDBNet(scale=1, features=64, blocks=1, growth=2))

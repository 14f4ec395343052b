from __future__ import annotations

import numpy as np
import pytest
import torch

from degrade.errors import InvalidValueError
from esrgan.losses import artifact_loss, artifact_map


def test_artifact_map_is_the_formula() -> None:
    sr, hr = torch.rand(2, 2, 3, 9, 8, dtype=torch.float64)
    found = artifact_map(sr, hr).numpy()[:, 0]
    for number in range(2):
        residual = np.abs(hr[number].numpy() - sr[number].numpy()).sum(0)
        padded = np.pad(residual, 3, mode="reflect")
        for y in range(9):
            for x in range(8):
                local = padded[y : y + 7, x : x + 7].var()
                expected = local * residual.var() ** 0.2
                assert found[number, y, x] == pytest.approx(expected, rel=1e-9)


def test_artifact_loss_weights_differences_and_not_the_map() -> None:
    sr, hr = torch.rand(2, 1, 3, 8, 8, dtype=torch.float64)
    sr.requires_grad_()
    loss = artifact_loss(sr, hr)
    loss.backward()
    weights = artifact_map(sr, hr)
    expected = (weights * (sr.detach() - hr).sign() / sr.numel()).expand_as(sr)
    torch.testing.assert_close(sr.grad, expected)
    assert float(loss.detach()) == pytest.approx(
        float((weights * (sr.detach() - hr).abs()).mean()), rel=1e-12
    )


def test_artifact_map_forgives_what_is_nearer_than_the_average() -> None:
    hr = torch.full((1, 3, 12, 12), 0.5)
    sr, average = hr + 0.1 * torch.rand_like(hr), hr.clone()
    average[..., :6] += 0.4
    found = artifact_map(sr, hr, average)
    assert not found[..., :6].any()
    torch.testing.assert_close(found[..., 6:], artifact_map(sr, hr)[..., 6:])
    assert found[..., 6:].min() > 0


def test_artifact_map_of_an_even_residual_is_0() -> None:
    hr = torch.rand(1, 3, 12, 12, dtype=torch.float64)
    assert artifact_map(hr + 0.25, hr).max() < 1e-15


def test_artifact_loss_refuses_other_shapes() -> None:
    with pytest.raises(InvalidValueError, match="one shape"):
        artifact_loss(torch.rand(1, 3, 8, 8), torch.rand(1, 3, 8, 9))

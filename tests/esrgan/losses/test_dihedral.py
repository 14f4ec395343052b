from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from degrade.errors import InvalidValueError
from degrade.kernels import BlurKernel, downsample, gaussian_kernel
from esrgan.data.samples import turn_into
from esrgan.losses import cycle_loss, dihedral_kernels, downsample_batch
from tests.rounding import gamma


def turned(image_CHW: Tensor, turn: int) -> Tensor:
    """Turn a square image as the augmentation of the training data does."""
    image = np.ascontiguousarray(image_CHW.permute(1, 2, 0).numpy())
    out = np.empty_like(image)
    turn_into(out, image, turn)
    return torch.from_numpy(out).permute(2, 0, 1)


def weights_of(kernel: BlurKernel) -> Tensor:
    return torch.from_numpy(kernel.weights.copy())


@settings(max_examples=60, deadline=None)
@given(
    scale=st.sampled_from([2, 3, 4]),
    turn=st.integers(0, 7),
    reach=st.integers(0, 6),
    lr_side=st.integers(1, 7),
    seed=st.integers(0, 2**16),
)
def test_a_turned_kernel_makes_the_turned_lr_exactly(
    scale: int, turn: int, reach: int, lr_side: int, seed: int
) -> None:
    # Whole numbers: their sums are exact in float64, in whichever order they are taken.
    generator = torch.Generator().manual_seed(seed)
    side = scale * lr_side
    hr = torch.randint(256, (1, 3, side, side), generator=generator).double()
    kernel = torch.randint(-9, 99, (1, 2 * reach + 1, 2 * reach + 1), generator=generator).double()
    lr = downsample_batch(hr, kernel, scale)
    turned_kernel = dihedral_kernels(kernel, [turn], scale)
    assert turned_kernel.shape[1] == kernel.shape[1] + 2 * (scale - 1)
    again = downsample_batch(turned(hr[0], turn)[None], turned_kernel, scale)
    assert torch.equal(again, turned(lr[0], turn)[None])


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("turn", range(8))
def test_a_turned_kernel_follows_the_phase_rule(scale: int, turn: int) -> None:
    kernel = gaussian_kernel(13, scale, (0.7 * scale, 0.3 * scale), 0.4)
    if turn & 3:
        with pytest.raises(InvalidValueError, match="centre of mass is off"):
            BlurKernel(turned(weights_of(kernel)[None], turn)[0].numpy(), scale)
    (weights,) = dihedral_kernels(weights_of(kernel)[None], [turn], scale)
    other = BlurKernel(weights.numpy(), scale)
    hr = torch.rand(3, 6 * scale, 6 * scale, generator=torch.Generator().manual_seed(1))
    lr = torch.from_numpy(downsample(hr.permute(1, 2, 0).numpy(), kernel)).permute(2, 0, 1)
    again = downsample(turned(hr, turn).permute(1, 2, 0).numpy(), other)
    torch.testing.assert_close(
        torch.from_numpy(again).permute(2, 0, 1), turned(lr, turn), rtol=0, atol=gamma(2)
    )


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_cycle_loss_of_turned_samples_is_nothing(scale: int) -> None:
    kernels = torch.stack(
        [
            weights_of(gaussian_kernel(13, scale, (0.4 * scale, 0.2 * scale), angle))
            for angle in np.linspace(0, 3, 8)
        ]
    ).double()
    hr = torch.rand(8, 3, 12 * scale, 12 * scale, dtype=torch.float64)
    lr = downsample_batch(hr, kernels, scale)
    turns = range(8)
    hr_turned = torch.stack([turned(x, turn) for x, turn in zip(hr, turns, strict=True)])
    lr_turned = torch.stack([turned(x, turn) for x, turn in zip(lr, turns, strict=True)])
    right = dihedral_kernels(kernels, turns, scale)
    assert float(cycle_loss(hr_turned, lr_turned, right)) < 1e-14
    assert float(cycle_loss(hr_turned, lr_turned, dihedral_kernels(kernels, [0] * 8, scale))) > 1e-3


def test_dihedral_kernels_passes_gradients_on() -> None:
    kernels = torch.rand(8, 3, 3, dtype=torch.float64, requires_grad=True)
    torch.autograd.gradcheck(lambda k: dihedral_kernels(k, range(8), 2), (kernels,))


def test_dihedral_kernels_refuses_what_is_no_turn() -> None:
    with pytest.raises(InvalidValueError, match="transforms must be 0 … 7, got 8"):
        dihedral_kernels(torch.rand(2, 3, 3), [0, 8], 2)
    for kernels in (torch.rand(1, 3, 3), torch.rand(2, 4, 4), torch.rand(2, 3, 5)):
        with pytest.raises(InvalidValueError, match="K odd and B = 2 transforms"):
            dihedral_kernels(kernels, [0, 1], 2)

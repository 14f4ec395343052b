from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from degrade.errors import InvalidValueError
from degrade.kernels import (
    BlurKernel,
    bicubic_kernel,
    crop_or_pad_kernel,
    downsample,
    gaussian_kernel,
)
from esrgan.losses import cycle_loss, downsample_batch
from tests.rounding import gamma


def kernels_of(scale: int, size: int = 13) -> list[BlurKernel]:
    return [
        gaussian_kernel(size, scale, (0.6 * scale, 0.3 * scale), angle) for angle in (0.0, 0.7, 2.0)
    ]


def batch_of(kernels: list[BlurKernel]) -> Tensor:
    size = max(kernel.size for kernel in kernels)
    return torch.stack(
        [torch.from_numpy(crop_or_pad_kernel(kernel.weights, size)) for kernel in kernels]
    )


def image(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("sides", [(24, 36), (12, 12)])
def test_downsample_batch_equals_downsample(scale: int, sides: tuple[int, int]) -> None:
    kernels = [*kernels_of(scale), bicubic_kernel(scale)]  # the last reaches out of 12 pixels twice
    batch = image(4, 3, *sides)
    found = downsample_batch(batch, batch_of(kernels), scale)
    assert found.dtype == torch.float64
    for hr, kernel, lr in zip(batch, kernels, found, strict=True):
        expected = downsample(hr.permute(1, 2, 0).numpy(), kernel)
        # downsample rounds its float64 sums to float32; LRs on [0, 1], or little beyond.
        np.testing.assert_allclose(lr.permute(1, 2, 0), expected, rtol=0, atol=gamma(2))


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [1, 3, 7, 13])
def test_downsample_batch_of_the_valid_part_is_that_part_of_the_whole(
    scale: int, size: int
) -> None:
    batch, kernels = image(2, 1, 24, 36), image(2, size, size, seed=1)
    whole = downsample_batch(batch, kernels, scale)
    valid = downsample_batch(batch, kernels, scale, border="valid")
    read = range(-(size // 2), size // 2 + 1)
    rows, columns = (
        [p for p in range(n // scale) if all(0 <= scale * p + o < n for o in read)]
        for n in batch.shape[2:]
    )
    part = whole[:, :, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    torch.testing.assert_close(valid, part, rtol=0, atol=1e-14)


@pytest.mark.parametrize("border", ["mirror", "valid"])
def test_downsample_batch_has_the_gradient_of_its_value(border: str) -> None:
    batch, kernels = image(2, 2, 8, 8).requires_grad_(), image(2, 5, 5, seed=1).requires_grad_()
    torch.autograd.gradcheck(
        lambda hr, k: downsample_batch(hr, k, 2, border=border), (batch, kernels), fast_mode=True
    )


def test_cycle_loss_has_the_gradient_of_its_value() -> None:
    kernels, lr = image(2, 3, 3, seed=1), image(2, 1, 3, 3, seed=2)
    torch.autograd.gradcheck(
        lambda sr: cycle_loss(sr, lr, kernels), (image(2, 1, 6, 6).requires_grad_(),)
    )


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_cycle_loss_of_hr_is_nothing_for_a_patch_of_a_larger_image(scale: int) -> None:
    kernels = kernels_of(scale)
    lr_side, top, left = 8, 3, 5
    hr, lr = [], []
    for number, kernel in enumerate(kernels):
        photo = image(24 * scale, 20 * scale, 3, seed=number).numpy()
        small = downsample(photo, kernel)
        rows, columns = slice(top, top + lr_side), slice(left, left + lr_side)
        lr.append(torch.from_numpy(small[rows, columns]).permute(2, 0, 1))
        box = [slice(part.start * scale, part.stop * scale) for part in (rows, columns)]
        hr.append(torch.from_numpy(photo[box[0], box[1]]).permute(2, 0, 1))
    hr_BCHW, lr_BCHW = torch.stack(hr), torch.stack(lr).double()
    assert float(cycle_loss(hr_BCHW, lr_BCHW, batch_of(kernels))) < gamma(1)  # of LR on [0, 1]
    # The whole patch would not do: what lies around it is not known.
    mirrored = downsample_batch(hr_BCHW, batch_of(kernels), scale)
    assert float((mirrored - lr_BCHW).abs().mean()) > 1e-3
    # Another pair's kernel does not give the LR back.
    assert float(cycle_loss(hr_BCHW, lr_BCHW, batch_of(kernels).roll(1, 0))) > 1e-3


def test_cycle_loss_of_hr_is_the_mean_noise() -> None:
    hr_BCHW, kernels = image(3, 3, 32, 32), batch_of(kernels_of(2))
    noise = 0.05 * torch.randn(3, 3, 16, 16, dtype=torch.float64)
    lr_BCHW = downsample_batch(hr_BCHW, kernels, 2) + noise
    expected = noise[:, :, 3:13, 3:13].abs().mean()  # 13 taps reach 6 HR pixels, so 3 of LR
    torch.testing.assert_close(cycle_loss(hr_BCHW, lr_BCHW, kernels), expected)


def test_cycle_loss_is_float32_in_mixed_precision() -> None:
    sr_BCHW, lr_BCHW = image(3, 3, 32, 32).float(), image(3, 3, 16, 16).float()
    kernels = batch_of(kernels_of(2))
    exact = cycle_loss(sr_BCHW, lr_BCHW, kernels)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(cycle_loss(sr_BCHW, lr_BCHW, kernels), exact)
        assert cycle_loss(sr_BCHW.bfloat16(), lr_BCHW, kernels).dtype == torch.float32


def test_cycle_loss_refuses_what_does_not_fit() -> None:
    sr, lr, kernels = image(2, 3, 16, 16), image(2, 3, 8, 8), image(2, 5, 5)
    for wrong in (image(2, 5, 7), image(2, 4, 4), image(1, 5, 5), image(5, 5)):
        with pytest.raises(InvalidValueError, match=r"kernels must be \(B, K, K\)"):
            cycle_loss(sr, lr, wrong)
    for small in (image(2, 3, 8, 7), image(2, 3, 5, 5), image(1, 3, 8, 8), image(2, 3, 32, 32)):
        with pytest.raises(InvalidValueError, match="SR must be LR enlarged"):
            cycle_loss(sr, small, kernels)
    with pytest.raises(InvalidValueError, match=r"a kernel of 17 taps.*larger `hr_patch`"):
        cycle_loss(sr, lr, image(2, 17, 17))
    with pytest.raises(InvalidValueError, match="multiples of 3"):
        downsample_batch(sr, kernels, 3)

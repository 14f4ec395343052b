from __future__ import annotations

import numpy as np
import pytest
import torch

from degrade.degradation.downsampling import PreparedImage
from degrade.degradation.steps import NO_LEVELS, Blur
from degrade.errors import InvalidValueError
from degrade.kernels import bicubic_kernel, gaussian_kernel
from esrgan.degrading import BatchInputs
from esrgan.degrading.blur import blur
from tests.esrgan.degrading.photos import MARGIN, POOL, SCALE, SIDES, inputs_of, make_photo
from tests.making import PoolInHand

BOXES = [(0, 0, 48, 64), (102, 106, 48, 64), (33, 50, 48, 64), (0, 106, 48, 64)]


def empty(count: int) -> torch.Tensor:
    return torch.from_numpy(NO_LEVELS).repeat(count, 1, 1, 1)


@pytest.mark.parametrize("count", [1, 2, 4, 20])
def test_blur_equals_that_of_pairs_at_borders_and_with_kernels_of_all_sizes(count: int) -> None:
    """The same bits, from corners of the photo to its middle, for few samples and for many."""
    photo = make_photo()
    boxes = [BOXES[n % len(BOXES)] for n in range(count)]
    names = [sorted(SIDES)[n % len(SIDES)] for n in range(count)]
    found = blur(empty(count), [Blur(name) for name in names], inputs_of(photo, boxes))
    hr = PreparedImage(photo, SCALE, MARGIN)
    for made, name, box in zip(found, names, boxes, strict=True):
        assert np.array_equal(made.numpy(), hr.downsample(POOL.kernels[name], box))


def test_blur_is_exact_with_negative_lobes() -> None:
    photo = make_photo()
    pool = PoolInHand({"sharp": bicubic_kernel(SCALE)})
    given = inputs_of(photo, BOXES[:2])
    given = BatchInputs(pool, given.windows_BHWC, MARGIN, SCALE)
    found = blur(empty(2), [Blur("sharp")] * 2, given)
    hr = PreparedImage(photo, SCALE, MARGIN)
    for made, box in zip(found, BOXES, strict=False):
        assert np.array_equal(made.numpy(), hr.downsample(pool.kernels["sharp"], box))


def test_blur_takes_coarse_kernels_beside_others() -> None:
    photo = make_photo()
    steps = [Blur("usual", coarse=True), Blur("usual")]
    found = blur(empty(2), steps, inputs_of(photo, [BOXES[1]] * 2))
    hr, kernel = PreparedImage(photo, SCALE, MARGIN), POOL.kernels["usual"]
    for made, step in zip(found, steps, strict=True):
        wanted = hr.downsample(kernel, BOXES[1], finely=not step.coarse)
        assert np.array_equal(made.numpy(), wanted)
    assert not torch.equal(*found)


def test_blur_takes_kernels_that_are_wider_by_their_doubt() -> None:
    photo = make_photo()
    steps = [Blur("usual", 0.02), Blur("narrow", -0.01)]
    found = blur(empty(2), steps, inputs_of(photo, BOXES[:2]))
    hr = PreparedImage(photo, SCALE, MARGIN)
    for made, step, box in zip(found, steps, BOXES, strict=False):
        assert np.array_equal(made.numpy(), hr.downsample(step.read_kernel(POOL), box))


def test_blur_refuses_what_the_batch_is_not_for() -> None:
    given = inputs_of(make_photo(), BOXES[:1])
    for kernel in (gaussian_kernel(27, SCALE, (1, 1)), gaussian_kernel(13, 2, (1, 1))):
        pool = PoolInHand({"k": kernel})
        other = BatchInputs(pool, given.windows_BHWC, MARGIN, SCALE)
        with pytest.raises(InvalidValueError, match="the batch is for ×4 and kernels of 25 taps"):
            blur(empty(1), [Blur("k")], other)
    with pytest.raises(InvalidValueError, match="applied first"):
        blur(torch.zeros(1, 4, 4, 3), [Blur("usual")], given)

from __future__ import annotations

import numpy as np
import pytest
import torch

from degrade.arrays import FloatArray
from degrade.errors import DegradeError, InvalidValueError
from degrade.kernels import bicubic_kernel, downsample, gaussian_kernel
from degrade.kernels.kernel import (
    BlurKernel,
    crop_or_pad_kernel,
    phase_error,
)
from kernelgan import KernelEstimate, KernelGANConfig, UnsuitablePhotoError, estimate_kernels

SHORT = KernelGANConfig(iterations=12)


@pytest.fixture(scope="module")
def astronaut() -> FloatArray:
    data = pytest.importorskip("skimage.data")
    return data.astronaut().astype(np.float32) / np.float32(255)


@pytest.fixture(scope="module")
def photo(astronaut: FloatArray) -> FloatArray:
    return np.ascontiguousarray(astronaut[:200, 130:330])


def estimate(
    image: FloatArray, config: KernelGANConfig = SHORT, **options: object
) -> KernelEstimate:
    settings = {"keys": ["photo"], "seed": 1, **options}
    return estimate_kernels([image], config, **settings)[0]  # type: ignore[arg-type]


def distance(kernel: BlurKernel, truth: BlurKernel) -> float:
    size = max(kernel.size, truth.size)
    padded = [crop_or_pad_kernel(k.weights, size) for k in (kernel, truth)]
    return float(np.square(padded[0] - padded[1]).sum())


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_estimate_kernels_obeys_the_rules_of_kernels(photo: FloatArray, scale: int) -> None:
    result = estimate(photo, KernelGANConfig(scale=scale, iterations=60))
    assert result.kernel.scale == scale
    assert float(result.kernel.weights.sum(dtype=np.float64)) == pytest.approx(1, abs=1e-6)
    assert np.abs(phase_error(result.kernel.weights, scale)).max() <= 0.05
    assert result.kernel.source == "photo"
    assert result.statistics["iterations"] == 60
    assert result.method == "kernelgan"
    assert 0 <= result.confidence <= 1
    assert not result.settled
    assert all(np.isfinite(value) for value in result.statistics.values())


def test_estimate_kernels_repeats_itself_whatever_torch_was_doing(photo: FloatArray) -> None:
    torch.manual_seed(1)
    one = estimate(photo)
    torch.manual_seed(2)
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with torch.no_grad():
            other = estimate(photo)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    np.testing.assert_array_equal(one.kernel.weights, other.kernel.weights)


def test_estimate_kernels_leaves_torch_alone(photo: FloatArray) -> None:
    torch.manual_seed(5)
    state = torch.get_rng_state()
    estimate(photo)
    assert torch.equal(torch.get_rng_state(), state)


def test_estimate_kernels_depends_on_seed_and_key(photo: FloatArray) -> None:
    kernels = [
        estimate(photo, **options).kernel.weights
        for options in ({}, {"seed": 2}, {"keys": ["other"]})
    ]
    assert not np.array_equal(kernels[0], kernels[1])
    assert not np.array_equal(kernels[0], kernels[2])


def test_estimate_kernels_treats_images_independently(
    photo: FloatArray, astronaut: FloatArray
) -> None:
    other = np.ascontiguousarray(astronaut[200:400, 100:350])
    together = estimate_kernels([other, photo], SHORT, keys=["other", "photo"], seed=1)
    reversed_order = estimate_kernels([photo, other], SHORT, keys=["photo", "other"], seed=1)
    alone = estimate(photo).kernel.weights
    np.testing.assert_array_equal(together[1].kernel.weights, alone)
    np.testing.assert_array_equal(reversed_order[0].kernel.weights, alone)
    np.testing.assert_array_equal(together[0].kernel.weights, reversed_order[1].kernel.weights)


def test_estimate_kernels_leaves_the_image_as_it_is(photo: FloatArray) -> None:
    before = photo.copy()
    read_only = photo.view()
    read_only.flags.writeable = False
    estimate(read_only)
    np.testing.assert_array_equal(photo, before)


def test_estimate_kernels_works_on_grey_photos(photo: FloatArray) -> None:
    grey = np.repeat(photo.mean(axis=2, keepdims=True), 3, axis=2)
    assert estimate(grey).kernel.size == 13


def test_estimate_kernels_reports_every_step(photo: FloatArray) -> None:
    steps: list[tuple[int, int]] = []
    estimate_kernels(
        [photo, photo], SHORT, keys=["a", "b"], seed=0, on_step=lambda *s: steps.append(s)
    )
    assert steps == [(done, 24) for done in range(1, 25)]


def test_estimate_kernels_of_many_at_once_equals_one_at_a_time(
    photo: FloatArray, astronaut: FloatArray
) -> None:
    other = np.ascontiguousarray(astronaut[200:400, 100:350])
    images, keys = [photo, other, photo], ["a", "b", "c"]
    steps: list[tuple[int, int]] = []
    config = KernelGANConfig(iterations=8)
    together = estimate_kernels(
        images, config, keys=keys, seed=1, photos_at_once=2, on_step=lambda *s: steps.append(s)
    )
    alone = estimate_kernels(images, config, keys=keys, seed=1)
    for one, other_one in zip(together, alone, strict=True):
        # float32: rounding grows step by step.
        a, b = one.statistics["raw_sum"], other_one.statistics["raw_sum"]
        assert a == pytest.approx(b, rel=0.02)
        assert one.statistics["contrast"] == other_one.statistics["contrast"]
    assert steps == [(2 * n, 24) for n in range(1, 9)] + [(16 + n, 24) for n in range(1, 9)]
    with pytest.raises(InvalidValueError, match="photos_at_once must be at least 1, got 0"):
        estimate_kernels(images, config, keys=keys, seed=1, photos_at_once=0)


def test_estimate_kernels_says_how_many_iterations_it_did(photo: FloatArray) -> None:
    config = KernelGANConfig(
        iterations=400, constraints="realsr", learning_rate=1e-7, learning_rate_every=20
    )
    steps: list[tuple[int, int]] = []
    result = estimate_kernels(
        [photo], config, keys=["a"], seed=0, on_step=lambda *s: steps.append(s)
    )[0]
    assert result.settled
    assert result.statistics["iterations"] == 50
    assert steps[-1] == (400, 400)


def test_estimate_kernels_lets_an_interrupt_through(photo: FloatArray) -> None:
    def interrupt(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    threads = torch.get_num_threads()
    with pytest.raises(KeyboardInterrupt):
        estimate(photo, on_step=interrupt)
    assert torch.get_num_threads() == threads


def test_estimate_kernels_refuses_unsuitable_photos(photo: FloatArray) -> None:
    with pytest.raises(UnsuitablePhotoError, match="photo: 50×200 pixels are too small"):
        estimate(photo[:50])
    with pytest.raises(UnsuitablePhotoError, match="no edges"):
        estimate(np.full((200, 200, 3), 0.3, dtype=np.float32))


def test_estimate_kernels_stops_when_the_kernel_is_no_longer_finite(photo: FloatArray) -> None:
    with pytest.raises(DegradeError, match=r"no longer finite after .* use another `seed`"):
        estimate(photo, KernelGANConfig(iterations=60, learning_rate=1e18))


def test_estimate_kernels_refuses_a_device_that_is_not_there(photo: FloatArray) -> None:
    with pytest.raises(InvalidValueError, match="device must be cpu or cuda, got 'abacus'"):
        estimate(photo, device="abacus")
    with pytest.raises(InvalidValueError, match="'cuda:99' is not here"):
        estimate(photo, device="cuda:99")


def test_estimate_kernels_refuses_keys_that_do_not_match(photo: FloatArray) -> None:
    with pytest.raises(InvalidValueError, match="key for each of 1 images, got 2"):
        estimate(photo, keys=["a", "b"])


def test_estimate_kernels_runs_the_realsr_set(photo: FloatArray) -> None:
    result = estimate(photo, KernelGANConfig(iterations=60, constraints="realsr"))
    assert result.statistics["data_term"] < 0.5


def test_estimate_kernels_comes_near_a_known_kernel(astronaut: FloatArray) -> None:
    truth = gaussian_kernel(13, 2, (2.0, 1.3), angle=0.6)
    blurred = np.round(downsample(astronaut, truth) * 255).astype(np.float32) / 255
    found = estimate(blurred, KernelGANConfig(iterations=500)).kernel
    delta = np.zeros((13, 13), dtype=np.float32)
    delta[6:8, 6:8] = 0.25
    assert distance(found, truth) < 0.3 * distance(bicubic_kernel(2), truth)
    assert distance(found, truth) < 0.3 * distance(BlurKernel(delta, 2), truth)


@pytest.mark.slow
@pytest.mark.parametrize("constraints", ["kernelgan", "realsr"])
def test_estimate_kernels_settles(astronaut: FloatArray, constraints: str) -> None:
    truth = gaussian_kernel(13, 2, (1.8, 1.1), angle=1.0)
    config = KernelGANConfig(constraints=constraints)  # type: ignore[arg-type]
    result = estimate(downsample(astronaut, truth), config)
    assert result.settled
    assert result.statistics["raw_sum"] == pytest.approx(1, abs=0.1)
    if constraints == "kernelgan":
        assert distance(result.kernel, truth) < 0.3 * distance(bicubic_kernel(2), truth)

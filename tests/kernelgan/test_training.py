from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmarks.kernelgan_reference import ReferenceTraining, crop_from_phases
from degrade.arrays import FloatArray
from kernelgan.config import KernelGANConfig
from kernelgan.crops import CropPlan
from kernelgan.training import KernelTraining, train_kernels

CPU = torch.device("cpu")


def photo(seed: int) -> FloatArray:
    """Return noise with structure of every size; each seed has a size of its own."""
    height, width = 120 + 7 * seed, 131
    rng = np.random.default_rng(seed)
    spectrum = np.fft.fft2(rng.standard_normal((3, height, width)))
    rows, columns = np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)
    image = np.fft.ifft2(spectrum / (0.02 + np.hypot(rows, columns))).real
    image = (image - image.min()) / (image.max() - image.min())
    return np.ascontiguousarray(image.transpose(1, 2, 0), dtype=np.float32)


def plan(config: KernelGANConfig, image: FloatArray, seed: int) -> CropPlan:
    rng = np.random.default_rng(seed)

    def corners(side: int, step: int) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
        ends = [(size - side) // step + 1 for size in image.shape[:2]]
        return rng.integers(0, ends, (config.iterations, 2)) * step

    return CropPlan(corners(config.hr_crop, config.base_scale), corners(config.lr_crop, 1), 1.0)


def start(config: KernelGANConfig, *seeds: int) -> KernelTraining:
    images = [photo(seed) for seed in seeds]
    return KernelTraining(
        images,
        [plan(config, image, seed) for image, seed in zip(images, seeds, strict=True)],
        config,
        rngs=[torch.Generator().manual_seed(seed) for seed in seeds],
        device=CPU,
        dtype=torch.float64,
    )


def disturbed(config: KernelGANConfig, *seeds: int) -> KernelTraining:
    """Return a training with every parameter away from where it starts, as after a while.

    Gains of both signs, and kernels whose largest tap is 0.1 in size.
    """
    training = start(config, *seeds)
    generator, discriminator = training.generator, training.discriminator
    for index, seed in enumerate(seeds):
        rng = torch.Generator().manual_seed(seed)
        for parameters, size in ((generator.parameters, 0.02), (discriminator.parameters, 0.8)):
            for part in parameters.parts:
                part[index] += size * torch.randn(part.shape[1:], generator=rng, dtype=part.dtype)
        largest = float(generator.compose()[index].abs().max())
        for part in generator.parameters.parts:
            part[index] *= (0.1 / largest) ** (1 / len(generator.parameters.parts))
    generator.compose()
    return training


def with_late_terms(training: KernelTraining) -> KernelTraining:
    for _ in range(3):
        training.constraints.data_gradient(torch.zeros(len(training.kernels()), 3, 26, 26).double())
    training.constraints.advance(200)
    training.constraints.advance(400)
    assert all(training.constraints.complete())
    return training


def as_it_is(training: KernelTraining) -> KernelTraining:
    return training


def assert_near(got: Tensor, expected: Tensor, tolerance: float = 1e-11) -> None:
    largest = float(expected.abs().max())
    assert largest > 0
    assert float((got - expected).abs().max()) < tolerance * largest


def assert_same_step(training: KernelTraining, references: list[ReferenceTraining]) -> None:
    """Compare all gradients and new parameters after a step of all from the same state."""
    food = training.feed.take(training.done)
    training.step()
    generator, discriminator = training.generator, training.discriminator
    for index, reference in enumerate(references):
        turn = reference.step(
            crop_from_phases(food.phases[index]), food.real[index], food.noise[index]
        )
        data_term = float(turn.difference.detach().square().mean())
        assert training.data_terms()[index] == pytest.approx(data_term, rel=1e-11)
        networks = reference.networks
        for values, expected_of in (("parts", Tensor.detach), ("gradients", _gradient)):
            convs = generator.conv_weights(getattr(generator.parameters, values))
            for conv, expected in zip(convs, networks.generator, strict=True):
                assert_near(conv[index], expected_of(expected))
            flat = torch.cat(
                [v[index].flatten() for v in getattr(discriminator.parameters, values)]
            )
            sizes = [v.numel() for v in networks.discriminator]
            for got, expected in zip(flat.split(sizes), networks.discriminator, strict=True):
                assert_near(got, expected_of(expected).flatten())
        assert_near(torch.from_numpy(training.kernels()[index]), networks.kernel().detach())


def _gradient(parameter: Tensor) -> Tensor:
    assert parameter.grad is not None
    return parameter.grad


@pytest.mark.parametrize(
    ("settings", "prepare"),
    [
        ({}, as_it_is),
        ({}, with_late_terms),
        ({"constraints": "realsr"}, as_it_is),
        ({"scale": 3}, with_late_terms),
        ({"scale": 3, "constraints": "realsr"}, as_it_is),
    ],
)
def test_step_equals_plain_layers_with_autograd(
    settings: dict[str, object], prepare: Callable[[KernelTraining], KernelTraining]
) -> None:
    config = KernelGANConfig(iterations=16, channels=16, **settings)  # type: ignore[arg-type]
    training = prepare(disturbed(config, 1))
    reference = ReferenceTraining(training)
    for _ in range(2):
        assert_same_step(training, [reference])


def test_step_of_many_photos_equals_plain_layers_for_each() -> None:
    training = with_late_terms(disturbed(KernelGANConfig(iterations=16, channels=16), 1, 2, 3))
    references = [ReferenceTraining(training, index) for index in range(3)]
    for _ in range(2):
        assert_same_step(training, references)


def test_steps_of_many_photos_equal_those_of_each_alone() -> None:
    config = KernelGANConfig(iterations=20, channels=16)
    together, seeds = start(config, 1, 2, 3), (1, 2, 3)
    alone = [start(config, seed) for seed in seeds]
    for _ in range(18):
        together.step()
        for training in alone:
            training.step()
    for index, training in enumerate(alone):
        np.testing.assert_allclose(
            together.kernels()[index], training.kernels()[0], rtol=1e-7, atol=1e-12
        )


def test_learning_rate_falls_and_the_data_term_fades_in_the_run() -> None:
    config = KernelGANConfig(
        iterations=40, channels=8, learning_rate_every=10, bicubic_every=5, learning_rate=1e-3
    )
    training = start(config, 1)
    changes = []
    for _ in range(40):
        before = training.kernels()
        training.step()
        changes.append(np.abs(training.kernels() - before).sum())
    assert changes[9] > 3 * changes[12] > 0
    assert changes[29] > 3 * changes[32] > 0


def run(config: KernelGANConfig, *seeds: int) -> tuple[list[int], list[int]]:
    """Return the iterations of each photo and all numbers reported."""
    reports: list[int] = []
    ends = train_kernels(start(config, *seeds), [f"{seed}" for seed in seeds], reports.append)
    return [end.iterations for end in ends], reports


STILL = {"channels": 8, "constraints": "realsr", "learning_rate": 1e-7, "learning_rate_every": 20}
"""A run whose kernel hardly moves, with all terms at work from the start."""


def test_train_kernels_stops_when_all_kernels_have_settled() -> None:
    config = KernelGANConfig(iterations=400, **STILL)  # type: ignore[arg-type]
    iterations, reports = run(config, 1, 2)
    assert iterations == [50, 50]
    assert reports == [*range(1, 50), 400]


def test_train_kernels_does_not_stop_early_when_told_not_to() -> None:
    config = KernelGANConfig(iterations=120, early_stop=False, **STILL)  # type: ignore[arg-type]
    iterations, reports = run(config, 1)
    assert iterations == [120]
    assert reports == [*range(1, 121)]


def test_train_kernels_does_not_stop_before_the_rate_was_lowered() -> None:
    settings = {**STILL, "learning_rate_every": 100}
    iterations, _ = run(KernelGANConfig(iterations=400, **settings), 1)  # type: ignore[arg-type]
    assert iterations == [150]


def test_train_kernels_settles_only_with_all_terms_at_work() -> None:
    settings = {**STILL, "constraints": "kernelgan"}
    config = KernelGANConfig(iterations=100, **settings)  # type: ignore[arg-type]
    (end,) = train_kernels(start(config, 1), ["photo"], lambda done: None)
    assert end.iterations == 100
    assert end.drift < 0.1
    assert not end.settled

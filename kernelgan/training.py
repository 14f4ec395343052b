"""The training of one or many photos' networks, step by step, without autograd."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from degrade.arrays import FloatArray
from degrade.errors import DegradeError
from kernelgan.config import KernelGANConfig
from kernelgan.constraints import KernelConstraints
from kernelgan.crop_feed import CropFeed
from kernelgan.crops import CropPlan
from kernelgan.discriminator import PatchDiscriminator
from kernelgan.discriminator_pass import DiscriminatorPass
from kernelgan.generator import LinearGenerator
from kernelgan.parameters import Adam
from kernelgan.windows import CropWindows

__all__ = ["KernelTraining", "TrainingEnd", "train_kernels"]

_LOOK_EVERY = 50
_SETTLED_DRIFT = 0.1


class KernelTraining:
    """The state of the estimates of b photos; :meth:`step` does one iteration of each.

    The photos share the calls, nothing else. All derivatives are written out in the networks'
    modules; kernelgan/reference.py has the same step in plain layers for comparison.

    Parameters
    ----------
    images : sequence of (H, W, 3) float32 arrays
        RGB on [0, 1], of any sizes; never written to.
    plans : sequence of CropPlan
        Where their crops lie.
    config : KernelGANConfig
    rngs : sequence of torch.Generator
        A CPU generator for each photo, also when the networks run elsewhere, so that all devices
        see the same weights and noise.
    device : torch.device
    dtype : torch.dtype
        Of the computation.

    Attributes
    ----------
    done : int
        Iterations so far.
    """

    def __init__(
        self,
        images: Sequence[FloatArray],
        plans: Sequence[CropPlan],
        config: KernelGANConfig,
        *,
        rngs: Sequence[torch.Generator],
        device: torch.device,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        like = torch.empty(0, dtype=dtype, device=device)
        self.config = config
        self.generator = LinearGenerator(
            conv_sizes=config.conv_sizes, channels=config.channels, rngs=rngs, like=like
        )
        self.discriminator = PatchDiscriminator(channels=config.channels, rngs=rngs, like=like)
        self.constraints = KernelConstraints(config, len(images), like)
        self.feed = CropFeed(images, plans, config, rngs=rngs, like=like)
        side = config.lr_crop
        self._windows = CropWindows(len(images), config.base_scale, side, like)
        self._on_fake = DiscriminatorPass(self.discriminator, 1, side)
        self._on_both = DiscriminatorPass(self.discriminator, 2, side)
        self._optimisers = [
            Adam(network.parameters, config.learning_rate)
            for network in (self.generator, self.discriminator)
        ]
        # Of the mean of (|1 - D(real)| + |D(fake)|) / 2 by the map; |1 - D| = 1 - D below 1.
        pixels = (side - 6) ** 2
        self._by_fake = -1 / pixels
        self._by_both = like.new_tensor([[-0.5], [0.5]]) / pixels
        self._kernel = self.generator.compose()
        # The kernels and the bicubic one, which downscale the same windows.
        self._both_kernels = torch.stack((self._kernel, self._kernel), 1)
        self._both_kernels[:, 1] = self.constraints.bicubic
        self._crops_BNCHW = like.new_empty(len(images), 2, 3, side, side)
        self.done = 0

    def kernels(self) -> FloatArray:
        """Return the generators' kernels, (b, K, K)."""
        weights: FloatArray = self._kernel.cpu().numpy().copy()
        return weights

    def data_terms(self) -> list[float]:
        """Return the mean squared differences to the bicubic downscale at the last step."""
        values: list[float] = self.constraints.data_term.tolist()
        return values

    @torch.inference_mode()
    def step(self) -> None:
        """Train the generators, then the discriminators, on the next pairs of crops."""
        phases, real_BCHW, noise_BTCHW = self.feed.take(self.done)
        self._windows.load(phases)
        self.discriminator.normalise()
        self._train_generator(noise_BTCHW[:, 0])
        (fake_BCHW,) = self._windows.downscale(self._kernel.unsqueeze(1)).unbind(1)
        torch.add(real_BCHW, noise_BTCHW[:, 1], out=self._crops_BNCHW[:, 0])
        torch.add(fake_BCHW, noise_BTCHW[:, 2], out=self._crops_BNCHW[:, 1])
        self._train_discriminator(self._crops_BNCHW)
        self.done += 1
        self.constraints.advance(self.done)
        if self.done % self.config.learning_rate_every == 0:
            for optimiser in self._optimisers:
                optimiser.rate /= 10

    def _train_generator(self, noise_BCHW: Tensor) -> None:
        self._both_kernels[:, 0] = self._kernel
        fake_BCHW, ideal_BCHW = self._windows.downscale(self._both_kernels).unbind(1)
        self._on_fake.forward(fake_BCHW + noise_BCHW)
        by_fake = self._on_fake.image_gradient(self._by_fake)
        by_fake += self.constraints.data_gradient(fake_BCHW - ideal_BCHW)
        by_kernel = self._windows.kernel_gradient(by_fake)
        self.generator.set_gradient(by_kernel + self.constraints.kernel_gradient(self._kernel))
        self._optimisers[0].step()
        self._kernel = self.generator.compose()

    def _train_discriminator(self, crops_BNCHW: Tensor) -> None:
        self._on_both.forward(crops_BNCHW.flatten(0, 1))
        self._on_both.set_gradient(self._by_both)
        self._optimisers[1].step()


@dataclass(frozen=True, slots=True, eq=False)
class TrainingEnd:
    """Where one photo's training ended.

    Attributes
    ----------
    weights : (K, K) array
        The generator's kernel.
    iterations : int
    settled : bool
        Whether all terms were at work in the last quarter and the drift was below 0.1.
    drift : float
        Sum of the kernel's absolute changes in the last quarter.
    data_term : float
        Mean squared difference to the bicubic downscale at the last step.
    """

    weights: FloatArray
    iterations: int
    settled: bool
    drift: float
    data_term: float


def train_kernels(
    training: KernelTraining, keys: Sequence[str], report: Callable[[int], None]
) -> list[TrainingEnd]:
    """Train until the iterations are used up or, if the config says so, all kernels have settled.

    A photo's end is what it was when it settled, also when others go on. No photo ends before the
    learning rate has been lowered once.

    Parameters
    ----------
    training : KernelTraining
        At its first step.
    keys : sequence of str
        The photos' names, for errors.
    report : callable
        Called with the iterations done; the last time with all of them.

    Raises
    ------
    DegradeError
        A kernel is no longer finite.
    """
    config = training.config
    every = max(1, min(_LOOK_EVERY, config.iterations // 4))
    looks = [(training.kernels(), training.constraints.complete())]
    ends: list[TrainingEnd | None] = [None] * len(keys)
    while None in ends:
        training.step()
        done = training.done
        if done % every == 0 or done == config.iterations:
            now = training.kernels()
            _check_finite(now, keys, done)
            if done % every == 0:
                looks.append((now, training.constraints.complete()))
            before, complete = looks[done * 3 // 4 // every]
            drifts = np.abs(now - before).sum((1, 2), dtype=np.float64).tolist()
            terms = training.data_terms()
            may_end = config.early_stop and done > config.learning_rate_every
            for index, drift in enumerate(drifts):
                settled = complete[index] and drift < _SETTLED_DRIFT
                if ends[index] is None and (done == config.iterations or (settled and may_end)):
                    ends[index] = TrainingEnd(now[index], done, settled, drift, terms[index])
        report(config.iterations if None not in ends else done)
    return [end for end in ends if end is not None]


def _check_finite(kernels: FloatArray, keys: Sequence[str], done: int) -> None:
    for weights, key in zip(kernels, keys, strict=True):
        if not np.isfinite(weights).all():
            raise DegradeError(
                f"{key}: the kernel is no longer finite after {done} iterations; "
                "use another `seed` or a smaller learning rate"
            )

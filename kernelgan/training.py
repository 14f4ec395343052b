"""One photo's training: generator and discriminator, step by step."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from degrade.arrays import FloatArray
from kernelgan.config import KernelGANConfig
from kernelgan.constraints import KernelConstraints
from kernelgan.crops import CropPlan
from kernelgan.discriminator import DiscriminatorWeights, PatchDiscriminator
from kernelgan.generator import LinearGenerator, extract_windows

__all__ = ["KernelTraining"]

_BETAS = (0.5, 0.999)
_NOISE_BLOCK = 64


class KernelTraining:
    """The state of one photo's estimate; :meth:`step` does one iteration.

    Parameters
    ----------
    image : (H, W, 3) float32 array
        RGB on [0, 1]; never written to.
    crops : CropPlan
        Where its crops lie.
    config : KernelGANConfig
    rng : torch.Generator
        A CPU generator, also when the networks run elsewhere, so that all devices see the same
        weights and noise.
    device : torch.device
    """

    def __init__(
        self,
        image: FloatArray,
        crops: CropPlan,
        config: KernelGANConfig,
        *,
        rng: torch.Generator,
        device: torch.device,
    ) -> None:
        self.config = config
        self._crops = crops
        self._rng = rng
        self._device = device
        planes = np.ascontiguousarray(image.transpose(2, 0, 1)) * np.float32(2) - np.float32(1)
        self._image_CHW = torch.from_numpy(planes).to(device)
        self.generator = LinearGenerator(
            conv_sizes=config.conv_sizes,
            channels=config.channels,
            scale=config.base_scale,
            rng=rng,
        ).to(device)
        self.discriminator = PatchDiscriminator(channels=config.channels, rng=rng).to(device)
        self.constraints = KernelConstraints(config, device)
        self._optimisers = [
            torch.optim.Adam(
                network.parameters(), lr=config.learning_rate, betas=_BETAS, fused=True
            )
            for network in (self.generator, self.discriminator)
        ]
        self._noise = torch.empty(0)
        self.done = 0
        self._last_difference = torch.full((1,), torch.nan)

    def kernel(self) -> FloatArray:
        """Return the generator's kernel, (K, K)."""
        with torch.no_grad():
            weights: FloatArray = self.generator.compose().cpu().numpy()
        return weights

    def data_term(self) -> float:
        """Return the mean squared difference to the bicubic downscale at the last step."""
        return self._last_difference.square().mean().item()

    def step(self) -> None:
        """Train the generator, then the discriminator, on the next pair of crops."""
        config = self.config
        hr_CHW = self._cut(self._crops.hr[self.done], config.hr_crop)
        real_CHW = self._cut(self._crops.lr[self.done], config.lr_crop)
        noise_TCHW = self._next_noise()
        weights = self.discriminator.normalised_weights()
        windows, _ = extract_windows(hr_CHW, config.kernel_size, config.base_scale)
        self._train_generator(hr_CHW, windows, noise_TCHW[0], weights)
        with torch.no_grad():
            fake_CHW = self._downscale(hr_CHW, windows, self.generator.compose())
        self._train_discriminator(torch.stack((real_CHW, fake_CHW)).add_(noise_TCHW[1:]), weights)
        self.done += 1
        self.constraints.advance(self.done)
        if self.done % config.learning_rate_every == 0:
            for optimiser in self._optimisers:
                for group in optimiser.param_groups:
                    group["lr"] /= 10

    def _downscale(self, hr_CHW: Tensor, windows: Tensor, kernel: Tensor) -> Tensor:
        """Return the generator's (3, h, w) output for a crop whose windows are at hand."""
        side = self.config.lr_crop
        return (windows @ kernel.flatten()).view(len(hr_CHW), side, side)

    def _train_generator(
        self, hr_CHW: Tensor, windows: Tensor, noise_CHW: Tensor, weights: DiscriminatorWeights
    ) -> None:
        kernel = self.generator.compose()
        fake_CHW = self._downscale(hr_CHW, windows, kernel)
        first, hidden, last = (weight.detach() for weight in weights)
        looks_real = self.discriminator((fake_CHW + noise_CHW)[None], (first, hidden, last))
        difference = self.constraints.data_difference(windows, fake_CHW.flatten())
        loss = (1 - looks_real).abs().mean() + self.constraints.penalty(kernel, difference)
        self._optimise(0, loss)
        self._last_difference = difference.detach()

    def _train_discriminator(self, crops_NCHW: Tensor, weights: DiscriminatorWeights) -> None:
        real, fake = self.discriminator(crops_NCHW, weights)
        loss = ((1 - real).abs().mean() + fake.abs().mean()) / 2
        self._optimise(1, loss)

    def _optimise(self, which: int, loss: Tensor) -> None:
        optimiser = self._optimisers[which]
        parameters = optimiser.param_groups[0]["params"]
        for parameter, gradient in zip(
            parameters, torch.autograd.grad(loss, parameters), strict=True
        ):
            parameter.grad = gradient
        optimiser.step()

    def _cut(self, corner: npt.NDArray[np.int64], side: int) -> Tensor:
        top, left = (int(value) for value in corner)
        return self._image_CHW[:, top : top + side, left : left + side]

    def _next_noise(self) -> Tensor:
        """Return (3, 3, h, w) white noise: for the generator's turn, for real, for fake."""
        position = self.done % _NOISE_BLOCK
        if position == 0:
            side = self.config.lr_crop
            block = torch.randn(_NOISE_BLOCK, 3, 3, side, side, generator=self._rng)
            self._noise = (block * self.config.noise_level).to(self._device)
        return self._noise[position]

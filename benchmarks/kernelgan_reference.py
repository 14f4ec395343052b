"""The same training in plain layers and autograd: slow, short, and what the fast one must equal.

The generator is six convs, the discriminator seven with BatchNorm and ReLU, as published. Tests
compare every output and derivative with :class:`kernelgan.training.KernelTraining`; the benchmark
compares the time. Nothing else uses it.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from degrade.kernels import bicubic_kernel, crop_or_pad_kernel, phase_centre
from kernelgan.training import KernelTraining

__all__ = ["ReferenceNetworks", "ReferenceTraining", "crop_from_phases"]

_EPSILON = 1e-5
_SMALLEST_TAP = 1e-6


class ReferenceNetworks:
    """Both networks of one photo.

    Parameters
    ----------
    training : KernelTraining
        Whose state is copied.
    photo : int
        Which of its photos.

    Attributes
    ----------
    generator : list of (n_out, n_in, size, size) tensors
    convs : list of tensors
        The discriminator's, as matrices (n_out, n_in·size²).
    directions : list of (n_out, 1) tensors
        The left singular vectors so far.
    bias, gains, shifts : tensor, lists of tensors
        Of the last conv, and of BatchNorm.
    """

    def __init__(self, training: KernelTraining, photo: int = 0) -> None:
        def own(values: Tensor) -> Tensor:
            return torch.tensor(values.numpy()).requires_grad_()

        generator, discriminator = training.generator, training.discriminator
        self.generator = [own(w[photo]) for w in generator.conv_weights(generator.parameters.parts)]
        first, hidden, last, bias, gains, shifts = (
            part[photo] for part in discriminator.parameters.parts
        )
        self.convs = [own(weight) for weight in (first, *hidden, last)]
        self.bias = own(bias.flatten())
        self.gains, self.shifts = ([own(v.flatten()) for v in part] for part in (gains, shifts))
        first_u, hidden_u, last_u = (
            norm.directions.view(
                len(training.constraints.bicubic_weight), -1, *norm.directions.shape[1:]
            )[photo]
            for norm in discriminator.norms
        )
        self.directions = [own(u).detach() for u in (*first_u, *hidden_u, *last_u)]
        self.scale = training.config.base_scale

    @property
    def discriminator(self) -> list[Tensor]:
        """The discriminator's parameters in the order of those of ``PatchDiscriminator``."""
        return [*self.convs, self.bias, *self.gains, *self.shifts]

    def downscale(self, images_NCHW: Tensor) -> Tensor:
        """Run the generator's convs on each channel."""
        features = images_NCHW.flatten(0, 1).unsqueeze(1)
        *before, last = self.generator
        for weight in before:
            features = F.conv2d(features, weight)
        features = F.conv2d(features, last, stride=self.scale)
        return features.view(*images_NCHW.shape[:2], *features.shape[2:])

    def kernel(self) -> Tensor:
        """Return the generator's impulse response as a correlation kernel, (K, K)."""
        size = sum(weight.shape[-1] - 1 for weight in self.generator) + 1
        features = torch.zeros(1, 1, 2 * size - 1, 2 * size - 1, dtype=self.bias.dtype)
        features[..., size - 1, size - 1] = 1
        for weight in self.generator:
            features = F.conv2d(features, weight)
        return features[0, 0].flip(0, 1)

    def normalised_convs(self) -> list[Tensor]:
        """Do one power iteration; return the discriminator's convs over their singular values."""
        normalised = []
        for index, (weight, left) in enumerate(zip(self.convs, self.directions, strict=True)):
            with torch.no_grad():
                right = F.normalize(weight.T @ left, dim=0)
                left = F.normalize(weight @ right, dim=0)
            self.directions[index] = left
            matrix = weight / (left.T @ weight @ right)
            normalised.append(matrix.view(len(weight), *((3, 7, 7) if index == 0 else (-1, 1, 1))))
        return normalised

    def looks_real(self, image_CHW: Tensor, convs: list[Tensor]) -> Tensor:
        """Run the discriminator on one image: its (h, w) map."""
        first, *hidden, last = convs
        features = F.conv2d(image_CHW[None], first)
        for weight, gain, shift in zip(hidden, self.gains, self.shifts, strict=True):
            features = F.conv2d(features, weight)
            features = F.batch_norm(
                features, None, None, gain, shift, training=True, eps=_EPSILON
            ).relu()
        return F.conv2d(features, last, self.bias).sigmoid()[0, 0]


class GeneratorTurn(NamedTuple):
    """What the generator's turn comes to.

    Attributes
    ----------
    loss : () tensor
    kernel : (K, K) tensor
    fake, map, difference : tensors
        The generator's output, the discriminator's, and the output less the bicubic downscale.
    """

    loss: Tensor
    kernel: Tensor
    fake: Tensor
    map: Tensor
    difference: Tensor


class ReferenceTraining:
    """One photo's training from a saved state on.

    Parameters
    ----------
    training : KernelTraining
        Whose state is copied; Adam starts anew.
    photo : int
        Which of its photos.
    """

    def __init__(self, training: KernelTraining, photo: int = 0) -> None:
        self.config = training.config
        self.networks = networks = ReferenceNetworks(training, photo)
        self.bicubic_weight = float(training.constraints.bicubic_weight[photo])
        self.complete = training.constraints.complete()[photo]
        self._optimisers = [
            torch.optim.Adam(parameters, lr=training.config.learning_rate, betas=(0.5, 0.999))
            for parameters in (networks.generator, networks.discriminator)
        ]
        bicubic = crop_or_pad_kernel(
            bicubic_kernel(networks.scale).weights, training.config.kernel_size
        )
        self._bicubic = torch.tensor(bicubic, dtype=networks.bias.dtype)[None, None]

    def step(self, hr_CHW: Tensor, real_CHW: Tensor, noise_TCHW: Tensor) -> GeneratorTurn:
        """Do what ``KernelTraining.step`` does, on given crops and noise.

        Returns the generator's turn, before its weights were changed.
        """
        networks = self.networks
        convs = networks.normalised_convs()
        turn = self.generator_turn(hr_CHW, noise_TCHW[0], convs)
        self._optimise(0, turn.loss, networks.generator)
        with torch.no_grad():
            fake_CHW = networks.downscale(hr_CHW[None])[0]
        loss, _ = self.discriminator_turn(real_CHW, fake_CHW, noise_TCHW[1:], convs)
        self._optimise(1, loss, networks.discriminator)
        return turn

    def generator_turn(
        self, hr_CHW: Tensor, noise_CHW: Tensor, convs: list[Tensor]
    ) -> GeneratorTurn:
        """Return the generator's loss and what it is made of."""
        networks = self.networks
        fake = networks.downscale(hr_CHW[None])[0]
        ideal = F.conv2d(hr_CHW[:, None], self._bicubic, stride=networks.scale)[:, 0]
        looks = networks.looks_real(fake + noise_CHW, [weight.detach() for weight in convs])
        kernel = networks.kernel()
        loss = (1 - looks).abs().mean() + self.penalty(kernel, fake - ideal)
        return GeneratorTurn(loss, kernel, fake, looks, fake - ideal)

    def discriminator_turn(
        self, real_CHW: Tensor, fake_CHW: Tensor, noise_TCHW: Tensor, convs: list[Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Return the discriminator's loss and its (2, h, w) maps."""
        real = self.networks.looks_real(real_CHW + noise_TCHW[0], convs)
        fake = self.networks.looks_real(fake_CHW + noise_TCHW[1], convs)
        loss = ((1 - real).abs().mean() + fake.abs().mean()) / 2
        return loss, torch.stack((real, fake))

    def penalty(self, kernel: Tensor, difference: Tensor) -> Tensor:
        """Return the weighted sum of the terms beside the adversarial one."""
        config = self.config
        total = kernel.sum()
        size = len(kernel)
        axis = torch.arange(size, dtype=kernel.dtype) - phase_centre(size, config.base_scale)
        rows, columns = torch.meshgrid(axis, axis, indexing="ij")
        mask = torch.exp(torch.hypot(rows, columns) * 2 / config.base_scale - 4.5)
        if config.constraints == "realsr":
            return difference.abs().mean() + (1 - total).abs() + (kernel * mask).sum().abs()
        loss = self.bicubic_weight * difference.square().mean()
        loss = loss + config.sum_weight * (1 - total).abs()
        loss = loss + config.boundary_weight * (kernel.abs() * mask).mean()
        if self.complete:
            roots = kernel.abs().clamp(min=_SMALLEST_TAP) ** 0.2
            loss = loss + config.sparsity_weight * roots.mean()
            squares = [((kernel * places).sum() / total).square() for places in (rows, columns)]
            loss = loss + config.centre_weight * sum(squares) / 2
        return loss

    def _optimise(self, which: int, loss: Tensor, parameters: list[Tensor]) -> None:
        for parameter, gradient in zip(
            parameters, torch.autograd.grad(loss, parameters), strict=True
        ):
            parameter.grad = gradient
        self._optimisers[which].step()


def crop_from_phases(phases: Tensor) -> Tensor:
    """Return the (3, 32·s, 32·s) crop of which [p, q] holds the pixels [p::s, q::s]."""
    scale, _, channels, side, _ = phases.shape
    return phases.permute(2, 3, 0, 4, 1).reshape(channels, side * scale, side * scale)

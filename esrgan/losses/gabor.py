"""Features without weights: the local strength of stripes, by orientation and size."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from degrade.errors import InvalidValueError
from esrgan.losses.tensors import widened, without_autocast

__all__ = ["GABOR_LAYERS", "GaborFeatures"]

_OCTAVES = 3
_ORIENTATIONS = 4
_WAVELENGTH = 4.0
# An envelope of one octave bandwidth, Daugman 1985.
_SIGMA = 0.56 * _WAVELENGTH
_RADIUS = 5
_EPSILON = 1e-4

GABOR_LAYERS: Final[Mapping[str, float]] = {"energy1": 1.0, "energy2": 1.0, "energy3": 1.0}
"""A layer set for the content loss."""


class GaborFeatures(nn.Module):
    """Gabor filters on an image pyramid: for those who cannot get VGG19's weights.

    **This is not the published perceptual loss**, nor near it: nothing here was learned from
    images, nothing responds to anything beyond edges and gratings, and no paper's weights or
    results apply. It asks that SR has as much detail as HR in each place, size and direction,
    forgiving a shift of that detail by a fraction of its wavelength, which a pixel loss does not.

    Each octave n (side / 2ⁿ⁻¹, binomially smoothed) is filtered, channel by channel, with pairs of
    an even and an odd Gabor filter of 4 pixels' wavelength (so 4, 8 and 16 pixels of the image)
    in 4 directions. ``gaborN`` are the responses (B, 24, H/2ⁿ⁻¹, W/2ⁿ⁻¹), the even ones of each
    channel before the odd ones; ``energyN`` (B, 12, …) their length √(even² + odd² + ε²), ε = 1e-4:
    the amplitude of a grating on [0, 1] of that direction and wavelength. Constants give 0 (energy:
    ε). Borders repeat the edge pixel. Always computed in float32 or better.

    References
    ----------
    Daugman, "Uncertainty relation for resolution in space, spatial frequency, and orientation
    optimized by two-dimensional visual cortical filters", JOSA A 1985. The lengths over pairs are
    the first order of Bruna and Mallat, "Invariant Scattering Convolution Networks", TPAMI 2013,
    without its averaging.
    """

    LAYER_NAMES: Final = tuple(
        f"{kind}{octave}" for octave in range(1, _OCTAVES + 1) for kind in ("gabor", "energy")
    )

    filters: Tensor
    smoothing: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("filters", _gabor_filters(), persistent=False)
        taps = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0], device="cpu") / 16
        self.register_buffer("smoothing", torch.outer(taps, taps)[None, None], persistent=False)

    @property
    def layer_names(self) -> tuple[str, ...]:
        """All layers, from the shallowest to the deepest."""
        return self.LAYER_NAMES

    def forward(self, image_BCHW: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """Return the named layers of RGB on [0, 1].

        Raises
        ------
        InvalidValueError
            There is no such layer.
        """
        unknown = sorted(set(layers).difference(self.LAYER_NAMES))
        if unknown:
            names = ", ".join(self.LAYER_NAMES)
            raise InvalidValueError(f"the Gabor features have the layers {names}; got {unknown[0]}")
        found: dict[str, Tensor] = {}
        deepest = max([0, *[int(name[-1]) for name in layers]])
        with without_autocast(image_BCHW):
            x_BCHW = widened(image_BCHW)
            for octave in range(1, deepest + 1):
                if octave > 1:
                    x_BCHW = _filtered(x_BCHW, self.smoothing, stride=2)
                here = {f"gabor{octave}", f"energy{octave}"}.intersection(layers)
                if here:
                    found |= self._octave(x_BCHW, octave, here)
        return found

    def _octave(self, image_BCHW: Tensor, octave: int, names: set[str]) -> dict[str, Tensor]:
        responses_BFHW = _filtered(image_BCHW, self.filters)
        found = {f"gabor{octave}": responses_BFHW}
        if f"energy{octave}" in names:
            batch, channels, height, width = image_BCHW.shape
            pairs = responses_BFHW.view(batch, channels, 2, _ORIENTATIONS, height, width)
            energy = (pairs.square().sum(2) + _EPSILON**2).sqrt()
            found[f"energy{octave}"] = energy.flatten(1, 2)
        return {name: found[name] for name in names}


def _filtered(image_BCHW: Tensor, filters_F1KK: Tensor, stride: int = 1) -> Tensor:
    """Correlate each channel with each filter; F responses of a channel lie together."""
    channels, radius = image_BCHW.shape[1], filters_F1KK.shape[-1] // 2
    padded_BCHW = functional.pad(image_BCHW, (radius,) * 4, mode="replicate")
    per_channel = filters_F1KK.to(image_BCHW.dtype).repeat(channels, 1, 1, 1)
    return functional.conv2d(padded_BCHW, per_channel, stride=stride, groups=channels)


def _gabor_filters() -> Tensor:
    """Return (8, 1, 11, 11) filters: even ones of each direction, then the odd ones."""
    line = torch.arange(-_RADIUS, _RADIUS + 1, dtype=torch.float64, device="cpu")
    rows, columns = torch.meshgrid(line, line, indexing="ij")
    envelope = torch.exp(-(rows.square() + columns.square()) / (2 * _SIGMA**2))
    envelope /= envelope.sum()
    even, odd = [], []
    for number in range(_ORIENTATIONS):
        angle = math.pi * number / _ORIENTATIONS
        phase = 2 * math.pi / _WAVELENGTH * (columns * math.cos(angle) + rows * math.sin(angle))
        # Twice, because a grating's other half turns the other way and gives nothing. The even
        # filter's mean is taken off with the envelope's own shape, so that a constant gives 0.
        even.append(2 * envelope * (phase.cos() - (envelope * phase.cos()).sum()))
        odd.append(2 * envelope * phase.sin())
    return torch.stack([*even, *odd])[:, None].float()

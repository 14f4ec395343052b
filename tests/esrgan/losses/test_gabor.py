from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import ndimage

from degrade.errors import InvalidValueError
from esrgan.losses import GABOR_LAYERS, GaborFeatures, content_loss, pair_features
from tests.rounding import gamma

ALL = GaborFeatures.LAYER_NAMES


def grating(wavelength: float, angle: float, shift: float = 0.0, side: int = 96) -> torch.Tensor:
    rows, columns = np.mgrid[:side, :side]
    along = columns * np.cos(angle) + rows * np.sin(angle)
    stripes = 0.5 + 0.3 * np.cos(2 * np.pi * (along + shift) / wavelength)
    return torch.from_numpy(stripes).float().expand(1, 3, side, side)


def test_gabor_features_have_their_shapes_and_follow_the_formula() -> None:
    image = torch.rand(2, 3, 21, 16, dtype=torch.float64)
    found = GaborFeatures()(image, ALL)
    assert set(found) == set(ALL)
    assert [tuple(found[f"energy{n}"].shape) for n in (1, 2, 3)] == [
        (2, 12, 21, 16), (2, 12, 11, 8), (2, 12, 6, 4),
    ]  # fmt: skip
    assert found["gabor3"].shape == (2, 24, 6, 4)
    # Octave 2, green, at 45°: filters made anew from the formula.
    smooth = np.array([1, 4, 6, 4, 1]) / 16
    green = ndimage.correlate(image[1, 1].numpy(), np.outer(smooth, smooth), mode="nearest")
    rows, columns = np.mgrid[-5:6, -5:6]
    envelope = np.exp(-(rows**2 + columns**2) / (2 * (0.56 * 4) ** 2))
    envelope /= envelope.sum()
    wave = np.exp(2j * np.pi / 4 * (columns + rows) * math.sqrt(0.5))
    even = 2 * envelope * (wave.real - (envelope * wave.real).sum())
    filters = (even, 2 * envelope * wave.imag)
    parts = [ndimage.correlate(green[::2, ::2], taps, mode="nearest") for taps in filters]
    # The filters' taps are rounded to float32, and applied in float64 to values on [0, 1].
    rounded = gamma(2) * np.abs(filters).sum(axis=(1, 2)).max()
    for place, part in zip((8 + 1, 8 + 4 + 1), parts, strict=True):
        np.testing.assert_allclose(found["gabor2"][1, place], part, rtol=0, atol=rounded)
    energy = np.sqrt(parts[0] ** 2 + parts[1] ** 2 + 1e-8)
    np.testing.assert_allclose(found["energy2"][1, 4 + 1], energy, rtol=0, atol=2 * rounded)


@pytest.mark.parametrize("octave", [1, 2, 3])
@pytest.mark.parametrize("direction", range(4))
def test_energy_is_the_amplitude_of_its_own_grating(octave: int, direction: int) -> None:
    found = GaborFeatures()(grating(2.0 ** (octave + 1), math.pi * direction / 4), GABOR_LAYERS)
    middle = {
        name: e[0, :4, 8:-8, 8:-8].mean((1, 2)) for name, e in found.items() if e.shape[2] > 20
    }
    energies = middle[f"energy{octave}"]
    # Smoothing takes some of the larger wavelengths' amplitude off.
    assert 0.6 * 0.3 < float(energies[direction]) < 1.05 * 0.3
    assert int(energies.argmax()) == direction
    assert max(float(e.max()) for e in middle.values()) == pytest.approx(float(energies.max()))


def test_gabor_features_ignore_constants_and_the_phase_of_a_grating() -> None:
    flat = GaborFeatures()(torch.full((1, 3, 32, 32), 0.7), ALL)
    assert all(float(f.abs().max()) <= 1.1e-4 for f in flat.values())
    still, moved = grating(4, 0), grating(4, 0, shift=1)
    layers = {"energy1": 1.0}
    network = GaborFeatures()
    loss = content_loss(*pair_features(network, moved, still, layers), layers)
    pixels = float((moved - still).abs().mean())
    assert float(loss) < 0.05 * pixels


def test_gabor_features_are_the_same_each_time_and_never_learn() -> None:
    before = torch.random.get_rng_state()
    first, second = GaborFeatures(), GaborFeatures()
    assert torch.equal(torch.random.get_rng_state(), before)
    image = torch.rand(1, 3, 24, 24)
    for name, value in first(image, ALL).items():
        assert torch.equal(value, second(image, ALL)[name])
    assert not list(first.parameters()) and not first.state_dict()


def test_gabor_features_have_the_gradient_of_their_value() -> None:
    network = GaborFeatures().double()
    hr = torch.rand(1, 1, 7, 6, dtype=torch.float64)
    sr = torch.rand(1, 1, 7, 6, dtype=torch.float64, requires_grad=True)

    def loss(image: torch.Tensor) -> torch.Tensor:
        features = pair_features(network, image, hr, GABOR_LAYERS)
        return content_loss(*features, GABOR_LAYERS, distance="l2")

    torch.autograd.gradcheck(loss, (sr,))


def test_gabor_features_stay_float32_in_mixed_precision() -> None:
    image = torch.rand(1, 3, 16, 16)
    network = GaborFeatures()
    with torch.autocast("cpu", torch.bfloat16):
        mixed = network(image, ALL)
    for name, value in network(image, ALL).items():
        assert torch.equal(mixed[name], value)


def test_gabor_features_compute_only_what_is_asked() -> None:
    assert set(GaborFeatures()(torch.rand(1, 3, 9, 9), ("gabor2",))) == {"gabor2"}
    assert GaborFeatures()(torch.rand(1, 3, 9, 9), ()) == {}
    with pytest.raises(InvalidValueError, match=r"gabor1, energy1.*got conv5_4"):
        GaborFeatures()(torch.rand(1, 3, 9, 9), ("conv5_4",))

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from degrade.arrays import round_to_u8
from degrade.artifacts import compare_repair
from degrade.errors import InvalidValueError
from degrade.luma import luma
from esrgan.losses import energy_loss, texture_energy


def images(side: int = 40) -> torch.Tensor:
    """Return two images with texture on one half, from a generator of their own."""
    drawn = np.random.default_rng(3).normal(0.5, 0.1, (2, 3, side, side))
    drawn[..., side // 2 :] = 0.5
    return torch.from_numpy(np.clip(drawn, 0, 1))


def test_texture_energy_is_the_formula() -> None:
    found = texture_energy(images()).numpy()
    for number, image in enumerate(images().numpy()):
        levels = luma(image.transpose(1, 2, 0).astype(np.float32)).astype(np.float64)
        fine = levels - cv2.GaussianBlur(levels, (13, 13), 1.5)
        assert found[number] == pytest.approx(np.square(fine[6:-6, 6:-6]).mean(), rel=1e-5)


def test_texture_energy_is_that_by_which_tuned_networks_are_judged() -> None:
    strong = images(96)[0]
    weak = 0.5 + 0.8 * (strong - 0.5)
    shown = [round_to_u8(255 * each.permute(1, 2, 0).numpy()) for each in (strong, weak)]
    nothing = np.zeros(shown[0].shape[:2], bool)
    judged = compare_repair(shown[0], shown[1], nothing, nothing).texture
    energies = [float(texture_energy(each[None])) for each in (strong, weak)]
    assert energies[1] / energies[0] == pytest.approx(0.64, rel=1e-6)
    assert judged == pytest.approx(0.64, rel=0.02)


def test_energy_loss_of_other_texture_of_one_strength_is_0() -> None:
    hr = images()
    assert float(energy_loss(1 - hr.flip(2), hr)) == pytest.approx(0, abs=1e-15)
    assert float(energy_loss(0.5 + 0.5 * (hr - 0.5), hr)) == pytest.approx(
        0.75 * float(texture_energy(hr).mean()), rel=1e-9
    )


def test_energy_loss_lets_no_excess_near_flagged_areas_make_good_what_is_lost_elsewhere() -> None:
    hr = torch.cat([images(), images().flip(3)], dim=3)
    near_flagged = torch.zeros_like(hr[:, :1])
    near_flagged[..., :40] = 1
    # Both halves have as much texture; one has 1.5 times that energy in SR, the other half of it.
    sr = 0.5 + torch.where(near_flagged > 0, 1.5**0.5, 0.5**0.5) * (hr - 0.5)
    energy = float(texture_energy(hr).mean())
    assert float(energy_loss(sr, hr)) == pytest.approx(0, abs=1e-9)
    assert float(energy_loss(sr, hr, near_flagged)) == pytest.approx(0.25 * energy)
    sr = 0.5 + 0.5 * (hr - 0.5)
    assert float(energy_loss(sr, hr, torch.zeros_like(near_flagged))) == pytest.approx(
        0.75 * energy
    )
    assert float(energy_loss(sr, hr, torch.ones_like(near_flagged))) == 0
    with pytest.raises(InvalidValueError, match="does not fit images"):
        energy_loss(sr, hr, near_flagged[..., 1:])


def test_energy_loss_gives_texture_back_that_a_pixel_loss_takes() -> None:
    """Where either of two textures may be right, squares alone are least with half of it."""
    first = images()[:1]
    other = 1 - first
    strengths = []
    for weight in (0.0, 2.0):
        strength = torch.tensor(0.1, dtype=torch.float64, requires_grad=True)
        optimizer = torch.optim.Adam([strength], lr=0.02)
        for _ in range(300):
            loss = torch.zeros((), dtype=torch.float64)
            for target in (first, first, first, other):
                sr = 0.5 + strength * (first - 0.5)
                loss = loss + (sr - target).square().mean() + weight * energy_loss(sr, target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        strengths.append(float(strength.detach()))
    assert strengths[0] == pytest.approx(0.5, abs=0.02)
    assert strengths[1] == pytest.approx(1, abs=0.05)


def test_energy_loss_of_equal_images_has_a_gradient_of_0() -> None:
    image = images().requires_grad_()
    loss = energy_loss(image, image.detach().clone())
    loss.backward()
    assert loss.item() == 0 and image.grad is not None and not image.grad.any()


def test_energy_loss_refuses_what_it_cannot_compare() -> None:
    with pytest.raises(InvalidValueError, match="one shape"):
        energy_loss(torch.rand(1, 3, 20, 20), torch.rand(1, 3, 20, 21))
    with pytest.raises(InvalidValueError, match="at least 13 pixels a side"):
        energy_loss(torch.rand(1, 3, 12, 20), torch.rand(1, 3, 12, 20))

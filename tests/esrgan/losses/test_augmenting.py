from __future__ import annotations

import pytest
import torch

from degrade.errors import InvalidValueError
from degrade.rng import rng_for
from esrgan.losses import AUGMENTATIONS, AugmentedDiscriminator, augmented, check_augmentations

IMAGES = torch.rand(6, 3, 16, 24, generator=torch.Generator().manual_seed(0)).double()


def changed(*kinds: str, seed: int = 0) -> torch.Tensor:
    check_augmentations(kinds)
    return augmented(IMAGES, kinds, rng_for(seed))  # type: ignore[arg-type]


def test_nothing_is_changed_by_none() -> None:
    assert torch.equal(changed(), IMAGES)


def test_flips_turn_images_and_change_no_value() -> None:
    found = changed("flip", seed=2)
    assert found.shape == IMAGES.shape and not torch.equal(found, IMAGES)
    for before, after in zip(IMAGES, found, strict=True):
        forms = [before, before.flip(1), before.flip(2), before.flip(1, 2)]
        assert sum(torch.equal(after, form) for form in forms) == 1


def test_translation_moves_by_an_eighth_at_most_and_pads_with_black() -> None:
    found = changed("translation")
    for before, after in zip(IMAGES, found, strict=True):
        fits = []
        for down in range(-2, 3):
            for right in range(-3, 4):
                rows = slice(max(down, 0), 16 + min(down, 0))
                columns = slice(max(right, 0), 24 + min(right, 0))
                back_rows = slice(rows.start - down, rows.stop - down)
                back = slice(columns.start - right, columns.stop - right)
                if torch.equal(after[:, rows, columns], before[:, back_rows, back]):
                    black = after.clone()
                    black[:, rows, columns] = 0
                    fits.append(not black.any())
        assert fits == [True]


def test_colour_is_affine_in_each_image_and_within_the_papers_ranges() -> None:
    found = changed("colour")
    for before, after in zip(IMAGES, found, strict=True):
        grey_before, grey_after = before.mean(0), after.mean(0)
        # Brightness moves the mean, contrast scales gray about it, saturation what is not gray.
        assert abs(float(after.mean() - before.mean())) <= 0.25
        contrast = float(
            (grey_after - grey_after.mean()).norm() / (grey_before - grey_before.mean()).norm()
        )
        assert 0.5 <= contrast <= 1.5
        saturation = float((after - grey_after).norm() / (before - grey_before).norm()) / contrast
        assert 0 <= saturation <= 2
        assert torch.allclose(
            grey_after - grey_after.mean(), contrast * (grey_before - grey_before.mean())
        )


def test_gradients_pass_through_all() -> None:
    image = IMAGES[:2].clone().requires_grad_()
    rng = [rng_for(5) for _ in range(3)]
    augmented(image, AUGMENTATIONS, rng[0]).square().sum().backward()
    assert image.grad is not None
    step = torch.zeros_like(image)
    step[1, 2, 8, 12] = 1e-6
    sums = [
        float(augmented(image.detach() + s, AUGMENTATIONS, r).square().sum())
        for s, r in ((step, rng[1]), (-step, rng[2]))
    ]
    assert float(image.grad[1, 2, 8, 12]) == pytest.approx((sums[0] - sums[1]) / 2e-6, rel=1e-5)


def test_a_discriminator_sees_the_same_under_the_same_key_and_each_call_another_thing() -> None:
    def seen(*key: int, seed: int = 1) -> list[torch.Tensor]:
        judge = AugmentedDiscriminator(torch.nn.Identity(), AUGMENTATIONS, seed, key)
        return [judge(IMAGES), judge(IMAGES)]

    first = seen(3, 0)
    assert not torch.equal(*first)
    assert all(map(torch.equal, first, seen(3, 0)))
    assert not torch.equal(first[0], seen(4, 0)[0])
    assert not torch.equal(first[0], seen(3, 0, seed=2)[0])


def test_unknown_names_are_refused() -> None:
    with pytest.raises(InvalidValueError, match="may name flip, translation, colour, got 'cutout'"):
        check_augmentations(["cutout"])
    with pytest.raises(InvalidValueError, match="twice"):
        check_augmentations(["flip", "flip"])

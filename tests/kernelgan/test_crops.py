from __future__ import annotations

import numpy as np
import pytest

from degrade.errors import InvalidValueError
from kernelgan import KernelGANConfig, UnsuitablePhotoError
from kernelgan.crops import plan_crops

CONFIG = KernelGANConfig(iterations=500)


def half_textured(rng: np.random.Generator, height: int = 200, width: int = 300) -> np.ndarray:
    """Edges on the right half, nothing on the left."""
    image = np.full((height, width, 3), 0.5, dtype=np.float32)
    blocks = rng.random((height // 10 + 1, width // 20)).astype(np.float32)
    image[:, width // 2 :] = np.kron(blocks, np.ones((10, 10)))[:height, :, None]
    return image


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_plan_crops_stays_inside_the_photo(rng: np.random.Generator, scale: int) -> None:
    config = KernelGANConfig(scale=scale, iterations=2000)
    image = half_textured(rng, 150, 160)[:-1, :-1]
    crops = plan_crops(image, config, key="photo", rng=rng)
    for corners, side in ((crops.hr, config.hr_crop), (crops.lr, config.lr_crop)):
        assert corners.shape == (2000, 2)
        assert corners.min() >= 0
        assert (corners.max(axis=0) + side <= image.shape[:2]).all()


def test_plan_crops_prefers_gradients(rng: np.random.Generator) -> None:
    crops = plan_crops(half_textured(rng), CONFIG, key="photo", rng=rng)
    assert (crops.lr[:, 1] + 26 > 150).all()
    assert (crops.hr[:, 1] + 64 > 150).all()


def test_plan_crops_reaches_the_last_row_and_column(rng: np.random.Generator) -> None:
    image = half_textured(rng, 96, 200)
    crops = plan_crops(image, KernelGANConfig(iterations=5000), key="photo", rng=rng)
    assert crops.hr[:, 0].max() == 96 - 64
    assert crops.lr[:, 0].max() == 96 - 26


def test_plan_crops_refuses_small_photos(rng: np.random.Generator) -> None:
    with pytest.raises(UnsuitablePhotoError, match=r"a\.png: 95×300 pixels.*at least 96") as caught:
        plan_crops(half_textured(rng)[:95], CONFIG, key="a.png", rng=rng)
    assert caught.value.remedy


@pytest.mark.parametrize("deviation", [0.0, 2 / 255, 6 / 255])
def test_plan_crops_refuses_photos_without_edges(
    rng: np.random.Generator, deviation: float
) -> None:
    noise = rng.normal(0.5, deviation, (150, 150, 3)).astype(np.float32)
    with pytest.raises(UnsuitablePhotoError, match=r"flat: no edges \(the strongest gradient is "):
        plan_crops(noise, CONFIG, key="flat", rng=rng)


def test_plan_crops_refuses_nan(rng: np.random.Generator) -> None:
    image = half_textured(rng)
    image[3, 4, 1] = np.nan
    with pytest.raises(InvalidValueError, match="finite"):
        plan_crops(image, CONFIG, key="photo", rng=rng)


def test_plan_crops_refuses_other_shapes(rng: np.random.Generator) -> None:
    with pytest.raises(InvalidValueError, match=r"\(H, W, 3\), got \(200, 300\)"):
        plan_crops(half_textured(rng)[..., 0], CONFIG, key="photo", rng=rng)

from __future__ import annotations

import cv2
import numpy as np
import pytest

from degrade.artifacts import calibrate, detect_artifacts, sample_textures
from degrade.artifacts.detection import DetectionSettings
from degrade.errors import InvalidValueError
from degrade.rng import rng_for


def rough(name: str, side: int = 220) -> tuple[np.ndarray, np.ndarray]:
    """Results of a scene whose texture an MSE network leaves out: nothing is wrong with them."""
    scene = cv2.GaussianBlur(rng_for(0, name).normal(128, 200, (side, side, 3)), (0, 0), 9)
    leaves = rng_for(1, name).normal(0, 30, (side, side, 3))
    leaves = cv2.GaussianBlur(leaves, (0, 0), 0.7)
    soft = scene + cv2.GaussianBlur(leaves, (0, 0), 1.6)
    return tuple(np.clip(each, 0, 255).astype(np.uint8) for each in (soft, scene + leaves))  # type: ignore[return-value]


def test_calibrate_leaves_texture_alone_that_is_usual_here() -> None:
    small = DetectionSettings(min_area=300)
    mse, gan = rough("judged")
    assert detect_artifacts(mse, gan, settings=small).flagged.any()
    weights = calibrate([sample_textures(*rough("clean"))])
    assert max(weights.weights) > 1 and min(weights.weights) >= 1
    found = detect_artifacts(mse, gan, weights=weights.of(mse), settings=small)
    assert not found.flagged.any()
    broken = gan.copy()
    noise = rng_for(2, "broken").integers(0, 256, (60, 60, 3))
    broken[50:110, 50:110] = noise.astype(np.uint8)
    found = detect_artifacts(mse, broken, weights=weights.of(mse), settings=small)
    assert found.flagged[55:105, 55:105].mean() > 0.9


def test_calibrate_leaves_85_percent_of_a_kind_above_its_value() -> None:
    mse, gan = rough("share")
    samples = sample_textures(mse, gan)
    kind = int(samples.counts.sum(axis=1).argmax())
    weight = calibrate([samples]).weights[kind]
    values = (np.arange(1000) + 0.5) / 1000
    above = samples.counts[kind][values >= 1 / weight].sum() / samples.counts[kind].sum()
    assert 0.85 <= above < 0.87


def test_calibrate_adds_images_in_any_order_and_knows_nothing_of_few_pixels() -> None:
    first, second = (sample_textures(*rough(name, 120)) for name in ("a", "b"))
    assert calibrate([first, second]) == calibrate([second, first])
    few = calibrate([sample_textures(*rough("few", 60))])
    assert set(few.weights) == {1.0} and sum(few.pixels) == 3600
    with pytest.raises(InvalidValueError, match="at least one"):
        calibrate([])

from __future__ import annotations

import cv2
import numpy as np
import pytest

from degrade.arrays import FloatArray
from degrade.noise.cells import cells_of, residuals_of
from degrade.noise.statistics import flat_grain
from degrade.noise.texture import is_texture
from degrade.rng import rng_for


def _noise(softness: float = 0.0) -> FloatArray:
    white = rng_for(0, "no texture").standard_normal((320, 320, 3)).astype(np.float32)
    soft = np.asarray(cv2.GaussianBlur(white, (0, 0), softness)) if softness else white
    return soft / soft.std()


def _told(picture: FloatArray) -> bool:
    levels = cells_of(100 + 6 * picture)
    return is_texture(residuals_of(levels), flat_grain(levels)[1])


@pytest.mark.parametrize("softness", [0.0, 0.5, 0.7, 1.0, 1.5])
def test_noise_of_any_grain_is_no_texture(softness: float) -> None:
    assert not _told(_noise(softness))


def test_enlarged_noise_is_no_texture() -> None:
    small = _noise(0.6)[:160, :160]
    assert not _told(np.asarray(cv2.resize(small, (320, 320), interpolation=cv2.INTER_CUBIC)))


def test_noise_that_jpeg_has_compressed_is_no_texture() -> None:
    photo = np.clip(128 + 8 * _noise(0.6), 0, 255).astype(np.uint8)
    for quality in (95, 85):
        file = cv2.imencode(".jpg", photo, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        levels = cells_of(cv2.imdecode(file, cv2.IMREAD_COLOR))
        assert not is_texture(residuals_of(levels), flat_grain(levels)[1])


def test_what_is_directed_is_texture() -> None:
    cloth = cv2.GaussianBlur(_noise(), (1, 9), sigmaX=0.01, sigmaY=1.5)
    assert _told(cloth / cloth.std())


def test_what_is_lopsided_is_texture() -> None:
    gravel = np.maximum(_noise(0.8), 0) ** 2  # bright stones on dark ground
    assert _told(gravel / gravel.std())


def test_what_is_sparse_is_texture() -> None:
    specks = _noise() * (rng_for(0, "specks").random((320, 320, 1)) < 0.1)
    assert _told(specks.astype(np.float32) / specks.std())


def test_shapes_of_rounding_are_no_texture() -> None:
    levels = cells_of(np.rint(100.3 + 0.25 * _noise()).astype(np.uint8))
    levels = levels[levels.var(axis=(1, 2)).min(axis=1) > 0]
    assert not is_texture(residuals_of(levels), flat_grain(levels)[1])

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage, stats

from degrade.arrays import round_to_u8
from degrade.errors import InvalidValueError
from degrade.metrics.naturalness import (
    NaturalModel,
    _asymmetric_fit,
    describe_patches,
    fit_natural,
    niqe,
)
from tests.making import make_scene


@pytest.fixture(scope="module")
def model() -> NaturalModel:
    """Clean pictures: fine detail of its own in each patch, so that none is sharper by far."""
    photos = [clean(f"clean {number}", 480, 480) for number in range(6)]
    return fit_natural([describe_patches(photo) for photo in photos])


def clean(name: str, height: int, width: int) -> np.ndarray:
    rng = np.random.default_rng(sum(map(ord, name)))
    detail = ndimage.gaussian_filter(rng.normal(0, 30, (height, width, 1)), (0.7, 0.7, 0))
    return round_to_u8(make_scene(name, height, width) * 160 + 40 + detail)


def test_niqe_rises_with_what_is_done_to_a_clean_picture(model: NaturalModel) -> None:
    photo = clean("another", 300, 300)
    found = niqe(photo, model, border=4)
    assert found is not None
    noise = np.random.default_rng(3).normal(0, 25, photo.shape)
    levels = photo.astype(np.float64)
    for changed in (ndimage.gaussian_filter(levels, (1.2, 1.2, 0)), levels + noise):
        worse = niqe(round_to_u8(changed), model, border=4)
        assert worse is not None and worse > 1.3 * found


def test_the_fit_finds_planted_shapes_and_scales() -> None:
    rng = np.random.default_rng(0)
    for shape in (0.8, 2.0, 4.0):
        found = _asymmetric_fit(stats.gennorm.rvs(shape, scale=1.5, size=200_000, random_state=rng))
        assert found == pytest.approx((shape, 1.5, 1.5), rel=0.04)
    values = rng.normal(0, 1, 200_000)
    values[values > 0] *= 2
    # Twice as wide on one side means twice as many of its values for one density.
    values = np.concatenate([values, values[values > 0]])
    found = _asymmetric_fit(values)
    assert found == pytest.approx((2, np.sqrt(2), 2 * np.sqrt(2)), rel=0.04)


def test_patches_of_a_band_are_those_of_the_whole(model: NaturalModel) -> None:
    """Rows far from a patch change nothing in its figures."""
    photo = clean("rows", 96 * 4, 200)
    other = photo.copy()
    other[96 * 3 :] = 0
    both = [describe_patches(each).figures[:4] for each in (photo, other)]
    assert np.array_equal(*both)


def test_too_few_patches_are_refused_and_small_or_flat_images_have_no_figure(
    model: NaturalModel,
) -> None:
    with pytest.raises(InvalidValueError, match="too few: at least 100"):
        fit_natural([describe_patches(clean("few", 300, 300))])
    with pytest.raises(InvalidValueError, match="0 sharp patches"):
        fit_natural([])
    assert niqe(np.zeros((50, 400, 3), np.uint8), model, border=4) is None
    assert niqe(np.full((200, 200, 3), 7, np.uint8), model, border=4) is None

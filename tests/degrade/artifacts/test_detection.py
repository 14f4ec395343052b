from __future__ import annotations

import cv2
import numpy as np
import pytest
from scipy import ndimage

from degrade.artifacts import DetectionSettings, detect_artifacts, rank_regions
from degrade.artifacts.detection import flag
from degrade.errors import InvalidValueError
from degrade.rng import rng_for
from tests.degrade.artifacts.results import make_results, plant_grid

SMALL = DetectionSettings(min_area=300)


def test_detect_artifacts_finds_what_was_planted_and_nothing_else() -> None:
    mse, gan = make_results("sound")
    assert not detect_artifacts(mse, gan, settings=SMALL).flagged.any()
    broken, mask = plant_grid(gan, 40, 60, 48)
    found = detect_artifacts(mse, broken, settings=SMALL)
    assert found.labels.max() == 1
    assert (found.flagged & mask).sum() > 0.9 * mask.sum()
    near = ndimage.binary_dilation(mask, iterations=14)
    assert not (found.flagged & ~near).any()


def test_detect_artifacts_goes_the_published_way_step_by_step() -> None:
    mse, gan = make_results("steps")
    broken, _ = plant_grid(gan, 20, 20, 60, strength=25)
    weights = np.ones(gan.shape[:2], np.float32)
    weights[:, 90:] = 20 / 13
    found = detect_artifacts(mse, broken, weights=weights, settings=SMALL)
    assert np.allclose(found.weighted, np.clip(found.similarity * weights, 0, 1))
    assert np.array_equal(found.below, found.weighted < np.float32(0.7))
    square = np.ones((5, 5), bool)
    # Nothing lies beyond the edge: an erosion does not begin there.
    eroded = ndimage.binary_erosion(found.below, square, border_value=1)
    dilated = ndimage.binary_dilation(eroded, square, iterations=3)
    assert np.array_equal(
        found.filled, ndimage.binary_fill_holes(dilated, structure=np.ones((3, 3)))
    )
    areas = np.bincount(found.labels.ravel())[1:]
    assert found.flagged.any() and areas.min() > 300


def test_detect_artifacts_joins_corners_and_drops_areas_of_exactly_the_limit() -> None:
    mse, gan = make_results("corners")
    broken, _ = plant_grid(gan, 30, 30, 40)
    whole = detect_artifacts(mse, broken, settings=DetectionSettings(min_area=0))
    area = int(np.bincount(whole.labels.ravel())[1:].max())
    kept = detect_artifacts(mse, broken, settings=DetectionSettings(min_area=area - 1))
    dropped = detect_artifacts(mse, broken, settings=DetectionSettings(min_area=area))
    assert kept.flagged.sum() == area and not dropped.flagged.any()


@pytest.mark.parametrize("min_area", [0, 400, 500])
def test_areas_are_numbered_from_1_and_have_their_boxes(min_area: int) -> None:
    similarity = np.ones((300, 300), np.float32)
    places = rng_for(0, "areas").integers(0, 290, (60, 2))
    for row, column in places:
        similarity[row : row + 7, column : column + 7] = 0
    found = flag(similarity, DetectionSettings(min_area=min_area))
    joined, _ = ndimage.label(found.filled, np.ones((3, 3)))
    areas = np.bincount(joined.ravel())
    kept = areas[1:] > min_area
    assert len(found.boxes) == kept.sum() > 0
    assert np.array_equal(found.flagged, np.r_[False, kept][joined])
    assert np.array_equal(found.flagged, found.labels > 0)
    for number, box in enumerate(found.boxes, 1):
        inside = found.labels == number
        assert len(np.unique(joined[inside])) == 1
        assert ndimage.find_objects(inside.astype(int))[0] == box


def test_detect_artifacts_refuses_unfit_settings_and_weights() -> None:
    mse, gan = make_results("unfit", 32)
    with pytest.raises(InvalidValueError, match="images' size"):
        detect_artifacts(mse, gan, weights=np.ones((3, 3), np.float32))
    with pytest.raises(InvalidValueError, match="threshold"):
        DetectionSettings(threshold=0)
    with pytest.raises(InvalidValueError, match="min_area"):
        DetectionSettings(min_area=-1)


def test_rank_regions_puts_the_most_visible_first() -> None:
    mse, gan = make_results("rank", 200)
    strong, first = plant_grid(gan, 20, 20, 40, strength=90)
    both, second = plant_grid(strong, 120, 120, 40, strength=18)
    found = detect_artifacts(mse, both, settings=SMALL)
    regions = rank_regions(found, mse, both)
    assert len(regions) == 2
    assert regions[0].visibility > regions[1].visibility > 0
    for region, mask in zip(regions, (first, second), strict=True):
        inside = found.labels == region.number
        assert region.area == inside.sum() and (inside & mask).any()
        box = cv2.boundingRect(inside.astype(np.uint8))
        assert box == (region.left, region.top, region.width, region.height)
        assert region.similarity == pytest.approx(float(found.weighted[inside].mean()), abs=1e-5)


def test_rank_regions_of_nothing_is_empty() -> None:
    mse, gan = make_results("nothing", 40)
    assert rank_regions(detect_artifacts(mse, gan, settings=SMALL), mse, gan) == []

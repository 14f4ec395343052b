from __future__ import annotations

import cv2
import numpy as np
import pytest

from degrade.artifacts import (
    FEATHER,
    compare_repair,
    grow_flagged,
    pseudo_truth,
    texture_similarity,
)
from degrade.errors import InvalidValueError
from degrade.metrics import BEST_DB
from tests.degrade.artifacts.results import make_results, plant_grid

MSE, CLEAN = make_results("repaired")
GAN, SQUARE = plant_grid(CLEAN, 40, 60, 50)
NOTHING = np.zeros(SQUARE.shape, bool)


def away_from(mask: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5))


def test_pseudo_truth_passes_from_one_result_to_the_other_as_similarity_falls() -> None:
    mse, gan = (np.full((4, 5, 3), level, np.uint8) for level in (20, 120))
    similarity = np.tile(np.float32([1, 0.8, 0.75, 0.6, 0.3]), (4, 1))
    everywhere = np.ones((4, 5), bool)

    def row(threshold: float) -> list[int]:
        return pseudo_truth(mse, gan, everywhere, similarity, threshold)[2, :, 0].tolist()

    assert row(0.7) == [120, 120, 95, 20, 20]
    assert row(0.9) == [120, 20, 20, 20, 20]
    # What has just been flagged is half the MSE result: a part of that way leads out of it.
    similarity[:] = 0.7
    assert row(0.7) == [70] * 5


@pytest.mark.parametrize(
    ("threshold", "margin"), [(1e-6, 1e-6), (0.05, 0.05), (0.15, 0.1), (0.7, 0.1), (0.96, 0.04)]
)
def test_pseudo_truth_is_half_of_each_at_any_threshold(threshold: float, margin: float) -> None:
    mse, gan = (np.full((1, 3, 3), level, np.uint8) for level in (20, 120))
    similarity = np.float32([[threshold - margin, threshold, threshold + margin]])
    mixed = pseudo_truth(mse, gan, np.ones((1, 3), bool), similarity, threshold)
    assert mixed[0, :, 0].tolist() == [20, 70, 120]


def test_pseudo_truth_at_a_threshold_of_1_keeps_what_is_alike_alone() -> None:
    mse, gan = (np.full((1, 3, 3), level, np.uint8) for level in (20, 120))
    similarity = np.float32([[0.5, np.nextafter(np.float32(1), np.float32(0)), 1]])
    mixed = pseudo_truth(mse, gan, np.ones((1, 3), bool), similarity, 1)
    assert mixed[0, :, 0].tolist() == [20, 20, 120]


def test_pseudo_truth_leaves_out_what_is_wrong_where_it_was_flagged() -> None:
    similarity = texture_similarity(MSE, GAN)
    mixed = pseudo_truth(MSE, GAN, SQUARE, similarity, 0.7)
    kept = (away_from(SQUARE) >= FEATHER) | (similarity >= 0.8)
    assert 0.5 < kept.mean() < 0.95 and np.array_equal(mixed[kept], GAN[kept])
    inside = away_from(~SQUARE) > 5

    def missed(image: np.ndarray) -> float:
        return float(np.square(image.astype(float) - CLEAN)[inside].mean())

    assert missed(mixed) < 0.2 * missed(GAN)
    assert np.array_equal(pseudo_truth(MSE, GAN, NOTHING, similarity, 0.7), GAN)


def test_pseudo_truth_has_no_seam() -> None:
    black, white = np.zeros((80, 80, 3), np.uint8), np.full((80, 80, 3), 255, np.uint8)
    mask = np.zeros((80, 80), bool)
    mask[:, :30] = True
    row = pseudo_truth(black, white, mask, np.zeros((80, 80), np.float32), 0.7)[40, :, 0]
    # The steepest part of the smooth step is 1.5 times as steep as a straight ramp.
    steps = np.diff(row.astype(int))
    assert steps.min() >= 0 and steps.max() <= 1.5 * 255 / FEATHER + 1
    assert row[29] == 0 and row[29 + FEATHER] == 255


def test_grow_flagged_gives_a_mask_of_its_own() -> None:
    near = grow_flagged(SQUARE)
    assert np.array_equal(near, away_from(SQUARE) <= FEATHER) and near.sum() > SQUARE.sum()
    nothing = NOTHING.copy()
    grow_flagged(nothing)[:] = True
    assert not nothing.any()


def test_compare_repair_of_equal_results_changes_nothing() -> None:
    scores = compare_repair(GAN, GAN, SQUARE, SQUARE)
    assert (scores.gone, scores.psnr, scores.texture) == (0, BEST_DB, 1)
    assert scores.ssim == pytest.approx(1, abs=1e-4)
    assert scores.elsewhere == int((away_from(SQUARE) > FEATHER).sum())
    assert scores.score(0.05) == 0


def test_compare_repair_counts_what_is_gone_and_what_changed_elsewhere() -> None:
    half = SQUARE.copy()
    half[:65] = False
    mixed = np.where(SQUARE[..., None], MSE, GAN)
    scores = compare_repair(GAN, mixed, SQUARE, half)
    assert scores.gone == pytest.approx(0.5) and scores.psnr == BEST_DB
    assert scores.texture == pytest.approx(1, abs=1e-3) and scores.score(0.05) == pytest.approx(0.5)
    blurred = cv2.GaussianBlur(GAN, (0, 0), 1.5)
    soft = compare_repair(GAN, blurred, SQUARE, NOTHING)
    assert soft.gone == 1 and soft.texture < 0.5 and soft.psnr < 40
    assert soft.score(0.05) == pytest.approx(-1 - (1 - soft.texture)) and soft.score(1) == 1
    both = scores + soft
    assert both.flagged_before == 2 * scores.flagged_before and both.gone == pytest.approx(0.75)
    assert soft.texture < both.texture < scores.texture


def test_sizes_that_differ_are_refused() -> None:
    alike = np.ones(SQUARE.shape, np.float32)
    for given in ((MSE[1:], GAN, SQUARE, alike), (MSE, GAN, SQUARE[1:], alike)):
        with pytest.raises(InvalidValueError, match="of one size are mixed"):
            pseudo_truth(*given, 0.7)
    with pytest.raises(InvalidValueError, match="of one size are mixed"):
        pseudo_truth(MSE, GAN, SQUARE, alike[1:], 0.7)
    with pytest.raises(InvalidValueError, match="of one size are compared"):
        compare_repair(GAN, GAN, SQUARE[1:], SQUARE)

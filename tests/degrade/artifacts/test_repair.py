from __future__ import annotations

import cv2
import numpy as np
import pytest

from degrade.artifacts import FEATHER, compare_repair, pseudo_truth
from degrade.errors import InvalidValueError
from degrade.metrics import BEST_DB
from tests.degrade.artifacts.results import make_results, plant_grid

MSE, CLEAN = make_results("repaired")
GAN, SQUARE = plant_grid(CLEAN, 40, 60, 50)
NOTHING = np.zeros(SQUARE.shape, bool)


def away_from(mask: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5))


def test_pseudo_truth_is_one_result_inside_and_the_other_outside() -> None:
    mixed = pseudo_truth(MSE, GAN, SQUARE)
    away = away_from(SQUARE)
    assert np.array_equal(mixed[SQUARE], MSE[SQUARE])
    assert np.array_equal(mixed[away >= FEATHER], GAN[away >= FEATHER])
    seam = (away > 0) & (away < FEATHER)
    low, high = np.minimum(MSE, GAN)[seam], np.maximum(MSE, GAN)[seam]
    assert (mixed[seam] >= low).all() and (mixed[seam] <= high).all()
    assert np.array_equal(pseudo_truth(MSE, GAN, NOTHING), GAN)


def test_pseudo_truth_has_no_seam() -> None:
    black, white = np.zeros((80, 80, 3), np.uint8), np.full((80, 80, 3), 255, np.uint8)
    mask = np.zeros((80, 80), bool)
    mask[:, :30] = True
    row = pseudo_truth(black, white, mask)[40, :, 0].astype(int)
    # The steepest part of the smooth step is 1.5 times as steep as a straight ramp.
    assert np.diff(row).min() >= 0 and np.diff(row).max() <= 1.5 * 255 / FEATHER + 1


def test_compare_repair_of_equal_results_changes_nothing() -> None:
    scores = compare_repair(GAN, GAN, SQUARE, SQUARE)
    assert (scores.gone, scores.psnr, scores.texture) == (0, BEST_DB, 1)
    assert scores.ssim == pytest.approx(1, abs=1e-4)
    assert scores.elsewhere == int((away_from(SQUARE) > FEATHER).sum())
    assert scores.score(0.05) == 0


def test_compare_repair_counts_what_is_gone_and_what_changed_elsewhere() -> None:
    half = SQUARE.copy()
    half[:65] = False
    mixed = pseudo_truth(MSE, GAN, SQUARE)
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
    with pytest.raises(InvalidValueError, match="of one size are mixed"):
        pseudo_truth(MSE[1:], GAN, SQUARE)
    with pytest.raises(InvalidValueError, match="of one size are compared"):
        compare_repair(GAN, GAN, SQUARE[1:], SQUARE)

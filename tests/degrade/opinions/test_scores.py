"""Planted biases and inconsistencies are found again."""

from __future__ import annotations

import numpy as np
import pytest

from degrade.errors import InvalidValueError
from degrade.opinions import ScoreFit, fit_scores


def plant(
    raters: int, stimuli: int, rng: np.random.Generator, *, noise: float = 1.0, share: float = 1.0
) -> tuple[dict[str, np.ndarray], ScoreFit]:
    """Return what was planted, and the fit of the scores that follow from it."""
    truth = {
        "quality": rng.normal(3, 0.8, stimuli),
        "bias": rng.normal(0, 0.5, raters),
        "inconsistency": noise * rng.uniform(0.3, 1.2, raters),
    }
    truth["bias"] -= truth["bias"].mean()
    who, what = (each.ravel() for each in np.indices((raters, stimuli)))
    kept = rng.random(len(who)) < share
    who, what = who[kept], what[kept]
    off = truth["inconsistency"][who] * rng.standard_normal(len(who))
    score = truth["quality"][what] + truth["bias"][who] + off
    return truth, fit_scores(who, what, score, raters=raters, stimuli=stimuli)


def test_fit_scores_recovers_raters_and_qualities(rng: np.random.Generator) -> None:
    truth, fit = plant(26, 800, rng)
    # Five standard errors: of a mean of 800 votes, and of a standard deviation of as many.
    assert np.abs(fit.bias - truth["bias"]).max() < 5 * 1.2 / 800**0.5
    relative = fit.inconsistency / truth["inconsistency"] - 1
    assert np.abs(relative).max() < 5 / (2 * 800) ** 0.5
    assert np.abs(fit.quality - truth["quality"]).max() < 5 * fit.error.max()


def test_fit_scores_of_scores_without_noise_is_exact(rng: np.random.Generator) -> None:
    truth, fit = plant(6, 40, rng, noise=0.0)
    assert np.allclose(fit.quality, truth["quality"], atol=1e-6)
    assert np.allclose(fit.bias, truth["bias"], atol=1e-6)


def test_fit_scores_states_errors_that_hold(rng: np.random.Generator) -> None:
    off = []
    for _ in range(40):
        truth, fit = plant(15, 60, rng)
        off.append((fit.quality - truth["quality"]) / fit.error)
    share = np.mean(np.abs(np.concatenate(off)) < 1.96)
    # 2,400 qualities; estimated weights make errors a little too small.
    assert 0.90 < share < 0.97


def test_fit_scores_frees_means_of_who_happened_to_vote(rng: np.random.Generator) -> None:
    """A generous rater who saw the bad half only does not lift it."""
    quality = np.repeat([2.0, 4.0], 50)
    rows = [(r, s) for r in range(10) for s in range(100) if r != 0 or s < 50]
    who, what = np.array(rows).T
    score = quality[what] + 1.5 * (who == 0) + 0.3 * rng.standard_normal(len(who))
    fit = fit_scores(who, what, score, raters=10, stimuli=100)
    shift = np.mean(fit.quality[50:]) - np.mean(fit.quality[:50])
    plain = np.mean(score[what >= 50]) - np.mean(score[what < 50])
    assert abs(shift - 2) < 0.05 < abs(plain - 2)


def test_fit_scores_trusts_a_careless_rater_less(rng: np.random.Generator) -> None:
    quality = rng.normal(3, 1, 200)
    who, what = (each.ravel() for each in np.indices((8, 200)))
    score = quality[what] + np.where(who == 0, 3.0, 0.3) * rng.standard_normal(len(who))
    fit = fit_scores(who, what, score, raters=8, stimuli=200)
    plain = np.array([score[what == s].mean() for s in range(200)])
    assert np.std(fit.quality - quality) < 0.6 * np.std(plain - quality)


def test_fit_scores_of_agreeing_raters_stays_finite() -> None:
    """Where all say the same, the likelihood alone has no maximum."""
    who, what = (each.ravel() for each in np.indices((3, 5)))
    fit = fit_scores(who, what, what + 1.0, raters=3, stimuli=5)
    assert np.allclose(fit.quality, np.arange(5) + 1) and np.isfinite(fit.inconsistency).all()


def test_fit_scores_leaves_out_who_has_not_voted() -> None:
    who, what, score = np.array([0, 2, 0]), np.array([0, 0, 2]), np.array([3.0, 4.0, 1.0])
    fit = fit_scores(who, what, score, raters=3, stimuli=3)
    assert np.isnan(fit.quality[1]) and np.isnan(fit.bias[1])
    assert np.isfinite(fit.quality[[0, 2]]).all() and abs(np.nansum(fit.bias)) < 1e-9


@pytest.mark.parametrize("score", [[], [np.nan]])
def test_fit_scores_refuses_no_and_no_finite_scores(score: list[float]) -> None:
    index = np.zeros(len(score), np.int64)
    with pytest.raises(InvalidValueError):
        fit_scores(index, index, np.array(score), raters=1, stimuli=1)
